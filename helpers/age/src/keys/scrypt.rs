//! Files that are encrypted with a passphrase.

use std::io::{self, Read, Write};

use age::armor::ArmoredReader;
use age::secrecy::SecretString;
use age::{DecryptError, Decryptor, Encryptor, scrypt};
use docker_credential_helper::Error;
use zeroize::Zeroizing;

/// The highest accepted work factor of a passphrase, as an exponent of two, the same as age's. It takes 4 GiB
/// and about ten seconds; age and this program write 18.
pub(crate) const WORK_FACTOR_MAX: u8 = 22;
const WORK_FACTOR: u8 = 18;

/// The result of a passphrase.
pub(crate) enum Unsealed {
    Plaintext(Zeroizing<Vec<u8>>),
    WrongPassphrase,
    /// It is encrypted in another way.
    NoPassphrase,
    /// Its work factor is unreasonable.
    ExcessiveWork,
    Damaged,
}

/// A file that is encrypted with a passphrase. Slow by design, because people choose weak passphrases.
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
    // The crate would measure this machine, but a slower one may open the file.
    recipient.set_work_factor(WORK_FACTOR);
    let failed = || Error::unsupported("encrypting with the passphrase failed");
    Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient))
        .map_err(|_| failed())
        .and_then(|encryptor| write(encryptor, plaintext).map_err(|_| failed()))
}

/// Whether the passphrase opens the file, and it contains this.
pub(crate) fn opens(file: &[u8], passphrase: &str, plaintext: &[u8]) -> bool {
    matches!(unseal(file, SecretString::from(passphrase)), Unsealed::Plaintext(found) if *found == plaintext)
}

/// The complete binary file of a started encryption.
pub(crate) fn write(encryptor: Encryptor, plaintext: &[u8]) -> io::Result<Vec<u8>> {
    let mut file = Vec::with_capacity(plaintext.len() + 1024);
    let mut writer = encryptor.wrap_output(&mut file)?;
    writer.write_all(plaintext)?;
    writer.finish()?;
    Ok(file)
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
