//! Encrypts every entry again, to other recipients or to the same: all of them or none.
//!
//! It stages every file next to the one it will replace, then writes a mark that all of them are complete,
//! and then moves each to its place. After a kill before the mark, nothing has changed; after a later kill,
//! each file is readable by the old or the new recipients, and the next process with the lock finishes the
//! work.

use std::io;
use std::path::PathBuf;

use docker_credential_helper::directory::{Directory, Lock};
use docker_credential_helper::show::ShellCommand;
use docker_credential_helper::{Error, ServerUrl};

use super::decipher::Problem;
use super::entry_name::is_entry_name;
use super::unreadable::Unreadable;
use super::{AgeStore, RecipientSource, cipher};
use crate::keys::identities::Identities;
use crate::keys::own_stanza::OwnKey;
use crate::keys::recipient::Recipient;
use crate::sharing::recipients_file::{self, RecipientsFile};

/// Exists while staged files are being moved to their places.
const MARK: &str = ".rekey-commit";

/// For people who find the file.
const MARK_TEXT: &[u8] =
    b"docker-credential-age was encrypting this store again and was interrupted; its next store or rekey completes it.\n";

/// The file with the name of the mark.
#[derive(Debug)]
pub(crate) enum Mark {
    None,
    /// The staged files must be moved to their places.
    Pending,
    /// Another file, which we didn't create. It only blocks a rekey, which needs the name.
    Foreign(PathBuf),
}

/// Progress is shown after this many files.
const STEP: usize = 100;

/// All entries, encrypted again but not yet in their places. Only [`commit`](Self::commit) changes anything;
/// dropping this changes nothing.
#[must_use]
pub(crate) struct StagedRekey<'a> {
    store: &'a AgeStore,
    directory: &'a Directory,
    lock: &'a Lock,
    servers: Vec<ServerUrl>,
    /// The number of staged files: one for each server, and the list if it changes.
    files: usize,
}

impl StagedRekey<'_> {
    /// Moves everything to its place; returns the servers of the entries.
    ///
    /// If it fails while [a rekey is pending](AgeStore::is_rekey_pending), the next writer completes it.
    pub(crate) fn commit(mut self) -> Result<Vec<ServerUrl>, Error> {
        self.assert_whole()?;
        let servers = std::mem::take(&mut self.servers);
        self.directory
            .sync()
            .map_err(Error::file("write", self.store.path()))?;
        self.directory
            .create_new(MARK, MARK_TEXT, 0o600)
            .map_err(Error::file("write", &self.store.path().join(MARK)))?;
        self.store.finish_rekey(self.directory, self.lock)?;
        Ok(servers)
    }

    /// A writer of another version may have removed the staged files as leftovers of a killed one.
    fn assert_whole(&self) -> Result<(), Error> {
        let staged = self.directory.staged();
        let staged = staged.map_err(Error::file("read", self.store.path()))?;
        if staged.len() >= self.files {
            return Ok(());
        }
        Err(Error::unavailable(
            "cannot encrypt the entries again: another process wrote to the store at the same time; no entry was \
             changed; run this again",
        ))
    }
}

impl Drop for StagedRekey<'_> {
    fn drop(&mut self) {
        // Leftovers are harmless: the next writer removes them, unless it finds the mark.
        if let Ok(false) = self.store.is_rekey_pending(self.directory) {
            let _ = self.store.unstage_all(self.directory, self.lock);
        }
    }
}

