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

/// A sandbox whose bus has a mock on it. The mock ends before its bus.
#[derive(Debug)]
pub struct Mocked {
    /// The service.
    pub mock: Mock,
    /// Where the helper runs.
    pub sandbox: Sandbox,
    /// The bus that both are on.
    pub bus: PrivateBus,
}

impl Mocked {
    /// Starts a service that holds alice's login to ghcr.io.
    pub fn start(script: Script) -> Result<Self, Missing> {
        let mut sandbox = Sandbox::new(KEYRING_ALONE);
        let bus = PrivateBus::start(Path::new(&sandbox.path("run")))?;
        sandbox.set("DBUS_SESSION_BUS_ADDRESS", bus.address());
        let mock = Mock::start(&bus, script);
        mock.add("ghcr.io", "alice", b"secret");
        Ok(Self { mock, sandbox, bus })
    }

    /// Carries out a verb for ghcr.io; bob logs in.
    pub fn verb(&self, verb: &str) -> Outcome {
        let request = json!({ "ServerURL": "ghcr.io", "Username": "bob", "Secret": "MARKER" }).to_string();
        self.sandbox
            .verb(verb, if verb == "store" { &request } else { "ghcr.io" })
    }

    /// Checks that the verb does what it promises.
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

    /// Checks that a verb that reads does what it promises, and leaves the items of these users as they were.
    #[track_caller]
    pub fn assert_works_among(&self, verb: &str, usernames: &[&str]) {
        match verb {
            "get" => self.sandbox.assert_answers("ghcr.io", &alice()),
            _ => self.sandbox.assert_lists(&json!({ "ghcr.io": "alice" })),
        }
        assert_eq!(self.mock.usernames(), usernames);
    }
}

/// The login that is there.
pub fn alice() -> Login {
    Login::new("alice", "secret")
}

/// Checks that a verb failed, for another reason than that nothing is stored, and gives what it said.
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
