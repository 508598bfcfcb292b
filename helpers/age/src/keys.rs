//! Keys, from the ground up: what an identity and a recipient are, files that hold one, passphrases and plugins, and at
//! the top where an identity comes from.

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
