//! Keys, from the bottom up: identities and recipients, their files, passphrases and plugins, and at the top
//! the sources of an identity.

pub(crate) mod header;
pub(crate) mod identities;
pub(crate) mod identity_file;
pub(crate) mod origin;
pub(crate) mod outgoing;
pub(crate) mod own_stanza;
pub(crate) mod plugin;
pub(crate) mod recipient;
pub(crate) mod scrypt;
pub(crate) mod sealed;
pub(crate) mod source;
pub(crate) mod ssh;
