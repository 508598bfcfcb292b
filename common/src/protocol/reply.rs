//! Replies, as clients read them from stdout.

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;
use serde_json::ser::Formatter;
use zeroize::Zeroizing;

use crate::text::{is_unprintable, one_line};
use crate::{Credential, Error, ServerUrl};

/// The answer of `get`. The server is the requested string, even if it is stored under another spelling,
/// because a client may compare.
pub(super) fn credential(query: &ServerUrl, credential: &Credential) -> Result<Zeroizing<Vec<u8>>, Error> {
    /// In Go's order, because some clients' tests depend on it.
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Reply<'a> {
        #[serde(rename = "ServerURL")]
        server_url: &'a str,
        username: &'a str,
        secret: &'a str,
    }
    line(&Reply {
        server_url: query.as_str(),
        username: credential.username().as_str(),
        secret: credential.secret().expose(),
    })
}

/// The answer of `list`: maps servers to user names, sorted by server.
pub(super) fn listing(listing: &BTreeMap<String, String>) -> Result<Zeroizing<Vec<u8>>, Error> {
    line(listing)
}

/// The answer of a verb that failed. Clients recognise "not found" by its text, some of them anywhere in the
/// output, so other errors must not contain it, not even quoted from a request.
pub(super) fn error(error: &Error) -> Vec<u8> {
    let not_found = Error::NotFound.to_string();
    let text = match error {
        Error::NotFound => not_found,
        other => one_line(&other.to_string()).replace(&not_found, "…"),
    };
    format!("{text}\n").into_bytes()
}

fn line(reply: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(1024));
    let mut serializer = serde_json::Serializer::with_formatter(&mut *bytes, Printable);
    reply
        .serialize(&mut serializer)
        .map_err(|_| Error::damaged("the credential cannot be written as JSON; log in again"))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Compact, and safe for a terminal: escapes characters that would move the cursor, reverse the reading order
/// or hide. Clients decode the same text.
struct Printable;

impl Formatter for Printable {
    fn write_string_fragment<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_unprintable(*c)) {
            writer.write_all(&rest.as_bytes()[..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = &rest[at + c.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Secret, Username};

    #[test]
    fn a_credential_is_one_line_that_names_the_server_as_it_was_asked_for() {
        let stored = Credential::new(
            ServerUrl::parse("https://ghcr.io/").unwrap(),
            Username::parse("a\"b".into()).unwrap(),
            Secret::new("<&>\u{2028}\n\\ü".into()),
        );
        let reply = credential(&ServerUrl::parse("GHCR.io").unwrap(), &stored).unwrap();
        assert_eq!(
            std::str::from_utf8(&reply).unwrap(),
            "{\"ServerURL\":\"GHCR.io\",\"Username\":\"a\\\"b\",\"Secret\":\"<&>\\u2028\\n\\\\ü\"}\n"
        );
    }

    #[test]
    fn what_a_terminal_would_act_on_is_escaped_and_decodes_to_itself() {
        let secret = "\u{7f}\u{9b}31m\u{202e}x\u{200b}\u{feff}\u{e0041}é\u{fe0f}\u{0}";
        let stored = Credential::new(
            ServerUrl::parse("ghcr.io").unwrap(),
            Username::parse("\u{202e}u".into()).unwrap(),
            Secret::new(secret.into()),
        );
        let reply = credential(stored.server(), &stored).unwrap();
        let text = std::str::from_utf8(&reply).unwrap();
        assert_eq!(
            text,
            "{\"ServerURL\":\"ghcr.io\",\"Username\":\"\\u202eu\",\"Secret\":\"\\u007f\\u009b31m\\u202ex\\u200b\\ufeff\
             \\udb40\\udc41é\\ufe0f\\u0000\"}\n"
        );
        let decoded: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(decoded["Secret"], secret);
    }

    #[test]
    fn a_list_is_one_line_in_the_order_of_the_servers_and_an_object_also_when_empty() {
        let servers = [("quay.io", "b"), ("ghcr.io", "a")];
        let servers = servers.map(|(server, user)| (server.to_owned(), user.to_owned()));
        assert_eq!(
            listing(&servers.into()).unwrap().as_slice(),
            b"{\"ghcr.io\":\"a\",\"quay.io\":\"b\"}\n"
        );
        assert_eq!(listing(&BTreeMap::new()).unwrap().as_slice(), b"{}\n");
    }

    #[test]
    fn trouble_is_one_line_and_never_reads_as_not_found() {
        assert_eq!(
            error(&Error::NotFound),
            b"credentials not found in native keychain\n"
        );
        let quoted = Error::refused("credentials not found in native keychain\nis no server");
        assert_eq!(error(&quoted), "…?is no server\n".as_bytes());
    }
}
