//! Whether the entries are encrypted to the store's recipients, as far as headers show without a secret.

use std::collections::{BTreeMap, BTreeSet};

use docker_credential_helper::directory::Directory;

use super::files::contents_of;
use crate::keys::header::{self, Split};
use crate::keys::recipient::Recipient;

/// Kinds of stanzas that belong to one recipient each. Plugins choose any name, grease has a new name each
/// time, and our own second stanza is for a recipient who has a first one.
const COUNTED: [&str; 7] = [
    "X25519",
    "mlkem768x25519",
    "p256tag",
    "mlkem768p256tag",
    "ssh-ed25519",
    "ssh-rsa",
    "scrypt",
];

/// The number of stanzas of each kind.
type Counts = BTreeMap<&'static str, usize>;

/// The files of entries whose recipients aren't the store's.
#[derive(Debug, Default)]
pub(crate) struct OutOfStep {
    /// One of the store's recipients can't read them.
    pub(crate) too_few: Vec<String>,
    /// Somebody who isn't one of the store's recipients can read them.
    pub(crate) too_many: Vec<String>,
}

impl OutOfStep {
    /// The number of these entries.
    pub(crate) fn count(&self) -> usize {
        let all: BTreeSet<&String> = self.too_few.iter().chain(&self.too_many).collect();
        all.len()
    }
}

/// Compares the headers of the entries with the recipients. It can only compare numbers, because a header
/// doesn't name the recipient of a stanza, so it doesn't notice an exchanged recipient.
pub(crate) fn out_of_step(directory: &Directory, names: &[String], recipients: &[Recipient]) -> OutOfStep {
    let expected = expected(recipients);
    // We don't know which kinds of stanzas a plugin writes.
    let has_unknown = recipients
        .iter()
        .any(|recipient| recipient.stanza_kind().is_none());
    let mut out = OutOfStep::default();
    for (name, file) in contents_of(directory, names) {
        let Some(found) = found(&file) else { continue };
        let count = |counts: &Counts, kind| counts.get(kind).copied().unwrap_or_default();
        let mut pairs = COUNTED
            .iter()
            .map(|kind| (count(&found, kind), count(&expected, kind)));
        if pairs.clone().any(|(found, expected)| found < expected) {
            out.too_few.push(name.clone());
        }
        if pairs.any(|(found, expected)| found > expected && (expected > 0 || !has_unknown)) {
            out.too_many.push(name.clone());
        }
    }
    out.too_few.sort();
    out.too_many.sort();
    out
}

fn expected(recipients: &[Recipient]) -> Counts {
    let mut counts = Counts::new();
    for kind in recipients.iter().filter_map(Recipient::stanza_kind) {
        *counts.entry(kind).or_default() += 1;
    }
    counts
}

/// Nothing for a damaged file, which another check reports.
fn found(file: &[u8]) -> Option<Counts> {
    let binary = header::binary(file).ok()?;
    let mut counts = Counts::new();
    for kind in Split::of(&binary)?.kinds() {
        if let Some(kind) = COUNTED.iter().find(|counted| counted.as_bytes() == kind) {
            *counts.entry(kind).or_default() += 1;
        }
    }
    Some(counts)
}
