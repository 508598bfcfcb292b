//! The credentials that the tests log in with.

use std::fmt;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};

/// Secrets that have lost a character somewhere between a client, JSON, base64 and a store.
///
/// None begins or ends in white space, which docker's client cuts off before anybody sees it, and none is longer than
/// the 72 bytes that bcrypt looks at.
pub const SECRETS: &[&str] = &[
    "correct horse battery staple",
    "two  or   more spaces",
    r#"it's "quoted""#,
    "<b>&amp;</b> & <token>",
    r"back\slash \u0041 \n C:\new",
    "Zugangsschlüssel-пароль-密码-🔑",
    "decomposed e\u{301}, composed \u{e9}",
    "line one\nline two\r\nline four\n\nend",
    "tab\there, bell\u{7}, delete\u{7f}",
    "a:b:c::",
    "$HOME `id` $(id) %41 %s +",
    r#"{"Username":"x","Secret":"y"}"#,
];

/// A user and a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The user name, as a registry knows it.
    pub username: String,
    /// The password.
    pub secret: String,
}

impl Login {
    /// A login of its own for each of [`SECRETS`].
    pub fn every() -> Vec<Self> {
        SECRETS
            .iter()
            .enumerate()
            .map(|(n, secret)| Self::new(&format!("user{n}"), secret))
            .collect()
    }

    /// A login with these values.
    pub fn new(username: &str, secret: &str) -> Self {
        Self {
            username: username.to_owned(),
            secret: secret.to_owned(),
        }
    }

    /// What `auths[…].auth` and HTTP's Basic scheme make of it.
    pub fn basic(&self) -> String {
        BASE64_STANDARD.encode(format!("{}:{}", self.username, self.secret))
    }

    /// The login as an entry of `auths`.
    pub fn entry(&self) -> Value {
        json!({ "auth": self.basic() })
    }

    /// The login in an `auth` value, if it is one.
    pub fn from_basic(auth: &str) -> Option<Self> {
        let joined = String::from_utf8(BASE64_STANDARD.decode(auth).ok()?).ok()?;
        let (username, secret) = joined.split_once(':')?;
        Some(Self::new(username, secret))
    }

    /// Every form in which the secret could stand in a file or a message: as it is, as serde and as Go write it
    /// into JSON, and in base64, alone or after the user name.
    pub fn forms(&self) -> Vec<String> {
        let json = serde_json::to_string(&self.secret).expect("a string is JSON");
        let json = json[1..json.len() - 1].to_owned();
        let go = json
            .replace('<', r"\u003c")
            .replace('>', r"\u003e")
            .replace('&', r"\u0026");
        let mut forms = vec![
            self.secret.clone(),
            json,
            go,
            BASE64_STANDARD.encode(&self.secret),
            self.basic(),
        ];
        forms.sort_unstable();
        forms.dedup();
        forms
    }
}

/// A login whose secret each layer would quote or escape otherwise.
pub fn alice() -> Login {
    Login::new("alice", "a \"quoted\" <secret> & more")
}

/// A login that differs from [`alice`]'s in both parts.
pub fn bob() -> Login {
    Login::new("bob", "another secret altogether")
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("username", &self.username)
            .field("secret", &"[redacted]")
            .finish()
    }
}
