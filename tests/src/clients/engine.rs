//! A docker engine for one test: no network, no firewall rules, its own data.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::mount::{UnmountFlags, unmount};
use tempfile::TempDir;

use crate::program::find;
use crate::registries::http;
use crate::requirement::Missing;
use crate::service::{Service, last_lines};

/// A running `dockerd`.
#[derive(Debug)]
pub struct Engine {
    // Dropped in this order: the process, then its files.
    _service: Service,
    files: Files,
}

/// The directory of an engine, which bind-mounts its data root onto itself and leaves that mount if it fails
/// to start.
#[derive(Debug)]
struct Files(TempDir);

impl Files {
    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        // It is normally unmounted already; if it is in use, the directory also stays.
        let _ = unmount(self.path("data"), UnmountFlags::NOFOLLOW);
    }
}

impl Engine {
    /// Starts one.
    ///
    /// # Errors
    ///
    /// If dockerd isn't installed, or the tests don't run as root.
    pub fn start() -> Result<Self, Missing> {
        Self::start_with(&[])
    }

    /// Starts one with these variables in its environment, for example a proxy.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_with(variables: &[(&str, &str)]) -> Result<Self, Missing> {
        let program = find("dockerd")?;
        if !rustix::process::geteuid().is_root() {
            return Err(Missing::new("root, for a docker engine of its own"));
        }
        let directory = tempfile::Builder::new()
            .prefix("engine-")
            .tempdir()
            .expect("a temporary directory");
        let files = Files(directory);
        let path = |below: &str| files.path(below);
        let log = path("log");
        let output = File::create(&log).expect("the engine's log can be made");
        let settings = path("daemon.json");
        // Its own file; otherwise it would read the machine's.
        fs::write(&settings, "{}").expect("the engine's settings can be written");

        let mut command = Command::new(program);
        command.envs(variables.iter().copied());
        command.args([
            "--iptables=false",
            "--ip6tables=false",
            "--bridge=none",
            "--storage-driver=vfs",
        ]);
        // If it uses the machine's containerd, it needs other namespaces than the machine's engine.
        command.args([
            "--containerd-namespace=credential-tests",
            "--containerd-plugins-namespace=credential-tests-plugins",
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
            panic!("dockerd ended: {}", last_lines(&log));
        };
        Ok(Self {
            _service: service,
            files,
        })
    }

    /// The value for `DOCKER_HOST`.
    pub fn host(&self) -> String {
        format!("unix://{}", self.files.path("socket").display())
    }
}
