//! The `auth` field of config.json: base64 of a user name and a password, in the known dialects.

#![no_main]

use docker_credential_helper::config::{decode_auth, encode_auth};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok((username, password)) = decode_auth(text) {
        assert!(!username.is_empty() && !username.contains(':'));
        let encoded = encode_auth(&username, &password);
        let (again, password_again) = decode_auth(encoded.expose()).expect("what we encode is decoded");
        assert_eq!((again, password_again.expose()), (username, password.expose()));
    }
});
