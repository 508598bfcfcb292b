//! The key agreement of the Secret Service, and secrets under way.
//!
//! The bus is a socket that only its owner may open, so the encryption protects little: a secret does not stand in
//! the clear in the buffers of the bus daemon, nor in what a monitor of the bus or a core file of it shows. It is kept
//! because it costs half a millisecond here, once it is done by a library made for it. A service that does not offer
//! it is spoken to in the clear.

use aes::Aes128;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{Odd, U256, U1024};
use hkdf::Hkdf;
use sha2::Sha256;
use zbus::{ObjectPath, OwnedObjectPath, OwnedVariant, Variant};
use zeroize::Zeroizing;

use super::bus::Bus;
use super::failure::Failure;
use super::wire::{ROOT, SERVICE_INTERFACE, WireSecret};

const ENCRYPTED: &str = "dh-ietf1024-sha256-aes128-cbc-pkcs7";
const PLAIN: &str = "plain";

const BLOCK: usize = 16;
const WORD: usize = 128;

/// The Second Oakley Group (RFC 2409, 6.2), which the algorithm's name stands for. Its generator is 2.
const GROUP: FixedMontyParams<{ U1024::LIMBS }> = FixedMontyParams::new_vartime(Odd::<U1024>::from_be_hex(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74\
     020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437\
     4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED\
     EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF",
));

/// Our half of the agreement. It is made while the service is busy with something else.
pub(super) struct KeyPair {
    private: Zeroizing<U256>,
    public: U1024,
}

impl KeyPair {
    /// The exponent has 256 bits, three times what the group's 80 bits of strength make use of (RFC 3526, 8). Longer
    /// ones, as other clients take, make it four times slower and no stronger.
    pub(super) fn generate() -> Result<Self, Failure> {
        let mut bytes = Zeroizing::new([0; 32]);
        random(&mut *bytes)?;
        let private = Zeroizing::new(U256::from_be_slice(&*bytes));
        let public = power(&U1024::from_u8(2), &private);
        Ok(Self { private, public })
    }

    /// The key that both sides derive, from the other side's half.
    fn agree(&self, theirs: &[u8]) -> Result<Zeroizing<[u8; BLOCK]>, Failure> {
        const BAD: Failure = Failure::Malformed("a key that is not of its group");
        // Leading zeros are not sent.
        if theirs.len() > WORD {
            return Err(BAD);
        }
        let mut word = [0; WORD];
        word[WORD - theirs.len()..].copy_from_slice(theirs);
        let theirs = U1024::from_be_slice(&word);
        let largest = GROUP.modulus().as_ref().wrapping_sub(&U1024::from_u8(2));
        // 0, 1 and p-1 generate groups of one or two elements, in which everybody knows the key.
        if theirs <= U1024::ONE || theirs > largest {
            return Err(BAD);
        }
        let shared = Zeroizing::new(power(&theirs, &self.private));
        let mut word = Zeroizing::new([0; WORD]);
        word.copy_from_slice(shared.to_be_bytes().as_ref());
        let mut key = Zeroizing::new([0; BLOCK]);
        Hkdf::<Sha256>::new(None, &*word)
            .expand(&[], &mut *key)
            .expect("16 bytes are less than HKDF gives");
        Ok(key)
    }
}

fn power(base: &U1024, exponent: &U256) -> U1024 {
    FixedMontyForm::new(base, &GROUP).pow(exponent).retrieve()
}

/// An agreement with the service on how secrets are sent.
pub(super) struct Session {
    path: OwnedObjectPath,
    key: Option<Zeroizing<[u8; BLOCK]>>,
}

/// A session that the service has opened, before our side has computed its key.
pub(super) struct Opened {
    path: OwnedObjectPath,
    theirs: Option<Vec<u8>>,
}

impl Opened {
    /// Opens an encrypted session, or a plain one if the service has no other.
    pub(super) async fn open(bus: &Bus, keys: &KeyPair) -> Result<Self, Failure> {
        let ours = keys.public.to_be_bytes();
        let offered = Variant::from(ours.as_ref().to_vec());
        match open(bus, ENCRYPTED, offered).await {
            Ok((theirs, path)) => Ok(Self {
                path,
                theirs: Some(
                    Vec::try_from(theirs).map_err(|_| Failure::Malformed("a key of the wrong type"))?,
                ),
            }),
            Err(Failure::NotSupported) => {
                let (_, path) = open(bus, PLAIN, Variant::from("")).await?;
                Ok(Self { path, theirs: None })
            }
            Err(failure) => Err(failure),
        }
    }

    pub(super) fn path(&self) -> ObjectPath<'_> {
        self.path.as_ref()
    }

    pub(super) fn agree(self, keys: &KeyPair) -> Result<Session, Failure> {
        let key = self.theirs.map(|theirs| keys.agree(&theirs)).transpose()?;
        Ok(Session { path: self.path, key })
    }
}

