//! The helper that docker's file names.

use super::logins::is_importable;
use super::machine::Machine;
use super::{Stored, program};
use crate::ServerUrl;
use crate::commands::Finding;
use crate::commands::configure::left_behind::{LeftBehind, Place};
use crate::commands::session::Session;
use crate::commands::transfer::Client;
use crate::config::default_store::{self, DefaultStore};
use crate::config::{ConfigFile, Document, Entry, lookup, programs};
use crate::show::{self, ShellCommand};

const CHECK: &str = "config";

pub(super) fn findings(session: &Session<'_>, machine: &Machine, stored: &Stored) -> Vec<Finding> {
    let Some(file) = &machine.docker else {
        return Vec::new();
    };
    let at = show::path(session.environment, file.path());
    let document = file.document();
    let missing = missing_helpers(session, file, stored, &at);
    let mut findings = Vec::new();
    // Reports a store that is configured but not installed once.
    if document
        .creds_store()
        .is_none_or(|store| is_found(session, store))
    {
        findings.push(chosen(session, file, stored, &at));
    }
    findings.extend(missing);
    findings.extend(hub_key(session, document, &at));
    findings
}

/// Adds the command that names this helper for all registries, and imports the logins that docker would no
/// longer find.
fn with_configure(finding: Finding, session: &Session<'_>, file: &ConfigFile, stored: &Stored) -> Finding {
    let helper = session.helper;
    let Ok(after) = file.document().with_creds_store(Some(helper.name())) else {
        return finding;
    };
    if !program::is_found(session) {
        return finding;
    }
    let place = Place {
        client: Client::Docker,
        file: file.path(),
    };
    let keys = stored.keys();
    let left = LeftBehind::between(
        session.environment,
        helper,
        place,
        (file.document(), &after),
        &&keys,
    );
    let command = ShellCommand::new(&helper.program()).literal("configure");
    let others = other_logins(session, file, stored);
    let unheld = not_held(file, &left);
    let unlisted = left
        .helpers
        .iter()
        .find_map(|found| Some((found, found.servers.as_ref().err()?)));
    match unlisted {
        _ if !others.is_empty() && !helper.is_read_only() => finding.advice(format!(
            "docker uses other logins than the stored ones for {}; {command} --import replaces the stored ones, \
             {command} --no-import keeps them",
            show::some(&others)
        )),
        _ if left.is_empty() => finding.safely_fixed_by(command),
        Some((found, error)) if found.is_made() => finding.advice(error.to_string()),
        Some((_, error)) => finding.advice(format!(
            "docker would no longer find the logins of that helper, and it doesn't list them ({error}); once it does, \
             {command} --import copies them"
        )),
        None if helper.is_read_only() => finding.advice(format!(
            "docker would no longer find {}; {command} --registry HOST leaves them alone",
            left.summary(session.environment)
        )),
        None if !unheld.is_empty() => finding.advice(format!(
            "docker would no longer find the entries for {}, which helpers can't hold; {command} --import copies the \
             others, and then {command} --no-import leaves these behind",
            show::some(&unheld)
        )),
        None => finding.safely_fixed_by(command.literal("--import")),
    }
}

/// The servers of entries that docker would no longer find, and that can't be imported.
fn not_held(file: &ConfigFile, left: &LeftBehind) -> Vec<String> {
    let is_lost = |entry: &Entry| {
        let mut lost = left.plain.iter().flat_map(|plain| &plain.servers);
        lost.any(|server| server == entry.server())
    };
    let entries = file.document().auths().filter(|entry| !is_importable(entry));
    entries
        .filter(|entry| is_lost(entry))
        .map(|entry| show::server(entry.server()))
        .collect()
}

/// The servers for which docker reads another login in its file than the stored one.
fn other_logins(session: &Session<'_>, file: &ConfigFile, stored: &Stored) -> Vec<String> {
    let document = file.document();
    let is_read = |key: &&String| {
        let helper = lookup::docker(document, key).helper();
        let entry = lookup::docker_entry(document, key);
        !helper.is_some_and(|helper| is_found(session, helper))
            && entry.is_some_and(|entry| matches!(entry.login(), Ok(Some(_))))
    };
    let keys = stored.differing.iter().filter(is_read);
    keys.map(|key| show::server(key)).collect()
}

