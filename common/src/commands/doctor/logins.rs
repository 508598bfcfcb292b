//! Logins in plain text, and the empty entries that some clients need.

use std::collections::BTreeSet;

use super::machine::Machine;
use super::{MARKERS, Stored};
use crate::commands::Finding;
use crate::commands::configure::left_behind::{self, LeftBehind, Place};
use crate::commands::session::Session;
use crate::commands::transfer::{Client, Source};
use crate::config::{AuthError, ConfigFile, Document, Entry, Form, lookup, paths};
use crate::show::{self, ShellCommand};
use crate::{Environment, Error, ServerUrl};

pub(super) fn findings(session: &Session<'_>, machine: &Machine, stored: &Stored) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (left, is_meant) = left_behind(session, machine, stored);
    findings.extend(of_left_behind(session, &left, is_meant));
    for file in machine.files() {
        let is_podmans = machine.podman.iter().any(|other| other.path() == file.path());
        findings.extend(unreadable_entries(session.environment, file));
        findings.extend(plain_text(session, file, is_podmans, stored, &left));
    }
    findings.extend(
        machine
            .docker
            .as_ref()
            .and_then(|file| markers(session, file, stored)),
    );
    findings
}

/// The logins that docker doesn't find any more since it uses this helper, and whether its user allowed that.
fn left_behind(session: &Session<'_>, machine: &Machine, stored: &Stored) -> (LeftBehind, bool) {
    let Some(file) = &machine.docker else {
        return (LeftBehind::default(), false);
    };
    let place = Place {
        client: Client::Docker,
        file: file.path(),
    };
    let (document, keys) = (file.document(), stored.keys());
    let (mut left, is_meant) =
        left_behind::since(session.environment, session.helper, place, document, &&keys);
    // It can't be copied from, and its registries are named in credHelpers.
    left.helpers
        .retain(|found| !found.is_made() || found.servers.is_ok());
    // What a helper listed when it was replaced is in this store, or its user left it behind.
    if !is_meant {
        left.helpers.retain(|found| found.servers.is_ok());
    }
    // Plain text that docker didn't read either is reported with the rest, and so is all plain text if no command can
    // import these logins together.
    if !left.is_plain_read || left.helpers.iter().any(|found| found.servers.is_err()) {
        left.plain.clear();
    }
    // Entries that import would leave are reported with the others.
    let is_movable = |server: &String| {
        let entry = document.auths().find(|entry| entry.server() == server);
        entry.is_some_and(|entry| is_importable(entry) && !is_stale(entry, document))
    };
    for plain in &mut left.plain {
        plain.servers.retain(is_movable);
    }
    left.plain.retain(|plain| !plain.servers.is_empty());
    (left, is_meant)
}

fn of_left_behind(session: &Session<'_>, left: &LeftBehind, is_meant: bool) -> Option<Finding> {
    const CHECK: &str = "left-behind";
    if left.is_empty() {
        return None;
    }
    let details = left.details(session.environment).join("; ");
    let text = format!("docker no longer finds these logins, {details}");
    let command = ShellCommand::new(&session.helper.program());
    let is_unlisted = left.helpers.iter().any(|found| found.servers.is_err());
    Some(match () {
        () if is_unlisted => Finding::warning(CHECK, text).advice(format!(
            "once that helper lists them, {} copies them",
            command.literal("configure --import")
        )),
        () if session.helper.is_read_only() => {
            let finding = Finding::warning(CHECK, text);
            finding.advice("name this helper with configure --registry HOST, for its registries only")
        }
        () if is_meant => {
            Finding::warning(CHECK, text).safely_fixed_by(command.literal("configure --import"))
        }
        () => Finding::error(CHECK, text).safely_fixed_by(command.literal("configure --import")),
    })
}

/// Whether the entry's key is a registry that clients ask helpers for.
pub(super) fn is_importable(entry: &Entry) -> bool {
    let key = ServerUrl::parse(entry.server()).map(|server| lookup::docker_key(&server));
    !entry.has_registry_token()
        && key
            .and_then(|key| ServerUrl::parse(&key))
            .is_ok_and(|server| server.key().https_parts().is_some())
}

/// Whether the file's client uses another helper for the entry's registry: `import` leaves this login.
fn is_ignored(session: &Session<'_>, file: &ConfigFile, is_podmans: bool, entry: &Entry) -> bool {
    let client = if is_podmans {
        Client::Podman
    } else {
        Client::Docker
    };
    let settings = Source::new(file.path().to_owned(), client).settings(session.environment);
    let server = ServerUrl::parse(entry.server());
    matches!((settings, server), (Ok(settings), Ok(server)) if settings.other_helper(session, &server).is_some())
}

/// Whether docker uses another entry for the registry, with another login: `import` leaves this one, because
/// it may be an old password.
fn is_stale(entry: &Entry, document: &Document) -> bool {
    let Ok(server) = ServerUrl::parse(entry.server()) else {
        return false;
    };
    let key = lookup::docker_key(&server);
    entry.form() == Form::Auths
        && entry.server() != key
        && !lookup::is_namespace(entry.server())
        && document
            .auths()
            .any(|other| other.server() == key && other.login() != entry.login())
}

