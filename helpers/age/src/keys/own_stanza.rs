//! A second stanza that opens an entry for its writer without elliptic curves.
//!
//! Two scalar multiplications are nearly the whole cost of a decryption, and `list` pays it for each entry.
//! So an entry that we can read has one more stanza, which wraps the file key for ourselves: with
//! ChaCha20-Poly1305, and a key from HKDF-SHA256 of the identity's own secret and a random salt. age
//! implementations ignore unknown stanzas (each file has a random one, so that they learn to), and the crate
//! still checks the payload and the header's MAC, which fails for a wrong file key.
//!
//! ARCHITECTURE.md discusses what it reveals to somebody with only the file, and why it doesn't make a leaked
//! identity worse.

use std::collections::HashSet;

use age::secrecy::{ExposeSecret, SecretString};
use age::{DecryptError, EncryptError, x25519};
use age_core::format::{FILE_KEY_BYTES, FileKey, Stanza};
use age_core::primitives::{aead_decrypt, aead_encrypt, hkdf};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD as BASE64;
use zeroize::Zeroizing;

use super::recipient::Recipient;

/// The kind of the stanza.
pub(crate) const KIND: &str = "docker-credential-age";

/// Only this use of an identity's secret has this label, so no other use derives the same key.
const LABEL: &[u8] = b"docker-credential-age file key v1";

const SALT_BYTES: usize = 16;

/// Wraps and unwraps file keys for the holder of one identity.
pub(crate) struct OwnKey {
    secret: SecretString,
}

impl OwnKey {
    pub(crate) fn of(identity: &x25519::Identity) -> Self {
        Self {
            secret: identity.to_string(),
        }
    }

    /// The first of these identities that is a recipient.
    ///
    /// An X25519 recipient never shares a file with a post-quantum one (the crate refuses that because of
    /// their labels), so a post-quantum file never has a stanza that an X25519 secret opens.
    pub(crate) fn among(identities: &[x25519::Identity], recipients: &[Recipient]) -> Option<Self> {
        let is_named = |key: x25519::Recipient| {
            recipients
                .iter()
                .any(|recipient| matches!(recipient, Recipient::X25519(recipient) if *recipient == key))
        };
        identities
            .iter()
            .find(|identity| is_named(identity.to_public()))
            .map(Self::of)
    }

    fn wrapping_key(&self, salt: &[u8]) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(hkdf(salt, LABEL, self.secret.expose_secret().as_bytes()))
    }
}

impl age::Recipient for OwnKey {
    fn wrap_file_key(&self, file_key: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let mut salt = [0; SALT_BYTES];
        getrandom::getrandom(&mut salt).map_err(|error| EncryptError::Io(std::io::Error::other(error)))?;
        let stanza = Stanza {
            tag: KIND.to_owned(),
            args: vec![BASE64.encode(salt)],
            // The nonce is zero, which is safe once for each key. The salt is new, and so is the key.
            body: aead_encrypt(&self.wrapping_key(&salt), file_key.expose_secret()),
        };
        Ok((vec![stanza], HashSet::new()))
    }
}

impl age::Identity for OwnKey {
    /// Leaves foreign and incomplete stanzas to the other identities.
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        if stanza.tag != KIND {
            return None;
        }
        let [salt] = &stanza.args[..] else { return None };
        let mut bytes = [0; SALT_BYTES];
        if BASE64.decode_slice(salt, &mut bytes) != Ok(SALT_BYTES) {
            return None;
        }
        let opened = aead_decrypt(&self.wrapping_key(&bytes), FILE_KEY_BYTES, &stanza.body).ok()?;
        let opened = Zeroizing::new(opened);
        Some(Ok(FileKey::init_with_mut(|key| key.copy_from_slice(&opened))))
    }
}

#[cfg(test)]
mod tests {
    use age::{Identity as _, Recipient as _};

    use super::*;

    fn wrapped(key: &OwnKey) -> Stanza {
        let file_key = FileKey::new(Box::new([7; FILE_KEY_BYTES]));
        let (mut stanzas, labels) = key.wrap_file_key(&file_key).unwrap();
        assert!(labels.is_empty());
        stanzas.remove(0)
    }

    #[test]
    fn what_an_identity_wraps_it_alone_unwraps() {
        let (ours, other) = (x25519::Identity::generate(), x25519::Identity::generate());
        let stanza = wrapped(&OwnKey::of(&ours));
        let opened = OwnKey::of(&ours).unwrap_stanza(&stanza).unwrap().unwrap();
        assert_eq!(opened.expose_secret(), &[7; FILE_KEY_BYTES]);
        assert!(OwnKey::of(&other).unwrap_stanza(&stanza).is_none());
    }

    #[test]
    fn a_stanza_that_was_changed_is_left_to_the_others() {
        let ours = OwnKey::of(&x25519::Identity::generate());
        for change in 0..5 {
            let mut stanza = wrapped(&ours);
            match change {
                0 => stanza.body[0] ^= 1,
                1 => stanza.args.clear(),
                2 => stanza.args[0].push('A'),
                3 => stanza.args[0] = "?".repeat(22),
                _ => stanza.tag = "X25519".to_owned(),
            }
            assert!(ours.unwrap_stanza(&stanza).is_none(), "{change}");
        }
    }

    #[test]
    fn no_two_stanzas_have_the_same_salt() {
        let ours = OwnKey::of(&x25519::Identity::generate());
        assert_ne!(wrapped(&ours).args, wrapped(&ours).args);
    }

    #[test]
    fn the_first_identity_among_the_recipients_is_the_one() {
        let identities: Vec<_> = (0..3).map(|_| x25519::Identity::generate()).collect();
        let recipients: Vec<_> = identities[1..]
            .iter()
            .map(|identity| Recipient::X25519(identity.to_public()))
            .collect();
        let key = OwnKey::among(&identities, &recipients).unwrap();
        assert_eq!(
            key.secret.expose_secret(),
            identities[1].to_string().expose_secret()
        );
        assert!(OwnKey::among(&identities[..1], &recipients).is_none());
    }
}
