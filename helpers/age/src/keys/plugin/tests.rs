use age::secrecy::ExposeSecret;

use super::*;

mod bech32 {
    const CHARACTERS: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

    fn polymod(values: &[u8]) -> u32 {
        let generator: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
        values.iter().fold(1, |sum: u32, value| {
            let top = sum >> 25;
            let next = (sum & 0x01ff_ffff) << 5 ^ u32::from(*value);
            generator
                .iter()
                .enumerate()
                .filter(|(bit, _)| top >> bit & 1 == 1)
                .fold(next, |next, (_, generator)| next ^ generator)
        })
    }

    /// BIP 173, for data of whole five-bit groups.
    pub(super) fn encode(prefix: &str, groups: &[u8]) -> String {
        let mut values: Vec<u8> = prefix.bytes().map(|byte| byte >> 5).collect();
        values.push(0);
        values.extend(prefix.bytes().map(|byte| byte & 31));
        values.extend(groups);
        values.extend([0; 6]);
        let sum = polymod(&values) ^ 1;
        let checksum = (0..6).map(|index| (sum >> (5 * (5 - index)) & 31) as u8);
        let data = groups
            .iter()
            .copied()
            .chain(checksum)
            .map(|group| char::from(CHARACTERS[usize::from(group)]));
        format!("{prefix}1{}", data.collect::<String>())
    }
}

#[test]
fn a_plugin_is_named_by_what_is_its_own() {
    let recipient = Recipient::parse(&bech32::encode("age1example", &[0, 0]))
        .unwrap()
        .unwrap();
    assert_eq!(recipient.plugin(), "example");
    let text = bech32::encode("age-plugin-example-", &[0, 0]).to_uppercase();
    let identity = Identity::parse(&text).unwrap().unwrap();
    assert_eq!((identity.plugin(), identity.text()), ("example", text.as_str()));
}

#[test]
fn native_keys_are_not_a_plugins() {
    let native = age::x25519::Identity::generate();
    assert!(Recipient::parse(&native.to_public().to_string()).is_none());
    assert!(Identity::parse(native.to_string().expose_secret()).is_none());
}

#[test]
fn a_name_that_is_a_path_is_refused() {
    for name in ["a/b", "../x", "..", ".x", "a\\b", ""] {
        let recipient = Recipient::parse(&bech32::encode(&format!("age1{name}"), &[0, 0]));
        assert!(!matches!(recipient, Some(Ok(_))), "{name}");
        assert!(plugin_name(name).is_none(), "{name}");
    }
    let identity = bech32::encode("age-plugin-../x-", &[0, 0]).to_uppercase();
    assert!(matches!(Identity::parse(&identity), Some(Err(_))));
}

#[test]
fn a_wrong_checksum_is_told_as_a_mistake() {
    let mut recipient = bech32::encode("age1example", &[0, 0]);
    recipient.pop();
    recipient.push('q');
    assert!(matches!(Recipient::parse(&recipient), Some(Err(problem)) if problem.contains("plugin")));
}
