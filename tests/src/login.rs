//! The tests' credentials.

use std::fmt;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};

/// Secrets that clients, JSON, base64 or stores are known to damage.
///
/// None begins or ends with white space, which docker's client trims, and none is longer than bcrypt's 72
/// bytes.
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
    /// The user name at a registry.
    pub username: String,
    /// The password.
    pub secret: String,
}

impl Login {
    /// A separate login for each of [`SECRETS`].
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

    /// The login for a server, as a helper reads and writes it.
    pub fn credential(&self, server: &str) -> Value {
        json!({ "ServerURL": server, "Username": self.username, "Secret": self.secret })
    }

    /// Its encoding in `auths[…].auth` and HTTP's Basic scheme.
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

    /// Every form in which a file or a message could contain the secret: plain, as serde and Go escape it in
    /// JSON, and in base64, alone or after the user name.
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

/// A login whose secret each layer quotes or escapes differently.
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
