//! The stores of macOS and Windows in `keyring-core`: named blobs, one entry each.

use std::error::Error as _;

use docker_credential_helper::Error;
use keyring_core::{Entry, Error as KeyringError};
use zeroize::Zeroizing;

use crate::blobs::Blobs;

/// The differences between the systems.
pub(crate) trait Platform {
    const STORE: &str;
    /// As in [`Blobs`].
    const BLOB_MAX: usize;
    /// As in [`Blobs`].
    const NAME_MAX: usize;
    /// The entry of this name, which may not exist.
    fn entry(&self, name: &str) -> keyring_core::Result<Entry>;
    /// The names of all entries that could be ours.
    fn names(&self) -> keyring_core::Result<Vec<String>>;
    /// Whether this error means that a person must unlock the store.
    fn is_locked(cause: &(dyn std::error::Error + 'static)) -> bool;
}

impl<P: Platform> Blobs for P {
    const BLOB_MAX: usize = <P as Platform>::BLOB_MAX;
    const NAME_MAX: usize = <P as Platform>::NAME_MAX;
    const STORE: &str = <P as Platform>::STORE;

    fn read(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        match self.entry(name).and_then(|entry| entry.get_secret()) {
            Ok(blob) => Ok(Some(Zeroizing::new(blob))),
            Err(KeyringError::NoEntry) => Ok(None),
            Err(error) => Err(shown::<P>(error)),
        }
    }

    fn write(&self, name: &str, blob: &[u8]) -> Result<(), Error> {
        // Not as a password, which would be stored as UTF-16 and take twice the space.
        self.entry(name)
            .and_then(|entry| entry.set_secret(blob))
            .map_err(shown::<P>)
    }

    fn delete(&self, name: &str) -> Result<(), Error> {
        match self.entry(name).and_then(|entry| entry.delete_credential()) {
            Ok(()) | Err(KeyringError::NoEntry) => Ok(()),
            Err(error) => Err(shown::<P>(error)),
        }
    }

    fn names(&self) -> Result<Vec<String>, Error> {
        Platform::names(self).map_err(shown::<P>)
    }
}

/// The library's own texts are for programmers, and one of its errors contains the secret, so show only the
/// system's text.
fn shown<P: Platform>(error: KeyringError) -> Error {
    let store = <P as Platform>::STORE;
    match error {
        KeyringError::NoStorageAccess(cause) => Error::locked(format!(
            "{store} is locked or unreachable ({cause}); unlock it and try again"
        )),
        KeyringError::PlatformFailure(cause) => {
            if P::is_locked(&*cause) {
                Error::locked(format!(
                    "{store} was not unlocked ({cause}); unlock it and try again"
                ))
            } else {
                Error::unavailable(format!("{store} refuses: {cause}"))
            }
        }
        KeyringError::TooLong(_, limit) => Error::refused(format!(
            "{store} cannot hold more than {limit} characters of this"
        )),
        error => {
            debug_assert!(error.source().is_none());
            Error::unavailable(format!("{store} cannot be used"))
        }
    }
}
