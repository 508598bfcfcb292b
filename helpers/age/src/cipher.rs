//! age, reduced to what the store needs, with its errors reduced to what a reader can do about them.
//!
//! The library's own error texts never reach a user: they run over several lines, hold invisible characters, and one
//! of them can panic while it is printed.

use std::io::{self, Read, Write};

use age::armor::ArmoredReader;
use age::secrecy::SecretString;
use age::{DecryptError, Decryptor, EncryptError, Encryptor, scrypt, x25519};
use docker_credential_helper::{Environment, Error};
use zeroize::Zeroizing;

use crate::identity::Identities;
use crate::plugin;
use crate::recipients::Recipient;

/// The work for a passphrase that is accepted, as an exponent of two: what age itself accepts. It takes 4 GiB and
/// some ten seconds; age and this program write 18.
pub(crate) const WORK_FACTOR_MAX: u8 = 22;
const WORK_FACTOR: u8 = 18;

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
    let wrappers = plugin::wrappers(recipients, environment);
    let own = recipients.iter().filter_map(|recipient| match recipient {
        Recipient::X25519(recipient) => Some(recipient as &dyn age::Recipient),
        Recipient::Tagged(recipient) => Some(recipient as &dyn age::Recipient),
        Recipient::Plugin(_) | Recipient::HolderOf(_) => None,
    });
    let all = own.chain(wrappers.iter().map(AsRef::as_ref));
    let encryptor = Encryptor::with_recipients(all).map_err(refusal)?;
    write(encryptor, plaintext)
        .map_err(|_| Error::Unsupported("encrypting for these recipients failed; check them".into()))
}

fn write(encryptor: Encryptor, plaintext: &[u8]) -> io::Result<Vec<u8>> {
    let mut file = Vec::with_capacity(plaintext.len() + 1024);
    let mut writer = encryptor.wrap_output(&mut file)?;
    writer.write_all(plaintext)?;
    writer.finish()?;
    Ok(file)
}

/// What came of a passphrase.
pub(crate) enum Unsealed {
    Plaintext(Zeroizing<Vec<u8>>),
    WrongPassphrase,
    /// It is encrypted in another way.
    NoPassphrase,
    /// Somebody wants more work done than is reasonable.
    ExcessiveWork,
    Damaged,
}

/// A file that is encrypted with a passphrase. This is slow by design: `passphrase` is in somebody's head.
pub(crate) fn unseal(file: &[u8], passphrase: SecretString) -> Unsealed {
    let Ok(decryptor) = Decryptor::new_buffered(ArmoredReader::new(file)) else {
        return Unsealed::Damaged;
    };
    if !decryptor.is_scrypt() {
        return Unsealed::NoPassphrase;
    }
    let mut identity = scrypt::Identity::new(passphrase);
    identity.set_max_work_factor(WORK_FACTOR_MAX);
    let mut plaintext = Zeroizing::new(Vec::with_capacity(file.len()));
    match decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)) {
        Ok(mut reader) => match reader.read_to_end(&mut plaintext) {
            Ok(_) => Unsealed::Plaintext(plaintext),
            Err(_) => Unsealed::Damaged,
        },
        Err(
            DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed | DecryptError::NoMatchingKeys,
        ) => Unsealed::WrongPassphrase,
        Err(DecryptError::ExcessiveWork { .. }) => Unsealed::ExcessiveWork,
        Err(_) => Unsealed::Damaged,
    }
}

/// A file that the passphrase opens.
pub(crate) fn seal(plaintext: &[u8], passphrase: &str) -> Result<Vec<u8>, Error> {
    let mut recipient = scrypt::Recipient::new(SecretString::from(passphrase));
    // The crate would measure this machine; the file may be opened on a slower one.
    recipient.set_work_factor(WORK_FACTOR);
    Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient))
        .map_err(refusal)
        .and_then(|encryptor| {
            write(encryptor, plaintext)
                .map_err(|_| Error::Unsupported("encrypting with the passphrase failed".into()))
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passphrase_opens_what_it_sealed_and_another_does_not() {
        let sealed = seal(b"text", "right").unwrap();
        let Unsealed::Plaintext(plaintext) = unseal(&sealed, SecretString::from("right")) else {
            panic!("the passphrase is right");
        };
        assert_eq!(plaintext.as_slice(), b"text");
        assert!(matches!(
            unseal(&sealed, SecretString::from("wrong")),
            Unsealed::WrongPassphrase
        ));
    }

    #[test]
    fn excessive_work_is_not_begun() {
        let header = "age-encryption.org/v1\n\
            -> scrypt bBjlhJVYZeE4aqUdmtRHfw 63\n\
            gkSRKhU8UZGXmLkKqUqCtrFYGSsWHhUiHN0uJGVHMAk\n\
            --- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n";
        let outcome = unseal(header.as_bytes(), SecretString::from("x"));
        assert!(matches!(outcome, Unsealed::ExcessiveWork | Unsealed::Damaged));
    }
}
