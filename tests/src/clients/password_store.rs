//! A store for `pass`, with its own key without a passphrase.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::program::find;
use crate::requirement::Missing;
use crate::sandbox::Sandbox;

const KEY: &str = "alice@example.com";

/// The key. Dropping it stops the agent.
#[derive(Debug)]
pub struct PasswordStore {
    gnupg: PathBuf,
}

impl PasswordStore {
    /// Creates the key and an empty store in the place, and sets its variables for both.
    ///
    /// # Errors
    ///
    /// If pass or gpg isn't installed.
    pub fn new(place: &mut Sandbox) -> Result<Self, Missing> {
        for program in ["pass", "gpg", "gpgconf"] {
            find(program)?;
        }
        let gnupg = place.path("gnupg");
        fs::create_dir(&gnupg).expect("a directory for gpg");
        fs::set_permissions(&gnupg, fs::Permissions::from_mode(0o700)).expect("gpg's own directory");
        place.set("GNUPGHOME", &gnupg);
        let store = Self { gnupg };
        place
            .run("gpg")
            .args([
                "--quiet",
                "--batch",
                "--passphrase",
                "",
                "--quick-generate-key",
                KEY,
            ])
            .args(["default", "default", "never"])
            .outcome()
            .assert_success("gpg makes a key");
        place
            .run("pass")
            .args(["init", KEY])
            .outcome()
            .assert_success("pass init");
        Ok(store)
    }
}

impl Drop for PasswordStore {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf")
            .arg("--homedir")
            .arg(&self.gnupg)
            .args(["--kill", "all"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}
