//! The store: one encrypted file for each server key, in one directory.

use std::io;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::time::Duration;

use docker_credential_helper::directory::{Directory, Lock};
use docker_credential_helper::{Credential, CredentialStore, Environment, Error, Listed, ServerUrl};

pub(crate) use self::decipher::Deciphered;
use self::decipher::{Problem, decipher, decipher_natively};
use self::entry_name::{entry_name, is_entry_name, shown_name};
use self::recipient_source::{Chosen, Keys};
pub(crate) use self::recipient_source::{RecipientSource, not_among};
pub(crate) use self::rotation::rotated;
use crate::keys::identities::Identities;
use crate::keys::{identity_file, source};
use crate::parallel;
use crate::settings;

mod cipher;
mod decipher;
mod entry;
mod entry_name;
mod recipient_source;
mod rekey;
mod rotation;

/// The longest request fits twice; more is not ours, and would only cost time to decrypt.
const ENTRY_MAX: u64 = 2 << 20;

/// A thread starts in the time of one decryption; this many make the difference felt.
const WORTH_A_THREAD: NonZero<usize> = NonZero::new(16).expect("16 is not 0");

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
        let shown = || shown_name(server);
        let Some(file) = read(&directory, &name, shown)? else {
            self.environment
                .log(|| format!("{}: no such file", self.directory.join(shown()).display()));
            return Ok(None);
        };
        let found = source::for_reading(&self.environment)?;
        let identities = found.open(&self.environment)?;
        match decipher(&file, &name, &identities, &self.environment) {
            Ok(deciphered) => Ok(Some(deciphered.credential)),
            Err(Problem::NoIdentity) => self.get_again(server, &name, (&found, identities), &directory),
            Err(problem) => Err(self.explain(problem, &shown())),
        }
    }

    fn store(&self, credential: &Credential) -> Result<(), Error> {
        let chosen = Chosen::from_settings(&self.environment)?;
        let directory = self.create()?;
        let (lock, identities) = self.lock_with_identity(&chosen, &directory)?;
        self.finish_rotation(&directory, &lock, identities.as_ref())?;
        let Keys {
            identities,
            recipients,
        } = self.keys_for_writing(chosen, identities, &directory)?;

        // Whoever made these may have died before they were on disk. Once there is an entry, somebody has waited for it.
        if !self.has_entries(&directory)? {
            directory
                .sync_with_ancestors()
                .map_err(Error::file("write", &self.directory))?;
            identity_file::sync_default(&self.environment)?;
        }

        let name = entry_name(credential.server().key());
        // What is there is only looked at for a reason to keep it. That it cannot be read is none: the user has just
        // logged in to this very server.
        if let Ok(Some(file)) = directory.read(&name, ENTRY_MAX)
            && let Err(problem @ Problem::Newer) = decipher(&file, &name, &identities, &self.environment)
        {
            return Err(self.explain(problem, &name));
        }
        let file = cipher::encrypt(&entry::to_plaintext(credential)?, &recipients, &self.environment)?;
        directory
            .replace(&lock, &name, &file, 0o600)
            .map_err(Error::file("write", &self.directory.join(&name)))
    }

    fn erase(&self, server: &ServerUrl) -> Result<(), Error> {
        let Some(directory) = self.existing()? else {
            return Ok(());
        };
        let name = entry_name(server.key());
        // In a store that is not ours to write to, docker logout must not fail for want of a login. Whoever removed it
        // may have died before that was on disk.
        if matches!(directory.read(&name, ENTRY_MAX), Ok(None)) && !self.is_rekey_pending(&directory)? {
            return directory.sync().map_err(Error::file("write", &self.directory));
        }
        let directory = self.check_ownership(directory)?;
        let lock = self.lock(&directory)?;
        // Otherwise what is staged would bring back what is erased now.
        self.finish_rekey(&directory, &lock)?;
        directory
            .remove(&name)
            .map_err(Error::file("remove", &self.directory.join(shown_name(server))))?;
        Ok(())
    }

    /// Decrypts every file, for the user names are inside.
    fn list(&self) -> Result<Vec<Listed>, Error> {
        let Some(directory) = self.existing()? else {
            return Ok(Vec::new());
        };
        let names = self.entry_names(&directory)?;
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let found = source::for_reading(&self.environment)?;
        let identities = found.open(&self.environment)?;
        let mut all = self.decipher_all(&directory, &names, &identities);
        if all
            .iter()
            .any(|(_, result)| matches!(result, Err(Problem::NoIdentity)))
        {
            let identities = self.reopened(&found, identities)?;
            all = self.decipher_all(&directory, &names, &identities);
        }
        let mut listed = Vec::with_capacity(names.len());
        let mut failed = None;
        for (name, result) in all {
            match result {
                Ok(deciphered) => listed.push(Listed::from(&deciphered.credential)),
                Err(problem) => {
                    let error = self.explain(problem, name);
                    self.environment.log(|| error.to_string());
                    failed = Some(error);
                }
            }
        }
        match failed {
            Some(error) if listed.is_empty() => Err(error),
            _ => Ok(listed),
        }
    }
}

