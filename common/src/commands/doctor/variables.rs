//! Environment variables that don't have the intended effect.

use super::machine::Machine;
use crate::commands::Finding;
use crate::commands::auth_config::{AuthConfig, VARIABLE};
use crate::commands::nearest::nearest;
use crate::commands::session::Session;
use crate::config::lookup;
use crate::reference::VARIABLES;
use crate::show::{self, ShellCommand};

pub(super) fn findings(session: &Session<'_>, machine: &Machine) -> Vec<Finding> {
    let mut findings = settings(session);
    findings.extend(auth_config(session, machine));
    findings
}

/// The prefix of all our variables.
const PREFIX: &str = "DOCKER_CREDENTIAL_";

/// Checks every setting, even if the store isn't in use yet, and finds misspelt names.
fn settings(session: &Session<'_>) -> Vec<Finding> {
    const CHECK: &str = "settings";
    let environment = session.environment;
    let variables = session.helper.described().variables.iter().chain(&VARIABLES);
    let known: Vec<_> = variables
        .filter(|variable| variable.name.starts_with(PREFIX))
        .collect();
    let names: Vec<&str> = known.iter().map(|variable| variable.name).collect();
    let mut findings = Vec::new();
    for variable in &known {
        if environment.variable(variable.name).is_some()
            && let Err(error) = variable.check(environment)
        {
            let unset = ShellCommand::new("unset").literal(variable.name);
            findings.push(Finding::error(CHECK, error.to_string()).fixed_by(unset));
        }
    }
    let mut set: Vec<String> = environment
        .names()
        .filter_map(|name| name.into_string().ok())
        .collect();
    set.sort();
    for name in set.iter().filter(|name| !names.contains(&name.as_str())) {
        let meant = nearest(name, &names);
        let is_unread = is_ours(name, session.helper.name());
        if !name.starts_with(PREFIX) || (meant.is_none() && !is_unread) {
            continue;
        }
        let text = meant.map_or_else(
            || format!("nothing reads the variable {}", show::name(name)),
            |meant| {
                format!(
                    "nothing reads the variable {}; the setting's name is {meant}",
                    show::name(name)
                )
            },
        );
        findings.push(Finding::warning(CHECK, text).fixed_by(ShellCommand::new("unset").word(name)));
    }
    findings
}

/// Whether no other helper reads the variable: docker-credential-env takes any label before these endings.
fn is_ours(name: &str, helper: &str) -> bool {
    const LABELED: [&str; 6] = [
        "_SERVER",
        "_USERNAME",
        "_PASSWORD",
        "_PASSWORD_FILE",
        "_TOKEN",
        "_TOKEN_FILE",
    ];
    const HELPERS: [&str; 3] = ["AGE_", "ENV_", "KEYRING_"];
    let Some(rest) = name.strip_prefix(PREFIX) else {
        return false;
    };
    let own = format!("{}_", helper.to_ascii_uppercase());
    let is_others = HELPERS
        .iter()
        .any(|other| *other != own && rest.starts_with(other));
    !is_others && !LABELED.iter().any(|end| rest.ends_with(end))
}

fn auth_config(session: &Session<'_>, machine: &Machine) -> Option<Finding> {
    const CHECK: &str = "auth-config";
    // docker-credential-env reads it itself.
    if session.helper.is_read_only() {
        return None;
    }
    let unset = ShellCommand::new("unset").literal(VARIABLE);
    match AuthConfig::of(session.environment) {
        AuthConfig::Unset => None,
        AuthConfig::NotText => {
            let text = format!("{VARIABLE} is not valid UTF-8, so docker ignores it");
            Some(Finding::warning(CHECK, text).fixed_by(unset))
        }
        AuthConfig::Refused(error) => {
            let text = format!("{VARIABLE}: {error}; docker ignores it");
            Some(Finding::warning(CHECK, text).fixed_by(unset))
        }
        AuthConfig::Read(read) => {
            let file = machine.docker.as_ref()?;
            let shadowed: Vec<String> = read
                .entries()
                .iter()
                .map(crate::config::Entry::server)
                .filter(|server| {
                    lookup::docker(file.document(), server).helper() == Some(session.helper.name())
                })
                .map(show::server)
                .collect();
            if shadowed.is_empty() {
                return None;
            }
            let text = format!(
                "docker takes the logins for {} from {VARIABLE}, and asks no helper",
                show::some(&shadowed)
            );
            Some(Finding::warning(CHECK, text).fixed_by(unset))
        }
    }
}
