//! The decrypted content of an entry of docker-credential-age.

#![no_main]
#![allow(dead_code, reason = "the module is compiled unchanged")]

use libfuzzer_sys::fuzz_target;

#[path = "../../helpers/age/src/store/entry.rs"]
mod entry;

fuzz_target!(|plaintext: &[u8]| {
    if let Ok(credential) = entry::from_plaintext(plaintext) {
        let written = entry::to_plaintext(&credential).expect("strings are JSON");
        assert_eq!(entry::from_plaintext(&written), Ok(credential));
    }
});
