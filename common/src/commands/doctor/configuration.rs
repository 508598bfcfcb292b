//! The files and variables that say whom docker and podman ask.

use crate::ServerUrl;
use crate::commands::Finding;
use crate::commands::session::Session;
use crate::config::lookup::{self, Choice};
use crate::config::{AuthError, ConfigFile, Document, Form, paths, programs};
use crate::show::{self, ShellCommand};

use super::Stored;

const CONFIG: &str = "config";

/// Whether docker finds this program, and finds it and no other.
pub(super) fn program(session: &Session<'_>) -> Vec<Finding> {
    const CHECK: &str = "program";
    let program = session.helper.program();
    let own = std::env::current_exe().and_then(std::fs::canonicalize);
    let Some(first) = programs::first_on_path(session.environment, &program) else {
        return vec![
            Finding::error(
                CHECK,
                format!("{program} is not on PATH, so docker does not find it"),
            )
            .advice(format!("install {program} into a directory of PATH")),
        ];
    };
    let is_own = match (&own, std::fs::canonicalize(&first)) {
        (Ok(own), Ok(first)) => *own == first,
        // Where the program itself is hidden nothing can be said.
        _ => true,
    };
    let shown = first.display();
    if !is_own {
        let text = format!("docker finds {shown} first on PATH, which is not this program");
        vec![
            Finding::warning(CHECK, text).fixed_by(ShellCommand::new("rm").path(session.environment, &first)),
        ]
    } else if first.is_relative() {
        let text =
            format!("docker finds {shown} in a directory of PATH that is relative, and does not run it");
        vec![
            Finding::warning(CHECK, text)
                .advice("take every directory out of PATH that does not begin with /"),
        ]
    } else if let Some(directory) = first
        .parent()
        .filter(|directory| programs::is_world_writable(directory))
    {
        let text = format!("docker finds {shown}, which every user can replace by another program");
        vec![
            Finding::warning(CHECK, text)
                .fixed_by(ShellCommand::new("chmod o-w").path(session.environment, directory)),
        ]
    } else {
        vec![Finding::ok(CHECK, format!("docker finds {shown}"))]
    }
}

/// What docker's file says about helpers, and what it holds of logins.
pub(super) fn docker(session: &Session<'_>) -> (Vec<Finding>, Vec<Finding>) {
    let file = match paths::docker(session.environment).and_then(|path| ConfigFile::read(&path)) {
        Ok(file) => file,
        Err(error) => return (vec![Finding::error(CONFIG, error.to_string())], Vec::new()),
    };
    let document = file.document();
    let at = file.path().display().to_string();
    let mut settings = Vec::new();
    if let Some(edit_blocker) = document.edit_blocker() {
        settings.push(Finding::error(CONFIG, format!("{at} {edit_blocker}")));
    }
    settings.push(chosen(session, document, &at));
    settings.extend(other_helpers(session, document, &at));
    settings.extend(hub_key(session, document, &at));
    settings.extend(environment(session, document));
    let mut logins = plain_text(session, document, &at, false);
    if let Ok(old) = paths::dockercfg(session.environment).and_then(|path| ConfigFile::read(&path)) {
        logins.extend(plain_text(
            session,
            old.document(),
            &old.path().display().to_string(),
            true,
        ));
    }
    (settings, logins)
}

fn chosen(session: &Session<'_>, document: &Document, at: &str) -> Finding {
    let name = session.helper.name();
    let single: Vec<&str> = document
        .cred_helpers()
        .iter()
        .filter(|(_, helper)| helper == name)
        .map(|(server, _)| server.as_str())
        .collect();
    let configure = ShellCommand::new(&session.helper.program()).literal("configure");
    match (document.creds_store(), &single[..]) {
        (Some(store), _) if store == name => Finding::ok(CONFIG, format!("{at}: credsStore is {name:?}")),
        (_, [_, ..]) => Finding::ok(
            CONFIG,
            format!("{at}: credHelpers names {name} for {}", some(&single)),
        ),
        (Some(other), []) => {
            let text = format!("{at}: credsStore is {other:?}, so docker does not ask {name}");
            Finding::warning(CONFIG, text).fixed_by(configure)
        }
        (None, []) => {
            let text = format!("{at}: credsStore is not set, so docker keeps logins in the clear");
            Finding::warning(CONFIG, text).fixed_by(configure)
        }
    }
}