/// The parts that the verbs and the commands have in common.
impl AgeStore {
    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }

    pub(crate) fn path(&self) -> &Path {
        &self.directory
    }

    /// The store's directory, made if there is none.
    pub(crate) fn create(&self) -> Result<Directory, Error> {
        Directory::create(&self.directory)
            .map_err(Error::file("create the store", &self.directory))
            .and_then(|directory| self.check_ownership(directory))
    }

    /// Keeps open, for `time`, what a plugin opens of each entry. Whether it is kept.
    pub(crate) fn keep_file_keys(
        &self,
        directory: &Directory,
        identities: &Identities,
        time: Duration,
    ) -> Result<bool, Error> {
        let names = self.entry_names(directory)?;
        let files = contents(directory, &names);
        identities.plugins.keep_open(files, time, &self.environment)
    }

    /// The store's directory; nothing if there is none, which is a store without credentials.
    pub(crate) fn existing(&self) -> Result<Option<Directory>, Error> {
        match Directory::open(&self.directory) {
            Ok(directory) => Ok(Some(directory)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::file("open the store", &self.directory)(error)),
        }
    }

    /// A directory that others control is not written to: they could undo, replace or watch what is written.
    pub(crate) fn check_ownership(&self, directory: Directory) -> Result<Directory, Error> {
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

    pub(crate) fn lock(&self, directory: &Directory) -> Result<Lock, Error> {
        directory
            .lock(LOCK_WAIT)
            .map_err(Error::file("lock the store", &self.directory))
    }

    pub(crate) fn entry_names(&self, directory: &Directory) -> Result<Vec<String>, Error> {
        let mut names = directory
            .names()
            .map_err(Error::file("read the store", &self.directory))?;
        names.retain(|name| is_entry_name(name));
        Ok(names)
    }

    pub(crate) fn has_entries(&self, directory: &Directory) -> Result<bool, Error> {
        directory
            .has(is_entry_name)
            .map_err(Error::file("read the store", &self.directory))
    }

    /// What is in each of these files, without those that were erased since the names were read.
    pub(crate) fn decipher_all<'a>(
        &self,
        directory: &Directory,
        names: &'a [String],
        identities: &Identities,
    ) -> Vec<(&'a String, Result<Deciphered, Problem>)> {
        let deciphered: Vec<_> = if identities.plugins.is_empty() {
            let identities = &identities.x25519;
            parallel::map(names, WORTH_A_THREAD, |name| {
                decipher_one(directory, name, |file| decipher_natively(file, name, identities))
            })
        } else {
            // A plugin is asked about all files at once: a person should have to touch or type something once.
            identities
                .plugins
                .open_files(contents(directory, names), &self.environment);
            let decipher = |name| {
                decipher_one(directory, name, |file| {
                    decipher(file, name, identities, &self.environment)
                })
            };
            names.iter().map(decipher).collect()
        };
        deciphered.into_iter().flatten().collect()
    }

    /// Those of `names` whose files nothing here will ever open, and what is wrong with others.
    ///
    /// Fails if a plugin does, for nothing can be said then.
    pub(crate) fn lost(
        &self,
        directory: &Directory,
        names: &[String],
        identities: &Identities,
    ) -> Result<(Vec<String>, Vec<Error>), Error> {
        let (mut lost, mut others) = (Vec::new(), Vec::new());
        let identities = source::with_outgoing(identities, &self.environment)?;
        for (name, result) in self.decipher_all(directory, names, &identities) {
            match result {
                Ok(_) => {}
                Err(Problem::Plugin(error)) => return Err(error),
                Err(problem) if problem.is_lost() => lost.push(name.clone()),
                Err(problem) => others.push(self.explain(problem, name)),
            }
        }
        lost.sort();
        Ok((lost, others))
    }
}

/// What is in the file of this name; nothing if it has been erased since the name was read.
fn decipher_one<'a>(
    directory: &Directory,
    name: &'a String,
    decipher: impl FnOnce(&[u8]) -> Result<Deciphered, Problem>,
) -> Option<(&'a String, Result<Deciphered, Problem>)> {
    let file = read(directory, name, || name.clone()).transpose()?;
    let deciphered = file.map_err(Problem::Unread).and_then(|file| decipher(&file));
    Some((name, deciphered))
}

/// `shown` gives the name by which messages call it.
fn read(directory: &Directory, name: &str, shown: impl FnOnce() -> String) -> Result<Option<Vec<u8>>, Error> {
    directory.read(name, ENTRY_MAX).map_err(|error| {
        let path = directory.path().join(shown());
        match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::FileTooLarge => Error::Damaged(
                format!(
                    "{} is not an entry of ours: {error}; move it away and log in again",
                    path.display()
                )
                .into(),
            ),
            _ => Error::file("read", &path)(error),
        }
    })
}

/// What is in those files that can be read, still encrypted.
fn contents(directory: &Directory, names: &[String]) -> impl Iterator<Item = Vec<u8>> {
    names
        .iter()
        .filter_map(|name| directory.read(name, ENTRY_MAX).ok().flatten())
}
