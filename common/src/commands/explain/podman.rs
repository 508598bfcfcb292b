//! The steps of podman, skopeo and buildah.

use super::{Answer, Asked, Section, describe, runs};
use crate::commands::session::Session;
use crate::config::registries::{AUTH_FILES, CredentialHelpers};
use crate::config::{ConfigFile, lookup, paths};
use crate::{Environment, show};

/// `store` is the answer of this helper's own store, if podman asks it.
pub(super) fn section(session: &Session<'_>, asked: &Asked, store: &Section) -> Section {
    let heading = format!("podman, skopeo and buildah ask for {}", show::name(&asked.image));
    let mut section = Section::new(heading, &asked.image);
    match CredentialHelpers::read(session.environment) {
        Ok(helpers) => of_helpers(&mut section, session, asked, store, &helpers),
        Err(error) => section.broken("registries.conf", format!("{error}; podman doesn't work with it")),
    }
    if section.decides.is_none() {
        section.ignored("result", "they continue without a login");
    }
    section
}

/// In the order of the list. If a helper has no login, the next one is asked.
fn of_helpers(
    section: &mut Section,
    session: &Session<'_>,
    asked: &Asked,
    store: &Section,
    helpers: &CredentialHelpers,
) {
    let Some(file) = helpers.file().filter(|_| !helpers.helpers().is_empty()) else {
        return of_files(section, session.environment, asked);
    };
    let at = show::path(session.environment, file);
    for helper in helpers.helpers() {
        let is_own = helper == session.helper.name();
        let text = format!(
            "credential-helpers names {:?}, {}",
            show::name(helper),
            runs(session.environment, helper)
        );
        match () {
            () if helper == AUTH_FILES => of_files(section, session.environment, asked),
            () if is_own && store.holds_nothing() => {
                section.ignored(&at, format!("{text}, which has no login"));
            }
            () => section.answers(&at, &Answer::Helper(helper), text),
        }
    }
}

fn of_files(section: &mut Section, environment: &Environment, asked: &Asked) {
    match paths::podman_search(environment) {
        Ok(files) => {
            for path in files {
                match ConfigFile::read(&path) {
                    Ok(file) => of_file(section, environment, asked, &file),
                    Err(error) => section.broken(&show::path(environment, &path), error.to_string()),
                }
            }
        }
        Err(error) => section.broken("auth.json", error.to_string()),
    }
}

fn of_file(section: &mut Section, environment: &Environment, asked: &Asked, file: &ConfigFile) {
    let registry = lookup::podman_key(&asked.server);
    let at = show::path(environment, file.path());
    let document = file.document();
    if !file.exists() {
        return section.ignored(&at, "no such file");
    }
    if let Some(problem) = document.wrong_type_for_podman() {
        return section.broken(&at, format!("{problem}; podman fails with it"));
    }
    if let Some(helper) = lookup::podman(document, &registry) {
        let text = format!(
            "credHelpers[{registry:?}] is {:?}, {}",
            show::name(helper),
            runs(environment, helper)
        );
        return section.answers(&at, &Answer::Helper(helper), text);
    }
    match (
        lookup::podman_entry(document, &asked.image),
        document.creds_store(),
    ) {
        (Some(entry), _) if !entry.is_marker() => {
            section.answers(&at, &Answer::Entry(entry), describe(entry));
        }
        (entry, store) => {
            let text = entry.map_or_else(|| format!("no entry for {registry}"), describe);
            let ignored = store.map_or_else(String::new, |store| {
                format!("; only docker uses credsStore {:?}", show::name(store))
            });
            section.ignored(&at, format!("{text}{ignored}"));
        }
    }
}