/// Helpers that are named and not there. Docker Desktop leaves its name behind when it is removed.
fn other_helpers(session: &Session<'_>, document: &Document, at: &str) -> Vec<Finding> {
    let settings = document
        .cred_helpers()
        .iter()
        .map(|(server, helper)| (Some(server.as_str()), helper.as_str()));
    let all = document.creds_store().map(|store| (None, store));
    let missing = all.into_iter().chain(settings).filter(|(_, helper)| {
        !helper.is_empty()
            && *helper != session.helper.name()
            && programs::first_on_path(session.environment, &format!("docker-credential-{helper}")).is_none()
    });
    missing
        .map(|(server, helper)| {
            let setting = server.map_or_else(
                || "credsStore".to_owned(),
                |server| format!("credHelpers[{:?}]", show::server(server)),
            );
            let left_behind = if helper.starts_with("desktop") {
                " (Docker Desktop leaves it behind)"
            } else {
                ""
            };
            let text = format!(
                "{at}: {setting} is {helper:?}, and docker-credential-{helper} is not on PATH{left_behind}: each pull fails"
            );
            let configure = ShellCommand::new(&session.helper.program()).literal("configure");
            let fix = match server {
                None => configure,
                Some(server) => configure.literal("--registry").word(server),
            };
            Finding::error("helper", text).fixed_by(fix)
        })
        .collect()
}

/// docker asks for the Hub by its URL only.
fn hub_key(session: &Session<'_>, document: &Document, at: &str) -> Option<Finding> {
    let hub = lookup::docker_key(&ServerUrl::hub());
    let other = document.cred_helpers().iter().find(|(server, _)| {
        *server != hub && ServerUrl::parse(server).is_ok_and(|server| server.key().is_hub())
    })?;
    if document.cred_helper(&hub).is_some() {
        return None;
    }
    let text = format!(
        "{at}: credHelpers names {:?}, and docker asks for the Hub as {hub:?}",
        other.0
    );
    let fix = ShellCommand::new(&session.helper.program()).literal("configure --registry docker.io");
    Some(Finding::warning("hub-key", text).fixed_by(fix))
}

fn environment(session: &Session<'_>, document: &Document) -> Vec<Finding> {
    const NAME: &str = "DOCKER_AUTH_CONFIG";
    const CHECK: &str = "auth-config";
    let value = session
        .environment
        .variable(NAME)
        .filter(|value| !value.is_empty());
    let Some(value) = value else {
        return Vec::new();
    };
    let unset = ShellCommand::new("unset").literal(NAME);
    let read = match value.to_str().map(lookup::auth_config) {
        Some(Ok(read)) => read,
        Some(Err(error)) => {
            let text = format!("{NAME}: {error}; docker passes it over");
            return vec![Finding::warning(CHECK, text).fixed_by(unset)];
        }
        None => return vec![Finding::warning(CHECK, format!("{NAME} is not valid UTF-8"))],
    };
    let shadowed: Vec<&str> = read
        .entries()
        .iter()
        .map(crate::config::Entry::server)
        .filter(|server| lookup::docker(document, server).helper() == Some(session.helper.name()))
        .collect();
    if shadowed.is_empty() {
        return Vec::new();
    }
    let text = format!("{NAME} answers before any helper for {}", some(&shadowed));
    vec![Finding::warning(CHECK, text).fixed_by(unset)]
}

