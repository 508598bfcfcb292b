//! Debian's registry on loopback, with TLS and the usual passwords: htpasswd, bcrypt.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::login::Login;
use crate::program::find;
use crate::registries::http;
use crate::registries::image::Image;
use crate::registries::tls::TlsFront;
use crate::requirement::Missing;
use crate::service::{Service, last_lines};

/// The repository that [`Registry::push_image`] fills.
pub const REPOSITORY: &str = "team/private";

/// A running registry. Dropping it ends it and removes its content.
#[derive(Debug)]
pub struct Registry {
    front: TlsFront,
    // Dropped in this order: the process, then its files.
    _service: Service,
    _directory: TempDir,
    /// Its plain HTTP address, for the TLS front and the tests.
    address: SocketAddr,
}

impl Registry {
    /// A registry with only these users.
    ///
    /// # Errors
    ///
    /// If Debian's docker-registry or htpasswd isn't installed.
    pub fn private(people: &[Login]) -> Result<Self, Missing> {
        let htpasswd = find("htpasswd")?;
        let directory = new_directory();
        let file = directory.path().join("htpasswd");
        File::create(&file).expect("a password file");
        for login in people {
            let mut command = Command::new(&htpasswd);
            command
                .arg("-Bb")
                .arg(&file)
                .args([&login.username, &login.secret])
                .stderr(Stdio::null());
            assert!(
                command.status().expect("htpasswd runs").success(),
                "htpasswd refuses {login:?}"
            );
        }
        Self::start(
            directory,
            json!({ "htpasswd": { "realm": "tests", "path": file } }),
        )
    }

    /// A registry without a login.
    ///
    /// # Errors
    ///
    /// If Debian's docker-registry isn't installed.
    pub fn public() -> Result<Self, Missing> {
        Self::start(new_directory(), json!({}))
    }

    fn start(directory: TempDir, auth: Value) -> Result<Self, Missing> {
        let program = find("docker-registry")?;
        let mut config = json!({
            "version": 0.1,
            "storage": {
                "filesystem": { "rootdirectory": directory.path().join("storage") },
                "delete": { "enabled": true },
            },
            // The kernel chooses a free port and the log names it, so no other process can take it in
            // between. Upload URLs are relative, because a proxy may have given the registry another name.
            "http": { "addr": "127.0.0.1:0", "relativeurls": true },
        });
        if auth != json!({}) {
            config["auth"] = auth;
        }
        let file = directory.path().join("config.yml");
        // JSON is YAML.
        fs::write(&file, config.to_string()).expect("the registry's settings can be written");
        let log = directory.path().join("log");
        let output = File::create(&log).expect("the registry's log can be made");

        let mut command = Command::new(program);
        command.env_clear().arg("serve").arg(&file).stdin(Stdio::null());
        command
            .stdout(output.try_clone().expect("a second descriptor"))
            .stderr(output);
        let mut service = Service::start("docker-registry", &mut command);
        let address = service.ready(|| listening(&fs::read_to_string(&log).ok()?));
        let Some(address) = address else {
            panic!("docker-registry ended: {}", last_lines(&log));
        };
        // A bound port doesn't serve yet.
        let serves = || http::send(address, "GET", "/v2/", &[], &[]).ok();
        assert!(
            service.ready(serves).is_some(),
            "docker-registry ended before it answered"
        );
        Ok(Self {
            front: TlsFront::start(address.port())?,
            _service: service,
            _directory: directory,
            address,
        })
    }

    /// The argument for `docker login`: host and port.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.front.port())
    }

    /// The same registry under its other name, which is another server for every client.
    pub fn other_host(&self) -> String {
        format!("localhost:{}", self.front.port())
    }

    /// The same registry without TLS.
    pub fn plain_host(&self) -> String {
        self.address.to_string()
    }

    pub(super) fn plain_port(&self) -> u16 {
        self.address.port()
    }

    /// Uploads an image to [`REPOSITORY`], tagged `1`, through the registry's API, and returns its name for
    /// clients.
    pub fn push_image(&self, person: &Login) -> String {
        let image = Image::smallest();
        self.push(
            person,
            &image,
            &format!("{REPOSITORY}/manifests/1"),
            Image::MANIFEST_TYPE,
        );
        format!("{}/{REPOSITORY}:1", self.host())
    }

    /// Uploads a dev container feature to a separate repository, tagged `latest`, and returns its name for
    /// clients.
    pub fn push_feature(&self, person: &Login) -> String {
        let image = Image::smallest().into_feature();
        self.push(
            person,
            &image,
            "team/feature/manifests/latest",
            Image::OCI_MANIFEST_TYPE,
        );
        format!("{}/team/feature", self.host())
    }

    fn push(&self, person: &Login, image: &Image, manifest: &str, manifest_type: &str) {
        let authorization = format!("Basic {}", person.basic());
        let send = |method: &str, target: &str, kind: &str, body: &[u8]| {
            let headers = [("Authorization", authorization.as_str()), ("Content-Type", kind)];
            http::send(self.address, method, target, &headers, body).expect("the registry answers")
        };
        let (repository, _) = manifest.split_once("/manifests/").expect("a manifest's path");
        let kind = "application/octet-stream";
        for (digest, bytes) in &image.blobs {
            let upload = send("POST", &format!("/v2/{repository}/blobs/uploads/"), kind, &[]);
            let location = upload
                .header("location")
                .unwrap_or_else(|| panic!("no upload is begun: {upload:?}"));
            let stored = send("PUT", &format!("{location}&digest={digest}"), kind, bytes);
            assert_eq!(stored.status, 201, "the registry takes a blob: {stored:?}");
        }
        let stored = send("PUT", &format!("/v2/{manifest}"), manifest_type, &image.manifest);
        assert_eq!(stored.status, 201, "the registry takes a manifest: {stored:?}");
    }
}

fn new_directory() -> TempDir {
    tempfile::Builder::new()
        .prefix("registry-")
        .tempdir()
        .expect("a temporary directory")
}

/// The address in the line `… msg="listening on 127.0.0.1:40123" …`.
fn listening(log: &str) -> Option<SocketAddr> {
    let (_, after) = log.split_once("listening on ")?;
    // The rest of the line may not have been written yet.
    let (address, _) = after.split_once('"')?;
    address.trim_end_matches('\\').parse().ok()
}
