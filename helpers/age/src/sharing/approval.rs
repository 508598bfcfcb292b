//! The recipients of a shared store that this user has approved.
//!
//! Anyone who can write to a store (a colleague, a pull request, a stolen laptop) could add a recipient to
//! its `.age-recipients`, and could then read every password stored later; a recipient of the form
//! `age1name1…` would even run a program. So we keep the approved recipients outside the store, in our own
//! configuration, and don't write to a store that names anyone else until its user has checked. There is no
//! trust on first use, because a fresh clone is exactly where an attacker's key would be.
//!
//! We record removed recipients as absent. With a lasting approval, they could add their key back unnoticed,
//! and a colleague's next `store` would encrypt to it.

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

/// Below our configuration directory.
const DIRECTORY: &str = "approved";
/// Enough for thousands of recipients.
const FILE_MAX: u64 = 1 << 20;
/// A writer only needs a millisecond.
const LOCK_WAIT: Duration = Duration::from_secs(10);
/// Means that the user approved a store without a list.
const ALONE: &str = "none but my own identity";
/// The prefix of a removed recipient's line.
const ABSENT: &str = "absent ";

/// The recipients that a user has approved for one store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Approval {
    approved: BTreeSet<String>,
    /// The store may have no list.
    is_alone: bool,
    /// Removed recipients, and the day each was last missing.
    absent: BTreeMap<String, Date>,
}

/// The result of comparing a store's recipients with the approved ones.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ApprovalState {
    /// All recipients are approved.
    Agreed,
    Refused(Objection),
}

/// The reason for a refusal, for a person to check.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Objection {
    newcomers: Vec<Newcomer>,
    /// The approved list is gone.
    list_is_gone: bool,
}

/// A recipient in the list that the user hasn't approved.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Newcomer {
    pub(crate) recipient: String,
    /// Their name in the list, which anyone may have written.
    pub(crate) name: Option<String>,
    /// They were approved, and then removed.
    pub(crate) last_missing: Option<Date>,
}

impl Approval {
    /// `own` are the public keys of the user's own identities, which don't need approval.
    pub(crate) fn compare(&self, list: Option<&RecipientsFile>, own: &BTreeSet<String>) -> ApprovalState {
        let Some(list) = list else {
            // A store without a list is encrypted to our own key anyway.
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

    /// Whether it approves exactly the store's recipients.
    pub(crate) fn is_for(&self, list: Option<&RecipientsFile>) -> bool {
        match list {
            Some(list) => self.approved == list.named(),
            None => self.approved.is_empty(),
        }
    }

    /// The approved recipients that are missing from the list.
    pub(crate) fn missing_from(&self, named: &BTreeSet<String>) -> Vec<String> {
        self.approved.difference(named).cloned().collect()
    }

    /// Approves only these. Others that were approved before become absent.
    pub(crate) fn approve(&mut self, named: &BTreeSet<String>, today: Date) {
        self.mark_absent(named, today);
        self.approved.clone_from(named);
        self.is_alone = named.is_empty();
        self.absent.retain(|recipient, _| !named.contains(recipient));
    }

    /// Records the approved recipients that are missing from the list. Returns whether that changed anything.
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
        // An empty one would approve nobody; we never write that.
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

/// The prefix of the first line, which names the store.
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
    /// That of the store in this existing directory. Resolves links, because a store has one approval, and a
    /// copy elsewhere has another.
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

    /// The approval, which is empty before the first one.
    pub(crate) fn read(&self) -> Result<Approval, Error> {
        let path = self.directory.join(&self.name);
        // Others could add their own keys to a file or directory that they can change.
        let Some(file) = self.trust.own_secret(&path)? else {
            return Ok(Approval::default());
        };
        let content = file
            .content(FILE_MAX)
            .map_err(Error::file("read the approved recipients in", &path))?;
        let text = std::str::from_utf8(&content).ok();
        text.and_then(Approval::from_text).ok_or_else(|| {
            Error::damaged(format!(
                "cannot read the approved recipients in {}: the file is damaged; check the recipients \
                 (docker-credential-age recipients list), remove the file, then run: docker-credential-age \
                 recipients approve",
                path.display()
            ))
        })
    }

    /// Approves only these, durably. (Nobody: approves a store without a list.)
    pub(crate) fn approve(&self, named: &BTreeSet<String>) -> Result<(), Error> {
        self.change(LOCK_WAIT, |approval| {
            approval.approve(named, Date::today());
            true
        })
    }

    /// Also approves these while a list is being changed, because after a kill, the store has the old or the
    /// new list. Returns the previous approval, to [`restore`](Self::restore) it if the change fails.
    pub(crate) fn allow(&self, named: &BTreeSet<String>, is_alone: bool) -> Result<Approval, Error> {
        let before = self.read()?;
        self.change(LOCK_WAIT, |approval| {
            approval.approved.extend(named.iter().cloned());
            approval.is_alone |= is_alone;
            true
        })?;
        Ok(before)
    }

    /// Restores the previous approval.
    pub(crate) fn restore(&self, before: &Approval) -> Result<(), Error> {
        self.change(LOCK_WAIT, |approval| {
            approval.clone_from(before);
            true
        })
    }

    /// Records the approved recipients that are missing from the list.
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

    /// Other stores with exactly these approved recipients. Only for a hint, because another clone may have
    /// another origin.
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

/// The checksum with which a job approves one list.
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

/// For people, in one line.
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
