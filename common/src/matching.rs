//! Decides which credential answers for which server; nothing else does.
//!
//! 1. A credential whose server has an equal [key](crate::ServerKey) answers. If another program left several, the
//!    most recently modified one does; of equally old ones, the one spelled as the query.
//! 2. Otherwise, only for a query without a scheme and with a path, the credential of the longest
//!    [enclosing](ServerUrl::enclosing) prefix.
//! 3. Otherwise none. Never a parent domain, another port, a suffix or a wildcard.
//!
//! Stores only propose: this module computes the key of the returned credential again from the stored string
//! before a secret leaves. A secret that goes to another server is the worst bug this project can have.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::SystemTime;

use crate::{Credential, CredentialStore, Error, Listed, ServerUrl};

/// The credential that answers a `get` for `query`.
///
/// Fails with [`Error::NotFound`] if there is none, with [`Error::Damaged`] if the store proposed one for
/// another server, and otherwise with the store's error.
pub fn find(store: &dyn CredentialStore, query: &ServerUrl) -> Result<Credential, Error> {
    if let Some(credential) = propose(store, query)? {
        return Ok(credential);
    }
    for prefix in query.enclosing() {
        if let Some(credential) = propose(store, &prefix)? {
            return Ok(credential);
        }
    }
    Err(Error::NotFound)
}

fn propose(store: &dyn CredentialStore, server: &ServerUrl) -> Result<Option<Credential>, Error> {
    match store.get(server)? {
        Some(credential) if credential.server().key() != server.key() => Err(Error::damaged(format!(
            "the entry for {server} holds the login of another server; log in to it again"
        ))),
        proposal => Ok(proposal),
    }
}

/// The one of several items that answers for `query`'s key; ignores items for other keys.
///
/// `describe` returns an item's server, as stored, and the time of its last change.
pub fn newest<T>(
    query: &ServerUrl,
    items: impl IntoIterator<Item = T>,
    describe: impl Fn(&T) -> (&ServerUrl, Option<SystemTime>),
) -> Option<T> {
    items
        .into_iter()
        .filter(|item| describe(item).0.key() == query.key())
        .max_by(|a, b| {
            let [a, b] = [a, b].map(|item| {
                let (server, modified) = describe(item);
                (modified, server == query, Reverse(server.as_str().to_owned()))
            });
            a.cmp(&b)
        })
}

/// The list to show: each key once, with the user name that `get` answers for the shown server.
///
/// Shows servers as stored, and the Hub by its URL.
pub fn listing(items: Vec<Listed>) -> BTreeMap<String, String> {
    let mut by_key: BTreeMap<_, Vec<Listed>> = BTreeMap::new();
    for item in items {
        by_key.entry(item.server.key().clone()).or_default().push(item);
    }
    let mut listing = BTreeMap::new();
    for (key, items) in by_key {
        // Of two equally old items, `get` answers with the one spelled as the query. For the Hub that is the
        // URL; for other servers it is the shown one, so the first will do.
        let query = if key.is_hub() {
            ServerUrl::hub()
        } else {
            items[0].server.clone()
        };
        if let Some(item) = newest(&query, items, |item| (&item.server, item.modified)) {
            let shown = if key.is_hub() { query } else { item.server };
            listing.insert(shown.as_str().to_owned(), item.username);
        }
    }
    listing
}

#[cfg(test)]
mod tests;
