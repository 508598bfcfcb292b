//! One of several processes asks, and the others find its answer.

use std::io;
use std::time::Duration;

use docker_credential_helper::Environment;
use docker_credential_helper::directory::{Directory, Lock};

use super::prompt::PATIENCE;
use crate::settings;

/// How often a person may mistype.
pub(crate) const ATTEMPTS: u32 = 3;

/// In our own configuration, where no other user can hold it.
const NAME: &str = "prompt.lock";

/// Held by the process that asks.
pub(crate) struct PromptLock {
    /// Nothing where it cannot be made: then everyone asks.
    _lock: Option<Lock>,
    /// Whether another process asked in the meantime.
    pub(crate) has_waited: bool,
}

impl PromptLock {
    /// Waits as long as a person may take to answer another process.
    pub(crate) fn take(environment: &Environment) -> Self {
        let free = Self {
            _lock: None,
            has_waited: false,
        };
        // There is no keyring in which the others would find the answer.
        if cfg!(windows) {
            return free;
        }
        let Some(directory) = settings::configuration_directory(environment)
            .ok()
            .and_then(|path| Directory::create(&path).ok())
        else {
            return free;
        };
        match directory.lock_named(NAME, Duration::ZERO) {
            Ok(lock) => Self {
                _lock: Some(lock),
                ..free
            },
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                environment.log(|| "waiting for another process that opens the identity".to_owned());
                Self {
                    // All of somebody else's attempts.
                    _lock: directory.lock_named(NAME, PATIENCE * ATTEMPTS).ok(),
                    has_waited: true,
                }
            }
            Err(_) => free,
        }
    }
}
