//! The name of the file with the credential for a key.

use std::fmt::Write as _;

use docker_credential_helper::{ServerKey, ServerUrl, hex};
use sha2::{Digest, Sha256};

const EXTENSION: &str = ".age";
/// Common file systems limit a name to 255 bytes; the rest is for the extension.
const LONGEST: usize = 200;
const KEPT_OF_LONGER: usize = 120;

/// `ghcr.io.age`, `localhost%3A5000.age`: the key, in which characters that a file system might fold, resolve
/// or refuse are written as `%XX`.
///
/// Different keys have different names even if case is folded: capitals only occur in hexadecimal digits
/// after `%`. The escaping is reversible; very long names end in `%-` and a hash instead, which never looks
/// like an escape.
pub(crate) fn entry_name(key: &ServerKey) -> String {
    name_of(&key.to_string())
}

/// The same for a message or the log. A server outside the grammar may contain a user name and a password, so
/// this only uses the part that may be shown.
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

/// The server of an entry, unless its name ends in a hash.
pub(crate) fn server_of(name: &str) -> Option<ServerUrl> {
    let key = unescape(name.strip_suffix(EXTENSION)?)?;
    ServerUrl::parse(&key).ok().filter(|_| is_entry_name(name))
}

/// Whether this is exactly the name of some server's entry. We ignore all other files in the store;
/// otherwise, anyone who can write to it could block a rekey with a file whose name is too long to set aside.
pub(crate) fn is_entry_name(name: &str) -> bool {
    let Some(stem) = name.strip_suffix(EXTENSION) else {
        return false;
    };
    if let Some((kept, hash)) = stem.split_once("%-") {
        return is_shortened(kept, hash);
    }
    let server = unescape(stem).and_then(|key| ServerUrl::parse(&key).ok());
    server.is_some_and(|server| entry_name(server.key()) == name)
}

/// Whether a file looks like an entry to a person, but isn't one.
pub(crate) fn is_foreign_name(name: &str) -> bool {
    name.ends_with(EXTENSION) && !name.starts_with('.') && !is_entry_name(name)
}

/// The server can't be read from a name that ends in a hash.
fn is_shortened(kept: &str, hash: &str) -> bool {
    let is_hash = hash.len() == 64 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_cut = (KEPT_OF_LONGER - 2..=KEPT_OF_LONGER).contains(&kept.len());
    is_hash && is_cut && is_escaped(kept.as_bytes())
}

/// Whether a name only contains text that [`escape`] writes.
fn is_escaped(name: &[u8]) -> bool {
    match name {
        [] => true,
        [
            b'%',
            b'0'..=b'9' | b'A'..=b'F',
            b'0'..=b'9' | b'A'..=b'F',
            rest @ ..,
        ] => is_escaped(rest),
        [byte, rest @ ..] => is_plain(*byte) && is_escaped(rest),
    }
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_')
}

/// Nothing for text that [`escape`] never writes.
fn unescape(name: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

fn escape(key: &str) -> String {
    let first_is_special = key.starts_with(['-', '.']) || is_windows_device(key);
    let mut name = String::with_capacity(key.len() + 16);
    for (index, byte) in key.bytes().enumerate() {
        if is_plain(byte) && !(index == 0 && first_is_special) {
            name.push(char::from(byte));
        } else {
            let _ = write!(name, "%{byte:02X}");
        }
    }
    name
}

/// `con.example.age` opens the console on Windows, where people may also check out a shared store.
fn is_windows_device(key: &str) -> bool {
    let stem = key.split('.').next().unwrap_or_default();
    match stem.as_bytes() {
        b"con" | b"prn" | b"aux" | b"nul" => true,
        [b'c', b'o', b'm', digit] | [b'l', b'p', b't', digit] => digit.is_ascii_digit(),
        _ => false,
    }
}

/// The longest length up to `limit` that doesn't split an escape.
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
    fn each_entry_has_a_name_that_is_one() {
        for server in [
            "ghcr.io",
            "localhost:5000",
            "docker.io",
            "http://a",
            "quay.io/Org",
            "[::1]:5000",
            "a.",
            "x://a?b",
            "ü",
            "-a",
            "con.example",
            "..",
            ".age-recipients",
            "https://alice:pw@ghcr.io",
            "https://index.docker.io/v1/access-token",
            "a b",
            "%41",
        ] {
            assert!(is_entry_name(&name(server)), "{server}: {}", name(server));
        }
        for plain in 110..130 {
            let server = format!("a/{}{}", "b".repeat(plain), "C".repeat(60));
            assert!(is_entry_name(&name(&server)), "{}", name(&server));
        }
        // The cut is between the two bytes of a letter.
        for plain in 0..6 {
            let server = format!("a/{}{}", "b".repeat(plain), "ü".repeat(60));
            assert!(is_entry_name(&name(&server)), "{}", name(&server));
        }
    }

    #[test]
    fn any_other_name_is_foreign() {
        let long = "a".repeat(251);
        let hash = "0".repeat(64);
        for name in [
            "GHCR.io.age",
            "docker.io.age",
            "a:5000.age",
            "%61.age",
            "%2.age",
            "%.age",
            "%C3.age",
            "%0A.age",
            "a%2fb.age",
            "ghcr.io%3A443.age",
            &format!("{long}.age"),
            &format!("a%-{hash}.age"),
            "con.age",
            ".age.age",
            "x y.age",
        ] {
            assert!(!is_entry_name(name), "{name}");
        }
        for name in [
            ".age-recipients",
            ".x.age",
            "ghcr.io",
            "README.md",
            ".age",
            "ghcr.io.age.unreadable",
        ] {
            assert!(!is_entry_name(name) && !is_foreign_name(name), "{name}");
        }
        assert!(is_foreign_name("GHCR.io.age") && !is_foreign_name("ghcr.io.age"));
    }
}
