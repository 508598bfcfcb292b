//! SSH keys that age supports: `ssh-ed25519` and `ssh-rsa`.
//!
//! This module recognises such keys, and names unusable ones. The feature `ssh` adds the rest.

#[cfg(not(feature = "ssh"))]
pub(crate) use self::absent::{Key, Private, Recipient, parse, unseal};
#[cfg(feature = "ssh")]
pub(crate) use self::present::{Key, Private, Recipient, parse, unseal};

use std::borrow::Cow;

#[cfg(not(feature = "ssh"))]
mod absent;
#[cfg(feature = "ssh")]
mod present;

/// Why a key is unusable. Continues a sentence after "is".
pub(crate) type Problem = Cow<'static, str>;

/// Why a private key is unusable.
pub(crate) struct Unusable {
    pub(crate) problem: Problem,
    /// The command that makes it usable, without the file's name.
    pub(crate) fix: Option<&'static str>,
}

impl From<Problem> for Unusable {
    fn from(problem: Problem) -> Self {
        Self { problem, fix: None }
    }
}

/// A private key in a text format, of any kind; nothing for other files. An age identity begins differently.
pub(crate) fn private_key(file: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(file).ok()?.trim_start();
    (text.starts_with("-----BEGIN ") && !text.starts_with("-----BEGIN AGE ENCRYPTED FILE-----"))
        .then_some(text)
}

/// The first word of a public key, of any kind.
pub(crate) fn is_kind(word: &str) -> bool {
    ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"]
        .iter()
        .any(|kind| word.starts_with(kind))
}

/// The first two words of a public key, and its comment; nothing if the first one is another word.
pub(crate) fn split(line: &str) -> Option<(&str, &str, &str)> {
    let (kind, rest) = line.split_once([' ', '\t'])?;
    let rest = rest.trim_start();
    let (data, comment) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
    is_kind(kind).then_some((kind, data, comment.trim()))
}

/// The public key of this line without its comment, as in lists and approvals. Other recipients are one word.
pub(crate) fn without_comment(line: &str) -> Cow<'_, str> {
    match split(line) {
        Some((kind, data, _)) => format!("{kind} {data}").into(),
        None => line.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_key_is_told_from_an_encrypted_age_file() {
        for (text, is_key) in [
            ("-----BEGIN OPENSSH PRIVATE KEY-----", true),
            ("\n-----BEGIN PRIVATE KEY-----", true),
            ("-----BEGIN AGE ENCRYPTED FILE-----", false),
            ("AGE-SECRET-KEY-1", false),
            ("# -----BEGIN OPENSSH PRIVATE KEY-----", false),
        ] {
            assert_eq!(private_key(text.as_bytes()).is_some(), is_key, "{text}");
        }
    }

    #[test]
    fn a_public_key_is_two_words_and_a_comment() {
        assert_eq!(split("ssh-rsa AAAA"), Some(("ssh-rsa", "AAAA", "")));
        assert_eq!(split("ssh-rsa \tAAAA  a b "), Some(("ssh-rsa", "AAAA", "a b")));
        for line in ["ssh-rsa", "age1xyz bob", "", "command=\"x\" ssh-rsa AAAA"] {
            assert_eq!(split(line), None, "{line}");
        }
    }
}
