//! config.json: an edit changes only its target, and keeps the rest, byte for byte if possible.

#![no_main]

use docker_credential_helper::config::Document;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|text: &str| {
    let Ok(document) = Document::parse(text) else {
        return;
    };
    // An empty text is an empty configuration, and so is null.
    let is_empty = matches!(text.trim_ascii(), "" | "null");
    assert_eq!(document.as_str(), if is_empty { "{}" } else { text });
    for entry in document.entries() {
        let _ = (entry.login(), entry.check_as_docker(), entry.is_marker());
        let _ = document.cred_helper(entry.server());
    }
    for helper in [Some("age"), None] {
        let Ok(changed) = document.with_creds_store(helper) else {
            continue;
        };
        let changed = Document::parse(changed.as_str()).expect("what is written is read");
        assert_eq!(changed.creds_store(), helper);
        assert_eq!(without_creds_store(changed.as_str()), without_creds_store(text));
    }
    if let Ok(changed) = document.with_cred_helper("ghcr.io", Some("age")) {
        assert_eq!(changed.cred_helper("ghcr.io"), Some("age"));
        assert_eq!(changed.creds_store(), document.creds_store());
    }
    if let Ok(changed) = document.without_logins(|_| true) {
        for entry in changed.entries() {
            assert!(
                !matches!(entry.login(), Ok(Some(_))),
                "a login is left in {}",
                changed.as_str()
            );
        }
    }
});

fn without_creds_store(text: &str) -> Value {
    let mut value: Value = serde_json::from_str(text).unwrap_or_default();
    if let Some(object) = value.as_object_mut() {
        object.retain(|name, _| !name.eq_ignore_ascii_case("credsStore"));
        if object.is_empty() {
            return Value::Null;
        }
    }
    value
}
