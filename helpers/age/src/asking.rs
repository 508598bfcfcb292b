//! Asks a person, one process at a time, and keeps the answer for a while.

pub(crate) mod kernel_keyring;
pub(crate) mod new_passphrase;
pub(crate) mod passphrase_file;
pub(crate) mod prompt;
pub(crate) mod prompt_lock;