fn chosen(session: &Session<'_>, file: &ConfigFile, stored: &Stored, at: &str) -> Finding {
    let document = file.document();
    let name = session.helper.name();
    let single: Vec<String> = document
        .cred_helpers()
        .iter()
        .filter(|(server, helper)| helper == name && is_asked_for(server))
        .map(|(server, _)| show::server(server))
        .collect();
    let problem = match (document.creds_store(), &single[..]) {
        (Some(store), _) if store == name => {
            return Finding::ok(CHECK, format!("{at}: credsStore is {name:?}"));
        }
        (_, [_, ..]) => {
            return Finding::ok(
                CHECK,
                format!("{at}: credHelpers names {name} for {}", show::some(&single)),
            );
        }
        (Some(other), []) => format!(
            "{at}: credsStore is {:?}, so docker doesn't use {name}",
            show::name(other)
        ),
        (None, []) => match default_store::of(session.environment, document) {
            DefaultStore::Helper(other) => {
                format!("{at}: credsStore is not set, so docker uses its default {other:?}, and not {name}")
            }
            DefaultStore::SecretServiceSinceDocker29 => format!(
                "{at}: credsStore is not set, so docker up to 28 keeps logins in plain text (pass is installed \
                 without docker-credential-pass), and later versions use \"secretservice\""
            ),
            DefaultStore::Auths => {
                format!("{at}: credsStore is not set, so docker keeps logins in plain text")
            }
        },
    };
    with_configure(Finding::warning(CHECK, problem), session, file, stored)
}

/// Helpers that are named but not installed. Docker Desktop leaves its name behind when it is removed.
fn missing_helpers(session: &Session<'_>, file: &ConfigFile, stored: &Stored, at: &str) -> Vec<Finding> {
    let document = file.document();
    let single = document
        .cred_helpers()
        .iter()
        .map(|(server, helper)| (Some(server.as_str()), helper.as_str()));
    let all = document.creds_store().map(|store| (None, store));
    all.into_iter()
        .chain(single)
        .filter(|(_, helper)| !helper.is_empty() && !is_found(session, helper))
        .map(|(server, helper)| missing_helper(session, (file, stored), server, helper, at))
        .collect()
}

fn is_found(session: &Session<'_>, helper: &str) -> bool {
    helper == session.helper.name() || programs::is_helper_installed(session.environment, helper)
}

fn missing_helper(
    session: &Session<'_>,
    (file, stored): (&ConfigFile, &Stored),
    server: Option<&str>,
    helper: &str,
    at: &str,
) -> Finding {
    let setting = server.map_or_else(
        || "credsStore".to_owned(),
        |server| format!("credHelpers[{:?}]", show::server(server)),
    );
    let cause = if helper.starts_with("desktop") {
        "; Docker Desktop leaves it behind"
    } else if helper.starts_with("docker-credential-") {
        "; docker adds docker-credential- to the name itself"
    } else {
        ""
    };
    let helper = show::name(helper);
    let text = format!(
        "{at}: {setting} is {helper:?}, and docker-credential-{helper} is not on PATH{cause}: each pull fails"
    );
    let finding = Finding::error("helper", text);
    if !program::is_found(session) {
        return finding.advice(format!(
            "install docker-credential-{helper}, or remove the setting"
        ));
    }
    match server {
        None => with_configure(finding, session, file, stored),
        Some(server) if is_asked_for(server) => finding.safely_fixed_by(
            ShellCommand::new(&session.helper.program())
                .literal("configure --registry")
                .word(server),
        ),
        Some(_) => finding.advice(format!("remove that key from {at}")),
    }
}

/// Whether docker or podman looks up a registry under exactly this key.
pub(super) fn is_asked_for(key: &str) -> bool {
    let is_plain = key
        .bytes()
        .all(|byte| !byte.is_ascii_uppercase() && byte != b'*' && byte != b'@');
    is_plain
        && !key.starts_with('-')
        && ServerUrl::parse(key).is_ok_and(|server| {
            [lookup::docker_key(&server), lookup::podman_key(&server)].contains(&key.to_owned())
                && (server.key().is_hub() || server.key().https_parts().is_some())
        })
}

/// docker looks up the Hub only by its URL.
fn hub_key(session: &Session<'_>, document: &Document, at: &str) -> Option<Finding> {
    let hub = lookup::docker_key(&ServerUrl::hub());
    let (other, helper) = document.cred_helpers().iter().find(|(server, _)| {
        *server != hub && ServerUrl::parse(server).is_ok_and(|server| server.key().is_hub())
    })?;
    let is_ours = helper == session.helper.name();
    // podman's key, with the same effect in docker.
    let is_covered = is_ours && document.creds_store() == Some(session.helper.name());
    if document.cred_helper(&hub).is_some() || is_covered {
        return None;
    }
    let text = format!(
        "{at}: credHelpers names {:?}, and docker asks for Docker Hub as {hub:?}",
        show::server(other)
    );
    let finding = Finding::warning("hub-key", text);
    Some(if is_ours {
        let program = ShellCommand::new(&session.helper.program());
        finding.safely_fixed_by(program.literal("configure --registry docker.io"))
    } else {
        finding.advice(format!("add {hub:?} as well"))
    })
}
