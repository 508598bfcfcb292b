//! The peers' stores: a keyring of any size, and a key for gpg.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use docker_credential_tests::program::find;

use crate::logins::{USERNAME, secret, servers};

/// Writes a keyring in gnome-keyring's text format, which it uses for keyrings without a password. Storing
/// would be too slow for a large one: it writes the whole keyring for each item, in 0.1 s or more. `home` is
/// the keyring's.
pub(crate) fn seed_keyring(home: &Path, items: usize) {
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
    let keyrings = home.join(".local/share/keyrings");
    fs::create_dir_all(&keyrings).expect("a directory for keyrings");
    fs::write(keyrings.join("login.keyring"), text).expect("a keyring can be written");
    fs::write(keyrings.join("default"), "login").expect("the default keyring can be named");
}

/// A home for gpg with one key without a passphrase. Dropping it stops the agent.
pub(crate) struct Gpg {
    pub(crate) home: PathBuf,
    pub(crate) key: String,
}

impl Gpg {
    /// `home` is an empty directory that others can't read.
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

/// A program by its name, with only `PATH` in its environment.
pub(crate) fn program(name: &str) -> Command {
    let mut command = Command::new(find(name).unwrap_or_else(|missing| panic!("this needs {missing}")));
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("LANG", "C.UTF-8");
    command
}
