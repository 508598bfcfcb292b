//! The store: one encrypted file for each server key, in one directory.

use std::cell::Cell;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use docker_credential_helper::directory::Directory;
use docker_credential_helper::trust::OpenedStore;
use docker_credential_helper::{Credential, CredentialStore, Environment, Error, Listed, ServerUrl};

use self::decipher::{Problem, decipher};
use self::entry_name::{entry_name, is_entry_name, is_foreign_name, shown_name};
use self::files::{ENTRY_MAX, contents, read};
pub(crate) use self::in_step::out_of_step;
pub(crate) use self::lock::StoreLock;
use self::recipient_source::{Chosen, Keys};
pub(crate) use self::recipient_source::{RecipientSource, not_among};
pub(crate) use self::rekey::Mark;
pub(crate) use self::rotation::rotated;
pub(crate) use self::unreadable::Unreadable;
use crate::keys::identities::Identities;
use crate::keys::identity_file;
use crate::keys::own_stanza::OwnKey;
use crate::keys::source::{self, Found};
use crate::settings;
use crate::sharing::work_tree::{ATTRIBUTE, ATTRIBUTES, WorkTree};

mod cipher;
mod decipher;
mod entry;
pub(crate) mod entry_name;
mod files;
mod in_step;
mod lock;
mod recipient_source;
mod rekey;
mod rotation;
mod unreadable;

/// age-encrypted files in a directory. Opens everything on first use.
#[derive(Debug)]
pub(crate) struct AgeStore {
    environment: Environment,
    directory: PathBuf,
    /// The number of entries that the last list could not read.
    left_out: Cell<usize>,
}

impl AgeStore {
    pub(crate) fn open(environment: &Environment) -> Result<Self, Error> {
        Ok(Self {
            environment: environment.clone(),
            directory: settings::store_directory(environment)?,
            left_out: Cell::new(0),
        })
    }
}

impl CredentialStore for AgeStore {
    /// Opens one file by its name. The store's owner and mode don't matter for reading: in CI, root reads
    /// another user's checkout.
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
        if let Found::Sealed(sealed) = &found
            && !sealed.may_open(&file)
        {
            // Nobody is asked for a passphrase that is of no use.
            return Err(self.explain(Problem::NoIdentity, &shown()));
        }
        let identities = found.open(&self.environment)?;
        let deciphered = match decipher(&file, &name, &identities, &self.environment) {
            Err(Problem::NoIdentity) => {
                return self.get_again(server, (&name, &file), (&found, identities), &directory);
            }
            result => result.map_err(|problem| self.explain(problem, &shown()))?,
        };
        if !deciphered.is_private {
            self.note_absent(&directory, &identities);
        }
        Ok(Some(deciphered.credential))
    }

    fn store(&self, credential: &Credential) -> Result<(), Error> {
        let chosen = Chosen::from_settings(&self.environment)?;
        let directory = self.create()?;
        let (lock, identities) = self.lock_with_identity(&chosen, &directory)?;
        self.finish_rotation(&directory, &lock, identities.as_ref())?;
        let Keys {
            identities,
            recipients,
            is_shared,
        } = self.keys_for_writing(chosen, identities, &directory)?;

        let has_entries = self.has_entries(&directory)?;
        if is_shared || !has_entries && WorkTree::around(&self.directory).is_some() {
            self.keep_entries_whole(&directory)?;
        }

        // A process that created these may have died before they were on disk. If there is an entry, its
        // writer has waited for that.
        if !has_entries {
            directory
                .sync_with_ancestors()
                .map_err(Error::file("write", &self.directory))?;
            identity_file::sync_default(&self.environment)?;
        }

        let name = entry_name(credential.server().key());
        // Only reads the existing entry to see whether it must stay. If it is unreadable, it needn't: the
        // user has just logged in to this server.
        if let Ok(Some(file)) = directory.read(&name, ENTRY_MAX)
            && let Err(problem @ Problem::Newer) = decipher(&file, &name, &identities, &self.environment)
        {
            return Err(self.explain(problem, &name));
        }
        let own = OwnKey::among(&identities.x25519, &recipients);
        let file = cipher::encrypt(
            &entry::to_plaintext(credential)?,
            &recipients,
            own.as_ref(),
            &self.environment,
        )?;
        directory
            .replace(&lock, &name, &file, 0o600)
            .map_err(Error::file("write", &self.directory.join(&name)))?;
        if is_shared {
            self.note_absent(&directory, &identities);
        }
        Ok(())
    }

    fn erase(&self, server: &ServerUrl) -> Result<(), Error> {
        let Some(directory) = self.existing()? else {
            return Ok(());
        };
        let name = entry_name(server.key());
        // In a read-only store, docker logout must not fail because there is no login. A process that removed
        // it may have died before that was on disk.
        if matches!(directory.read(&name, ENTRY_MAX), Ok(None)) && !self.is_rekey_pending(&directory)? {
            return directory.sync().map_err(Error::file("write", &self.directory));
        }
        let directory = self.create()?;
        let lock = self.lock(&directory)?;
        // Otherwise a staged entry would bring back the erased one.
        self.finish_rekey(&directory, &lock)?;
        directory
            .remove(&name)
            .map_err(Error::file("remove", &self.directory.join(shown_name(server))))?;
        Ok(())
    }

    /// Decrypts every file, because the user names are inside.
    fn list(&self) -> Result<Vec<Listed>, Error> {
        let Some(directory) = self.existing()? else {
            return Ok(Vec::new());
        };
        let names = self.entry_names(&directory)?;
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let found = source::for_reading(&self.environment)?;
        let mut identities = found.open(&self.environment)?;
        let mut all = self.decipher_all(&directory, &names, &identities);
        let closed: Vec<String> = all
            .extract_if(.., |(_, result)| matches!(result, Err(Problem::NoIdentity)))
            .map(|(name, _)| name.clone())
            .collect();
        if !closed.is_empty() {
            identities = self.reopened(&found, identities)?;
            all.extend(self.decipher_all(&directory, &closed, &identities));
        }
        self.left_out.set(0);
        let mut listed = Vec::with_capacity(names.len());
        let mut failed = None;
        let mut is_private = true;
        for (name, result) in all {
            match result {
                Ok(deciphered) => {
                    is_private &= deciphered.is_private;
                    listed.push(Listed::from(&deciphered.credential));
                }
                Err(problem) => {
                    let error = self.explain(problem, name);
                    self.environment.log(|| error.to_string());
                    self.left_out.update(|count| count + 1);
                    failed = Some(error);
                }
            }
        }
        if !is_private {
            self.note_absent(&directory, &identities);
        }
        match failed {
            Some(error) if listed.is_empty() => Err(error),
            _ => Ok(listed),
        }
    }

    fn left_out(&self) -> usize {
        self.left_out.get()
    }
}

