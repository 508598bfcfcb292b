//! Which recipients of a shared store this user has agreed to.
//!
//! Whoever can write to a store (a colleague, a pull request, a stolen laptop) could add a recipient to its
//! `.age-recipients`, and would receive every password that is stored later; a recipient of the form `age1name1…`
//! would even have a program run. So the set is pinned outside the store, in our own configuration, and a store that
//! names anyone who is not pinned is not written to before its user has looked.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use docker_credential_helper::commands::Console;
use docker_credential_helper::directory::{Directory, read_file};
use docker_credential_helper::{Environment, Error, hex};
use sha2::{Digest, Sha256};

use crate::settings;

/// Beneath our configuration.
const DIRECTORY: &str = "approved";
/// Thousands of recipients.
const PIN_MAX: u64 = 1 << 20;
/// What a pin holds instead of recipients where the store had no file that names any.
const ALONE: &str = "none but my own identity";

/// The recipients that a store names, as the text of each; nothing where it has no file for them.
pub(crate) type Named = Option<BTreeSet<String>>;

/// The pin of one store.
#[derive(Debug)]
pub(crate) struct ApprovalRecord {
    directory: PathBuf,
    name: String,
    store: PathBuf,
}

/// How what a store names now compares to what was approved.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ApprovalState {
    /// The store is seen for the first time.
    New,
    /// It names whom it named when it was approved.
    Same,
    /// Some of the approved are gone, and nobody came: nothing is sent to anyone who did not get it before.
    Fewer,
    /// Somebody came, or the file that names the recipients is gone or has appeared.
    Changed(Change),
}

/// What a person has to agree to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) added: Vec<String>,
    pub(crate) removed: Vec<String>,
    /// The file was there, or was not, and now it is the other way round.
    pub(crate) file: Option<FileChange>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileChange {
    Gone,
    Appeared,
}

impl ApprovalRecord {
    /// The pin of the store in this directory, which exists. Links on the way to it are resolved: a store has one pin.
    pub(crate) fn of(store: &Path, environment: &Environment) -> Result<Self, Error> {
        let store = store
            .canonicalize()
            .map_err(Error::file("resolve the path of the store", store))?;
        let hash = Sha256::digest(store.as_os_str().as_encoded_bytes());
        Ok(Self {
            directory: settings::configuration_directory(environment)?.join(DIRECTORY),
            name: hex(&hash),
            store,
        })
    }

    pub(crate) fn state(&self, named: &Named) -> Result<ApprovalState, Error> {
        Ok(match self.approved()? {
            None => ApprovalState::New,
            Some(approved) => compare(&approved, named),
        })
    }

    /// Who is approved; nothing if the store is new.
    pub(crate) fn approved(&self) -> Result<Option<Named>, Error> {
        let path = self.directory.join(&self.name);
        let content = match read_file(&path, PIN_MAX) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::file("read the approved recipients in", &path)(error)),
        };
        std::str::from_utf8(&content)
            .ok()
            .and_then(from_text)
            .map(Some)
            .ok_or_else(|| {
                Error::Damaged(
                    format!(
                        "{} does not hold the approved recipients of a store; look at the recipients, then remove it and run: \
                         docker-credential-age recipients approve",
                        path.display()
                    )
                    .into(),
                )
            })
    }

    /// Approves these and no others, durably.
    pub(crate) fn approve(&self, named: &Named) -> Result<(), Error> {
        let writing = || Error::file("write the approved recipients to", &self.directory);
        let directory = Directory::create(&self.directory).map_err(writing())?;
        let lock = directory.lock(Duration::from_secs(10)).map_err(writing())?;
        directory
            .replace(&lock, &self.name, self.to_text(named).as_bytes(), 0o600)
            .map_err(writing())
    }

    fn to_text(&self, named: &Named) -> String {
        let mut text = format!("# {}\n", Console::plain(&self.store.to_string_lossy()));
        match named {
            None => text.extend([ALONE, "\n"]),
            Some(recipients) => text.extend(recipients.iter().map(|recipient| format!("{recipient}\n"))),
        }
        text
    }
}

fn from_text(text: &str) -> Option<Named> {
    let lines: BTreeSet<String> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect();
    match lines.first().map(String::as_str) {
        // An empty set would approve nobody and refuse everybody; it was never written.
        None => None,
        Some(ALONE) if lines.len() == 1 => Some(None),
        Some(_) => Some(Some(lines)),
    }
}

