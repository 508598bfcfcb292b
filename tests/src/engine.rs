//! A docker engine of the test's own: no network, no firewall rules, its own data.

use std::fs::{self, File};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::http;
use crate::program::find;
use crate::requirement::Missing;
use crate::service::Service;

/// A running `dockerd`.
#[derive(Debug)]
pub struct Engine {
    // Dropped in this order: the process, then its files.
    _service: Service,
    directory: TempDir,
}

impl Engine {
    /// Starts one.
    ///
    /// # Errors
    ///
    /// Where no dockerd is installed, or the tests do not run as root.
    pub fn start() -> Result<Self, Missing> {
        let program = find("dockerd")?;
        if !rustix::process::geteuid().is_root() {
            return Err(Missing::new("root, for a docker engine of its own"));
        }
        let directory = tempfile::Builder::new()
            .prefix("engine-")
            .tempdir()
            .expect("a temporary directory");
        let path = |below: &str| directory.path().join(below);
        let log = path("log");
        let output = File::create(&log).expect("the engine's log can be made");
        let settings = path("daemon.json");
        // Its own, or it would read the machine's.
        fs::write(&settings, "{}").expect("the engine's settings can be written");

        let mut command = Command::new(program);
        command.args([
            "--iptables=false",
            "--ip6tables=false",
            "--bridge=none",
            "--storage-driver=vfs",
        ]);
        // If the machine's containerd is used, then not in the namespaces of the machine's engine.
        command.args([
            "--containerd-namespace=credential-tests",
            "--containerd-plugins-namespace=credential-tests",
        ]);
        command.arg("--config-file").arg(&settings);
        command
            .arg("--data-root")
            .arg(path("data"))
            .arg("--exec-root")
            .arg(path("exec"));
        command.arg("--pidfile").arg(path("pid"));
        command
            .arg("-H")
            .arg(format!("unix://{}", path("socket").display()));
        command
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a second descriptor"))
            .stderr(output);
        let mut service = Service::start("dockerd", &mut command);
        let socket = path("socket");
        let Some(()) = service.ready(|| http::ping(&socket)) else {
            panic!("dockerd ended: {}", fs::read_to_string(&log).unwrap_or_default());
        };
        Ok(Self {
            _service: service,
            directory,
        })
    }

    /// What `DOCKER_HOST` is set to.
    pub fn host(&self) -> String {
        format!("unix://{}", self.directory.path().join("socket").display())
    }
}
