//! From a file to the credential in it, or the reason why there is none.

use age::x25519;
use docker_credential_helper::{Credential, Environment, Error};
use zeroize::Zeroizing;

use super::AgeStore;
use super::cipher::{self, Failure};
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

impl Problem {
    /// Whether nothing but another identity or a backup can help. What a newer version wrote is only not for us, and
    /// what could not be read or opened today may be tomorrow.
    pub(super) fn is_lost(&self) -> bool {
        match self {
            Self::NoIdentity | Self::Damaged | Self::OtherServer | Self::Unread(Error::Damaged(_)) => true,
            Self::Newer | Self::Unread(_) | Self::Plugin(_) => false,
        }
    }
}

/// What is in a file.
pub(crate) struct Deciphered {
    pub(crate) credential: Credential,
    /// All of it, with what a reader of today passes over.
    pub(crate) plaintext: Zeroizing<Vec<u8>>,
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
    identities: &[x25519::Identity],
) -> Result<Deciphered, Problem> {
    checked(cipher::decrypt_natively(file, identities), name)
}

/// What was decrypted, provided that it belongs into this file: whoever can write to the store, though not read it,
/// must not have one registry's password sent to another by swapping two files.
fn checked(decrypted: Result<Zeroizing<Vec<u8>>, Failure>, name: &str) -> Result<Deciphered, Problem> {
    let plaintext = decrypted.map_err(|failure| match failure {
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
    })
}

impl AgeStore {
    pub(super) fn explain(&self, problem: Problem, name: &str) -> Error {
        let path = self.path().join(name);
        let path = path.display();
        match problem {
            Problem::NoIdentity => Error::Damaged(
                format!(
                    "your identity does not open {path}; use the one it was stored with, or log in again"
                )
                .into(),
            ),
            Problem::Damaged => {
                Error::Damaged(format!("{path} is damaged; log in to that server again to replace it").into())
            }
            Problem::Newer => Error::Unsupported(
                format!(
                    "{path} was written by a newer version of docker-credential-age; install that version"
                )
                .into(),
            ),
            Problem::OtherServer => Error::Damaged(
                format!("{path} holds the credential of another server; log in to both servers again").into(),
            ),
            Problem::Unread(error) | Problem::Plugin(error) => error,
        }
    }
}
