//! The lock of a store, which other users can't block.
//!
//! We lock the directory itself, so a team's git repository never contains a lock file. But any user who can
//! read a directory can hold its lock, and so keep everybody else from storing. So if others can read it, as
//! in a git clone, the lock that counts is a file in our own configuration, named by the store's real path.
//! We also take the directory's own lock, because it is the only one that we share with processes with
//! another home or of version 0.1.0. Without it, we still replace a single file, but don't encrypt the
//! entries again, and ignore staged files.

use std::io;
use std::ops::Deref;
use std::path::Path;
use std::time::Duration;

use docker_credential_helper::directory::{Directory, Lock};
use docker_credential_helper::{Error, hex};
use sha2::{Digest, Sha256};

use super::AgeStore;
use crate::settings;

/// A writer holds the lock for a millisecond. After this time, the other process probably hangs.
const WAIT: Duration = Duration::from_secs(30);

/// The time to wait for a lock that any user can hold.
const WAIT_FOR_OTHERS: Duration = Duration::from_secs(3);

/// Below our configuration directory.
const DIRECTORY: &str = "locks";

/// Held while writing to a store.
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
            // A read-only home or configuration can't have a lock file, so the directory's own lock counts.
            own => own.ok().flatten(),
        };
        match (own, directory.lock(WAIT_FOR_OTHERS)) {
            (Some(lock), Ok(second)) => Ok(StoreLock {
                lock,
                _second: Some(second),
            }),
            // Another user may be holding it to block us. A process that is encrypting the entries again
            // isn't one, because other users can't write here, and it would overwrite our login.
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
                    "cannot lock the store {0}: another process holds the lock, which any user who may read the \
                     directory can do; run: chmod go-rwx {0}",
                    self.path().display()
                )))
            }
            (None, Err(error)) => Err(locking()(error)),
        }
    }

    /// Our own lock file for this store; nothing for a job without a home, or if it can't be created.
    fn own_lock_directory(&self) -> Option<(Directory, String)> {
        let configuration = settings::configuration_directory(self.environment()).ok()?;
        // If others can create the file first, they can hold its lock.
        self.environment().trust().own_directory(&configuration).ok()?;
        let directory = Directory::create(&configuration.join(DIRECTORY)).ok()?;
        let store = self.path().canonicalize().ok()?;
        Some((
            directory,
            hex(&Sha256::digest(store.as_os_str().as_encoded_bytes())),
        ))
    }
}

/// Whether other users can open the directory, and so lock it.
#[cfg(unix)]
fn is_open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    std::fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_: &Path) -> bool {
    false
}
