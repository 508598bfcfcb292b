//! Keys that docker reads differently than their author meant.

use super::docker::is_asked_for;
use super::machine::Machine;
use crate::ServerUrl;
use crate::commands::Finding;
use crate::commands::nearest::nearest;
use crate::commands::session::Session;
use crate::config::{Document, lookup};
use crate::show::{self, ShellCommand};
use crate::text::fold_case;

const CHECK: &str = "keys";

pub(super) fn findings(session: &Session<'_>, machine: &Machine) -> Vec<Finding> {
    let Some(file) = &machine.docker else {
        return Vec::new();
    };
    let at = show::path(session.environment, file.path());
    let document = file.document();
    let mut findings: Vec<Finding> = typos(document, &at).collect();
    for (key, helper) in document.cred_helpers() {
        findings.extend(never_asked(session, document, key, helper, &at));
    }
    findings
}

/// A field that docker ignores, and drops when it saves the file, but that is a slip for one that it knows.
fn typos<'a>(document: &'a Document, at: &'a str) -> impl Iterator<Item = Finding> + 'a {
    const FIELDS: [&str; 3] = ["credsStore", "credHelpers", "auths"];
    let names = document.field_names();
    names.clone().filter_map(move |name| {
        let meant = nearest(name, &FIELDS)?;
        // If the right field is there as well, the wrong one is harmless.
        let is_there = names.clone().any(|other| fold_case(other) == fold_case(meant));
        (!is_there).then(|| {
            let text = format!(
                "{at}: docker ignores {:?}; the name of the field is {meant:?}",
                show::name(name)
            );
            Finding::error(CHECK, text).advice("correct it in an editor; docker drops it at the next login")
        })
    })
}

fn never_asked(
    session: &Session<'_>,
    document: &Document,
    key: &str,
    helper: &str,
    at: &str,
) -> Option<Finding> {
    // The Hub's other names have their own finding.
    let is_hub = ServerUrl::parse(key).is_ok_and(|server| server.key().is_hub());
    if is_hub || is_asked_for(key) {
        return None;
    }
    let host = lookup::hostname(key)
        .rsplit('@')
        .next()
        .unwrap_or_default()
        .to_lowercase();
    let is_there = host != key && document.cred_helper(&host).is_some();
    let name = session.helper.name();
    let is_covered = helper == name && document.creds_store() == Some(name);
    if is_there || is_covered {
        return None;
    }
    let shown = show::server(key);
    let finding =
        |text: String| Finding::warning(CHECK, format!("{at}: credHelpers names {shown:?}, {text}"));
    if key.contains('*') {
        let finding = finding("and docker doesn't support wildcards".to_owned());
        return Some(finding.advice("name each registry: configure --registry HOST"));
    }
    if !is_asked_for(&host) {
        let finding = finding("which docker never asks for".to_owned());
        return Some(finding.advice("name the registry as host or host:port"));
    }
    let finding = finding(format!("and docker asks for {host:?}"));
    Some(if helper == name {
        let program = ShellCommand::new(&session.helper.program());
        finding.safely_fixed_by(program.literal("configure --registry").word(&host))
    } else {
        finding.advice(format!("rename the key to {host:?}"))
    })
}
