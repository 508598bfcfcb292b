//! The Windows Credential Manager: generic credentials.

use std::collections::HashMap;
use std::sync::Arc;

use docker_credential_helper::{Environment, Error};
use keyring_core::Entry;
use keyring_core::api::CredentialStoreApi;
use windows_native_keyring_store::Store;

use crate::blobs::{BlobStore, PREFIX};
use crate::native::Platform;

pub(crate) fn open(_: &Environment) -> Result<BlobStore<CredentialManager>, Error> {
    Store::new()
        .map(|store| BlobStore::new(CredentialManager(store)))
        .map_err(|_| Error::unavailable("the Credential Manager cannot be opened"))
}

pub(crate) struct CredentialManager(Arc<Store>);

impl Platform for CredentialManager {
    const STORE: &str = "the Credential Manager";
    /// `CRED_MAX_CREDENTIAL_BLOB_SIZE`, five times 512.
    const BLOB_MAX: usize = 2560;
    /// `CRED_MAX_GENERIC_TARGET_NAME_LENGTH`.
    const NAME_MAX: usize = 32767;

    fn entry(&self, name: &str) -> keyring_core::Result<Entry> {
        // Only on this machine, as docker's own helper does: the library's default roams in a domain.
        let modifiers = HashMap::from([("target", name), ("persistence", "local")]);
        self.0.build("", "", Some(&modifiers))
    }

    fn names(&self) -> keyring_core::Result<Vec<String>> {
        let pattern = format!("^{PREFIX}");
        let ours = self.0.search(&HashMap::from([("pattern", pattern.as_str())]))?;
        Ok(ours
            .iter()
            // Entries deleted since the search have no attributes.
            .filter_map(|entry| entry.get_attributes().ok())
            .filter_map(|mut attributes| attributes.remove("target_name"))
            .collect())
    }

    /// Only the session itself can be locked, which the library reports with its own error.
    fn is_locked(_: &(dyn std::error::Error + 'static)) -> bool {
        false
    }
}
