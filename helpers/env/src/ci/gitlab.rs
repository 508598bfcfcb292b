//! GitLab CI/CD: the job's own registry, the dependency proxy, and a deploy token.

use docker_credential_helper::{Environment, ServerUrl};

use super::triple;
use crate::claim::{Claim, Claims};
use crate::variable_error::VariableError;
use crate::{label, value};

const REGISTRY: &str = "CI_REGISTRY";
const REGISTRY_PASSWORD: &str = "CI_REGISTRY_PASSWORD";
const REGISTRY_IMAGE: &str = "CI_REGISTRY_IMAGE";
const PROXY_SERVER: &str = "CI_DEPENDENCY_PROXY_SERVER";

/// What GitLab sets for every job.
pub(crate) fn job(environment: &Environment) -> Claims {
    let mut claims = Claims::default();
    if value::is(environment, "GITLAB_CI", "true") {
        claims = triple(environment, [REGISTRY, "CI_REGISTRY_USER", REGISTRY_PASSWORD]);
        keep_at_home(environment, &mut claims);
    }
    let proxy = triple(
        environment,
        [
            PROXY_SERVER,
            "CI_DEPENDENCY_PROXY_USER",
            "CI_DEPENDENCY_PROXY_PASSWORD",
        ],
    );
    claims.claims.extend(
        proxy
            .claims
            .into_iter()
            .filter(|claim| is_at_gitlab(environment, claim)),
    );
    if let Some(error) = proxy.unattributed {
        claims.set_unattributed(error);
    }
    claims
}

/// A project's or group's deploy token, which reaches further than the job's own. It is used only where its user says
/// so: GitLab sets the variables for any deploy token of the name `gitlab-deploy-token`.
pub(crate) fn deploy(environment: &Environment) -> Claims {
    if !has_job_token(environment) {
        return Claims::default();
    }
    let mut claims = triple(environment, [REGISTRY, "CI_DEPLOY_USER", "CI_DEPLOY_PASSWORD"]);
    keep_at_home(environment, &mut claims);
    claims
}

/// Projects set `CI_REGISTRY` to another registry, commonly the Hub, and forget that the password beside it is still the
/// job's token, which is not for others to see.
fn keep_at_home(environment: &Environment, claims: &mut Claims) {
    if !has_job_token(environment) {
        return;
    }
    for claim in &mut claims.claims {
        if let Err(error) = check_home(environment, &claim.server) {
            claim.login = Err(error);
        }
    }
}

fn check_home(environment: &Environment, registry: &ServerUrl) -> Result<(), VariableError> {
    let Some(image) = value::server(environment, REGISTRY_IMAGE)? else {
        return Ok(());
    };
    let is_home = image.key() == registry.key()
        || image
            .enclosing()
            .iter()
            .any(|server| server.key() == registry.key());
    if is_home {
        return Ok(());
    }
    let way_out = match label::encode(registry.key()) {
        Some(label) => format!("DOCKER_CREDENTIAL_{label}_USERNAME and _PASSWORD"),
        None => "DOCKER_CREDENTIAL_<LABEL>_SERVER, _USERNAME and _PASSWORD".to_owned(),
    };
    Err(VariableError::new(
        [REGISTRY],
        format!(
            "is not the registry of {REGISTRY_IMAGE}, and {REGISTRY_PASSWORD} is the job's token, which is for that registry only; \
             leave {REGISTRY} as GitLab sets it, and log in to others by {way_out}"
        ),
    ))
}

fn has_job_token(environment: &Environment) -> bool {
    let password = environment.variable(REGISTRY_PASSWORD);
    password.is_some_and(|password| {
        !password.is_empty() && environment.variable("CI_JOB_TOKEN") == Some(password)
    })
}

/// The dependency proxy is the GitLab server itself, under any port.
fn is_at_gitlab(environment: &Environment, claim: &Claim) -> bool {
    let Some(gitlab) = environment.variable("CI_SERVER_HOST") else {
        return true;
    };
    let host = claim.server.key().https_parts().map(|(host, _, _)| host);
    let is_there = gitlab
        .to_str()
        .is_some_and(|gitlab| host.is_some_and(|host| gitlab.eq_ignore_ascii_case(host)));
    if !is_there {
        environment.log(|| format!("{PROXY_SERVER} is passed over: it is not CI_SERVER_HOST"));
    }
    is_there
}
