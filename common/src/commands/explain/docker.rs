//! docker's steps.

use super::{Answer, Asked, Section, describe, runs};
use crate::commands::auth_config::{AuthConfig, VARIABLE};
use crate::config::default_store::{self, DefaultStore};
use crate::config::lookup::{self, Choice};
use crate::config::{ConfigFile, Document, paths, programs};
use crate::{Environment, ServerUrl, show};

const CREDS_STORE: &str = "credsStore";

pub(super) fn section(environment: &Environment, asked: &Asked) -> Section {
    let key = lookup::docker_key(&asked.server);
    let mut section = Section::new(format!("docker asks for {}", show::name(&key)), &key);
    of_variable(&mut section, environment, &key);
    match paths::docker(environment).and_then(|path| ConfigFile::read(&path)) {
        Ok(file) => of_file(&mut section, environment, &file, &asked.server),
        Err(error) => {
            section.broken(
                "config.json",
                format!("{error}; docker ignores it, with a warning, and overwrites it at the next login"),
            );
            of_default(
                &mut section,
                environment,
                default_store::on(environment),
                "config.json",
            );
        }
    }
    if section.decides.is_none() {
        section.ignored("result", "docker continues without a login");
    }
    section
}

fn of_variable(section: &mut Section, environment: &Environment, key: &str) {
    match AuthConfig::of(environment) {
        AuthConfig::Unset => section.ignored(VARIABLE, "not set"),
        AuthConfig::NotText => section.broken(VARIABLE, "not valid UTF-8; docker ignores it"),
        AuthConfig::Refused(error) => section.broken(VARIABLE, format!("{error}; docker ignores it")),
        AuthConfig::Read(document) => match document.entries().iter().find(|entry| entry.server() == key) {
            Some(entry) => {
                let text = format!("{} (docker 28.3 and later)", describe(entry));
                section.answers(VARIABLE, &Answer::Entry(entry), text);
            }
            None => section.ignored(VARIABLE, format!("no entry {key:?}")),
        },
    }
}

fn of_file(section: &mut Section, environment: &Environment, file: &ConfigFile, server: &ServerUrl) {
    let key = lookup::docker_key(server);
    let document = file.document();
    let at = file.path().display();
    if let Some(problem) = document.wrong_type() {
        section.broken(
            "config.json",
            format!("{at} {problem}; docker ignores that part, with a warning"),
        );
    }
    let choice = lookup::docker(document, &key);
    match document.cred_helper(&key) {
        None => section.ignored(
            "credHelpers",
            format!("{at}: no entry {key:?}{}", near_miss(document, server, &key)),
        ),
        Some("") => section.ignored(
            "credHelpers",
            format!("{at}: {key:?} is \"\", which turns credsStore off for it"),
        ),
        Some(helper) => section.answers(
            "credHelpers",
            &Answer::Helper(helper),
            format!(
                "{at}: {key:?} is {:?}, {}",
                show::name(helper),
                runs(environment, helper)
            ),
        ),
    }
    match (document.creds_store(), choice) {
        (Some(store), Choice::CredsStore(_)) => section.answers(
            CREDS_STORE,
            &Answer::Helper(store),
            format!("{at}: {:?}, {}", show::name(store), runs(environment, store)),
        ),
        (Some(store), _) => section.ignored(
            CREDS_STORE,
            format!("{at}: {:?}, not used: credHelpers decides", show::name(store)),
        ),
        (None, _) => {
            let default = default_store::of(environment, document);
            of_default(section, environment, default, &at.to_string());
        }
    }
    let store = choice.helper().map(|helper| Store {
        is_installed: programs::is_helper_installed(environment, helper),
    });
    of_entries(section, document, &key, &at.to_string(), store);
}

fn of_default(section: &mut Section, environment: &Environment, default: DefaultStore, at: &str) {
    match default {
        DefaultStore::Auths => section.ignored(CREDS_STORE, format!("{at}: not set")),
        DefaultStore::Helper(helper) => section.answers(
            CREDS_STORE,
            &Answer::Helper(helper),
            format!(
                "{at}: not set, so docker uses its default {helper:?}, {}",
                runs(environment, helper)
            ),
        ),
        DefaultStore::SecretServiceSinceDocker29 => section.ignored(
            CREDS_STORE,
            format!(
                "{at}: not set; pass is installed without docker-credential-pass, so docker up to 28 uses \
                no store, and later versions \"secretservice\", which {}",
                runs(environment, "secretservice")
            ),
        ),
    }
}

/// The helper that docker runs.
#[derive(Clone, Copy)]
struct Store {
    is_installed: bool,
}

fn of_entries(section: &mut Section, document: &Document, key: &str, at: &str, store: Option<Store>) {
    let name = "auths";
    match lookup::docker_entry(document, key) {
        None if store.is_some() => section.ignored(
            name,
            format!("{at}: no entry {key:?}, so clients that need one (testcontainers) don't ask"),
        ),
        None => section.ignored(name, format!("{at}: no entry {key:?}")),
        Some(entry) if entry.is_marker() => section.ignored(name, format!("{at}: {}", describe(entry))),
        Some(entry) if document.wrong_type().is_some() => section.ignored(
            name,
            format!(
                "{at}: {}, which docker doesn't decode because of the error above",
                describe(entry)
            ),
        ),
        // Seen with docker 28.2: the entry answers if the helper fails. From 29 on, that is an error.
        Some(entry) if store.is_some_and(|store| !store.is_installed) => {
            section.user = super::user(entry);
            let text = format!(
                "{at}: {}, which docker up to 28 uses because the helper fails",
                describe(entry)
            );
            section.ignored(name, text);
        }
        Some(entry) if store.is_some() => section.ignored(
            name,
            format!("{at}: {}, not used: docker asks the helper", describe(entry)),
        ),
        Some(entry) => section.answers(name, &Answer::Entry(entry), format!("{at}: {}", describe(entry))),
    }
}

/// A key in `credHelpers` that its author meant for this server, but that docker doesn't look up.
fn near_miss(document: &Document, server: &ServerUrl, key: &str) -> String {
    let meant = document.cred_helpers().iter().find(|(name, _)| {
        name != key && ServerUrl::parse(name).is_ok_and(|other| other.key() == server.key())
    });
    meant.map_or_else(String::new, |(name, _)| {
        format!(
            "; docker doesn't ask for {:?}, which is there",
            show::server(name)
        )
    })
}
