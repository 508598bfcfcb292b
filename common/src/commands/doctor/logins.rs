//! Logins in plain text, and the empty entries that some clients go by.

use super::docker::some;
use super::machine::Machine;
use super::{MARKERS, Stored};
use crate::commands::Finding;
use crate::commands::session::Session;
use crate::config::{AuthError, ConfigFile, Document, Entry, Form, lookup, paths};
use crate::show::{self, ShellCommand};
use crate::{Environment, Error, ServerUrl};

pub(super) fn findings(session: &Session<'_>, machine: &Machine, stored: &Stored) -> Vec<Finding> {
    let mut findings = Vec::new();
    let files = machine.docker.iter().chain(&machine.dockercfg);
    for file in files.chain(&machine.podman) {
        let is_podmans = machine.podman.iter().any(|other| other.path() == file.path());
        findings.extend(unreadable_entries(session.environment, file));
        findings.extend(plain_text(session, file, is_podmans));
    }
    findings.extend(
        machine
            .docker
            .as_ref()
            .and_then(|file| markers(session, file, stored)),
    );
    findings
}

/// Whether `import` would move something.
pub(super) fn has_importable(machine: &Machine) -> bool {
    let files = machine
        .docker
        .iter()
        .chain(&machine.dockercfg)
        .chain(&machine.podman);
    files
        .flat_map(|file| file.document().entries())
        .any(|entry| matches!(entry.login(), Ok(Some(_))) && is_importable(entry))
}

/// Whether the entry's key is a registry that a helper can be asked for.
fn is_importable(entry: &Entry) -> bool {
    let key = ServerUrl::parse(entry.server()).map(|server| lookup::docker_key(&server));
    !entry.has_registry_token()
        && key
            .and_then(|key| ServerUrl::parse(&key))
            .is_ok_and(|server| server.key().https_parts().is_some())
}

fn unreadable_entries(environment: &Environment, file: &ConfigFile) -> Vec<Finding> {
    let at = show::path(environment, file.path());
    let entries = file.document().auths();
    entries
        .filter_map(|entry| {
            let Err(error @ (AuthError::NoUsername | AuthError::NotBase64)) = entry.check_as_docker() else {
                return None;
            };
            let name = show::server(entry.server());
            let text = format!("{at}: docker cannot read the entry for {name}: {error}");
            let finding = Finding::error("config", text);
            Some(if name == entry.server() && !name.starts_with('-') {
                finding.fixed_by(ShellCommand::new("docker login").word(name))
            } else {
                finding.advice("remove the entry in an editor")
            })
        })
        .collect()
}

fn plain_text(session: &Session<'_>, file: &ConfigFile, is_podmans: bool) -> Vec<Finding> {
    const CHECK: &str = "plain-text";
    let at = show::path(session.environment, file.path());
    let is_broken = |entry: &Entry| {
        entry.form() == Form::Auths
            && matches!(
                entry.check_as_docker(),
                Err(AuthError::NoUsername | AuthError::NotBase64)
            )
    };
    let entries = file.document().entries().iter().filter(|entry| {
        // podman asks no helper for a part of a registry.
        !(entry.is_marker() || is_broken(entry) || is_podmans && lookup::is_namespace(entry.server()))
    });
    let (movable, others): (Vec<&Entry>, Vec<&Entry>) = entries.partition(|entry| is_importable(entry));
    let names = |entries: &[&Entry]| {
        let names: Vec<String> = entries.iter().map(|entry| show::server(entry.server())).collect();
        some(&names)
    };
    let mut findings = Vec::new();
    if !movable.is_empty() {
        let finding = Finding::warning(
            CHECK,
            format!("{at} holds logins in plain text, for {}", names(&movable)),
        );
        findings.push(if session.helper.is_read_only() {
            finding
        } else {
            let program = ShellCommand::new(&session.helper.program());
            finding.safely_fixed_by(program.literal("import --configure"))
        });
    }
    if !others.is_empty() {
        let text = format!(
            "{at} holds entries in plain text that no helper can hold, for {}",
            names(&others)
        );
        findings.push(
            Finding::warning(CHECK, text).advice("log in again under the registry's host if you need them"),
        );
    }
    findings
}

/// docker leaves an empty entry for each login, and loses some where several logins run at once.
fn markers(session: &Session<'_>, file: &ConfigFile, stored: &Stored) -> Option<Finding> {
    let lost = lost_markers(session.helper.name(), file.document(), stored);
    if lost.is_empty() {
        return None;
    }
    let text = format!(
        "{} has no entry in auths for {}, without which some clients (testcontainers) don't ask",
        show::path(session.environment, file.path()),
        some(&lost)
    );
    let fix = ShellCommand::new(&session.helper.program()).literal("doctor --fix=markers");
    Some(Finding::warning(MARKERS, text).safely_fixed_by(fix))
}

/// Adds an empty entry for each.
pub(super) fn write_markers(session: &mut Session<'_>, stored: &Stored) -> Result<(), Error> {
    let path = paths::docker(session.environment)?;
    let name = session.helper.name();
    let mut added = Vec::new();
    ConfigFile::edit(&path, |document| {
        added = lost_markers(name, document, stored);
        let mut document = document.clone();
        for server in &added {
            document = document.with_marker(server)?;
        }
        Ok(document)
    })?;
    let path = show::path(session.environment, &path);
    session
        .console
        .print(&format!("{path}: added an empty entry for {}\n", some(&added)))
}

/// The keys by which docker asks this helper for a stored login, and that have no entry.
fn lost_markers(helper: &str, document: &Document, stored: &Stored) -> Vec<String> {
    let mut lost: Vec<String> = stored
        .iter()
        .filter_map(|server| ServerUrl::parse(server).ok())
        .filter(|server| {
            // docker logs in to no server that has a path.
            let is_host = server.key().is_hub()
                || server
                    .key()
                    .https_parts()
                    .is_some_and(|(.., path)| path.is_empty());
            let key = lookup::docker_key(server);
            is_host
                && lookup::is_registry_login(server)
                && lookup::docker(document, &key).helper() == Some(helper)
                && lookup::docker_entry(document, &key).is_none()
        })
        .map(|server| lookup::docker_key(&server))
        .collect();
    lost.sort();
    lost.dedup();
    lost
}