async fn open(
    bus: &Bus,
    algorithm: &str,
    input: Variant<'_>,
) -> Result<(OwnedVariant, OwnedObjectPath), Failure> {
    bus.call(&ROOT, SERVICE_INTERFACE, "OpenSession", &(algorithm, input))
        .await
}

impl Session {
    pub(super) fn seal(&self, secret: &str) -> Result<WireSecret, Failure> {
        let (parameters, value) = match &self.key {
            None => (Vec::new(), secret.as_bytes().to_vec()),
            Some(key) => {
                let mut iv = [0; BLOCK];
                random(&mut iv)?;
                let cipher = cbc::Encryptor::<Aes128>::new((&**key).into(), (&iv).into());
                (iv.to_vec(), cipher.encrypt_padded_vec::<Pkcs7>(secret.as_bytes()))
            }
        };
        Ok((self.path.clone(), parameters, value, "text/plain".to_owned()))
    }

    /// The bytes of a secret that the service sent for this session.
    pub(super) fn unseal(
        &self,
        (_, parameters, value, _): WireSecret,
    ) -> Result<Zeroizing<Vec<u8>>, Failure> {
        const BAD: Failure = Failure::Malformed("a secret that cannot be decrypted");
        let value = Zeroizing::new(value);
        let Some(key) = &self.key else {
            return Ok(value);
        };
        let iv: [u8; BLOCK] = parameters.try_into().map_err(|_| BAD)?;
        let cipher = cbc::Decryptor::<Aes128>::new((&**key).into(), (&iv).into());
        match cipher.decrypt_padded_vec::<Pkcs7>(&value) {
            Ok(secret) => Ok(Zeroizing::new(secret)),
            Err(_) => Err(BAD),
        }
    }
}

fn random(bytes: &mut [u8]) -> Result<(), Failure> {
    getrandom::fill(bytes).map_err(|_| Failure::NotSupported)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Session {
        let ours = KeyPair::generate().unwrap();
        let theirs = KeyPair::generate().unwrap();
        let key = ours.agree(theirs.public.to_be_bytes().as_ref()).unwrap();
        assert_eq!(*key, *theirs.agree(ours.public.to_be_bytes().as_ref()).unwrap());
        Session {
            path: OwnedObjectPath::try_from("/s").unwrap(),
            key: Some(key),
        }
    }

    #[test]
    fn what_is_sealed_for_a_session_is_unsealed_byte_for_byte() {
        let session = session();
        for secret in [
            "",
            "hunter2",
            "sixteen bytes!!!",
            "nul \0 and é",
            &"x".repeat(5000),
        ] {
            let sealed = session.seal(secret).unwrap();
            assert!(secret.is_empty() || sealed.2 != secret.as_bytes());
            assert_eq!(session.unseal(sealed).unwrap().as_slice(), secret.as_bytes());
        }
    }

    #[test]
    fn a_secret_of_another_session_is_refused_or_garbled_but_never_a_panic() {
        let (path, iv, value, kind) = session().seal("hunter2").unwrap();
        let other = session();
        if let Ok(bytes) = other.unseal((path.clone(), iv, value.clone(), kind.clone())) {
            assert_ne!(bytes.as_slice(), b"hunter2");
        }
        for iv in [vec![], vec![0; 15], vec![0; 17]] {
            assert!(
                other
                    .unseal((path.clone(), iv, value.clone(), kind.clone()))
                    .is_err()
            );
        }
        for value in [vec![], vec![0; 15], vec![0; 17]] {
            assert!(
                other
                    .unseal((path.clone(), vec![0; 16], value, kind.clone()))
                    .is_err()
            );
        }
    }

    #[test]
    fn a_half_that_would_fix_the_key_is_refused() {
        let ours = KeyPair::generate().unwrap();
        let modulus = *GROUP.modulus().as_ref();
        let smaller = |less: u8| modulus.wrapping_sub(&U1024::from_u8(less)).to_be_bytes();
        for half in [
            &[][..],
            &[0],
            &[1],
            smaller(0).as_ref(),
            smaller(1).as_ref(),
            &[1; 129],
        ] {
            assert!(ours.agree(half).is_err(), "{half:?}");
        }
        assert!(ours.agree(smaller(2).as_ref()).is_ok());
        assert!(ours.agree(&[2]).is_ok(), "leading zeros need not be sent");
    }

    #[test]
    fn the_power_is_the_one_of_the_group() {
        // 2^1024 mod p, where p = 2^1024 - c, is c.
        let c = GROUP.modulus().as_ref().wrapping_neg();
        assert_eq!(power(&U1024::from_u8(2), &U256::from_u32(1024)), c);
    }
}
