//! SSH keys from ssh-keygen.

use std::fs;
use std::path::PathBuf;

use crate::sandbox::Sandbox;

/// A key's comment.
pub const COMMENT: &str = "ann@laptop";

/// A pair of keys in a sandbox's home, in ssh's directory.
#[derive(Debug)]
pub struct SshKey {
    /// The file of the private key; that of the public one also has `.pub`.
    pub path: PathBuf,
    /// The public key, without its comment.
    pub public: String,
}

impl SshKey {
    /// Creates `~/.ssh/NAME` with `ssh-keygen` and these arguments.
    pub fn make(place: &Sandbox, name: &str, passphrase: &str, arguments: &[&str]) -> Self {
        let directory = place.path("home/.ssh");
        fs::create_dir_all(&directory).expect("a directory in the sandbox");
        let path = directory.join(name);
        let made = place
            .run("ssh-keygen")
            .args(["-q", "-C", COMMENT, "-N", passphrase, "-f"])
            .arg(&path)
            .args(arguments)
            .outcome();
        made.assert_success("ssh-keygen");
        let line = fs::read_to_string(path.with_extension("pub")).expect("a public key");
        let words: Vec<&str> = line.split(' ').collect();
        Self {
            public: words[..2].join(" "),
            path,
        }
    }

    /// The most common kind of key.
    pub fn ed25519(place: &Sandbox, passphrase: &str) -> Self {
        Self::make(place, "id_ed25519", passphrase, &["-t", "ed25519"])
    }

    /// The public key as in its file.
    pub fn line(&self) -> String {
        format!("{} {COMMENT}", self.public)
    }
}

/// Uses the key as the identity.
pub fn use_key(place: &mut Sandbox, key: &SshKey) {
    place.set("DOCKER_CREDENTIAL_AGE_IDENTITY_FILE", &key.path);
}
