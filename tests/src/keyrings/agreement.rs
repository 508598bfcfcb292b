//! The service's half of an encrypted session: correct, or as in `KWallet` before 6.25.

use aes::Aes128;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{Odd, U1024};
use hkdf::Hkdf;
use sha2_of_hkdf::Sha256;

/// The algorithm's name in the Secret Service.
pub const ALGORITHM: &str = "dh-ietf1024-sha256-aes128-cbc-pkcs7";

const WORD: usize = 128;
const IV: [u8; 16] = *b"a new one, else.";

const GROUP: FixedMontyParams<{ U1024::LIMBS }> = FixedMontyParams::new_vartime(Odd::<U1024>::from_be_hex(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74\
     020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437\
     4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED\
     EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF",
));

/// The key that both sides encrypt with.
#[derive(Clone, Copy, Debug)]
pub struct Key([u8; 16]);

/// Agrees on a key with a client, so that the shared number begins with a zero byte or doesn't. Returns the
/// service's public key and the key.
///
/// `is_kwallet`: the public key has a leading zero, and leading zeros of the shared number are omitted.
pub fn agree(client: &[u8], shares_zero: bool, is_kwallet: bool) -> (Vec<u8>, Key) {
    // Longer than the group, so that a power of 2 isn't one any more.
    const FIRST: u32 = 1100;
    assert_eq!(client.len(), WORD);
    let client = FixedMontyForm::new(&U1024::from_be_slice(client), &GROUP);
    let mut shared = client.pow(&crypto_bigint::U64::from_u32(FIRST));
    let mut private = FIRST;
    let shared = loop {
        let word = word(&shared.retrieve());
        if (word[0] == 0) == shares_zero {
            break word;
        }
        shared *= &client;
        private += 1;
    };
    let two = FixedMontyForm::new(&U1024::from_u8(2), &GROUP);
    let mut public = word(&two.pow(&crypto_bigint::U64::from_u32(private)).retrieve());
    let zeros = shared.iter().take_while(|byte| **byte == 0).count();
    let shared = if is_kwallet {
        public.insert(0, 0);
        &shared[zeros..]
    } else {
        &shared[..]
    };
    let mut key = [0; 16];
    Hkdf::<Sha256>::new(None, shared)
        .expand(&[], &mut key)
        .expect("16 bytes are few");
    (public, Key(key))
}

fn word(number: &U1024) -> Vec<u8> {
    number.to_be_bytes().as_ref().to_vec()
}

impl Key {
    /// The initialisation vector and the ciphertext of a secret.
    pub fn encrypt(&self, secret: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let cipher = cbc::Encryptor::<Aes128>::new((&self.0).into(), (&IV).into());
        (IV.to_vec(), cipher.encrypt_padded_vec::<Pkcs7>(secret))
    }

    /// The secret, if it was encrypted with this key.
    pub fn decrypt(&self, iv: &[u8], ciphertext: &[u8]) -> Option<Vec<u8>> {
        let iv: &[u8; 16] = iv.try_into().ok()?;
        let cipher = cbc::Decryptor::<Aes128>::new((&self.0).into(), iv.into());
        cipher.decrypt_padded_vec::<Pkcs7>(ciphertext).ok()
    }
}
