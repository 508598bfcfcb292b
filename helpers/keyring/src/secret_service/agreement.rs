//! The cryptography of an encrypted session: key agreement, key derivation, and the secrets themselves.
//!
//! We combine crates for each part, because existing clients of the Secret Service use exponents of 1024
//! bits, which is ten times as slow. So we test it with others' vectors: RFC 5869's from libsecret's tests,
//! and those of oo7 (another client and service), which go from private key to ciphertext.

use aes::Aes128;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{MultiExponentiate as _, Odd, U64, U256, U1024};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::failure::Failure;

/// The algorithm's name in the protocol.
pub(super) const ALGORITHM: &str = "dh-ietf1024-sha256-aes128-cbc-pkcs7";

const BLOCK: usize = 16;
const WORD: usize = 128;

/// The Second Oakley Group (RFC 2409, 6.2), which the algorithm uses. Its generator is 2.
const GROUP: FixedMontyParams<{ U1024::LIMBS }> = FixedMontyParams::new_vartime(Odd::<U1024>::from_be_hex(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74\
     020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437\
     4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED\
     EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF",
));

type Element = FixedMontyForm<{ U1024::LIMBS }>;

const EXPONENT_BITS: u32 = U256::BITS;
/// The parts of an exponent, from the lowest.
const PARTS: usize = 4;
const PART_BITS: u32 = U64::BITS;

/// The generator to the power of 1 in each part. The parts share their squarings, so a power of the generator
/// takes less than half as long as another.
const GENERATORS: [Element; PARTS] = {
    let mut powers = [Element::new(&U1024::from_u8(2), &GROUP); PARTS];
    let mut part = 1;
    while part < PARTS {
        powers[part] = powers[part - 1].square_repeat_vartime(PART_BITS);
        part += 1;
    }
    powers
};

/// Our half of the agreement, computed while the service is busy.
pub(super) struct KeyPair {
    private: Zeroizing<U256>,
    public: [u8; WORD],
}

/// The key that both sides encrypt with.
pub(super) struct Key(Zeroizing<[u8; BLOCK]>);

impl KeyPair {
    /// The exponent has 256 bits, which is ample for the group's strength of 80 bits (RFC 3526, 8). The
    /// longer ones of other clients are four times slower and not stronger.
    ///
    /// Doesn't use a public key whose first byte looks like a sign or padding, because some services misread
    /// those.
    pub(super) fn generate() -> Result<Self, Failure> {
        loop {
            let mut bytes = Zeroizing::new([0; 32]);
            random(&mut *bytes)?;
            let private = Zeroizing::new(U256::from_be_slice(&*bytes));
            let public = bytes_of(&power_of_generator(&private));
            if !matches!(public[0], 0x00 | 0xff) {
                return Ok(Self { private, public });
            }
        }
    }

    pub(super) fn public(&self) -> &[u8] {
        &self.public
    }

    /// Derives the common key from the other side's half; nothing if another pair of keys is needed.
    ///
    /// The shared number is padded to its full length with zeros. `KWallet` before 6.25 omits the zeros, and
    /// derives another key in one case of 256. It then can't decrypt our secret, and stores an empty one.
    pub(super) fn agree(&self, theirs: &[u8]) -> Result<Option<Key>, Failure> {
        let exponent = Zeroizing::new(self.private.resize());
        let shared = power(&public_key(theirs)?, &exponent, EXPONENT_BITS);
        let shared = Zeroizing::new(bytes_of(&shared));
        Ok((shared[0] != 0).then(|| Key::derive(&*shared)))
    }
}

/// A public key of the other side. Some add leading zeros, as for a signed number, and some omit leading
/// zeros.
fn public_key(bytes: &[u8]) -> Result<U1024, Failure> {
    const BAD: Failure = Failure::Malformed("a key outside of its group");
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let digits = &bytes[zeros..];
    let start = WORD.checked_sub(digits.len()).ok_or(BAD)?;
    let mut word = [0; WORD];
    word[start..].copy_from_slice(digits);
    let key = U1024::from_be_slice(&word);
    let largest = GROUP.modulus().as_ref().wrapping_sub(&U1024::from_u8(2));
    // 0, 1 and p-1 generate groups of one or two elements, so everybody would know the key.
    if key <= U1024::ONE || key > largest {
        return Err(BAD);
    }
    Ok(key)
}

impl Key {
    fn derive(shared: &[u8]) -> Self {
        let mut key = Zeroizing::new([0; BLOCK]);
        Hkdf::<Sha256>::new(None, shared)
            .expand(&[], &mut *key)
            .expect("16 bytes are less than HKDF gives");
        Self(key)
    }

    /// The ciphertext of a secret, and its initialisation vector.
    pub(super) fn encrypt(&self, secret: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Failure> {
        let mut iv = [0; BLOCK];
        random(&mut iv)?;
        Ok((self.encrypt_with(&iv, secret), iv.to_vec()))
    }

    fn encrypt_with(&self, iv: &[u8; BLOCK], secret: &[u8]) -> Vec<u8> {
        cbc::Encryptor::<Aes128>::new((&*self.0).into(), iv.into()).encrypt_padded_vec::<Pkcs7>(secret)
    }

    /// The secret; nothing if it wasn't encrypted with this key.
    pub(super) fn decrypt(&self, iv: &[u8], ciphertext: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let iv: &[u8; BLOCK] = iv.try_into().ok()?;
        let cipher = cbc::Decryptor::<Aes128>::new((&*self.0).into(), iv.into());
        cipher
            .decrypt_padded_vec::<Pkcs7>(ciphertext)
            .ok()
            .map(Zeroizing::new)
    }
}

/// `bits` is the length of the exponent.
fn power(base: &U1024, exponent: &U1024, bits: u32) -> U1024 {
    Element::new(base, &GROUP)
        .pow_amm_bounded_exp(exponent, bits)
        .retrieve()
}

fn power_of_generator(exponent: &U256) -> U1024 {
    let mut shift = 0;
    let terms = GENERATORS.map(|generator| {
        let part: U64 = exponent.shr_vartime(shift).resize();
        shift += PART_BITS;
        (generator, part)
    });
    Element::multi_exponentiate(&*Zeroizing::new(terms)).retrieve()
}

fn bytes_of(number: &U1024) -> [u8; WORD] {
    let mut word = [0; WORD];
    word.copy_from_slice(number.to_be_bytes().as_ref());
    word
}

fn random(bytes: &mut [u8]) -> Result<(), Failure> {
    getrandom::fill(bytes)
        .map_err(|_| Failure::Malformed("nothing, because the system cannot generate random numbers"))
}

#[cfg(test)]
mod tests;
