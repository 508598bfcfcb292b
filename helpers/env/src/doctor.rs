//! What `doctor` says about the variables.

use docker_credential_helper::commands::Finding;
use docker_credential_helper::{Environment, ServerUrl};

use crate::labeled;
use crate::lookup::{Answer, Lookup};
use crate::variable_error::enumeration;

const CHECK: &str = "variables";

pub(crate) fn findings(environment: &Environment) -> Vec<Finding> {
    // The store says what is wrong with a setting.
    let Ok(lookup) = Lookup::new(environment) else {
        return Vec::new();
    };
    let mut findings: Vec<Finding> = lookup
        .unattributed()
        .map(|(_, error)| Finding::error(CHECK, error.to_string()))
        .collect();
    let idle = labeled::idle_labels(environment);
    if !idle.is_empty() {
        let verb = if idle.len() == 1 { "names" } else { "name" };
        findings.push(Finding::warning(
            CHECK,
            format!(
                "{} {verb} no server, so nothing is done with it; set DOCKER_CREDENTIAL_<LABEL>_SERVER beside it",
                enumeration(&idle)
            ),
        ));
    }
    for server in lookup.servers() {
        findings.extend(about(&lookup, &server));
    }
    findings
}

fn about(lookup: &Lookup, server: &ServerUrl) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut decided = None;
    for (source, answer) in lookup.answers(server) {
        match answer {
            Answer::Nothing => {}
            Answer::Broken(error) | Answer::Contradiction(error) => {
                findings.push(Finding::error(CHECK, error.to_string()));
            }
            Answer::Login { variables, .. } if decided.is_some() => findings.push(Finding::warning(
                CHECK,
                format!(
                    "{} would answer for {server}, too; source {} does",
                    enumeration(&variables),
                    decided.unwrap_or_default()
                ),
            )),
            Answer::Login {
                credential,
                variables,
            } => {
                decided = Some(source.name());
                let parts = [
                    ("user name", credential.username().as_str()),
                    ("secret", credential.secret().expose()),
                ];
                for (part, _) in parts.into_iter().filter(|(_, text)| text.trim() != *text) {
                    findings.push(Finding::warning(
                        CHECK,
                        format!(
                            "the {part} for {server} ({}) begins or ends with white space, and is used as it is",
                            enumeration(&variables)
                        ),
                    ));
                }
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests;
