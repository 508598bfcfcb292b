//! The decrypted content of an entry's file: the protocol's own JSON, so `age -d` shows the answer of `get`.

use docker_credential_helper::{Credential, Error, Secret, ServerUrl, Username};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The version of the format. Version 1 isn't written to the file: an entry without a version has version 1.
const VERSION: u64 = 1;

/// Why a plaintext isn't a credential.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// A later version of this program wrote it, with data that we might lose if we wrote it back.
    Newer,
    /// It isn't the JSON of a credential.
    Malformed,
}

#[derive(Serialize, Deserialize)]
struct Plaintext {
    #[serde(rename = "ServerURL")]
    server: String,
    #[serde(rename = "Username")]
    username: String,
    #[serde(rename = "Secret")]
    secret: String,
}

#[derive(Deserialize)]
struct Version {
    #[serde(default)]
    v: u64,
}

pub(crate) fn to_plaintext(credential: &Credential) -> Result<Zeroizing<Vec<u8>>, Error> {
    let plaintext = Plaintext {
        server: credential.server().as_str().to_owned(),
        username: credential.username().as_str().to_owned(),
        secret: credential.secret().expose().to_owned(),
    };
    let mut bytes = Zeroizing::new(Vec::with_capacity(plaintext.secret.len() + 256));
    serde_json::to_writer(&mut *bytes, &plaintext)
        .map_err(|_| Error::unsupported("the credential cannot be written as JSON"))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Ignores unknown keys, for later additions.
pub(crate) fn from_plaintext(plaintext: &[u8]) -> Result<Credential, Unreadable> {
    // The version comes first: a later one may have changed everything else.
    let Version { v } = serde_json::from_slice(plaintext).map_err(|_| Unreadable::Malformed)?;
    if v > VERSION {
        return Err(Unreadable::Newer);
    }
    let Plaintext {
        server,
        username,
        secret,
    } = serde_json::from_slice(plaintext).map_err(|_| Unreadable::Malformed)?;
    let secret = Secret::new(secret);
    let server = ServerUrl::parse(&server).map_err(|_| Unreadable::Malformed)?;
    let username = Username::parse(username).map_err(|_| Unreadable::Malformed)?;
    Ok(Credential::new(server, username, secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credential(server: &str, username: &str, secret: &str) -> Credential {
        let server = ServerUrl::parse(server).unwrap();
        Credential::new(
            server,
            Username::parse(username.into()).unwrap(),
            Secret::new(secret.into()),
        )
    }

    #[test]
    fn an_entry_is_the_protocols_json() {
        let plaintext = to_plaintext(&credential("ghcr.io", "<token>", "a\"&\n\0ü")).unwrap();
        let expected =
            "{\"ServerURL\":\"ghcr.io\",\"Username\":\"<token>\",\"Secret\":\"a\\\"&\\n\\u0000ü\"}\n";
        assert_eq!(std::str::from_utf8(&plaintext).unwrap(), expected);
        assert_eq!(
            from_plaintext(&plaintext),
            Ok(credential("ghcr.io", "<token>", "a\"&\n\0ü"))
        );
    }

    #[test]
    fn unknown_keys_are_ignored_in_any_order() {
        let json = br#"{"v":1,"x":[{}],"Secret":"s","Username":"u","ServerURL":"a"}"#;
        assert_eq!(from_plaintext(json), Ok(credential("a", "u", "s")));
    }

    #[test]
    fn a_later_version_is_told_from_damage_even_if_nothing_else_is_known() {
        assert_eq!(
            from_plaintext(br#"{"v":2,"Server":["a"]}"#),
            Err(Unreadable::Newer)
        );
    }

    #[test]
    fn what_is_not_a_credential_is_malformed() {
        for json in [
            "",
            "{}",
            "[]",
            "{\"v\":\"2\"}",
            "null",
            r#"{"ServerURL":"a","Username":"u"}"#,
            r#"{"ServerURL":"a","Username":"","Secret":"s"}"#,
            r#"{"ServerURL":"","Username":"u","Secret":"s"}"#,
            r#"{"ServerURL":"a\nb","Username":"u","Secret":"s"}"#,
            r#"{"ServerURL":"a","Username":"u","Secret":"s","Secret":"t"}"#,
            r#"{"ServerURL":"a","Username":"u","Secret":"s"}x"#,
        ] {
            assert_eq!(
                from_plaintext(json.as_bytes()),
                Err(Unreadable::Malformed),
                "{json}"
            );
        }
    }
}
