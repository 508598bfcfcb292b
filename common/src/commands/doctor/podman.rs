//! Whether podman, skopeo and buildah also use the helper.

use std::path::PathBuf;

use super::Stored;
use super::machine::Machine;
use crate::ServerUrl;
use crate::commands::Finding;
use crate::commands::session::Session;
use crate::config::lookup::{self, Choice};
use crate::config::registries::CredentialHelpers;
use crate::config::{paths, programs};
use crate::show::{self, ShellCommand};

const CHECK: &str = "podman";

/// podman ignores `credsStore`, and `podman login` writes plain text.
pub(super) fn findings(session: &Session<'_>, machine: &Machine, stored: &Stored) -> Vec<Finding> {
    let name = session.helper.name();
    let docker_uses_us = machine
        .docker
        .as_ref()
        .is_some_and(|file| lookup::docker(file.document(), "") == Choice::CredsStore(name));
    if !programs::are_podmans_there(session.environment) {
        return Vec::new();
    }
    match CredentialHelpers::read(session.environment) {
        Ok(helpers) if helpers.helpers().iter().any(|helper| helper == name) => {
            return login_writes_plain_text(session);
        }
        _ if !docker_uses_us => return Vec::new(),
        Ok(_) => {}
        Err(error) => {
            let finding = Finding::error(
                CHECK,
                format!("{error}; podman, skopeo and buildah don't work with it"),
            );
            return vec![finding.advice("correct the file in an editor")];
        }
    }
    let files = || machine.podman.iter().chain(&machine.docker);
    let missed: Vec<String> = stored
        .servers
        .iter()
        .filter_map(|server| ServerUrl::parse(server).ok())
        .filter(lookup::is_registry_login)
        .map(|server| lookup::podman_key(&server))
        .filter(|registry| !files().any(|file| lookup::podman(file.document(), registry).is_some()))
        .collect();
    if missed.is_empty() {
        return Vec::new();
    }
    let text = format!(
        "podman, skopeo and buildah ignore credsStore: they don't ask here for {}",
        show::some(&missed)
    );
    let fix = ShellCommand::new(&session.helper.program()).literal("configure --podman");
    vec![Finding::warning(CHECK, text).safely_fixed_by(fix)]
}

fn login_writes_plain_text(session: &Session<'_>) -> Vec<Finding> {
    let dockers = paths::podman_writes_dockers(session.environment);
    let finding = |dockers: PathBuf| {
        let text = format!(
            "DOCKER_CONFIG is set, so newer versions of podman, skopeo and buildah log in to {}, in plain text, although they \
             ask here for logins",
            show::path(session.environment, &dockers)
        );
        let way_out = format!("log in without it: {}", paths::PODMAN_LOGIN_FOR_HELPERS);
        Finding::warning(CHECK, text).advice(way_out)
    };
    dockers.map(finding).into_iter().collect()
}