/// Whether docker looks up the entry's registry under one of these keys.
fn is_among(entry: &Entry, keys: &BTreeSet<String>) -> bool {
    ServerUrl::parse(entry.server()).is_ok_and(|server| keys.contains(&lookup::docker_key(&server)))
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
            Some(Finding::error("config", text).advice(
                "docker drops the other logins in plain text when it saves this file; move them with import, then \
                 correct or remove the entry in an editor",
            ))
        })
        .collect()
}

fn plain_text(
    session: &Session<'_>,
    file: &ConfigFile,
    is_podmans: bool,
    stored: &Stored,
    left: &LeftBehind,
) -> Vec<Finding> {
    const CHECK: &str = "plain-text";
    let at = show::path(session.environment, file.path());
    let is_broken = |entry: &Entry| {
        entry.form() == Form::Auths
            && matches!(
                entry.check_as_docker(),
                Err(AuthError::NoUsername | AuthError::NotBase64)
            )
    };
    let is_reported = |entry: &Entry| {
        let mut of_file = left.plain.iter().filter(|plain| plain.file == file.path());
        of_file.any(|plain| plain.servers.iter().any(|server| server == entry.server()))
    };
    let entries = file.document().entries().iter().filter(|entry| {
        // podman doesn't ask helpers for a part of a registry.
        !(entry.is_marker()
            || is_broken(entry)
            || is_reported(entry)
            || is_podmans && lookup::is_namespace(entry.server()))
    });
    let (ignored, entries): (Vec<&Entry>, Vec<&Entry>) =
        entries.partition(|entry| is_ignored(session, file, is_podmans, entry));
    let (stale, entries): (Vec<&Entry>, Vec<&Entry>) = entries
        .into_iter()
        .partition(|entry| is_stale(entry, file.document()));
    let (movable, others): (Vec<&Entry>, Vec<&Entry>) =
        entries.into_iter().partition(|entry| is_importable(entry));
    let (differing, movable): (Vec<&Entry>, Vec<&Entry>) = movable
        .into_iter()
        .partition(|entry| is_among(entry, &stored.differing));
    let names = |entries: &[&Entry]| {
        let names: Vec<String> = entries.iter().map(|entry| show::server(entry.server())).collect();
        show::some(&names)
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
    if !differing.is_empty() {
        let program = session.helper.program();
        let text = format!(
            "{at} holds logins in plain text that differ from the stored ones, for {}",
            names(&differing)
        );
        findings.push(Finding::warning(CHECK, text).advice(format!(
            "remove these entries in an editor to keep the stored logins, or run {program} import --replace to keep these"
        )));
    }
    for (unread, cause) in [
        (
            &ignored,
            "nothing reads, because credHelpers names another helper for",
        ),
        (&stale, "docker ignores, under another name of a registry:"),
    ] {
        if !unread.is_empty() {
            let text = format!("{at} holds logins in plain text that {cause} {}", names(unread));
            findings.push(
                Finding::warning(CHECK, text)
                    .advice("remove these entries in an editor if you don't need them"),
            );
        }
    }
    if !others.is_empty() {
        let text = format!(
            "{at} holds entries in plain text that helpers can't hold, for {}",
            names(&others)
        );
        findings.push(
            Finding::warning(CHECK, text).advice("log in again under the registry's host if you need them"),
        );
    }
    findings
}

/// docker leaves an empty entry for each login, but loses some if several logins run at once.
fn markers(session: &Session<'_>, file: &ConfigFile, stored: &Stored) -> Option<Finding> {
    let lost = lost_markers(session.helper.name(), file.document(), stored);
    if lost.is_empty() {
        return None;
    }
    let text = format!(
        "{} has no entry in auths for {}, without which some clients (testcontainers) don't ask",
        show::path(session.environment, file.path()),
        show::some(&lost)
    );
    let fix = ShellCommand::new(&session.helper.program()).literal("doctor --fix=markers");
    Some(Finding::warning(MARKERS, text).safely_fixed_by(fix))
}

/// Adds an empty entry for each.
pub(super) fn write_markers(session: &mut Session<'_>, stored: &Stored) -> Result<(), Error> {
    let path = paths::docker(session.environment)?;
    let name = session.helper.name();
    let mut added = Vec::new();
    ConfigFile::edit(&session.environment.trust(), &path, |document| {
        added = lost_markers(name, document, stored);
        let mut document = document.clone();
        for server in &added {
            document = document.with_marker(server)?;
        }
        Ok(document)
    })?;
    let path = show::path(session.environment, &path);
    session.console.print(&format!(
        "{path}: added an empty entry for {}\n",
        show::some(&added)
    ))
}

/// The keys of stored logins that docker asks this helper for, but that don't have an entry.
fn lost_markers(helper: &str, document: &Document, stored: &Stored) -> Vec<String> {
    let mut lost: Vec<String> = stored
        .servers
        .iter()
        .filter_map(|server| ServerUrl::parse(server).ok())
        .filter(|server| {
            // docker doesn't log in to servers with a path.
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
