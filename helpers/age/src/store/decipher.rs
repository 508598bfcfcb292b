//! From a file to the credential in it, or the reason why there is none.

use docker_credential_helper::{Credential, Environment, Error};
use zeroize::Zeroizing;

use super::cipher::{self, Decrypted, Failure, Natives};
use super::entry::{self, Unreadable};
use super::entry_name::entry_name;
use crate::keys::identities::Identities;

/// Why a file gives no credential.
#[derive(Debug)]
pub(crate) enum Problem {
    /// The file is there and cannot be read. [`Error::Damaged`]: it is none that could hold an entry.
    Unread(Error),
    NoIdentity,
    Damaged,
    Newer,
    OtherServer,
    /// A plugin says why.
    Plugin(Error),
}

/// What is in a file.
pub(crate) struct Deciphered {
    pub(crate) credential: Credential,
    /// All of it, with the keys that this version ignores.
    pub(crate) plaintext: Zeroizing<Vec<u8>>,
    /// We wrote it, for ourselves alone.
    pub(super) is_private: bool,
}

/// What is in the file, if it belongs there.
pub(super) fn decipher(
    file: &[u8],
    name: &str,
    identities: &Identities,
    environment: &Environment,
) -> Result<Deciphered, Problem> {
    checked(cipher::decrypt(file, identities, environment), name)
}

/// As [`decipher`], without plugins: this may be done in several threads.
pub(super) fn decipher_natively(
    file: &[u8],
    name: &str,
    natives: &Natives<'_>,
) -> Result<Deciphered, Problem> {
    checked(cipher::decrypt_natively(file, natives), name)
}

/// What was decrypted, if it belongs into this file: someone who can write to the store, though not read it, must not
/// have one registry's password sent to another by swapping two files.
fn checked(decrypted: Result<Decrypted, Failure>, name: &str) -> Result<Deciphered, Problem> {
    let Decrypted {
        plaintext,
        is_private,
    } = decrypted.map_err(|failure| match failure {
        Failure::NoIdentity => Problem::NoIdentity,
        Failure::Damaged => Problem::Damaged,
        Failure::Plugin(error) => Problem::Plugin(error),
    })?;
    let credential = entry::from_plaintext(&plaintext).map_err(|unreadable| match unreadable {
        Unreadable::Newer => Problem::Newer,
        Unreadable::Malformed => Problem::Damaged,
    })?;
    if entry_name(credential.server().key()) != name {
        return Err(Problem::OtherServer);
    }
    Ok(Deciphered {
        credential,
        plaintext,
        is_private,
    })
}