fn compare(approved: &Named, named: &Named) -> ApprovalState {
    let (old, new) = match (approved, named) {
        (None, None) => return ApprovalState::Same,
        (Some(old), Some(new)) if old == new => return ApprovalState::Same,
        (Some(old), Some(new)) if new.is_subset(old) && !new.is_empty() => return ApprovalState::Fewer,
        (old, new) => (old.clone().unwrap_or_default(), new.clone().unwrap_or_default()),
    };
    ApprovalState::Changed(Change {
        added: new.difference(&old).cloned().collect(),
        removed: old.difference(&new).cloned().collect(),
        file: match (approved, named) {
            (Some(_), None) => Some(FileChange::Gone),
            (None, Some(_)) => Some(FileChange::Appeared),
            _ => None,
        },
    })
}

/// As a person reads it, in one line.
impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.file {
            Some(FileChange::Gone) => f.write_str("its .age-recipients is gone")?,
            Some(FileChange::Appeared) => f.write_str("it has an .age-recipients now")?,
            None => f.write_str("its .age-recipients has changed")?,
        }
        let signed = |sign: char, list: &[String]| {
            list.iter().fold(String::new(), |mut text, recipient| {
                let _ = write!(text, " {sign}{recipient}");
                text
            })
        };
        write!(f, ":{}{}", signed('+', &self.added), signed('-', &self.removed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "it makes what a store names")]
    fn named(recipients: &[&str]) -> Named {
        Some(
            recipients
                .iter()
                .map(|recipient| (*recipient).to_owned())
                .collect(),
        )
    }

    fn place() -> (tempfile::TempDir, ApprovalRecord) {
        let place = tempfile::tempdir().unwrap();
        let environment = Environment::stated("test", [("XDG_CONFIG_HOME", place.path().as_os_str())]);
        let record = ApprovalRecord::of(place.path(), &environment).unwrap();
        (place, record)
    }

    #[test]
    fn a_store_is_new_until_it_is_approved() {
        let (_place, record) = place();
        assert_eq!(record.state(&named(&["age1a"])).unwrap(), ApprovalState::New);
        record.approve(&named(&["age1a", "age1b"])).unwrap();
        assert_eq!(record.approved().unwrap(), Some(named(&["age1a", "age1b"])));
        assert_eq!(
            record.state(&named(&["age1b", "age1a"])).unwrap(),
            ApprovalState::Same
        );
    }

    #[test]
    fn a_store_of_one_is_approved_as_such() {
        let (_place, record) = place();
        record.approve(&None).unwrap();
        assert_eq!(record.state(&None).unwrap(), ApprovalState::Same);
        let ApprovalState::Changed(change) = record.state(&named(&["age1a"])).unwrap() else {
            panic!("a recipients file that appears is a change");
        };
        assert_eq!(change.file, Some(FileChange::Appeared));
        assert_eq!(change.added, ["age1a"]);
    }

    #[test]
    fn who_comes_is_a_change_and_who_only_goes_is_not() {
        let approved = named(&["age1a", "age1b"]);
        assert_eq!(compare(&approved, &named(&["age1a"])), ApprovalState::Fewer);
        let ApprovalState::Changed(change) = compare(&approved, &named(&["age1a", "age1c"])) else {
            panic!("somebody came");
        };
        assert_eq!(
            change.to_string(),
            "its .age-recipients has changed: +age1c -age1b"
        );
    }

    #[test]
    fn a_file_that_is_gone_or_names_nobody_is_a_change() {
        let approved = named(&["age1a"]);
        for now in [None, named(&[])] {
            assert!(
                matches!(compare(&approved, &now), ApprovalState::Changed(_)),
                "{now:?}"
            );
        }
    }

    #[test]
    fn a_pin_that_cannot_be_understood_approves_nobody() {
        let (_place, record) = place();
        record.approve(&named(&["age1a"])).unwrap();
        for content in [&b""[..], b"# only this\n", b"\xff"] {
            std::fs::write(record.directory.join(&record.name), content).unwrap();
            assert!(matches!(record.state(&named(&["age1a"])), Err(Error::Damaged(_))));
        }
    }

    #[test]
    fn stores_have_pins_of_their_own() {
        let (place, record) = place();
        let other = place.path().join("other");
        std::fs::create_dir(&other).unwrap();
        let environment = Environment::stated("test", [("XDG_CONFIG_HOME", place.path().as_os_str())]);
        assert_ne!(
            ApprovalRecord::of(&other, &environment).unwrap().name,
            record.name
        );
        #[cfg(unix)]
        {
            let link = place.path().join("link");
            std::os::unix::fs::symlink(&other, &link).unwrap();
            assert_eq!(
                ApprovalRecord::of(&link, &environment).unwrap().name,
                ApprovalRecord::of(&other, &environment).unwrap().name
            );
        }
    }
}
