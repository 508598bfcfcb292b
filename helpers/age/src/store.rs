//! The store: one encrypted file for each server key, in one directory.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use age::x25519::{Identity, Recipient};
use docker_credential_helper::directory::{Directory, Lock};
use docker_credential_helper::{Credential, CredentialStore, Environment, Error, Listed, ServerUrl};

use crate::cipher::{self, Failure};
use crate::entry::{self, Unreadable};
use crate::entry_name::{entry_name, is_entry_name};
use crate::{identity, recipients, settings};

/// The longest request fits twice; more is not ours, and would only cost time to decrypt.
const ENTRY_MAX: u64 = 2 << 20;

/// A writer holds the lock for a millisecond. Someone who waits this long waits for a process that hangs.
const LOCK_WAIT: Duration = Duration::from_secs(30);

/// age-encrypted files in a directory. Nothing is opened before a method needs it.
#[derive(Debug)]
pub(crate) struct AgeStore {
    environment: Environment,
    directory: PathBuf,
}

impl AgeStore {
    pub(crate) fn open(environment: &Environment) -> Result<Self, Error> {
        Ok(Self {
            environment: environment.clone(),
            directory: settings::store_directory(environment)?,
        })
    }
}

impl CredentialStore for AgeStore {
    /// Opens one file by its name. Owner and mode of the store do not matter for reading: in CI, root reads what
    /// another user checked out.
    fn get(&self, server: &ServerUrl) -> Result<Option<Credential>, Error> {
        let Some(directory) = self.existing()? else {
            self.environment
                .log(|| format!("{}: there is no store yet", self.directory.display()));
            return Ok(None);
        };
        let name = entry_name(server.key());
        let Some(file) = self.read(&directory, &name)? else {
            self.environment
                .log(|| format!("{}: no such file", self.directory.join(&name).display()));
            return Ok(None);
        };
        let identities = identity::for_reading(&self.environment)?;
        match decipher(&file, &name, &identities) {
            Ok(credential) => Ok(Some(credential)),
            Err(problem) => Err(self.explain(problem, &name)),
        }
    }

    fn store(&self, credential: &Credential) -> Result<(), Error> {
        let chosen = Chosen::from_settings(&self.environment)?;
        let directory = Directory::create(&self.directory)
            .map_err(Error::file("create the store", &self.directory))
            .and_then(|directory| self.own(directory))?;
        let lock = self.lock(&directory)?;
        let keys = self.keys_for_writing(chosen, &directory)?;

        let name = entry_name(credential.server().key());
        // What is there is only looked at for a reason to keep it. That it cannot be read is none: the user has just
        // logged in to this very server.
        if let Ok(Some(file)) = directory.read(&name, ENTRY_MAX)
            && let Err(Problem::Newer) = decipher(&file, &name, &keys.identities)
        {
            return Err(self.explain(Problem::Newer, &name));
        }
        let file = cipher::encrypt(&entry::to_plaintext(credential)?, &keys.recipients)
            .ok_or_else(|| Error::Unsupported("encrypting for these recipients failed; check them".into()))?;
        directory
            .replace(&lock, &name, &file, 0o600)
            .map_err(Error::file("write", &self.directory.join(&name)))
    }

    fn erase(&self, server: &ServerUrl) -> Result<(), Error> {
        let Some(directory) = self.existing()? else {
            return Ok(());
        };
        let directory = self.own(directory)?;
        let _lock = self.lock(&directory)?;
        let name = entry_name(server.key());
        directory
            .remove(&name)
            .map_err(Error::file("remove", &self.directory.join(&name)))?;
        Ok(())
    }

    /// Decrypts every file, for the user names are inside.
    fn list(&self) -> Result<Vec<Listed>, Error> {
        let Some(directory) = self.existing()? else {
            return Ok(Vec::new());
        };
        let names: Vec<String> = self
            .names(&directory)?
            .into_iter()
            .filter(|name| is_entry_name(name))
            .collect();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let identities = identity::for_reading(&self.environment)?;
        let mut listed = Vec::with_capacity(names.len());
        let mut failed = None;
        for name in &names {
            let result = match directory.read(name, ENTRY_MAX) {
                Ok(Some(file)) => decipher(&file, name, &identities),
                // Erased since the names were read.
                Ok(None) => continue,
                Err(_) => Err(Problem::Damaged),
            };
            match result {
                Ok(credential) => listed.push(Listed::from(&credential)),
                Err(problem) => {
                    self.environment.log(|| self.explain(problem, name).to_string());
                    failed = Some((problem, name));
                }
            }
        }
        match failed {
            Some((problem, name)) if listed.is_empty() => Err(self.explain(problem, name)),
            _ => Ok(listed),
        }
    }
}

impl AgeStore {
    /// The store's directory; nothing if there is none, which is a store without credentials.
    fn existing(&self) -> Result<Option<Directory>, Error> {
        match Directory::open(&self.directory) {
            Ok(directory) => Ok(Some(directory)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::file("open the store", &self.directory)(error)),
        }
    }

    /// A directory that others control is not written to: they could undo, replace or watch what is written.
    fn own(&self, directory: Directory) -> Result<Directory, Error> {
        let examining = || Error::file("examine the store", &self.directory);
        let refused = |problem: &str| {
            Err(Error::Refused(
                format!("the store {} {problem}", self.directory.display()).into(),
            ))
        };
        if directory.is_world_writable().map_err(examining())? {
            return refused("can be written by every user; take that away with chmod o-w, then log in again");
        }
        if !directory.is_ours().map_err(examining())? {
            return refused(
                "belongs to another user; log in as that user, or choose another with DOCKER_CREDENTIAL_AGE_DIR",
            );
        }
        Ok(directory)
    }

