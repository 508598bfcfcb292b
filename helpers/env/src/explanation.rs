//! The answer of each source for a server, for people. Names, never values.

use docker_credential_helper::{Environment, ServerUrl};

use crate::labeled;
use crate::lookup::{Answer, Lookup};
use crate::source::Source;

/// One line for each source with an answer.
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
                    "{} would also answer, but an earlier source decides",
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
    if lines.is_empty() {
        let near = labeled::near_misses(environment, server.key());
        lines.extend(
            near.iter()
                .map(|error| format!("{}: {error}", Source::Own.name())),
        );
        let unused = lookup.unused();
        lines.extend(unused.map(|(source, error)| format!("{}: {error}", source.name())));
    }
    lines.extend(
        lookup
            .unattributed()
            .map(|(source, error)| format!("{}: {error}", source.name())),
    );
    lines
}
