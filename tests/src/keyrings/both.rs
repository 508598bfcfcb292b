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

    /// Stores a login with docker's helper.
    #[track_caller]
    pub fn official_store(&self, server: &str, login: &Login) {
        let request = login.credential(server).to_string();
        in_three_tries(|| self.official("store", &request)).assert_success("docker's own helper stores");
    }

    /// Requires that docker's helper answers with this login.
    #[track_caller]
    pub fn assert_official_answers(&self, server: &str, login: &Login) {
        let answer = in_three_tries(|| self.official("get", server));
        answer.assert_success("docker's own helper finds it");
        let answer: serde_json::Value = serde_json::from_slice(&answer.stdout).expect("JSON");
        assert_eq!(answer, login.credential(server));
    }
}

/// The first success of a program that uses libsecret, in three tries.
///
/// With `KWallet` before 6.25, about one session in a hundred fails, because libsecret or `KWallet` drops
/// leading zeros of a key, or because `KWallet` closes the session of a program that starts as another ends.
pub fn in_three_tries(run: impl Fn() -> Outcome) -> Outcome {
    let first = run();
    let is_success = |outcome: &Outcome| outcome.code == Some(0);
    if is_success(&first) {
        return first;
    }
    (0..2).map(|_| run()).find(is_success).unwrap_or(first)
}
