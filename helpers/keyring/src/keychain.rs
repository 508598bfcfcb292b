//! The macOS Keychain: generic passwords in the login keychain. We don't have a Mac and never ran this; we
//! compile it, and test the parts that other systems share.

use std::collections::HashMap;
use std::sync::Arc;

use apple_native_keyring_store::keychain::Store;
use docker_credential_helper::{Environment, Error};
use keyring_core::Entry;
use keyring_core::api::CredentialStoreApi;

use crate::blobs::{BlobStore, PREFIX};
use crate::native::Platform;

/// The account of every item, so that each server has one item, whatever the user name.
const ACCOUNT: &str = "docker-credential-keyring";

pub(crate) fn open(_: &Environment) -> Result<BlobStore<Keychain>, Error> {
    Store::new()
        .map(|store| BlobStore::new(Keychain(store)))
        .map_err(|_| Error::unavailable("the keychain cannot be opened; log in to a desktop session"))
}

pub(crate) struct Keychain(Arc<Store>);

impl Platform for Keychain {
    const STORE: &str = "the keychain";
    /// The keychain doesn't document a limit; this is larger than any request.
    const BLOB_MAX: usize = 1 << 22;
    const NAME_MAX: usize = 1 << 15;

    fn entry(&self, name: &str) -> keyring_core::Result<Entry> {
        self.0.build(name, ACCOUNT, None)
    }

    fn names(&self) -> keyring_core::Result<Vec<String>> {
        let ours = self.0.search(&HashMap::from([("user", ACCOUNT)]))?;
        Ok(ours
            .iter()
            .filter_map(Entry::get_specifiers)
            .map(|(service, _)| service)
            .filter(|service| service.starts_with(PREFIX))
            .collect())
    }

    /// By the code, because the texts are translated and don't contain it.
    fn is_locked(cause: &(dyn std::error::Error + 'static)) -> bool {
        const INTERACTION_NOT_ALLOWED: i32 = -25308;
        const USER_CANCELED: i32 = -128;
        const AUTH_FAILED: i32 = -25293;
        cause
            .downcast_ref::<security_framework::base::Error>()
            .is_some_and(|error| {
                matches!(
                    error.code(),
                    INTERACTION_NOT_ALLOWED | USER_CANCELED | AUTH_FAILED
                )
            })
    }
}
