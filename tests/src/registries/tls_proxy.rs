//! A registry here that is reached as a server on the internet is. Nothing leaves the machine.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::program::find;
use crate::registries::basic::Registry;
use crate::requirement::Missing;
use crate::service::Service;

/// The registry under a name of its own, through a proxy, with TLS.
#[derive(Debug)]
pub struct TlsProxy {
    _proxy: Service,
    directory: TempDir,
    port: String,
}

impl TlsProxy {
    /// The registry, as whoever goes through the proxy finds it at `https://<name>`.
    ///
    /// # Errors
    ///
    /// Where openssl or python3 is not installed.
    pub fn new(name: &str, registry: &Registry) -> Result<Self, Missing> {
        let (openssl, python) = (find("openssl")?, find("python3")?);
        let directory = TempDir::new().expect("a directory");
        let (certificate, key) = (directory.path().join("certificate"), directory.path().join("key"));
        let made = Command::new(openssl)
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
            ])
            .args(["-nodes", "-days", "2", "-subj"])
            .arg(format!("/CN={name}"))
            .arg("-addext")
            .arg(format!("subjectAltName=DNS:{name}"))
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&certificate)
            .output()
            .expect("openssl runs");
        assert!(made.status.success(), "openssl makes a certificate: {made:?}");
        let host = registry.host();
        let (_, registry_port) = host.rsplit_once(':').expect("host and port");
        let log = directory.path().join("port");
        let mut command = Command::new(python);
        command
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/tls_proxy.py"))
            .args([&certificate, &key])
            .arg(registry_port)
            .stdin(Stdio::null())
            .stdout(File::create(&log).expect("a file"));
        let mut proxy = Service::start("tls_proxy.py", &mut command);
        let port = proxy.ready(|| {
            let text = fs::read_to_string(&log).ok()?;
            text.strip_suffix('\n').map(str::to_owned)
        });
        Ok(Self {
            _proxy: proxy,
            port: port.expect("the proxy listens"),
            directory,
        })
    }

    /// What `HTTPS_PROXY` is set to.
    pub fn proxy(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What `SSL_CERT_FILE` is set to.
    pub fn certificate(&self) -> String {
        let path = self.directory.path().join("certificate");
        path.to_str().expect("a path in UTF-8").to_owned()
    }
}
