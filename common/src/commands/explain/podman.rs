//! What podman, skopeo and buildah do.

use super::{Answer, Asked, Section, describe, runs};
use crate::config::{ConfigFile, lookup, paths};
use crate::{Environment, show};

pub(super) fn section(environment: &Environment, asked: &Asked) -> Section {
    let heading = format!("podman, skopeo and buildah ask for {}", show::name(&asked.image));
    let mut section = Section::new(heading, &asked.image);
    match paths::podman_search(environment) {
        Ok(files) => {
            for path in files {
                match ConfigFile::read(&path) {
                    Ok(file) => of_file(&mut section, environment, asked, &file),
                    Err(error) => section.broken(&show::path(environment, &path), error.to_string()),
                }
            }
        }
        Err(error) => section.broken("auth.json", error.to_string()),
    }
    if section.decides.is_none() {
        section.ignored("result", "they go without a login");
    }
    section
}

fn of_file(section: &mut Section, environment: &Environment, asked: &Asked, file: &ConfigFile) {
    let registry = lookup::podman_key(&asked.server);
    let at = show::path(environment, file.path());
    let document = file.document();
    if !file.exists() {
        return section.ignored(&at, "no such file");
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
