//! A bus and a keyring of the benchmark's own, and a key for gpg.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use docker_credential_tests::program::find;
use docker_credential_tests::service::Service;

use crate::place::{USERNAME, secret, servers};

/// A private Secret Service. The keyring ends before its bus.
pub(crate) struct Keyring {
    pub(crate) bus: String,
    _services: [Service; 2],
}

impl Keyring {
    /// `home` is new and private, and its path short enough for a socket. With `seeded`, the keyring holds that many of
    /// docker's items from the start; without, it is an ordinary encrypted one and empty.
    pub(crate) fn start(home: &Path, seeded: Option<usize>) -> Self {
        let socket = home.join("bus");
        let configuration = home.join("bus.conf");
        // No service directories: the bus must not start the keyring of the machine by itself.
        let text = format!(
            r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={}</listen>
  <policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>
"#,
            socket.display()
        );
        fs::write(&configuration, text).expect("the bus can be configured");
        let mut daemon = Service::start(
            "dbus-daemon",
            program("dbus-daemon")
                .arg("--nofork")
                .arg("--config-file")
                .arg(&configuration)
                .stdout(Stdio::null())
                .stderr(Stdio::null()),
        );
        daemon
            .ready(|| socket.exists().then_some(()))
            .expect("the bus starts");
        let bus = format!("unix:path={}", socket.display());

        if let Some(items) = seeded {
            seed(home, items);
        }
        let (password, mut typed) = std::io::pipe().expect("a pipe");
        typed.write_all(b"password").expect("a password fits into a pipe");
        drop(typed);
        let mut command = program("gnome-keyring-daemon");
        command
            .args(["--unlock", "--components=secrets", "--foreground"])
            .env("HOME", home)
            .env("XDG_RUNTIME_DIR", home)
            .env("XDG_DATA_HOME", home.join("data"))
            .env("DBUS_SESSION_BUS_ADDRESS", &bus)
            .stdin(password)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut keyring = Service::start("gnome-keyring-daemon", &mut command);
        keyring
            .ready(|| is_owned(&bus).then_some(()))
            .expect("the keyring starts");
        Self {
            bus,
            _services: [keyring, daemon],
        }
    }
}

fn is_owned(bus: &str) -> bool {
    let asked = program("dbus-send")
        .arg(format!("--bus={bus}"))
        .args([
            "--print-reply",
            "--dest=org.freedesktop.DBus",
            "/",
            "org.freedesktop.DBus.NameHasOwner",
        ])
        .arg("string:org.freedesktop.secrets")
        .output()
        .expect("dbus-send can be run");
    String::from_utf8_lossy(&asked.stdout).contains("boolean true")
}

/// Writes a keyring in gnome-keyring's text format, which it uses where a keyring has no password. Storing is no way to
/// make a large one: the whole keyring is written for each item, 0.1 s each and more.
fn seed(home: &Path, items: usize) {
    let mut text =
        "[keyring]\ndisplay-name=login\nctime=1\nmtime=1\nlock-on-idle=false\nlock-after=false\n".to_owned();
    for (number, server) in servers(items).enumerate() {
        let _ = write!(
            text,
            "\n[{number}]\nitem-type=0\ndisplay-name=Registry credentials for {server}\nsecret={}\nmtime=1\nctime=1\n",
            secret(&server)
        );
        let attributes = [
            ("xdg:schema", "io.docker.Credentials"),
            ("label", "Docker Credentials"),
            ("server", &server),
            ("username", USERNAME),
            ("docker_cli", "1"),
        ];
        for (place, (name, value)) in attributes.into_iter().enumerate() {
            let _ = write!(
                text,
                "\n[{number}:attribute{place}]\nname={name}\ntype=string\nvalue={value}\n"
            );
        }
    }
    let keyrings = home.join("data/keyrings");
    fs::create_dir_all(&keyrings).expect("a directory for keyrings");
    fs::write(keyrings.join("login.keyring"), text).expect("a keyring can be written");
    fs::write(keyrings.join("default"), "login").expect("the default keyring can be named");
}

/// A home for gpg with one key that has no passphrase. Its agent ends with it.
pub(crate) struct Gpg {
    pub(crate) home: PathBuf,
    pub(crate) key: String,
}

impl Gpg {
    /// `home` is an empty directory that nobody else may read.
    pub(crate) fn new(home: PathBuf) -> Self {
        let key = "bench@example.com".to_owned();
        let made = program("gpg")
            .arg("--homedir")
            .arg(&home)
            .args([
                "--quiet",
                "--batch",
                "--pinentry-mode",
                "loopback",
                "--passphrase",
                "",
            ])
            .args(["--quick-generate-key", &key, "default", "default", "never"])
            .stderr(Stdio::null())
            .status()
            .expect("gpg can be run");
        assert!(made.success(), "gpg makes a key");
        Self { home, key }
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let _ = program("gpgconf")
            .arg("--homedir")
            .arg(&self.home)
            .args(["--kill", "all"])
            .status();
    }
}

/// A program by its name, with an environment of nothing but `PATH`.
pub(crate) fn program(name: &str) -> Command {
    let mut command = Command::new(find(name).unwrap_or_else(|missing| panic!("this needs {missing}")));
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("LANG", "C.UTF-8");
    command
}
