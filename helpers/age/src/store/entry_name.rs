//! The name of the file that holds the credential for a key.

use std::fmt::Write as _;

use docker_credential_helper::{ServerKey, ServerUrl, hex};
use sha2::{Digest, Sha256};

const EXTENSION: &str = ".age";
/// Common file systems end a name at 255 bytes; the rest is room for the extension.
const LONGEST: usize = 200;
const KEPT_OF_LONGER: usize = 120;

/// `ghcr.io.age`, `localhost%3A5000.age`: the key as it is read, with what a file system might fold, resolve or
/// refuse written as `%XX`.
///
/// Different keys have different names also where case is folded: a name has no capitals but those of hexadecimal
/// digits behind `%`. The escaping is reversible; very long names end in a hash instead, behind `%-`, which no
/// escape looks like.
pub(crate) fn entry_name(key: &ServerKey) -> String {
    name_of(&key.to_string())
}

/// The same for a message or the log. What is outside the grammar may hold a user name and a password, so it goes by the
/// part of it that may be shown.
pub(crate) fn shown_name(server: &ServerUrl) -> String {
    if server.key().is_opaque() {
        name_of(&server.to_string())
    } else {
        entry_name(server.key())
    }
}

fn name_of(key: &str) -> String {
    let mut name = escape(key);
    if name.len() > LONGEST {
        let hash = Sha256::digest(&name);
        name.truncate(whole_escapes(&name, KEPT_OF_LONGER));
        name.push_str("%-");
        name.push_str(&hex(&hash));
    }
    name + EXTENSION
}

/// Whether a file of this name is an entry; anything else in the store is not ours to read.
pub(crate) fn is_entry_name(name: &str) -> bool {
    name.ends_with(EXTENSION) && !name.starts_with('.')
}

fn escape(key: &str) -> String {
    let first_is_special = key.starts_with(['-', '.']) || is_windows_device(key);
    let mut name = String::with_capacity(key.len() + 16);
    for (index, byte) in key.bytes().enumerate() {
        let is_plain = matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_');
        if is_plain && !(index == 0 && first_is_special) {
            name.push(char::from(byte));
        } else {
            let _ = write!(name, "%{byte:02X}");
        }
    }
    name
}

/// `con.example.age` opens the console on Windows, and a shared store is checked out there, too.
fn is_windows_device(key: &str) -> bool {
    let stem = key.split('.').next().unwrap_or_default();
    match stem.as_bytes() {
        b"con" | b"prn" | b"aux" | b"nul" => true,
        [b'c', b'o', b'm', digit] | [b'l', b'p', b't', digit] => digit.is_ascii_digit(),
        _ => false,
    }
}

/// The longest length up to `limit` that splits no escape.
fn whole_escapes(name: &str, limit: usize) -> usize {
    match name[..limit].rfind('%') {
        Some(start) if start + 3 > limit => start,
        _ => limit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(server: &str) -> String {
        entry_name(ServerUrl::parse(server).unwrap().key())
    }

    #[test]
    fn names_are_readable() {
        for (server, expected) in [
            ("https://GHCR.io/v2/", "ghcr.io.age"),
            ("localhost:5000", "localhost%3A5000.age"),
            ("docker.io", "index.docker.io.age"),
            (
                "https://index.docker.io/v1/access-token",
                "index.docker.io%2Fv1%2Faccess-token.age",
            ),
            ("http://a", "http%3A%2F%2Fa.age"),
            ("quay.io/Org", "quay.io%2F%4Frg.age"),
            ("[::1]:5000", "%5B%3A%3A1%5D%3A5000.age"),
            ("a.", "a..age"),
            ("x://a?b", "x%3A%2F%2Fa%3Fb.age"),
            ("ü", "%C3%BC.age"),
        ] {
            assert_eq!(name(server), expected);
        }
    }

    #[test]
    fn a_name_that_is_shown_has_no_user_name_and_no_password() {
        for (server, expected) in [
            (
                "https://alice:pw@ghcr.io",
                "https%3A%2F%2F%E2%80%A6%40ghcr.io.age",
            ),
            (
                "alice:pw@https://ghcr.io",
                "%E2%80%A6%40https%3A%2F%2Fghcr.io.age",
            ),
            ("ghcr.io/a@b", "ghcr.io%2Fa%40b.age"),
            ("x://a", "x%3A%2F%2Fa.age"),
        ] {
            assert_eq!(shown_name(&ServerUrl::parse(server).unwrap()), expected);
        }
    }

    #[test]
    fn what_is_special_at_the_start_of_a_name_is_escaped() {
        for (server, expected) in [
            ("-a", "%2Da.age"),
            ("con", "%63on.age"),
            ("CON.example", "%63on.example.age"),
            ("com1.example", "%63om1.example.age"),
            ("lpt0", "%6Cpt0.age"),
            ("nul:5000", "nul%3A5000.age"),
            ("com10", "com10.age"),
            ("cons", "cons.age"),
            ("a.con", "a.con.age"),
            ("..", "%2E..age"),
            (".age-recipients", "%2Eage-recipients.age"),
        ] {
            assert_eq!(name(server), expected);
        }
    }

    #[test]
    fn long_names_are_bounded_and_differ() {
        let longest = "a".repeat(200);
        assert_eq!(name(&longest), format!("{longest}.age"));
        let (one, other) = (name(&"a".repeat(201)), name(&format!("{}b", "a".repeat(200))));
        assert_ne!(one, other);
        assert_eq!(one.len(), 120 + 2 + 64 + 4);
        assert!(one.starts_with(&format!("{}%-", "a".repeat(120))));
    }

    #[test]
    fn a_long_name_is_not_cut_within_an_escape() {
        for (plain, kept) in [(117, 120), (118, 118), (119, 119), (120, 120)] {
            let server = format!("a/{}{}", "b".repeat(plain - 4), "C".repeat(60));
            let cut = name(&server).split("%-").next().unwrap().len();
            assert_eq!(cut, kept, "{plain}");
        }
    }

    #[test]
    fn only_what_ends_in_age_and_is_not_hidden_is_an_entry() {
        assert!(is_entry_name("ghcr.io.age"));
        for name in [".age-recipients", ".x.age", "ghcr.io", "README.md", ".age"] {
            assert!(!is_entry_name(name), "{name}");
        }
    }
}
