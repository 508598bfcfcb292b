//! Lets one of several processes ask; the others use its answer.

use std::io;
use std::time::Duration;

use docker_credential_helper::Environment;
use docker_credential_helper::directory::{Directory, Lock};

use super::prompt::PATIENCE;
use crate::settings;

/// The number of attempts.
pub(crate) const ATTEMPTS: u32 = 3;

/// In our own configuration, so other users can't hold it.
const NAME: &str = "prompt.lock";

/// The lock of the process that asks.
pub(crate) struct PromptLock {
    /// Nothing if it can't be created: then every process asks.
    _lock: Option<Lock>,
    /// Whether another process has asked while we waited.
    pub(crate) has_waited: bool,
}

impl PromptLock {
    /// Waits as long as another process's question may take.
    pub(crate) fn take(environment: &Environment) -> Self {
        let free = Self {
            _lock: None,
            has_waited: false,
        };
        // Without a keyring, the others couldn't find the answer.
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
                    // The time for all attempts of another process.
                    _lock: directory.lock_named(NAME, PATIENCE * ATTEMPTS).ok(),
                    has_waited: true,
                }
            }
            Err(_) => free,
        }
    }
}
