//! TLS for the registries of the tests, as a registry on the internet has it. Nothing leaves the machine.
//!
//! Since 28.4 docker's client takes a registry on loopback for one that speaks TLS, and older ones print a line about
//! the attempt. So the registries here speak it, and each [`Sandbox`](crate::sandbox::Sandbox) trusts their certificate.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::helper::target_directory;
use crate::program::find;
use crate::registries::basic::Registry;
use crate::requirement::Missing;
use crate::service::Service;

/// The certificate of every registry on loopback: what `SSL_CERT_FILE` is set to. It exists as soon as one runs.
pub fn certificate() -> PathBuf {
    target_directory().join(LOOPBACK).join("certificate")
}

/// Of the target directory: one certificate for all test programs, which run at the same time.
const LOOPBACK: &str = "loopback-certificate";

/// A port on loopback that speaks TLS for a server that doesn't.
#[derive(Debug)]
pub struct TlsFront {
    _process: Service,
    port: u16,
}

impl TlsFront {
    /// For the server at this port.
    ///
    /// # Errors
    ///
    /// Where openssl or python3 is not installed.
    pub fn start(server: u16) -> Result<Self, Missing> {
        let directory = target_directory().join(LOOPBACK);
        if !directory.is_dir() {
            let made = tempfile::tempdir_in(target_directory()).expect("a directory in the target directory");
            issue("127.0.0.1", "IP:127.0.0.1,DNS:localhost", made.path())?;
            // Another test program may have been faster; then its certificate is the one.
            let _lost_the_race = fs::rename(made.path(), &directory);
        }
        Self::with(&directory, server)
    }

    fn with(directory: &Path, server: u16) -> Result<Self, Missing> {
        let python = find("python3")?;
        let output = tempfile::NamedTempFile::new().expect("a temporary file");
        let mut command = Command::new(python);
        command
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/tls_front.py"))
            .args([directory.join("certificate"), directory.join("key")])
            .arg(server.to_string())
            .stdin(Stdio::null())
            .stdout(output.reopen().expect("a second descriptor"));
        let mut process = Service::start("tls_front.py", &mut command);
        let port = process.ready(|| {
            let text = fs::read_to_string(output.path()).ok()?;
            text.strip_suffix('\n')?.parse().ok()
        });
        Ok(Self {
            _process: process,
            port: port.expect("the TLS front listens"),
        })
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// A registry that goes by a name of its own, for whoever reaches it through a proxy.
#[derive(Debug)]
pub struct TlsProxy {
    front: TlsFront,
    directory: TempDir,
}

impl TlsProxy {
    /// The registry, as whoever uses the proxy finds it at `https://<name>`.
    ///
    /// # Errors
    ///
    /// Where openssl or python3 is not installed.
    pub fn new(name: &str, registry: &Registry) -> Result<Self, Missing> {
        let directory = TempDir::new().expect("a directory");
        issue(name, &format!("DNS:{name}"), directory.path())?;
        let front = TlsFront::with(directory.path(), registry.plain_port())?;
        Ok(Self { front, directory })
    }

    /// What `HTTPS_PROXY` is set to.
    pub fn proxy(&self) -> String {
        format!("http://127.0.0.1:{}", self.front.port())
    }

    /// What `SSL_CERT_FILE` is set to.
    pub fn certificate(&self) -> String {
        let path = self.directory.path().join("certificate");
        path.to_str().expect("a path in UTF-8").to_owned()
    }
}

/// Makes a key, and a certificate of it that vouches for itself.
fn issue(name: &str, alternatives: &str, directory: &Path) -> Result<(), Missing> {
    let made = Command::new(find("openssl")?)
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt"])
        .args(["ec_paramgen_curve:P-256", "-nodes", "-days", "3650", "-subj"])
        .arg(format!("/CN={name}"))
        .arg("-addext")
        .arg(format!("subjectAltName={alternatives}"))
        .arg("-keyout")
        .arg(directory.join("key"))
        .arg("-out")
        .arg(directory.join("certificate"))
        .stdin(Stdio::null())
        .output()
        .expect("openssl runs");
    assert!(made.status.success(), "openssl makes a certificate: {made:?}");
    Ok(())
}
