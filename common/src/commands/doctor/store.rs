//! The store: whether it opens, and gives back what it is given.

use super::Stored;
use crate::commands::session::Session;
use crate::commands::{Finding, Level};
use crate::{Credential, CredentialStore, Error, Secret, ServerUrl, Username};

const CHECK: &str = "store";

/// What is wrong with it, and what it lists.
///
/// `own` is what the helper itself has found.
pub(super) fn findings(session: &mut Session<'_>, own: &[Finding]) -> (Vec<Finding>, Stored) {
    let store = match session.open_store() {
        Ok(store) => store,
        Err(error) => return (vec![trouble("the store does not open", &error)], Stored::new()),
    };
    let mut findings = Vec::new();
    let mut stored = Stored::new();
    match store.list() {
        Ok(items) => {
            stored.extend(items.into_iter().map(|item| item.server.as_str().to_owned()));
            let text = match stored.len() {
                1 => "the store opens and holds 1 login".to_owned(),
                count => format!("the store opens and holds {count} logins"),
            };
            findings.push(Finding::ok(CHECK, text));
        }
        Err(error) => findings.push(trouble("the store cannot be listed", &error)),
    }
    // The first login may make the key on which all others hang, which is not for a check to do.
    let is_untouched = stored.is_empty() && own.iter().any(|finding| finding.level() != Level::Ok);
    if !session.helper.is_read_only() && !is_untouched {
        findings.push(round_trip(&*store));
    }
    (findings, stored)
}

/// With a server that nobody has: `.invalid` never resolves (RFC 2606).
fn round_trip(store: &dyn CredentialStore) -> Finding {
    let name = format!("doctor-{}.docker-credential.invalid", std::process::id());
    let result = ServerUrl::parse(&name).and_then(|server| {
        let login = Credential::new(
            server.clone(),
            Username::parse("doctor".into())?,
            Secret::new(format!("round trip {}", std::process::id())),
        );
        let stored = store.store(&login).and_then(|()| store.get(&server));
        // Whatever came of it, nothing stays.
        store.erase(&server)?;
        let is_same = stored?
            .is_some_and(|found| found.username() == login.username() && found.secret() == login.secret());
        let is_gone = store.get(&server)?.is_none();
        Ok((is_same, is_gone))
    });
    match result {
        Ok((true, true)) => Finding::ok("round-trip", "a login can be stored, read back and erased"),
        Ok((false, _)) => Finding::error("round-trip", "a login that was stored does not come back"),
        Ok((true, false)) => Finding::error("round-trip", "a login that was erased is still there"),
        Err(error) => trouble_of("round-trip", "a login cannot be stored", &error),
    }
}

fn trouble(what: &str, error: &Error) -> Finding {
    trouble_of(CHECK, what, error)
}

fn trouble_of(check: &'static str, what: &str, error: &Error) -> Finding {
    Finding::error(check, format!("{what}: {error}"))
}