/// Functions for both the verbs and the commands.
impl AgeStore {
    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }

    pub(crate) fn path(&self) -> &Path {
        &self.directory
    }

    /// The store's directory, created if it is missing.
    pub(crate) fn create(&self) -> Result<Directory, Error> {
        let result = self
            .environment
            .trust()
            .store_to_write(&self.directory, self.is_named()?);
        result.map_err(|error| self.with_way_out(error))
    }

    /// Whether a missing store could be created, and the error of a login if not.
    pub(crate) fn check_creation(&self) -> Result<(), Error> {
        let result = self
            .environment
            .trust()
            .check_missing_store(&self.directory, self.is_named()?);
        result.map_err(|error| self.with_way_out(error))
    }

    /// Containers and services often have a home that they can't write to.
    fn with_way_out(&self, error: Error) -> Error {
        match &error {
            Error::File { source, .. } if !self.directory.exists() && is_closed(source) => {
                let setting = match self.is_named() {
                    Ok(true) => settings::DIRECTORY,
                    _ => "HOME",
                };
                Error::unavailable(format!(
                    "{error}; set {setting} to a directory that you can write to"
                ))
            }
            _ => error,
        }
    }

    /// Keeps the keys that plugins open for each entry, for `time`. Returns whether they are kept.
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

    /// The store's directory; nothing if it is missing, which means an empty store.
    pub(crate) fn existing(&self) -> Result<Option<Directory>, Error> {
        Ok(self.existing_with_doubt()?.map(|opened| opened.directory))
    }

    /// The same, with the reason why it can't be written to.
    pub(crate) fn existing_with_doubt(&self) -> Result<Option<OpenedStore>, Error> {
        self.environment
            .trust()
            .store_to_read(&self.directory, self.is_named()?)
    }

    /// Whether a setting names the store.
    fn is_named(&self) -> Result<bool, Error> {
        Ok(self.environment.path_setting(settings::DIRECTORY)?.is_some())
    }

    pub(crate) fn entry_names(&self, directory: &Directory) -> Result<Vec<String>, Error> {
        let mut names = directory
            .names()
            .map_err(Error::file("read the store", &self.directory))?;
        names.retain(|name| is_entry_name(name));
        Ok(names)
    }

    /// Keeps git from merging entries as text. Existing attributes stay unchanged.
    pub(crate) fn keep_entries_whole(&self, directory: &Directory) -> Result<(), Error> {
        if let Ok(None) = directory.read(ATTRIBUTES, 0) {
            let line = format!("{ATTRIBUTE}\n");
            directory
                .create_new(ATTRIBUTES, line.as_bytes(), 0o644)
                .map_err(Error::file("write", &self.directory.join(ATTRIBUTES)))?;
        }
        Ok(())
    }

    /// The names of files that look like entries.
    pub(crate) fn foreign_names(&self, directory: &Directory) -> Result<Vec<String>, Error> {
        let mut names = directory
            .names()
            .map_err(Error::file("read the store", &self.directory))?;
        names.retain(|name| is_foreign_name(name));
        names.sort();
        Ok(names)
    }

    pub(crate) fn has_entries(&self, directory: &Directory) -> Result<bool, Error> {
        directory
            .has(is_entry_name)
            .map_err(Error::file("read the store", &self.directory))
    }
}

/// Whether nothing can be created there.
fn is_closed(error: &io::Error) -> bool {
    use io::ErrorKind::{NotADirectory, PermissionDenied, ReadOnlyFilesystem};
    matches!(
        error.kind(),
        NotADirectory | PermissionDenied | ReadOnlyFilesystem
    )
}
