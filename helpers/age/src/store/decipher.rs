//! Reads the credential in a file, or returns the reason why there is none.

use docker_credential_helper::{Credential, Environment, Error};
use zeroize::Zeroizing;

use super::cipher::{self, Decrypted, Failure, Natives};
use super::entry::{self, Unreadable};
use super::entry_name::entry_name;
use crate::keys::identities::Identities;

/// Why a file doesn't have a credential.
#[derive(Debug)]
pub(crate) enum Problem {
    /// The file exists but can't be read. [`Error::Damaged`]: it can't be an entry.
    Unread(Error),
    NoIdentity,
    Damaged,
    Newer,
    OtherServer,
    /// A plugin's error.
    Plugin(Error),
}

/// The content of a file.
pub(crate) struct Deciphered {
    pub(crate) credential: Credential,
    /// The complete text, with keys that this version ignores.
    pub(crate) plaintext: Zeroizing<Vec<u8>>,
    /// We wrote it, for ourselves alone.
    pub(super) is_private: bool,
}

/// The content of the file, if it belongs there.
pub(super) fn decipher(
    file: &[u8],
    name: &str,
    identities: &Identities,
    environment: &Environment,
) -> Result<Deciphered, Problem> {
    checked(cipher::decrypt(file, identities, environment), name)
}

/// As [`decipher`], without plugins, so this can run in several threads.
pub(super) fn decipher_natively(
    file: &[u8],
    name: &str,
    natives: &Natives<'_>,
) -> Result<Deciphered, Problem> {
    checked(cipher::decrypt_natively(file, natives), name)
}

/// The decrypted content, if it belongs in this file: somebody who can write to the store but not read it
/// must not be able to send a registry's password to another by swapping two files.
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
