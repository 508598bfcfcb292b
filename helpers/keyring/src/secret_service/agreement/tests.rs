use super::*;

/// From oo7, `client/src/key.rs`.
const PRIVATE: &str = "29143fecf6846d46ac792d428115f75b60d938c9cd3811b2ca514768e9595720\
     58926be038676f4a8f50aa280534305a4b47c1e0de395b5142010658894266cf\
     375f435c8ce3f299b9c359ec92f258d7010787fe55a5ec6e164f6bfe95a4f35e\
     81c62dd084a60099f3a0ffbc3bd863dd55a274d2a075c927b37b6b08f28bcffa";
const PUBLIC: &str = "09c0d251d4bf4a7716ac518e7c59114776be51473195c8cc0e2f6fa57767d866\
     6f5df24049e0a50b7fdbc5bca8defe0a685108ceed77e1644ec459a33fa94dec\
     50f1bd311b28f3e5423550562cd557ba4437d838ec33e52cae12578d5547b9cb\
     d090be758dff996a7b1c98c8edbdb01450d3219ee8c2912dc2236c6ad6dd9f89";
const SERVICE_PUBLIC: &str = "32e94c582fceeb6b09e8620ebcd6d14d23426d7718bf785af2c6f073c84233b4\
     08a45909e51fa01f9c65a93c3ff725ff4bc63eeb321dddf51df88cd13ed70289\
     524df8f238b076b77c4a1a85bc2f1f8de8c25c12450338992a098f51c59fc8c5\
     dd4aba9d9e244a7d0bea21020524cef89b9d919fee13b9c28603c3c63c649f1f";
const SESSION_KEY: &str = "840371de51d1312b51e8f32e0167b82a";

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

fn key(hex: &str) -> Key {
    Key(Zeroizing::new(bytes(hex).try_into().unwrap()))
}

fn pair_of_keys() -> (Key, Key) {
    loop {
        let (ours, theirs) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let one = ours.agree(theirs.public()).unwrap();
        let other = theirs.agree(ours.public()).unwrap();
        match (one, other) {
            (Some(one), Some(other)) => return (one, other),
            (one, other) => assert!(one.is_none() && other.is_none()),
        }
    }
}

#[test]
fn oo7_derives_the_same_key() {
    let private = U1024::from_be_slice(&bytes(PRIVATE));
    let public = power(&U1024::from_u8(2), &private, U1024::BITS);
    assert_eq!(bytes_of(&public).as_slice(), bytes(PUBLIC));
    let theirs = public_key(&bytes(SERVICE_PUBLIC)).unwrap();
    let shared = power(&theirs, &private, U1024::BITS);
    assert_eq!(Key::derive(&bytes_of(&shared)).0.as_slice(), bytes(SESSION_KEY));
}

#[test]
fn oo7_encrypts_to_the_same_bytes() {
    let iv: [u8; BLOCK] = bytes("4e52439ed666306d546b5e36e11dbaf6").try_into().unwrap();
    let ciphertext = bytes("f1e9afad8e2c3ff04d9ad3e9d9aa318e");
    let key = key(SESSION_KEY);
    assert_eq!(key.encrypt_with(&iv, b"some data"), ciphertext);
    assert_eq!(key.decrypt(&iv, &ciphertext).unwrap().as_slice(), b"some data");
}

#[test]
fn libsecret_derives_as_rfc_5869_case_3() {
    let key = Key::derive(&[0x0b; 22]);
    assert_eq!(key.0.as_slice(), bytes("8da4e775a563c18f715f802a063c5a31"));
}

#[test]
fn both_sides_agree_and_secrets_come_back() {
    let (ours, theirs) = pair_of_keys();
    for secret in [
        "",
        "x",
        "sixteen bytes ..",
        "\0 and \u{1f512}",
        &"long ".repeat(20_000),
    ] {
        let (ciphertext, iv) = ours.encrypt(secret.as_bytes()).unwrap();
        assert_eq!(
            theirs.decrypt(&iv, &ciphertext).unwrap().as_slice(),
            secret.as_bytes()
        );
    }
}

#[test]
fn a_secret_of_another_key_is_never_a_panic() {
    let ((ours, _), (other, _)) = (pair_of_keys(), pair_of_keys());
    let (ciphertext, iv) = ours.encrypt(b"hunter2").unwrap();
    assert!(
        other
            .decrypt(&iv, &ciphertext)
            .is_none_or(|secret| secret.as_slice() != b"hunter2")
    );
    for length in [0, 15, 17] {
        assert!(ours.decrypt(&vec![0; length], &ciphertext).is_none());
        assert!(ours.decrypt(&iv, &vec![0; length]).is_none());
    }
}

#[test]
fn a_half_that_would_fix_the_key_is_refused() {
    let modulus = *GROUP.modulus().as_ref();
    let smaller = |less: u8| bytes_of(&modulus.wrapping_sub(&U1024::from_u8(less)));
    for half in [
        &[][..],
        &[0],
        &[1],
        &smaller(0),
        &smaller(1),
        &[1; 129],
        &[0; 129],
    ] {
        assert!(public_key(half).is_err(), "{half:?}");
    }
    assert!(public_key(&smaller(2)).is_ok());
}

#[test]
fn leading_zeros_of_a_half_do_not_count() {
    let half = bytes(SERVICE_PUBLIC);
    for zeros in [0, 1, 2, 100] {
        let padded = [vec![0; zeros], half.clone()].concat();
        assert!(public_key(&padded).unwrap() == public_key(&half).unwrap());
    }
    assert!(public_key(&[0, 2]).unwrap() == public_key(&[2]).unwrap());
}

#[test]
fn a_shared_number_that_begins_with_zero_is_not_used() {
    let ours = KeyPair::generate().unwrap();
    let public = U1024::from_be_slice(ours.public());
    // The shared key of a service with this private key and us.
    let shares_zero = |private: &u32| bytes_of(&power(&public, &U1024::from_u32(*private), 32))[0] == 0;
    let of_service = |private: u32| bytes_of(&power_of_generator(&U256::from_u32(private)));
    let private = (1100..100_000).find(shares_zero).unwrap();
    assert!(ours.agree(&of_service(private)).unwrap().is_none());
    let private = (1100..100_000).find(|private| !shares_zero(private)).unwrap();
    assert!(ours.agree(&of_service(private)).unwrap().is_some());
}

#[test]
fn our_half_never_begins_like_a_sign() {
    for _ in 0..1000 {
        assert!(!matches!(KeyPair::generate().unwrap().public()[0], 0x00 | 0xff));
    }
}

#[test]
fn the_power_is_the_one_of_the_group() {
    // 2^1024 mod p, where p = 2^1024 - c, is c.
    let c = GROUP.modulus().as_ref().wrapping_neg();
    assert_eq!(power_of_generator(&U256::from_u32(1024)), c);
}

#[test]
fn a_power_of_the_generator_is_the_sum_of_its_parts() {
    let ends = [0, 63, 64, 65, 127, 128, 191, 192, 255];
    let exponents = ends.map(|bit| U256::ONE.shl(bit));
    let around = exponents.map(|exponent| exponent.wrapping_sub(&U256::ONE));
    for exponent in exponents.into_iter().chain(around).chain([U256::MAX]) {
        let expected = power(&U1024::from_u8(2), &exponent.resize(), EXPONENT_BITS);
        assert_eq!(power_of_generator(&exponent), expected, "{exponent}");
    }
}