    fn lock(&self, directory: &Directory) -> Result<Lock, Error> {
        directory
            .lock(LOCK_WAIT)
            .map_err(Error::file("lock the store", &self.directory))
    }

    fn names(&self, directory: &Directory) -> Result<Vec<String>, Error> {
        directory
            .names()
            .map_err(Error::file("read the store", &self.directory))
    }

    fn read(&self, directory: &Directory, name: &str) -> Result<Option<Vec<u8>>, Error> {
        match directory.read(name, ENTRY_MAX) {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::InvalidData | io::ErrorKind::FileTooLarge
                ) =>
            {
                let path = self.directory.join(name);
                Err(Error::Damaged(
                    format!(
                        "{} is not an entry of ours: {error}; move it away and log in again",
                        path.display()
                    )
                    .into(),
                ))
            }
            result => result.map_err(Error::file("read", &self.directory.join(name))),
        }
    }

    /// To whom to encrypt, and with what to look at what is there. Called with the lock held, for it may make the
    /// first identity.
    fn keys_for_writing(&self, chosen: Chosen, directory: &Directory) -> Result<Keys, Error> {
        let names = match (&chosen.recipients, &chosen.identities) {
            // Everything is given, so the directory need not be read.
            (Some(_), _) => Vec::new(),
            _ => self.names(directory)?,
        };
        if names.iter().any(|name| name == recipients::FILE) {
            return Err(Error::Unsupported(
                format!(
                    "the store {} names several recipients in {}, which is not supported yet; set {}",
                    self.directory.display(),
                    recipients::FILE,
                    settings::RECIPIENTS
                )
                .into(),
            ));
        }
        let identities = match (chosen.identities, &chosen.recipients) {
            (Some(identities), _) => identities,
            (None, Some(_)) if chosen.write_only => Vec::new(),
            // Another program's identity does for reading back what the setting's recipients can read.
            (None, Some(_)) => identity::for_reading(&self.environment)?,
            (None, None) if names.iter().any(|name| is_entry_name(name)) => {
                return Err(Error::Unavailable(
                    format!(
                        "the store {} has entries, and there is no identity of yours to add to them; restore {} or set {}",
                        self.directory.display(),
                        settings::default_identity_file(&self.environment)?.display(),
                        settings::IDENTITY_FILE
                    )
                    .into(),
                ));
            }
            (None, None) => identity::create_first(&self.environment)?,
        };
        let recipients = match chosen.recipients {
            Some(recipients) => recipients,
            None => identities.iter().map(Identity::to_public).collect(),
        };
        if !chosen.write_only && !recipients::include_one_of(&recipients, &identities) {
            return Err(Error::Refused(
                format!(
                    "none of your identities is among the recipients in {}, so you could not read back what is stored; \
                     add yours, or set {}=1",
                    settings::RECIPIENTS,
                    settings::WRITE_ONLY
                )
                .into(),
            ));
        }
        Ok(Keys {
            identities,
            recipients,
        })
    }

    fn explain(&self, problem: Problem, name: &str) -> Error {
        let path = self.directory.join(name);
        let path = path.display();
        match problem {
            Problem::NoIdentity => Error::Damaged(
                format!(
                    "your identity does not open {path}; use the one it was stored with, or log in again"
                )
                .into(),
            ),
            Problem::Damaged => {
                Error::Damaged(format!("{path} is damaged; log in to that server again to replace it").into())
            }
            Problem::Newer => Error::Unsupported(
                format!(
                    "{path} was written by a newer version of docker-credential-age; install that version"
                )
                .into(),
            ),
            Problem::OtherServer => Error::Damaged(
                format!("{path} holds the credential of another server; log in to both servers again").into(),
            ),
        }
    }
}

/// What the settings say about keys, before the store is looked at.
struct Chosen {
    recipients: Option<Vec<Recipient>>,
    identities: Option<Vec<Identity>>,
    write_only: bool,
}

impl Chosen {
    fn from_settings(environment: &Environment) -> Result<Self, Error> {
        Ok(Self {
            write_only: settings::is_write_only(environment)?,
            recipients: recipients::from_setting(environment)?,
            identities: identity::own(environment)?,
        })
    }
}

struct Keys {
    identities: Vec<Identity>,
    recipients: Vec<Recipient>,
}

/// Why a file gives no credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Problem {
    NoIdentity,
    Damaged,
    Newer,
    OtherServer,
}

/// What is in the file, provided that it belongs there: whoever can write to the store, though not read it, must not
/// have one registry's password sent to another by swapping two files.
fn decipher(file: &[u8], name: &str, identities: &[Identity]) -> Result<Credential, Problem> {
    let plaintext = cipher::decrypt(file, identities).map_err(|failure| match failure {
        Failure::NoIdentity => Problem::NoIdentity,
        Failure::Damaged => Problem::Damaged,
    })?;
    let credential = entry::from_plaintext(&plaintext).map_err(|unreadable| match unreadable {
        Unreadable::Newer => Problem::Newer,
        Unreadable::Malformed => Problem::Damaged,
    })?;
    if entry_name(credential.server().key()) != name {
        return Err(Problem::OtherServer);
    }
    Ok(credential)
}
