//! Replies, as clients read them from stdout.

use std::collections::BTreeMap;

use serde::Serialize;
use zeroize::Zeroizing;

use crate::text::one_line;
use crate::{Credential, Error, ServerUrl};

/// What `get` answers. The server is the string that was asked for, whatever spelling it is stored under: a client
/// may compare.
pub(super) fn credential(query: &ServerUrl, credential: &Credential) -> Result<Zeroizing<Vec<u8>>, Error> {
    /// In Go's order, which some clients' tests rely on.
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

/// What `list` answers: servers to user names, sorted by server.
pub(super) fn listing(listing: &BTreeMap<String, String>) -> Result<Zeroizing<Vec<u8>>, Error> {
    line(listing)
}

/// What a verb that failed answers. Clients tell "not found" from trouble by looking for its text, some of them
/// anywhere in the output, so no other error may contain it, not even quoted from a request.
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
    serde_json::to_writer(&mut *bytes, reply)
        .map_err(|_| Error::damaged("the credential cannot be written as JSON; log in again"))?;
    bytes.push(b'\n');
    Ok(bytes)
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
            "{\"ServerURL\":\"GHCR.io\",\"Username\":\"a\\\"b\",\"Secret\":\"<&>\u{2028}\\n\\\\ü\"}\n"
        );
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
