//! This user's kernel keyring, which all running tests share.
//!
//! `lock`, and every change of an identity with a passphrase, remove everything that docker-credential-age
//! keeps there.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

static KEYRING: RwLock<()> = RwLock::new(());

/// For a test that depends on its keys there.
pub fn shared() -> RwLockReadGuard<'static, ()> {
    KEYRING.read().unwrap_or_else(PoisonError::into_inner)
}

/// For a test that clears it.
pub fn alone() -> RwLockWriteGuard<'static, ()> {
    KEYRING.write().unwrap_or_else(PoisonError::into_inner)
}
