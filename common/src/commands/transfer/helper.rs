//! Copies logins from another helper, which keeps its own.

use super::files::kept_text;
use super::report::{Outcome, Report};
use super::verified::{StoreOptions, StoreOutcome, store_verified};
use crate::commands::peer::Peer;
use crate::commands::session::Session;
use crate::config::lookup;
use crate::{CredentialStore, Error, ServerUrl};

/// Copies the logins of a helper: all that it lists, or those for `servers`.
///
/// Fails if it can't be run or doesn't list. Reports each login that can't be copied as a row.
pub(in crate::commands) fn copy_from(
    session: &Session<'_>,
    store: &dyn CredentialStore,
    peer: &Peer<'_>,
    servers: Option<&[String]>,
    options: StoreOptions,
    report: &mut Report,
) -> Result<(), Error> {
    let mut items = peer.servers()?;
    items.retain(|(server, _)| servers.is_none_or(|wanted| wanted.contains(server)));
    // As with files, the name that docker looks up has priority over other spellings of the same server.
    items.sort_by_key(|(server, _)| {
        ServerUrl::parse(server).map_or(true, |parsed| lookup::docker_key(&parsed) != *server)
    });
    let from = peer.program_name();
    let mut seen = Vec::new();
    for (done, (server, username)) in items.iter().enumerate() {
        session.console.progress(done, items.len());
        let (outcome, text) = match ServerUrl::parse(server) {
            Err(error) => (Outcome::Failed, format!("{from}: {error}")),
            Ok(parsed) if seen.contains(parsed.key()) => (
                Outcome::Left,
                format!("{from}: another spelling of the server has priority"),
            ),
            Ok(parsed) => {
                let row = copy_one(store, peer, &parsed, options);
                if row.0 == Outcome::Copied {
                    seen.push(parsed.key().clone());
                }
                row
            }
        };
        report.add(outcome, server, username, &text);
    }
    session.console.progress(items.len(), items.len());
    Ok(())
}

fn copy_one(
    store: &dyn CredentialStore,
    peer: &Peer<'_>,
    server: &ServerUrl,
    options: StoreOptions,
) -> (Outcome, String) {
    let from = peer.program_name();
    let credential = match peer.get(server) {
        Ok(Some(credential)) => credential,
        // docker-credential-secretservice says so while the keyring is locked.
        Ok(None) => {
            let text = format!("{from} lists it, but returned no login; its store may be locked");
            return (Outcome::Failed, text);
        }
        Err(error) => return (Outcome::Failed, error.to_string()),
    };
    match store_verified(store, &credential, options) {
        Ok(StoreOutcome::Kept(username)) => (Outcome::Kept, kept_text(&username)),
        Ok(StoreOutcome::Stored | StoreOutcome::Present) => (Outcome::Copied, from),
        Err(error) => (Outcome::Failed, error.to_string()),
    }
}
