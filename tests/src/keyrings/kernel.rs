//! The kernel's keyring of this user, of which there is one for all tests that run at a time.
//!
//! `lock`, and every change of an identity with a passphrase, forget all that docker-credential-age keeps there.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

static KEYRING: RwLock<()> = RwLock::new(());

/// For a test that counts on what it keeps there.
pub fn shared() -> RwLockReadGuard<'static, ()> {
    KEYRING.read().unwrap_or_else(PoisonError::into_inner)
}

/// For a test that clears it.
pub fn alone() -> RwLockWriteGuard<'static, ()> {
    KEYRING.write().unwrap_or_else(PoisonError::into_inner)
}
