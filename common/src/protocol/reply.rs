//! Replies, as clients read them from stdout.

use std::collections::BTreeMap;

use serde::Serialize;
use zeroize::Zeroizing;

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
        other => crate::error::one_line(&other.to_string()).replace(&not_found, "…"),
    };
    format!("{text}\n").into_bytes()
}

fn line(reply: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(1024));
    serde_json::to_writer(&mut *bytes, reply)
        .map_err(|_| Error::Damaged("the credential cannot be written as JSON; log in again".into()))?;
    bytes.push(b'\n');
    Ok(bytes)
}
