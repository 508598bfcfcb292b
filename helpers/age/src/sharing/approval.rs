//! Which recipients of a shared store this user has agreed to.
//!
//! Anybody who can write to a store (a colleague, a pull request, a stolen laptop) could add a recipient to its
//! `.age-recipients`, and would receive every password that is stored from then on; a recipient of the form `age1name1…`
//! would even have a program run. So the approved recipients are kept outside the store, in our own configuration, and
//! a store that names anyone else is not written to until its user has looked. Nothing is approved for being seen
//! first: a fresh clone is exactly where a stranger's key would be.
//!
//! Somebody who left is remembered as absent, because an approval that lasted would let them in again unseen: they could
//! add their key back, and the next `store` of a colleague would encrypt to it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use docker_credential_helper::directory::{Directory, read_file};
use docker_credential_helper::trust::Trust;
use docker_credential_helper::{Environment, Error, hex, show};
use sha2::{Digest, Sha256};

use super::date::Date;
use super::recipients_file::RecipientsFile;
use crate::settings;

/// Beneath our configuration.
const DIRECTORY: &str = "approved";
/// Thousands of recipients.
const FILE_MAX: u64 = 1 << 20;
/// A writer needs a millisecond.
const LOCK_WAIT: Duration = Duration::from_secs(10);
/// Says that the store may have no list, with its user's approval.
const ALONE: &str = "none but my own identity";
/// Begins the line of somebody who left.
const ABSENT: &str = "absent ";

/// The recipients that a user has approved for one store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Approval {
    approved: BTreeSet<String>,
    /// The store may have no list.
    is_alone: bool,
    /// Approved recipients that left, and when each was last seen missing.
    absent: BTreeMap<String, Date>,
}

/// How the recipients that a store names compare to those its user has approved.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ApprovalState {
    /// Nothing is sent to anyone that the user doesn't know.
    Agreed,
    Refused(Objection),
}

/// The reason for a refusal: what a person has to look at first.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Objection {
    newcomers: Vec<Newcomer>,
    /// The list that was approved is not there any more.
    list_is_gone: bool,
}

/// A recipient in the list that the user hasn't approved.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Newcomer {
    pub(crate) recipient: String,
    /// As the list calls them, which anyone may have written.
    pub(crate) name: Option<String>,
    /// They were approved, and left.
    pub(crate) last_missing: Option<Date>,
}

impl Approval {
    /// `own` are the public keys of the identities that are the user's own: they need no approval.
    pub(crate) fn compare(&self, list: Option<&RecipientsFile>, own: &BTreeSet<String>) -> ApprovalState {
        let Some(list) = list else {
            // A key of our own alone is what a store without a list is encrypted to anyway.
            return if self.is_alone || self.approved.is_subset(own) {
                ApprovalState::Agreed
            } else {
                ApprovalState::Refused(Objection {
                    newcomers: Vec::new(),
                    list_is_gone: true,
                })
            };
        };
        let newcomers: Vec<Newcomer> = list
            .named()
            .into_iter()
            .filter(|recipient| !self.approved.contains(recipient) && !own.contains(recipient))
            .map(|recipient| Newcomer {
                name: list.name_of(&recipient),
                last_missing: self.absent.get(&recipient).copied(),
                recipient,
            })
            .collect();
        if newcomers.is_empty() {
            return ApprovalState::Agreed;
        }
        ApprovalState::Refused(Objection {
            newcomers,
            list_is_gone: false,
        })
    }

    /// Whether it approves exactly the recipients that the store names.
    pub(crate) fn is_for(&self, list: Option<&RecipientsFile>) -> bool {
        match list {
            Some(list) => self.approved == list.named(),
            None => self.approved.is_empty(),
        }
    }

    /// The approved recipients that are not in the list now.
    pub(crate) fn missing_from(&self, named: &BTreeSet<String>) -> Vec<String> {
        self.approved.difference(named).cloned().collect()
    }

    /// Agrees to these and no others. Those who were approved before are absent from now on.
    pub(crate) fn approve(&mut self, named: &BTreeSet<String>, today: Date) {
        self.mark_absent(named, today);
        self.approved.clone_from(named);
        self.is_alone = named.is_empty();
        self.absent.retain(|recipient, _| !named.contains(recipient));
    }

    /// Remembers the approved recipients that are not in the list. Whether that is more than was known.
    pub(crate) fn mark_absent(&mut self, named: &BTreeSet<String>, today: Date) -> bool {
        let before = self.clone();
        for recipient in self.missing_from(named) {
            self.approved.remove(&recipient);
            self.absent.insert(recipient, today);
        }
        for (recipient, date) in &mut self.absent {
            if !named.contains(recipient) {
                *date = today;
            }
        }
        *self != before
    }

    fn from_text(text: &str) -> Option<Self> {
        let mut lines = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .peekable();
        // One without a line would approve nobody; it was never written.
        lines.peek()?;
        let mut approval = Self::default();
        for line in lines {
            if line == ALONE {
                approval.is_alone = true;
            } else if let Some(absent) = line.strip_prefix(ABSENT) {
                let (date, recipient) = absent.split_once(' ')?;
                approval.absent.insert(recipient.to_owned(), date.parse().ok()?);
            } else {
                approval.approved.insert(line.to_owned());
            }
        }
        Some(approval)
    }

    fn to_text(&self, store: &Path) -> String {
        let mut text = format!("{STORE}{}\n", show::name(&store.to_string_lossy()));
        if self.is_alone || self.approved.is_empty() {
            text.extend([ALONE, "\n"]);
        }
        for recipient in &self.approved {
            text.extend([recipient, "\n"]);
        }
        for (recipient, date) in &self.absent {
            let _ = writeln!(text, "{ABSENT}{date} {recipient}");
        }
        text
    }
}

