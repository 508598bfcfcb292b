//! age, reduced to what the store needs, with its errors reduced to what a reader can do about them.
//!
//! The library's own error texts never reach a user: they run over several lines, hold invisible characters, and one
//! of them can panic while it is printed.

use std::io::{Read, Write};

use age::armor::ArmoredReader;
use age::x25519::{Identity, Recipient};
use age::{DecryptError, Decryptor, Encryptor};
use zeroize::Zeroizing;

/// Why a file could not be decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It is whole as far as can be told, and encrypted to others.
    NoIdentity,
    /// It is no age file, or not all of one, or it was changed.
    Damaged,
}

/// An age file, in binary form or armored.
pub(crate) fn decrypt(file: &[u8], identities: &[Identity]) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let decryptor = Decryptor::new_buffered(ArmoredReader::new(file)).map_err(|error| failure(&error))?;
    let mut reader = decryptor
        .decrypt(identities.iter().map(|identity| identity as &dyn age::Identity))
        .map_err(|error| failure(&error))?;
    let mut plaintext = Zeroizing::new(Vec::with_capacity(file.len()));
    reader.read_to_end(&mut plaintext).map_err(|_| Failure::Damaged)?;
    Ok(plaintext)
}

/// A binary age file for these recipients, of whom there is at least one.
pub(crate) fn encrypt(plaintext: &[u8], recipients: &[Recipient]) -> Option<Vec<u8>> {
    let recipients = recipients
        .iter()
        .map(|recipient| recipient as &dyn age::Recipient);
    let mut file = Vec::with_capacity(plaintext.len() + 1024);
    let mut writer = Encryptor::with_recipients(recipients)
        .ok()?
        .wrap_output(&mut file)
        .ok()?;
    writer.write_all(plaintext).ok()?;
    writer.finish().ok()?;
    Some(file)
}

fn failure(error: &DecryptError) -> Failure {
    match error {
        DecryptError::NoMatchingKeys => Failure::NoIdentity,
        _ => Failure::Damaged,
    }
}
