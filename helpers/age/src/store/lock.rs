//! The lock of a store, which no other user can keep from us.
//!
//! The directory itself is locked, so that no lock file is in a store that a team keeps in git. But any user who may read
//! a directory can hold its lock, and would keep everybody else from storing. So where others may read it, as in a clone
//! that git made, the lock that counts is a file in our own configuration, named by the store's real path. The
//! directory's own is taken as well, because a process with another home, or of version 0.1.0, shares no other with us. Without
//! it, a single file is replaced all the same, but the entries aren't encrypted again, and staged files are left alone.

use std::io;
use std::ops::Deref;
use std::path::Path;
use std::time::Duration;

use docker_credential_helper::directory::{Directory, Lock};
use docker_credential_helper::{Error, hex};
use sha2::{Digest, Sha256};

use super::AgeStore;
use crate::settings;

/// A writer holds the lock for a millisecond. Someone who waits this long waits for a process that hangs.
const WAIT: Duration = Duration::from_secs(30);

/// How long to wait for a lock that any user can hold.
const WAIT_FOR_OTHERS: Duration = Duration::from_secs(3);

/// Beneath our configuration.
const DIRECTORY: &str = "locks";

/// Held while a store is written to.
#[derive(Debug)]
pub(crate) struct StoreLock {
    lock: Lock,
    _second: Option<Lock>,
}

impl Deref for StoreLock {
    type Target = Lock;

    fn deref(&self) -> &Lock {
        &self.lock
    }
}

impl AgeStore {
    pub(crate) fn lock(&self, directory: &Directory) -> Result<StoreLock, Error> {
        let locking = || Error::file("lock the store", self.path());
        if !is_open_to_others(self.path()) {
            let lock = directory.lock(WAIT).map_err(locking())?;
            return Ok(StoreLock { lock, _second: None });
        }
        let own = self.own_lock_directory();
        let own = own.map(|(directory, name)| directory.lock_named(&name, WAIT));
        let own = match own.transpose() {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => return Err(locking()(error)),
            // A home or configuration that can't be written to has no lock file: the directory's own lock counts.
            own => own.ok().flatten(),
        };
        match (own, directory.lock(WAIT_FOR_OTHERS)) {
            (Some(lock), Ok(second)) => Ok(StoreLock {
                lock,
                _second: Some(second),
            }),
            // It may be a user who wants to keep us from storing. It isn't if it encrypts the entries again: nobody
            // else can write here, and it would overwrite what we store.
            (Some(_), Err(error)) if !directory.staged().map_err(locking())?.is_empty() => {
                Err(locking()(error))
            }
            (Some(lock), Err(_)) => Ok(StoreLock {
                lock: lock.beside_others(),
                _second: None,
            }),
            (None, Ok(lock)) => Ok(StoreLock { lock, _second: None }),
            (None, Err(error)) if error.kind() == io::ErrorKind::TimedOut => {
                Err(Error::unavailable(format!(
                    "cannot lock the store {0}: another process holds the lock, which any user who may read the directory \
                 can do; run: chmod go-rwx {0}",
                    self.path().display()
                )))
            }
            (None, Err(error)) => Err(locking()(error)),
        }
    }

    /// Where our own lock for this store is; nothing for a job without a home, or if it can't be made.
    fn own_lock_directory(&self) -> Option<(Directory, String)> {
        let configuration = settings::configuration_directory(self.environment()).ok()?;
        // Where others can make the file first, they hold its lock.
        self.environment().trust().own_directory(&configuration).ok()?;
        let directory = Directory::create(&configuration.join(DIRECTORY)).ok()?;
        let store = self.path().canonicalize().ok()?;
        Some((
            directory,
            hex(&Sha256::digest(store.as_os_str().as_encoded_bytes())),
        ))
    }
}

/// Whether other users may open the directory, and so lock it.
#[cfg(unix)]
fn is_open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    std::fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_: &Path) -> bool {
    false
}
