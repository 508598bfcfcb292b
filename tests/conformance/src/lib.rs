//! The conformance cases for docker credential helpers, and their runner.
//!
//! It treats every helper as a command, and only sees its output. `docs/protocol.md` specifies the protocol,
//! with a table of these cases at the end of each section; a test compares the two.

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

/// The kind of a case's rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A real client fails or misbehaves if a helper fails the case.
    Client,
    /// Docker's own helpers pass, and no known client depends on it.
    Reference,
    /// A rule of this project only, which other helpers may not know.
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

/// One rule, and its check.
pub struct Case {
    /// The permanent name of the case: `<group>-<what>`.
    pub id: String,
    /// Its group in the report.
    pub group: &'static str,
    /// The behaviour that passes, in one sentence.
    pub says: &'static str,
    /// The kind of its rule.
    pub class: Class,
    /// The source of the rule.
    pub source: &'static str,
    check: Check,
}

type Check = Box<dyn Fn(&Probe<'_>) -> Verdict + Send + Sync>;

/// The result of a check.
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

/// A case of the class [`Class::Client`]; `source` names the client and its behaviour.
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

/// A case of the class [`Class::Stricter`]; `source` names the danger that the rule prevents.
fn stricter(
    id: &str,
    says: &'static str,
    source: &'static str,
    check: impl Fn(&Probe<'_>) -> Verdict + Send + Sync + 'static,
) -> Case {
    Case::new(Class::Stricter, id, says, source, check)
}

/// Related cases: a part of the protocol, or one client's requests.
#[derive(Debug)]
pub struct Group {
    /// The name for `--only`, and the prefix of its cases' ids.
    pub name: &'static str,
    /// The topic of the cases.
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