impl AgeStore {
    /// Encrypts every entry to `recipients`, and stages the result. `file` becomes the store's own list.
    ///
    /// Calls `progress` regularly, with the number of finished files and of all files.
    ///
    /// Fails if an entry can't be read, because after a change of recipients, perhaps nobody could.
    pub(crate) fn stage_rekey<'a>(
        &'a self,
        directory: &'a Directory,
        lock: &'a Lock,
        identities: &Identities,
        recipients: &[Recipient],
        file: Option<&RecipientsFile>,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<StagedRekey<'a>, Error> {
        if !lock.is_alone() {
            return Err(Error::unavailable(
                "cannot encrypt the entries again: another process holds the lock of the store; run this again",
            ));
        }
        if let Mark::Foreign(path) = self.mark(directory)? {
            return Err(Error::refused(format!(
                "cannot encrypt the entries again: {} is not a file of ours; run: {}",
                path.display(),
                ShellCommand::new("rm -r").path(self.environment(), &path)
            )));
        }
        let names = self.entry_names(directory)?;
        let writing = |name: &str| {
            let path = self.path().join(name);
            move |error| Error::file("write", &path)(error)
        };
        self.unstage_all(directory, lock)?;
        let own = OwnKey::among(&identities.x25519, recipients);
        let mut staged = StagedRekey {
            store: self,
            directory,
            lock,
            servers: Vec::with_capacity(names.len()),
            files: names.len() + usize::from(file.is_some()),
        };
        let mut unreadable = Unreadable::default();
        for (name, result) in self.decipher_all(directory, &names, identities) {
            let deciphered = match result {
                Ok(deciphered) => deciphered,
                Err(Problem::Plugin(error)) => return Err(error),
                Err(problem) => {
                    unreadable.add(self, name, problem);
                    continue;
                }
            };
            if !unreadable.is_none() {
                continue;
            }
            let content = cipher::encrypt(
                &deciphered.plaintext,
                recipients,
                own.as_ref(),
                self.environment(),
            )?;
            directory
                .stage(lock, name, &content, 0o600)
                .map_err(writing(name))?;
            staged.servers.push(deciphered.credential.server().clone());
            if staged.servers.len().is_multiple_of(STEP) {
                progress(staged.servers.len(), names.len());
            }
        }
        if !unreadable.is_none() {
            return Err(self.refuse_rekey(directory, &mut unreadable, identities));
        }
        if let Some(file) = file {
            let content = file.to_text();
            // Colleagues share it, and it only holds public keys.
            directory
                .stage(lock, recipients_file::FILE, content.as_bytes(), 0o644)
                .map_err(writing(recipients_file::FILE))?;
        }
        staged.servers.sort_by_key(|server| server.key().to_string());
        Ok(staged)
    }

    /// Encrypts every entry to `recipients`, and writes `after`, if there is one, as the store's own list.
    /// Returns the servers of the entries.
    ///
    /// Calls `prepare` after everything is staged and before anything changes. If it fails, nothing changes.
    ///
    /// Approves first, because an interrupted change must not leave a list that its own author has to
    /// approve. Both lists are approved until the change is complete.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is another thing, and there are two callers"
    )]
    pub(crate) fn encrypt_again(
        &self,
        directory: &Directory,
        lock: &Lock,
        identities: &Identities,
        recipients: &[Recipient],
        (before, after): (&RecipientSource, Option<&RecipientsFile>),
        prepare: impl FnOnce() -> Result<(), Error>,
        progress: impl FnMut(usize, usize),
    ) -> Result<Vec<ServerUrl>, Error> {
        let staged = self.stage_rekey(directory, lock, identities, recipients, after, progress)?;
        let Some(after) = after else {
            staged.assert_whole()?;
            prepare()?;
            return staged.commit();
        };
        self.keep_entries_whole(directory)?;
        let record = self.approval_record()?;
        let mut both = after.named();
        if let RecipientSource::File(before) = before {
            // Our own key in it didn't need approval, but will after the identity has changed.
            both.extend(before.named());
        }
        let approved = record.allow(&both, matches!(before, RecipientSource::Own))?;
        let done = staged
            .assert_whole()
            .and_then(|()| prepare())
            .and_then(|()| staged.commit());
        match &done {
            Ok(_) => record.approve(&after.named())?,
            // After a partial failure, the next writer completes it, and needs both lists.
            Err(_) if self.is_rekey_pending(directory)? || self.is_rotation_pending()? => {}
            Err(_) => record.restore(&approved)?,
        }
        done
    }

    /// Completes a marked but interrupted change. Every writer does so after it takes the lock.
    pub(crate) fn finish_rekey(&self, directory: &Directory, lock: &Lock) -> Result<(), Error> {
        let finishing = || Error::file("finish encrypting again", self.path());
        if !self.is_rekey_pending(directory)? {
            return Ok(());
        }
        let staged = directory.staged().map_err(finishing())?;
        // The list first, so that new logins are for its recipients.
        let (list, entries): (Vec<&String>, Vec<&String>) = staged
            .iter()
            .filter(|name| *name == recipients_file::FILE || is_entry_name(name))
            .partition(|name| *name == recipients_file::FILE);
        for name in list.into_iter().chain(entries) {
            directory.promote(lock, name).map_err(finishing())?;
        }
        directory.sync().map_err(finishing())?;
        directory.remove(MARK).map_err(finishing())?;
        Ok(())
    }

    /// Whether a writer was interrupted while moving staged files to their places.
    pub(crate) fn is_rekey_pending(&self, directory: &Directory) -> Result<bool, Error> {
        Ok(matches!(self.mark(directory)?, Mark::Pending))
    }

    /// The kind of file with the name of the mark.
    pub(crate) fn mark(&self, directory: &Directory) -> Result<Mark, Error> {
        let path = self.path().join(MARK);
        match directory.read(MARK, 1 << 12) {
            Ok(None) => Ok(Mark::None),
            Ok(Some(_)) => Ok(Mark::Pending),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::InvalidData | io::ErrorKind::FileTooLarge
                ) =>
            {
                Ok(Mark::Foreign(path))
            }
            Err(error) => Err(Error::file("read", &path)(error)),
        }
    }

    fn unstage_all(&self, directory: &Directory, lock: &Lock) -> Result<(), Error> {
        let removing = || Error::file("remove what was staged in", self.path());
        for name in directory.staged().map_err(removing())? {
            directory.unstage(lock, &name).map_err(removing())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::source;

    #[test]
    fn a_rekey_that_lost_a_staged_file_changes_nothing() {
        let place = tempfile::tempdir().unwrap();
        let environment = docker_credential_helper::Environment::stated("age", [("HOME", place.path())]);
        let store = AgeStore::open(&environment).unwrap();
        let directory = store.create().unwrap();
        let lock = store.lock(&directory).unwrap();
        let identities = source::create_first(&environment).unwrap();
        let identities = identities.open(&environment).unwrap();
        let list = RecipientsFile::of([identities.x25519[0].to_public().to_string()]);
        let recipients = list.recipients();
        let stage = || {
            let progress = |_, _| {};
            store.stage_rekey(&directory, &lock, &identities, &recipients, Some(&list), progress)
        };
        let staged = stage().unwrap();
        directory.unstage(&lock, recipients_file::FILE).unwrap();
        let error = staged.commit().unwrap_err().to_string();
        assert!(error.contains("no entry was changed"), "{error}");
        assert!(!store.is_rekey_pending(&directory).unwrap());
        assert!(store.recipients_file(&directory).unwrap().is_none());
        stage().unwrap().commit().unwrap();
        assert!(store.recipients_file(&directory).unwrap().is_some());
    }
}
