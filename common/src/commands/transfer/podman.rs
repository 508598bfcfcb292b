//! podman, skopeo and buildah also read docker's file, but not its `credsStore`.

use std::path::PathBuf;

use super::source::{Client, Source};
use crate::commands::session::Session;
use crate::config::programs;
use crate::{Environment, ServerUrl, show};

/// Names the servers whose logins were moved out of docker's file, if podman no longer finds them.
pub(super) fn note<'s>(session: &Session<'_>, moved: impl Iterator<Item = &'s ServerUrl>) {
    if !is_used(session.environment) {
        return;
    }
    let Ok(settings) = Source::new(PathBuf::new(), Client::Podman).settings(session.environment) else {
        return;
    };
    let lost: Vec<String> = moved
        .filter(|server| settings.helper_asked(server) != Some(session.helper.name()))
        .map(|server| show::server(server.as_str()))
        .collect();
    if !lost.is_empty() {
        session.console.note(&format!(
            "podman, skopeo and buildah ignore credsStore, and no longer find {}; to make them ask here too, run: {} \
             configure --podman",
            show::some(&lost),
            session.helper.program()
        ));
    }
}

/// Whether podman is installed, and this user has run it.
fn is_used(environment: &Environment) -> bool {
    let directories = [environment.data_directory(), environment.config_directory()];
    let is_known = directories
        .into_iter()
        .flatten()
        .any(|directory| directory.join("containers").exists());
    is_known && programs::are_podmans_there(environment)
}
