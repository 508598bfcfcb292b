//! What each source says about a server, for people. Names, never values.

use docker_credential_helper::{Environment, ServerUrl};

use crate::lookup::{Answer, Lookup};

/// One line for each source that says anything.
pub(crate) fn lines(environment: &Environment, server: &ServerUrl) -> Vec<String> {
    let lookup = match Lookup::new(environment) {
        Ok(lookup) => lookup,
        Err(error) => return vec![error.to_string()],
    };
    let mut lines = Vec::new();
    let mut is_decided = false;
    for (source, answer) in lookup.answers(server) {
        let text = match answer {
            Answer::Nothing => continue,
            Answer::Login { variables, .. } if is_decided => {
                format!(
                    "{} would answer, too; a source before it decides",
                    variables.join(", ")
                )
            }
            Answer::Login { variables, .. } => {
                is_decided = true;
                format!("{} answers", variables.join(", "))
            }
            Answer::Broken(error) => error.to_string(),
            Answer::Contradiction(error) => {
                is_decided = true;
                error.to_string()
            }
        };
        lines.push(format!("{}: {text}", source.name()));
    }
    lines.extend(
        lookup
            .unattributed()
            .map(|(source, error)| format!("{}: {error}", source.name())),
    );
    lines
}
