//! The store: whether it opens, and returns a stored login unchanged.

use std::collections::BTreeSet;

use super::Stored;
use super::machine::Machine;
use crate::commands::session::Session;
use crate::commands::{Finding, Level};
use crate::config::{Login, lookup};
use crate::{Credential, CredentialStore, Error, Secret, ServerUrl, Username, show};

const CHECK: &str = "store";

/// Its problems, and the servers that it lists.
///
/// `own` are the helper's own findings.
pub(super) fn findings(
    session: &mut Session<'_>,
    machine: &Machine,
    own: &[Finding],
) -> (Vec<Finding>, Stored) {
    let store = match session.open_store() {
        Ok(store) => store,
        Err(error) => {
            return (
                vec![trouble("the store does not open", &error)],
                Stored::default(),
            );
        }
    };
    let mut findings = Vec::new();
    let mut stored = Stored::default();
    match store.list() {
        Ok(items) => {
            stored.is_listed = true;
            stored.servers = items
                .into_iter()
                .map(|item| item.server.as_str().to_owned())
                .collect();
            stored.differing = differing(&*store, machine, &stored.servers);
            let logins = show::count(stored.servers.len(), "login", "logins");
            findings.push(Finding::ok(CHECK, format!("the store opens and holds {logins}")));
            findings.extend(left_out(&*store, own));
        }
        Err(error) => findings.push(trouble("the store cannot be listed", &error)),
    }
    // The first login may create the key that all others depend on, and a check shouldn't do that.
    let is_untouched = stored.servers.is_empty() && own.iter().any(|finding| finding.level() != Level::Ok);
    // The helper's own check has said that this store is only for reading.
    let is_for_reading = own
        .iter()
        .any(|finding| finding.check() == CHECK && finding.level() == Level::Warning);
    if !session.helper.is_read_only() && !is_untouched && !is_for_reading {
        findings.push(round_trip(&*store));
    }
    (findings, stored)
}

/// Damaged or foreign entries. docker gets neither a login nor an error for them.
fn left_out(store: &dyn CredentialStore, own: &[Finding]) -> Option<Finding> {
    let count = store.left_out();
    // The helper's own check knows more about them.
    let is_known = own
        .iter()
        .any(|finding| finding.check() == "entries" && finding.level() != Level::Ok);
    (count > 0 && !is_known).then(|| {
        let entries = show::count(count, "entry", "entries");
        let text = format!("the store has {entries} that cannot be read, and leaves them out of its list");
        Finding::error(CHECK, text).advice("log in to these registries again")
    })
}

/// docker's keys for logins that differ between a plain-text file and the store: `import` keeps the stored
/// one.
fn differing(store: &dyn CredentialStore, machine: &Machine, servers: &BTreeSet<String>) -> BTreeSet<String> {
    let mut differing = BTreeSet::new();
    let stored: Vec<ServerUrl> = servers
        .iter()
        .filter_map(|server| ServerUrl::parse(server).ok())
        .collect();
    for entry in machine.files().flat_map(|file| file.document().entries()) {
        let Ok(Some(Login::Password { username, password })) = entry.login() else {
            continue;
        };
        let key = ServerUrl::parse(entry.server()).map(|server| lookup::docker_key(&server));
        let Some(server) = key.and_then(|key| ServerUrl::parse(&key)).ok() else {
            continue;
        };
        if stored.iter().any(|stored| stored.key() == server.key())
            && let Ok(Some(login)) = store.get(&server)
            && (login.username().as_str() != username || *login.secret() != password)
        {
            differing.insert(server.as_str().to_owned());
        }
    }
    differing
}

/// Uses a server that doesn't exist: `.invalid` never resolves (RFC 2606).
fn round_trip(store: &dyn CredentialStore) -> Finding {
    let name = format!("doctor-{}.docker-credential.invalid", std::process::id());
    let result = ServerUrl::parse(&name).and_then(|server| {
        let login = Credential::new(
            server.clone(),
            Username::parse("doctor".into())?,
            Secret::new(format!("round trip {}", std::process::id())),
        );
        let stored = store.store(&login).and_then(|()| store.get(&server));
        // Leaves nothing behind, whatever the result.
        store.erase(&server)?;
        let is_same = stored?.is_some_and(|found| found.is_same_login(&login));
        let is_gone = store.get(&server)?.is_none();
        Ok((is_same, is_gone))
    });
    match result {
        Ok((true, true)) => Finding::ok("round-trip", "a login can be stored, read back and erased"),
        Ok((false, _)) => Finding::error("round-trip", "a stored login does not come back"),
        Ok((true, false)) => Finding::error("round-trip", "an erased login is still there"),
        Err(error) => trouble_of("round-trip", "a login cannot be stored", &error),
    }
}

fn trouble(what: &str, error: &Error) -> Finding {
    trouble_of(CHECK, what, error)
}

fn trouble_of(check: &'static str, what: &str, error: &Error) -> Finding {
    let error = Finding::of_error(check, error);
    let text = format!("{what}: {}", error.text());
    error.with_text(text)
}
