//! The helper on a bus whose Secret Service misbehaves on command.

use std::path::Path;

use serde_json::json;

use crate::helper::KEYRING_ALONE;
use crate::keyrings::bus::PrivateBus;
use crate::keyrings::mock::{Mock, Script};
use crate::login::Login;
use crate::program::Outcome;
use crate::requirement::Missing;
use crate::sandbox::Sandbox;

/// The verbs that reach the service.
pub const VERBS: [&str; 4] = ["get", "list", "erase", "store"];

/// A sandbox with a mock on its bus. The mock ends before its bus.
#[derive(Debug)]
pub struct Mocked {
    /// The service.
    pub mock: Mock,
    /// The helper's sandbox.
    pub sandbox: Sandbox,
    /// The bus of both.
    pub bus: PrivateBus,
}

impl Mocked {
    /// Starts a service with alice's login to ghcr.io.
    pub fn start(script: Script) -> Result<Self, Missing> {
        let mut sandbox = Sandbox::new(KEYRING_ALONE);
        let bus = PrivateBus::start(Path::new(&sandbox.path("run")))?;
        sandbox.set("DBUS_SESSION_BUS_ADDRESS", bus.address());
        let mock = Mock::start(&bus, script);
        mock.add("ghcr.io", "alice", b"secret");
        Ok(Self { mock, sandbox, bus })
    }

    /// Runs a verb for ghcr.io; bob logs in.
    pub fn verb(&self, verb: &str) -> Outcome {
        let request = json!({ "ServerURL": "ghcr.io", "Username": "bob", "Secret": "MARKER" }).to_string();
        self.sandbox
            .verb(verb, if verb == "store" { &request } else { "ghcr.io" })
    }

    /// Checks the result of the verb.
    #[track_caller]
    pub fn assert_works(&self, verb: &str) {
        match verb {
            "get" => self.sandbox.assert_answers("ghcr.io", &alice()),
            "list" => self.sandbox.assert_lists(&json!({ "ghcr.io": "alice" })),
            _ => self.verb(verb).assert_success(verb),
        }
        match verb {
            "erase" => assert!(self.mock.usernames().is_empty()),
            "store" => assert_eq!(self.mock.usernames(), ["bob"]),
            _ => assert_eq!(self.mock.usernames(), ["alice"]),
        }
    }

    /// Checks the result of a reading verb, and that it didn't change the items of these users.
    #[track_caller]
    pub fn assert_works_among(&self, verb: &str, usernames: &[&str]) {
        match verb {
            "get" => self.sandbox.assert_answers("ghcr.io", &alice()),
            _ => self.sandbox.assert_lists(&json!({ "ghcr.io": "alice" })),
        }
        assert_eq!(self.mock.usernames(), usernames);
    }
}

/// The stored login.
pub fn alice() -> Login {
    Login::new("alice", "secret")
}

/// Checks that a verb failed, but not with "not found", and returns its message.
#[track_caller]
pub fn trouble(outcome: &Outcome) -> String {
    let text = String::from_utf8(outcome.stdout.clone()).expect("UTF-8");
    assert!(
        outcome.code == Some(1) && text.lines().count() == 1,
        "an error is one line on stdout and exit 1\n{outcome:?}"
    );
    assert!(
        !text.contains("not found in native") && !text.contains("MARKER"),
        "{text}"
    );
    assert!(!outcome.text().contains("panicked"), "{outcome:?}");
    text
}
