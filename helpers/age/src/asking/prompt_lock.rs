//! One of several processes asks, and the others find its answer.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::mpsc;

use docker_credential_helper::Environment;

use super::prompt::PATIENCE;

/// How often a person may mistype.
pub(crate) const ATTEMPTS: u32 = 3;

/// The turn to ask: of several processes that need the same identity, one asks and the others wait for its answer.
pub(crate) struct PromptLock {
    /// The lock goes with it. It is on what is there already, open for reading, so that nothing is written.
    _file: Option<File>,
    pub(crate) has_waited: bool,
}

impl PromptLock {
    /// Waits as long as a person may take to answer. Where there are no locks, everyone asks.
    /// `file` is the identity's; without one it is the turn of this user.
    pub(crate) fn take(file: Option<&Path>, environment: &Environment) -> Self {
        // A lock there keeps the others from reading the file at all, and waiting would be for nothing: there is no
        // keyring in which they would find the answer.
        if cfg!(windows) {
            return Self::without_lock(false);
        }
        match file {
            Some(path) => Self::with(File::open(path), environment),
            None => Self::of_user(environment),
        }
    }

    /// The turn of everything that belongs to no file: a directory can be locked as well, on Unix.
    pub(crate) fn of_user(environment: &Environment) -> Self {
        match environment.home_directory() {
            Ok(home) => Self::with(File::open(home), environment),
            Err(_) => Self::without_lock(false),
        }
    }

    fn with(file: io::Result<File>, environment: &Environment) -> Self {
        let Ok(file) = file else {
            return Self::without_lock(false);
        };
        match file.try_lock() {
            Ok(()) => {
                return Self {
                    _file: Some(file),
                    has_waited: false,
                };
            }
            Err(std::fs::TryLockError::WouldBlock) => {}
            Err(std::fs::TryLockError::Error(_)) => return Self::without_lock(false),
        }
        environment.log(|| "waiting for another process that opens the identity".to_owned());
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let locked = file.lock().is_ok();
            let _ = sender.send((file, locked));
        });
        // All of somebody else's attempts.
        let patience = PATIENCE * ATTEMPTS;
        match receiver.recv_timeout(patience) {
            Ok((file, true)) => Self {
                _file: Some(file),
                has_waited: true,
            },
            _ => Self::without_lock(true),
        }
    }

    fn without_lock(has_waited: bool) -> Self {
        Self {
            _file: None,
            has_waited,
        }
    }
}
