//! Docker's own helper and ours on one keyring.

use std::path::PathBuf;

use crate::login::Login;
use crate::program::{Outcome, find};
use crate::requirement::Missing;
use crate::sandbox::Sandbox;

/// The two helpers.
#[derive(Debug)]
pub struct Both {
    /// Ours.
    pub place: Sandbox,
    official: PathBuf,
}

impl Both {
    /// Docker's helper in the sandbox of ours.
    pub fn in_sandbox(place: Sandbox) -> Result<Self, Missing> {
        Ok(Self {
            place,
            official: find("docker-credential-secretservice")?,
        })
    }

    /// Runs a verb of docker's helper.
    pub fn official(&self, verb: &str, stdin: &str) -> Outcome {
        self.place.run(&self.official).arg(verb).stdin(stdin).outcome()
    }

    /// The first success of docker's helper in three tries. With `KWallet` before 6.25, about one of its
    /// sessions in a hundred fails, because libsecret or `KWallet` drops leading zeros of a key.
    fn official_succeeds(&self, verb: &str, stdin: &str) -> Outcome {
        let mut tries = (0..3).map(|_| self.official(verb, stdin));
        let first = tries.next().expect("three tries");
        match first.code {
            Some(0) => first,
            _ => tries.find(|outcome| outcome.code == Some(0)).unwrap_or(first),
        }
    }

    /// Stores a login with docker's helper.
    #[track_caller]
    pub fn official_store(&self, server: &str, login: &Login) {
        self.official_succeeds("store", &login.credential(server).to_string())
            .assert_success("docker's own helper stores");
    }

    /// Requires that docker's helper answers with this login.
    #[track_caller]
    pub fn assert_official_answers(&self, server: &str, login: &Login) {
        let answer = self.official_succeeds("get", server);
        answer.assert_success("docker's own helper finds it");
        let answer: serde_json::Value = serde_json::from_slice(&answer.stdout).expect("JSON");
        assert_eq!(answer, login.credential(server));
    }
}
