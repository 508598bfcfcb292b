//! The findings of `doctor` about the variables.

use docker_credential_helper::commands::Finding;
use docker_credential_helper::{Credential, Environment, ServerUrl, show};

use crate::labeled;
use crate::lookup::{Answer, Lookup};
use crate::value;
use crate::variable_error::enumeration;

const CHECK: &str = "variables";

/// Variables that CI systems set in every job.
const CI_MARKERS: [&str; 5] = ["CI", "GITHUB_ACTIONS", "TF_BUILD", "JENKINS_URL", "BUILDKITE"];

pub(crate) fn findings(environment: &Environment) -> Vec<Finding> {
    // The store reports the problem with a setting.
    let Ok(lookup) = Lookup::new(environment) else {
        return Vec::new();
    };
    let mut findings: Vec<Finding> = lookup
        .unattributed()
        .map(|(_, error)| Finding::error(CHECK, error.to_string()))
        .collect();
    findings.extend(
        lookup
            .unused()
            .map(|(_, error)| Finding::warning(CHECK, error.to_string())),
    );
    for server in lookup.servers() {
        findings.extend(about(&lookup, &server));
    }
    findings.extend(free_labels(environment));
    findings.extend(ignored_names(environment));
    findings
}

/// Variables in lower case, or with the dots and hyphens of a host. (Windows ignores case.)
fn ignored_names(environment: &Environment) -> Vec<Finding> {
    let mut names: Vec<String> = environment
        .names()
        .filter_map(|name| name.into_string().ok())
        .collect();
    names.sort();
    let warning = |name: &String| {
        let meant = name.to_ascii_uppercase().replace('-', "__").replace('.', "_");
        let is_meant = !labeled::is_variable(name) && labeled::is_variable(&meant);
        is_meant.then(|| {
            let text = format!("nothing reads the variable {}; name it {meant}", show::name(name));
            Finding::warning(CHECK, text)
        })
    };
    names.iter().filter_map(warning).collect()
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
                    "{} would also answer for {server}, but source {} decides",
                    enumeration(&variables),
                    decided.unwrap_or_default()
                ),
            )),
            Answer::Login {
                credential,
                variables,
            } => {
                decided = Some(source.name());
                let verb = if variables.len() == 1 { "answers" } else { "answer" };
                let variables = enumeration(&variables);
                findings.push(Finding::ok(CHECK, format!("{variables} {verb} for {server}")));
                findings.extend(suspicious_values(&credential, &variables));
            }
        }
    }
    findings
}

/// Values that are used unchanged, but are probably a mistake.
fn suspicious_values(credential: &Credential, variables: &str) -> Vec<Finding> {
    let server = credential.server();
    let parts = [
        ("user name", credential.username().as_str()),
        ("secret", credential.secret().expose()),
    ];
    let mut findings = Vec::new();
    for (part, text) in parts {
        if text.trim() != text {
            findings.push(Finding::warning(
                CHECK,
                format!("the {part} for {server} ({variables}) begins or ends with white space, which registries don't ignore"),
            ));
        }
        if value::is_placeholder(text.trim()) {
            findings.push(Finding::warning(
                CHECK,
                format!("the {part} for {server} ({variables}) looks like a variable that the CI system did not expand or masked; pass its value"),
            ));
        }
    }
    findings
}

fn free_labels(environment: &Environment) -> Vec<Finding> {
    let is_set = |name: &&str| environment.variable(name).is_some_and(|value| !value.is_empty());
    if !CI_MARKERS.iter().any(is_set) || value::is(environment, "CI", "false") {
        return Vec::new();
    }
    let warning = |(variable, server): (String, ServerUrl)| {
        let [user, password, ..] = labeled::variables_for(server.key())?;
        Some(Finding::warning(
            CHECK,
            format!(
                "{variable} can be overridden by the job, and its password then goes to another registry; \
                 {user} and {password} are for {server} only"
            ),
        ))
    };
    labeled::free_labels(environment)
        .into_iter()
        .filter_map(warning)
        .collect()
}

#[cfg(test)]
mod tests;