/// Begins the first line, which says whose approval it is.
const STORE: &str = "# ";

/// The file with the approval of one store.
#[derive(Debug)]
pub(crate) struct ApprovalRecord {
    directory: PathBuf,
    name: String,
    store: PathBuf,
    trust: Trust,
}

impl ApprovalRecord {
    /// That of the store in this directory, which exists. Links on the way to it are resolved: a store has one approval,
    /// and a copy of it elsewhere has another.
    pub(crate) fn of(store: &Path, environment: &Environment) -> Result<Self, Error> {
        let store = store
            .canonicalize()
            .map_err(Error::file("resolve the path of the store", store))?;
        Ok(Self {
            directory: settings::configuration_directory(environment)?.join(DIRECTORY),
            name: hash(store.as_os_str().as_encoded_bytes()),
            store,
            trust: environment.trust(),
        })
    }

    /// The approval: of nobody before the first one.
    pub(crate) fn read(&self) -> Result<Approval, Error> {
        let path = self.directory.join(&self.name);
        // Others could write their own keys into a file, or a directory, that they can change.
        let Some(file) = self.trust.own_secret(&path)? else {
            return Ok(Approval::default());
        };
        let content = file
            .content(FILE_MAX)
            .map_err(Error::file("read the approved recipients in", &path))?;
        let text = std::str::from_utf8(&content).ok();
        text.and_then(Approval::from_text).ok_or_else(|| {
            Error::damaged(format!(
                "cannot read the approved recipients in {}: the file is damaged; look at the recipients \
                     (docker-credential-age recipients list), remove the file, then run: \
                     docker-credential-age recipients approve",
                path.display()
            ))
        })
    }

    /// Agrees to these and no others, durably. (Nobody: to a store without a list.)
    pub(crate) fn approve(&self, named: &BTreeSet<String>) -> Result<(), Error> {
        self.change(LOCK_WAIT, |approval| {
            approval.approve(named, Date::today());
            true
        })
    }

    /// Agrees to these as well, while a list is being changed: killed half-way, the store has the old or the new one.
    /// What was approved before, to [`restore`](Self::restore) it if nothing came of the change.
    pub(crate) fn allow(&self, named: &BTreeSet<String>, is_alone: bool) -> Result<Approval, Error> {
        let before = self.read()?;
        self.change(LOCK_WAIT, |approval| {
            approval.approved.extend(named.iter().cloned());
            approval.is_alone |= is_alone;
            true
        })?;
        Ok(before)
    }

    /// Agrees to exactly what was agreed to before.
    pub(crate) fn restore(&self, before: &Approval) -> Result<(), Error> {
        self.change(LOCK_WAIT, |approval| {
            approval.clone_from(before);
            true
        })
    }

    /// Remembers the approved recipients that are not in the list now.
    pub(crate) fn mark_absent(&self, named: &BTreeSet<String>) -> Result<(), Error> {
        self.change(Duration::ZERO, |approval| {
            approval.mark_absent(named, Date::today())
        })
    }

    fn change(&self, wait: Duration, change: impl FnOnce(&mut Approval) -> bool) -> Result<(), Error> {
        let writing = || Error::file("write the approved recipients to", &self.directory);
        let directory = Directory::create(&self.directory).map_err(writing())?;
        let lock = directory.lock(wait).map_err(writing())?;
        let mut approval = self.read()?;
        if !change(&mut approval) {
            return Ok(());
        }
        directory
            .replace(&lock, &self.name, approval.to_text(&self.store).as_bytes(), 0o600)
            .map_err(writing())
    }

    /// Other stores for which exactly these are approved, as their approvals name them. For a hint, no more: another
    /// clone may have come by another way.
    pub(crate) fn stores_with(&self, named: &BTreeSet<String>) -> Vec<String> {
        let files = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        files
            .filter(|file| file.file_name().to_str() != Some(&self.name))
            .filter_map(|file| String::from_utf8(read_file(&file.path(), FILE_MAX).ok()?).ok())
            .filter(|text| Approval::from_text(text).is_some_and(|approval| approval.approved == *named))
            .filter_map(|text| Some(text.lines().next()?.strip_prefix(STORE)?.to_owned()))
            .collect()
    }
}

/// The sum by which a job names the one list that it approves.
pub(crate) fn sum(named: &BTreeSet<String>) -> String {
    let lines: String = named.iter().flat_map(|recipient| [recipient, "\n"]).collect();
    format!("sha256:{}", hash(lines.as_bytes()))
}

fn hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

impl Objection {
    pub(crate) fn into_newcomers(self) -> Vec<Newcomer> {
        self.newcomers
    }
}

/// As a person reads it, in one line.
impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.list_is_gone {
            return f.write_str("its .age-recipients is gone");
        }
        f.write_str("its .age-recipients names recipients that you have not approved:")?;
        self.newcomers
            .iter()
            .try_for_each(|newcomer| write!(f, " +{newcomer}"))
    }
}

impl fmt::Display for Newcomer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.recipient)?;
        let name = self
            .name
            .as_ref()
            .map(|name| format!("called {:?} there", show::name(name)));
        let back = self
            .last_missing
            .map(|date| format!("was removed, last missing on {date}, is back"));
        let notes: Vec<String> = name.into_iter().chain(back).collect();
        if notes.is_empty() {
            return Ok(());
        }
        write!(f, " ({})", notes.join("; "))
    }
}

#[cfg(test)]
mod tests;
