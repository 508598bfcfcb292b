//! Whether podman, skopeo and buildah also use the helper.

use super::Stored;
use super::machine::Machine;
use crate::ServerUrl;
use crate::commands::Finding;
use crate::commands::session::Session;
use crate::config::lookup::{self, Choice};
use crate::config::programs;
use crate::config::registries::CredentialHelpers;
use crate::show::{self, ShellCommand};

const CHECK: &str = "podman";

/// podman knows no `credsStore`, and what `podman login` writes is plain text.
pub(super) fn findings(session: &Session<'_>, machine: &Machine, stored: &Stored) -> Vec<Finding> {
    let name = session.helper.name();
    let is_there = ["podman", "skopeo", "buildah"]
        .iter()
        .any(|program| programs::first_on_path(session.environment, program).is_some());
    let docker_uses_us = machine
        .docker
        .as_ref()
        .is_some_and(|file| lookup::docker(file.document(), "") == Choice::CredsStore(name));
    if !is_there || !docker_uses_us {
        return Vec::new();
    }
    let helpers = match CredentialHelpers::read(session.environment) {
        Ok(helpers) => helpers,
        Err(error) => {
            let finding = Finding::error(
                CHECK,
                format!("{error}; podman, skopeo and buildah don't work with it"),
            );
            return vec![finding.advice("correct the file in an editor")];
        }
    };
    if helpers.helpers().iter().any(|helper| helper == name) {
        return Vec::new();
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
