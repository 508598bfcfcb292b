//! Stores a login and reads it back: it counts as stored only if it comes back unchanged.

use crate::{Credential, CredentialStore, Error};

/// How to store a login.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::commands) struct StoreOptions {
    /// Replace a login that differs.
    pub(in crate::commands) replace: bool,
    /// Find the result without storing anything.
    pub(in crate::commands) dry_run: bool,
}

/// The result for a login.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::commands) enum StoreOutcome {
    /// The store has it now, or would have it after a dry run.
    Stored,
    /// The store had the same one.
    Present,
    /// The store has a different one, of this user, and keeps it.
    Kept(String),
}

/// Stores a credential, reads it back and compares. The store may be ours or another helper.
pub(in crate::commands) fn store_verified(
    store: &dyn CredentialStore,
    credential: &Credential,
    options: StoreOptions,
) -> Result<StoreOutcome, Error> {
    match store.get(credential.server()) {
        Ok(Some(present)) if present.is_same_login(credential) => return Ok(StoreOutcome::Present),
        Ok(Some(present)) if !options.replace => {
            return Ok(StoreOutcome::Kept(present.username().as_str().to_owned()));
        }
        Ok(_) => {}
        // Replaces an unreadable entry only if the user allows it.
        Err(Error::Damaged(_)) if options.replace => {}
        Err(error) => return Err(error),
    }
    if options.dry_run {
        return Ok(StoreOutcome::Stored);
    }
    store.store(credential)?;
    match store.get(credential.server())? {
        Some(present) if present.is_same_login(credential) => Ok(StoreOutcome::Stored),
        _ => Err(Error::damaged(
            "the store returned a different login than the one it was given",
        )),
    }
}