fn plain_text(session: &Session<'_>, document: &Document, at: &str, is_podman: bool) -> Vec<Finding> {
    const CHECK: &str = "plain-text";
    let mut findings = Vec::new();
    let mut servers = Vec::new();
    for entry in document.entries() {
        let name = entry.server().rsplit('@').next().unwrap_or_default();
        if entry.form() == Form::Auths
            && let Err(error @ (AuthError::NoUsername | AuthError::NotBase64)) = entry.check_as_docker()
        {
            let text = format!("{at}: the entry for {name} makes docker give up on the whole file: {error}");
            findings
                .push(Finding::error(CONFIG, text).fixed_by(ShellCommand::new("docker login").word(name)));
        } else if !(entry.is_marker() || is_podman && lookup::is_namespace(entry.server())) {
            // A namespace of podman's is for no helper to hold.
            servers.push(name);
        }
    }
    if !servers.is_empty() {
        let text = format!("{at} holds logins in the clear, for {}", some(&servers));
        let fix = ShellCommand::new(&session.helper.program()).literal("import --configure");
        let finding = Finding::warning(CHECK, text);
        findings.push(if session.helper.is_read_only() {
            finding
        } else {
            finding.fixed_by(fix)
        });
    }
    findings
}

/// docker leaves an empty entry for each login, and loses some where several logins run at once.
pub(super) fn markers(session: &Session<'_>, stored: &Stored) -> Vec<Finding> {
    let file = paths::docker(session.environment).and_then(|path| ConfigFile::read(&path));
    let Ok(file) = file else {
        return Vec::new();
    };
    let document = file.document();
    let lost: Vec<String> = stored
        .iter()
        .filter_map(|server| ServerUrl::parse(server).ok())
        .filter(|server| {
            // What has a path is no server that docker logs in to.
            let is_host = server.key().is_hub()
                || server
                    .key()
                    .https_parts()
                    .is_some_and(|(.., path)| path.is_empty());
            let key = lookup::docker_key(server);
            let is_asked = lookup::docker(document, &key).helper() == Some(session.helper.name());
            is_host && is_asked && lookup::docker_entry(document, &key).is_none()
        })
        .map(|server| lookup::docker_key(&server))
        .collect();
    let Some(first) = lost.first() else {
        return Vec::new();
    };
    let text = format!(
        "{} has no entry in auths for {}, without which some clients (testcontainers) do not ask",
        file.path().display(),
        some(&lost)
    );
    vec![Finding::warning("markers", text).fixed_by(ShellCommand::new("docker login").word(first))]
}

/// podman knows no `credsStore`, and what `podman login` writes is in the clear.
pub(super) fn podman(session: &Session<'_>, stored: &Stored) -> Vec<Finding> {
    let docker = paths::docker(session.environment);
    let mut findings = Vec::new();
    let mut documents = Vec::new();
    for path in paths::podman_search(session.environment).unwrap_or_default() {
        match ConfigFile::read(&path) {
            Ok(file) => {
                // docker's own are looked at already.
                if !docker.as_ref().is_ok_and(|docker| *docker == path) && !path.ends_with(".dockercfg") {
                    let at = path.display().to_string();
                    findings.extend(plain_text(session, file.document(), &at, true));
                }
                documents.push(file.document().clone());
            }
            Err(error) => findings.push(Finding::error("podman", error.to_string())),
        }
    }
    let is_there = ["podman", "skopeo", "buildah"]
        .iter()
        .any(|program| programs::first_on_path(session.environment, program).is_some());
    if !is_there {
        return findings;
    }
    let missed: Vec<String> = stored
        .iter()
        .filter_map(|server| ServerUrl::parse(server).ok())
        .map(|server| lookup::podman_key(&server))
        .filter(|registry| {
            !documents
                .iter()
                .any(|document| lookup::podman(document, registry).is_some())
        })
        .collect();
    let docker_asks_us = docker
        .and_then(|path| ConfigFile::read(&path))
        .is_ok_and(|file| matches!(lookup::docker(file.document(), ""), Choice::CredsStore(name) if name == session.helper.name()));
    if docker_asks_us && !missed.is_empty() {
        let text = format!(
            "podman, skopeo and buildah ignore credsStore: they do not ask here for {}",
            some(&missed)
        );
        let fix = ShellCommand::new(&session.helper.program()).literal("configure --podman");
        findings.push(Finding::warning("podman", text).fixed_by(fix));
    }
    findings
}

/// A few names are enough to know what is meant.
fn some<T: AsRef<str>>(names: &[T]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<&str> = names.iter().take(SHOWN).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
