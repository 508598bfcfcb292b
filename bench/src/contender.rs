//! The measured programs: three lower limits, our helpers, and docker's own.

use std::path::{Path, PathBuf};

use docker_credential_tests::program::find;

use crate::say;

/// One column of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Contender {
    /// Starting any program.
    True,
    /// Starting a static Rust program.
    Hello,
    /// Only the calls of a get from the Secret Service: `raw_keyring_client.rs`.
    RawKeyring,
    Age,
    Env,
    Keyring,
    /// docker-credential-pass.
    Pass,
    /// docker-credential-secretservice.
    SecretService,
}

impl Contender {
    pub(crate) const ALL: [Self; 8] = [
        Self::True,
        Self::Hello,
        Self::RawKeyring,
        Self::Age,
        Self::Env,
        Self::Keyring,
        Self::Pass,
        Self::SecretService,
    ];

    /// The programs that answer for servers.
    pub(crate) const HELPERS: [Self; 5] = [
        Self::Age,
        Self::Env,
        Self::Keyring,
        Self::Pass,
        Self::SecretService,
    ];

    /// The heading of its column.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::True => "/bin/true",
            Self::Hello => "static hello",
            Self::RawKeyring => "raw keyring client",
            Self::Age => "age",
            Self::Env => "env",
            Self::Keyring => "keyring",
            Self::Pass => "docker's pass",
            Self::SecretService => "docker's secretservice",
        }
    }

    pub(crate) fn is_ours(self) -> bool {
        matches!(self, Self::Age | Self::Env | Self::Keyring)
    }
}

/// The installed programs.
#[derive(Debug)]
pub(crate) struct Contenders(Vec<(Contender, PathBuf)>);

impl Contenders {
    /// `bin` has the helpers and `hello`; finds the peers as the tests do.
    pub(crate) fn find(bin: &Path) -> Self {
        let mut found = Vec::new();
        for contender in Contender::ALL {
            let program = match contender {
                Contender::True => find("true").ok(),
                Contender::Hello => Some(bin.join("hello")),
                Contender::RawKeyring => Some(bin.join("raw_keyring_client")),
                ours if ours.is_ours() => Some(bin.join(format!("docker-credential-{}", ours.name()))),
                Contender::Pass => peer("docker-credential-pass", &["pass", "gpg"]),
                _ => peer(
                    "docker-credential-secretservice",
                    &["dbus-daemon", "gnome-keyring-daemon"],
                ),
            };
            match program.filter(|program| program.is_file()) {
                Some(program) => found.push((contender, program)),
                None => say(&format!("skipping {}: it is not installed", contender.name())),
            }
        }
        Self(found)
    }

    pub(crate) fn program(&self, contender: Contender) -> Option<&Path> {
        let found = self.0.iter().find(|(found, _)| *found == contender);
        found.map(|(_, program)| &**program)
    }

    pub(crate) fn have(&self, contender: Contender) -> bool {
        self.program(contender).is_some()
    }
}

fn peer(name: &str, needed: &[&str]) -> Option<PathBuf> {
    for program in needed {
        find(program).ok()?;
    }
    find(name).ok()
}
