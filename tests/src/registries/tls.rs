//! TLS for the tests' registries, as on the internet. It doesn't leave the machine.
//!
//! Since 28.4, docker's client expects TLS from a registry on loopback, and older ones print a line about the
//! attempt. So these registries use TLS, and each [`Sandbox`](crate::sandbox::Sandbox) trusts their
//! certificate.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::helper::target_directory;
use crate::program::find;
use crate::registries::basic::Registry;
use crate::requirement::Missing;
use crate::service::Service;

/// The certificate of every registry on loopback, the value for `SSL_CERT_FILE`. It exists after one has
/// started.
pub fn certificate() -> PathBuf {
    target_directory().join(LOOPBACK).join("certificate")
}

/// In the target directory: one certificate for all test programs, which run at the same time.
const LOOPBACK: &str = "loopback-certificate";

/// A loopback port that adds TLS to a server.
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
    /// If openssl or python3 isn't installed.
    pub fn start(server: u16) -> Result<Self, Missing> {
        let directory = target_directory().join(LOOPBACK);
        if !directory.is_dir() {
            let made = tempfile::tempdir_in(target_directory()).expect("a directory in the target directory");
            issue("127.0.0.1", "IP:127.0.0.1,DNS:localhost", made.path())?;
            // Another test program may have been faster; then its certificate counts.
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

    /// Its address.
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// A registry with its own name, for clients behind a proxy.
#[derive(Debug)]
pub struct TlsProxy {
    front: TlsFront,
    directory: TempDir,
}

impl TlsProxy {
    /// The registry, which clients of the proxy find at `https://<name>`.
    ///
    /// # Errors
    ///
    /// If openssl or python3 isn't installed.
    pub fn new(name: &str, registry: &Registry) -> Result<Self, Missing> {
        let directory = TempDir::new().expect("a directory");
        issue(name, &format!("DNS:{name}"), directory.path())?;
        let front = TlsFront::with(directory.path(), registry.plain_port())?;
        Ok(Self { front, directory })
    }

    /// The value for `HTTPS_PROXY`.
    pub fn proxy(&self) -> String {
        format!("http://127.0.0.1:{}", self.front.port())
    }

    /// The value for `SSL_CERT_FILE`.
    pub fn certificate(&self) -> String {
        let path = self.directory.path().join("certificate");
        path.to_str().expect("a path in UTF-8").to_owned()
    }
}

/// Creates a key and a self-signed certificate.
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
