//! A member of a shared store, with their own identity and approvals.

use std::fs;
use std::path::PathBuf;

use crate::helper::AGE;
use crate::login::Login;
use crate::program::{Outcome, Run};
use crate::sandbox::Sandbox;

/// A person, a machine or a job: it has its own home, and a store that may belong to another.
#[derive(Debug)]
pub struct Member {
    place: Sandbox,
    store: PathBuf,
}

impl Member {
    /// A member without an identity, whose store is this directory.
    pub fn new(store: impl Into<PathBuf>) -> Self {
        let store = store.into();
        let mut place = Sandbox::new(AGE);
        place.set("DOCKER_CREDENTIAL_AGE_DIR", &store);
        Self { place, store }
    }

    /// As [`new`](Self::new), but creates an identity, and also returns its public key.
    pub fn with_identity(store: impl Into<PathBuf>) -> (Self, String) {
        let member = Self::new(store);
        let made = member.command(&["identity", "new"]);
        made.assert_success("identity new");
        let public = String::from_utf8_lossy(&made.stdout).trim().to_owned();
        (member, public)
    }

    /// This member's home.
    pub fn place(&self) -> &Sandbox {
        &self.place
    }

    /// This member's home, to set a variable there.
    pub fn place_mut(&mut self) -> &mut Sandbox {
        &mut self.place
    }

    /// The store's recipients file.
    pub fn recipients_file(&self) -> PathBuf {
        self.store.join(".age-recipients")
    }

    /// The text of the identity, for a CI variable.
    pub fn identity_text(&self) -> String {
        let path = self.place.path("config/docker-credential-age/identity.txt");
        fs::read_to_string(path).expect("the member has an identity")
    }

    /// A management command to run.
    pub fn run(&self, words: &[&str]) -> Run {
        self.place.run(AGE.program()).args(words)
    }

    /// The outcome of a management command.
    pub fn command(&self, words: &[&str]) -> Outcome {
        self.run(words).outcome()
    }

    /// The outcome of `store`.
    pub fn try_store(&self, server: &str, login: &Login) -> Outcome {
        let request = login.credential(server);
        self.place.verb("store", &request.to_string())
    }
}
