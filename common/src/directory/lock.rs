//! The lock of a directory, or of a file that represents one.

use std::fs::File;
use std::io;
use std::sync::mpsc;
use std::time::Duration;

use super::system;

/// Held while writing to a directory. The kernel releases it whenever the process ends.
#[derive(Debug)]
pub struct Lock {
    /// Nothing if the file system doesn't support locks; a single
    /// [`Directory::replace`](super::Directory::replace) is still safe.
    pub(super) file: Option<File>,
    /// False if another process holds another lock of the same directory.
    pub(super) is_alone: bool,
}

impl Lock {
    /// Takes the lock of an open file; see [`Directory::lock`](super::Directory::lock).
    pub fn take(file: File, wait: Duration) -> io::Result<Self> {
        match lock_within(file, wait) {
            Ok(file) => Ok(Self {
                file: Some(file),
                is_alone: true,
            }),
            Err(error) if system::has_no_locks(&error) => Ok(Self {
                file: None,
                is_alone: true,
            }),
            Err(error) => Err(error),
        }
    }

    /// The same lock, marked as not keeping every other writer out: don't touch files that another one has
    /// staged, or is about to rename.
    #[must_use]
    pub fn beside_others(mut self) -> Self {
        self.is_alone = false;
        self
    }

    /// Whether there is no other known writer. True on file systems without locks.
    pub fn is_alone(&self) -> bool {
        self.is_alone
    }

    /// Whether it really keeps other processes out.
    pub(super) fn is_held(&self) -> bool {
        self.file.is_some() && self.is_alone
    }
}

/// The blocking call serves waiters in order; with polling, one of many would starve under load. So it waits
/// in a separate thread, only if the lock isn't free, which ends with the process.
fn lock_within(file: File, wait: Duration) -> io::Result<File> {
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => {}
        Err(std::fs::TryLockError::Error(error)) => return Err(error),
    }
    let (sender, receiver) = mpsc::channel();
    std::thread::Builder::new().spawn(move || {
        let result = file.lock();
        let _ = sender.send(result.map(|()| file));
    })?;
    receiver.recv_timeout(wait).unwrap_or_else(|_| {
        Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "another process has held its lock for too long",
        ))
    })
}
