//! age, reduced to what the store needs, with its errors reduced to what a reader can do about them.
//!
//! The library's own error texts never reach a user: they run over several lines, hold invisible characters, and one
//! of them can panic while it is printed.

use std::io::Read;

use age::armor::ArmoredReader;
use age::{DecryptError, Decryptor, EncryptError, Encryptor, x25519};
use docker_credential_helper::{Environment, Error};
use zeroize::Zeroizing;

use crate::keys::identities::Identities;
use crate::keys::plugin::{self, Party};
use crate::keys::recipient::Recipient;
use crate::keys::scrypt;

/// Why a file could not be decrypted.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It is whole as far as can be told, and encrypted to others.
    NoIdentity,
    /// It is no age file, or not all of one, or it was changed.
    Damaged,
    /// The plugin that could have opened it did not.
    Plugin(Error),
}

/// An age file, in binary form or armored. The plugins of plugin identities are run only if no other opens it.
pub(crate) fn decrypt(
    file: &[u8],
    identities: &Identities,
    environment: &Environment,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let unwrappers = identities.plugins.unwrappers(environment);
    let native = native(&identities.x25519);
    decrypt_with(file, native.chain(unwrappers.iter().map(AsRef::as_ref)))
}

/// An age file, without plugins: this may be done in several threads.
pub(crate) fn decrypt_natively(
    file: &[u8],
    identities: &[x25519::Identity],
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    decrypt_with(file, native(identities))
}

fn native(identities: &[x25519::Identity]) -> impl Iterator<Item = &dyn age::Identity> {
    identities.iter().map(|identity| identity as &dyn age::Identity)
}

fn decrypt_with<'a>(
    file: &[u8],
    identities: impl Iterator<Item = &'a dyn age::Identity>,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let decryptor = Decryptor::new_buffered(ArmoredReader::new(file)).map_err(failure)?;
    let mut reader = decryptor.decrypt(identities).map_err(failure)?;
    let mut plaintext = Zeroizing::new(Vec::with_capacity(file.len()));
    reader.read_to_end(&mut plaintext).map_err(|_| Failure::Damaged)?;
    Ok(plaintext)
}

/// A binary age file for these recipients, of whom there is at least one.
pub(crate) fn encrypt(
    plaintext: &[u8],
    recipients: &[Recipient],
    environment: &Environment,
) -> Result<Vec<u8>, Error> {
    let parties = recipients.iter().filter_map(|recipient| match recipient {
        Recipient::Plugin(recipient) => Some(Party::Recipient(recipient)),
        Recipient::HolderOf(identity) => Some(Party::HolderOf(identity)),
        Recipient::X25519(_) | Recipient::Tagged(_) => None,
    });
    let wrappers = plugin::wrappers(parties, environment);
    let own = recipients.iter().filter_map(|recipient| match recipient {
        Recipient::X25519(recipient) => Some(recipient as &dyn age::Recipient),
        Recipient::Tagged(recipient) => Some(recipient as &dyn age::Recipient),
        Recipient::Plugin(_) | Recipient::HolderOf(_) => None,
    });
    let all = own.chain(wrappers.iter().map(AsRef::as_ref));
    let encryptor = Encryptor::with_recipients(all).map_err(refusal)?;
    scrypt::write(encryptor, plaintext)
        .map_err(|_| Error::Unsupported("encrypting for these recipients failed; check them".into()))
}

fn failure(error: DecryptError) -> Failure {
    match error {
        DecryptError::NoMatchingKeys => Failure::NoIdentity,
        DecryptError::Io(error) => match plugin::error_out_of(error) {
            Some(error) => Failure::Plugin(error),
            None => Failure::Damaged,
        },
        _ => Failure::Damaged,
    }
}

fn refusal(error: EncryptError) -> Error {
    match error {
        EncryptError::Io(error) => plugin::error_out_of(error).unwrap_or_else(|| {
            Error::Unsupported("encrypting for these recipients failed; check them".into())
        }),
        EncryptError::IncompatibleRecipients { .. } => Error::Unsupported(
            "these recipients cannot share a file: some are post-quantum and some are not; use one kind"
                .into(),
        ),
        _ => Error::Unsupported("encrypting for these recipients failed; check them".into()),
    }
}
