//! The conformance cases for docker credential helpers, and the machinery that judges a helper by them.
//!
//! Nothing here knows a helper of this project: a helper is a command, and what is known of it is what it prints.
//! The protocol that the cases hold a helper to is written down in `docs/protocol.md`, with a table of these cases at
//! the end of each section; a test fails when the two differ.

#![deny(missing_docs)]

mod cases;
pub mod cli;
mod clients;
pub mod json;
mod judge;
mod probe;
pub mod report;
pub mod run;

use std::fmt;

pub use probe::{Credential, Mode, Probe, Stop};

/// What a case holds a helper to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A client that is in use fails, or does the wrong thing, with a helper that fails the case.
    Client,
    /// The helpers of the docker project behave so, and no client is known to depend on it.
    Reference,
    /// Neither asks for it: a rule of this project, which other helpers need not have heard of.
    Stricter,
}

impl Class {
    /// All of them, in the order of a report's columns.
    pub const ALL: [Self; 3] = [Self::Client, Self::Reference, Self::Stricter];
}

impl fmt::Display for Class {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Client => "client",
            Self::Reference => "reference",
            Self::Stricter => "stricter",
        })
    }
}

/// One thing that a helper does or does not do.
pub struct Case {
    /// Names the case for ever: `<group>-<what>`.
    pub id: String,
    /// The group it is reported under.
    pub group: &'static str,
    /// What a helper does that passes, in one sentence.
    pub says: &'static str,
    /// Who asks for it.
    pub class: Class,
    /// Where the rule comes from.
    pub source: &'static str,
    check: Check,
}

type Check = Box<dyn Fn(&Probe<'_>) -> Verdict + Send + Sync>;

/// What a check comes to.
pub type Verdict = Result<(), Stop>;

impl Case {
    fn new(
        class: Class,
        id: &str,
        says: &'static str,
        source: &'static str,
        check: impl Fn(&Probe<'_>) -> Verdict + Send + Sync + 'static,
    ) -> Self {
        Self {
            id: id.to_owned(),
            group: "",
            says,
            class,
            source,
            check: Box::new(check),
        }
    }

    /// Judges a helper.
    pub fn check(&self, probe: &Probe<'_>) -> Verdict {
        (self.check)(probe)
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Case")
            .field("id", &self.id)
            .field("class", &self.class)
            .finish_non_exhaustive()
    }
}

/// A case of the class [`Class::Client`]; `source` names the client and what it does.
fn client(
    id: &str,
    says: &'static str,
    source: &'static str,
    check: impl Fn(&Probe<'_>) -> Verdict + Send + Sync + 'static,
) -> Case {
    Case::new(Class::Client, id, says, source, check)
}

/// A case of the class [`Class::Reference`]; `source` names the place in docker-credential-helpers.
fn reference(
    id: &str,
    says: &'static str,
    source: &'static str,
    check: impl Fn(&Probe<'_>) -> Verdict + Send + Sync + 'static,
) -> Case {
    Case::new(Class::Reference, id, says, source, check)
}

/// A case of the class [`Class::Stricter`]; `source` says what the rule guards against.
fn stricter(
    id: &str,
    says: &'static str,
    source: &'static str,
    check: impl Fn(&Probe<'_>) -> Verdict + Send + Sync + 'static,
) -> Case {
    Case::new(Class::Stricter, id, says, source, check)
}

/// Cases that belong together: a part of the protocol, or what one client sends.
#[derive(Debug)]
pub struct Group {
    /// The word for `--only`, and the first part of the ids of its cases.
    pub name: &'static str,
    /// What the cases have in common.
    pub about: &'static str,
    /// In the order in which they run.
    pub cases: Vec<Case>,
}

impl Group {
    fn new(name: &'static str, about: &'static str, mut cases: Vec<Case>) -> Self {
        for case in &mut cases {
            case.id = format!("{name}-{}", case.id);
            case.group = name;
        }
        Self { name, about, cases }
    }
}

/// Every group: the parts of the protocol, then the clients.
pub fn groups() -> Vec<Group> {
    let mut groups = cases::groups();
    groups.extend(clients::groups());
    groups
}
