//! Requests on stdin: the parser accepts exactly the given values.

#![no_main]

use docker_credential_helper::{ServerUrl, fuzzing};
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;
use serde_json::Value;

fuzz_target!(|input: &[u8]| {
    if let Ok(server) = fuzzing::server(input) {
        let text = std::str::from_utf8(input).expect("only UTF-8 is taken");
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        assert_eq!(
            server.as_str(),
            text.trim_matches(|c: char| c.is_ascii_whitespace())
        );
    }
    match fuzzing::credential(input) {
        Ok(credential) => {
            let plain = input.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(input);
            let Ok(value) = serde_json::from_slice::<Value>(plain) else {
                // Half of a surrogate pair in an ignored value. It is valid JSON, but not text.
                serde_json::from_slice::<IgnoredAny>(plain).expect("only JSON is taken");
                return;
            };
            let field = |name: &str| {
                let object = value.as_object().expect("only an object is taken");
                let mut fields = object.iter().filter(|(key, _)| folded(key) == name);
                let (_, value) = fields.next()?;
                assert!(fields.next().is_none(), "a key that comes twice is refused");
                value.as_str()
            };
            assert_eq!(field("username"), Some(credential.username().as_str()));
            assert_eq!(field("secret").unwrap_or_default(), credential.secret().expose());
            let asked = ServerUrl::parse(field("serverurl").expect("a server")).expect("a server");
            assert!(asked.key() == credential.server().key());

            let reply = fuzzing::reply(&asked, &credential);
            assert!(reply.ends_with(b"\n") && !reply[..reply.len() - 1].contains(&b'\n'));
            let reply: Value = serde_json::from_slice(&reply).expect("a reply is JSON");
            assert_eq!(reply["Secret"], credential.secret().expose());
            assert_eq!(reply["Username"], credential.username().as_str());
        }
        Err(error) => {
            let _ = error.to_string();
        }
    }
});

fn folded(key: &str) -> String {
    key.replace('\u{17f}', "s")
        .replace('\u{212a}', "k")
        .to_ascii_lowercase()
}
