//! GitLab CI/CD: the job's own registry, the dependency proxy, a deploy token, and the registry for the job's
//! token.
//!
//! GitLab sets `CI_REGISTRY` for the whole instance, the user and the password always, and
//! `CI_REGISTRY_IMAGE` only if the project's registry is on. Projects override `CI_REGISTRY` for Docker Hub
//! and forget that the password is still the job's token. Only `CI_REGISTRY_IMAGE` shows the token's
//! registry.
//!
//! These rules prevent mistakes, not attacks: anyone who can write the job can set all of these variables.

use docker_credential_helper::{Environment, ServerKey, ServerUrl};

use super::triple;
use crate::claim::{Claim, Claims, SecretSource};
use crate::variable_error::VariableError;
use crate::{label, value};

const JOB_USER: &str = "gitlab-ci-token";
const JOB_TOKEN: &str = "CI_JOB_TOKEN";
const REGISTRY: &str = "CI_REGISTRY";
const REGISTRY_PASSWORD: &str = "CI_REGISTRY_PASSWORD";
const REGISTRY_IMAGE: &str = "CI_REGISTRY_IMAGE";
const PROXY_SERVER: &str = "CI_DEPENDENCY_PROXY_SERVER";
const PROXY_PASSWORD: &str = "CI_DEPENDENCY_PROXY_PASSWORD";
const SERVER_HOST: &str = "CI_SERVER_HOST";
const SERVER_PORT: &str = "CI_SERVER_PORT";

/// The logins that GitLab sets for every job.
pub(crate) fn job(environment: &Environment) -> Claims {
    if !is_gitlab(environment) {
        return Claims::default();
    }
    let mut claims = confine_job_token(
        environment,
        triple(environment, [REGISTRY, "CI_REGISTRY_USER", REGISTRY_PASSWORD]),
    );
    claims.append(proxy(environment));
    claims
}

/// A project's or group's deploy token, which reaches further than the job's own. The user must enable it,
/// because GitLab sets the variables for any deploy token named `gitlab-deploy-token`.
pub(crate) fn deploy(environment: &Environment) -> Claims {
    let password = environment.variable(REGISTRY_PASSWORD);
    let has_job_token = password
        .is_some_and(|password| !password.is_empty() && environment.variable(JOB_TOKEN) == Some(password));
    if !has_job_token {
        return Claims::default();
    }
    let mut claims = triple(environment, [REGISTRY, "CI_DEPLOY_USER", "CI_DEPLOY_PASSWORD"]);
    for claim in &mut claims.all {
        confine(environment, claim, "deploy token");
    }
    claims
}

/// Lets the job's token answer only for the registry of the job's project, from every source: as the password
/// of `gitlab-ci-token`, or as any password that equals `CI_JOB_TOKEN`.
pub(crate) fn confine_job_token(environment: &Environment, mut claims: Claims) -> Claims {
    let token = environment.variable(JOB_TOKEN).filter(|token| !token.is_empty());
    let is_job = token.is_some() || is_gitlab(environment);
    let is_job_token = |claim: &Claim| {
        let Ok(login) = &claim.login else { return false };
        let is_token = match &login.secret {
            SecretSource::Here(secret) => token.as_ref().is_some_and(|token| token == secret.expose()),
            SecretSource::InFile(_) => false,
        };
        is_token || (is_job && login.username.as_str() == JOB_USER)
    };
    for claim in claims.all.iter_mut().filter(|claim| is_job_token(claim)) {
        confine(environment, claim, "job token");
    }
    claims
}

fn is_gitlab(environment: &Environment) -> bool {
    value::is(environment, "GITLAB_CI", "true")
}

fn confine(environment: &Environment, claim: &mut Claim, token: &str) {
    let problem = match value::server(environment, REGISTRY_IMAGE) {
        Err(error) => {
            claim.login = Err(error);
            return;
        }
        Ok(Some(image)) if is_registry_of(&claim.server, &image) => return,
        Ok(Some(_)) => format!("but it is only for the registry of {REGISTRY_IMAGE}"),
        Ok(None) => format!("but {REGISTRY_IMAGE}, which shows the token's registry, is not set"),
    };
    let server = &claim.server;
    claim.login = Err(VariableError::new(
        &claim.variables,
        format!(
            "would send GitLab's {token} to {server}, {problem}; for {server}, set {} instead",
            host_variables(server.key())
        ),
    ));
}

/// The image's own registry or a part of it that holds the image; never the Hub, which doesn't accept
/// GitLab's tokens.
fn is_registry_of(server: &ServerUrl, image: &ServerUrl) -> bool {
    let encloses = |above: &ServerUrl| above.key() == server.key();
    !server.key().is_hub() && (encloses(image) || image.enclosing().iter().any(encloses))
}

fn host_variables(server: &ServerKey) -> String {
    match label::encode(server) {
        Some(label) => format!("DOCKER_CREDENTIAL_{label}_USERNAME and DOCKER_CREDENTIAL_{label}_PASSWORD"),
        None => format!(
            "DOCKER_CREDENTIAL_<LABEL>_SERVER={server}, DOCKER_CREDENTIAL_<LABEL>_USERNAME and DOCKER_CREDENTIAL_<LABEL>_PASSWORD"
        ),
    }
}

/// The dependency proxy is the GitLab server itself.
fn proxy(environment: &Environment) -> Claims {
    let mut claims = triple(
        environment,
        [PROXY_SERVER, "CI_DEPENDENCY_PROXY_USER", PROXY_PASSWORD],
    );
    let gitlab = gitlab_server(environment);
    let (at_gitlab, elsewhere): (Vec<_>, Vec<_>) = claims
        .all
        .into_iter()
        .partition(|claim| Some(claim.server.key()) == gitlab.as_ref().map(ServerUrl::key));
    claims.all = at_gitlab;
    claims.unused.extend(elsewhere.iter().map(|claim| {
        VariableError::new(
            &claim.variables,
            format!("are ignored because {PROXY_SERVER} is not {SERVER_HOST}:{SERVER_PORT}"),
        )
    }));
    claims
}

fn gitlab_server(environment: &Environment) -> Option<ServerUrl> {
    let host = environment.variable(SERVER_HOST)?.into_string().ok()?;
    let port = environment.variable(SERVER_PORT)?.into_string().ok()?;
    if host.contains(['/', ':', '@']) {
        return None;
    }
    ServerUrl::parse(&format!("{host}:{port}"))
        .ok()
        .filter(|server| !server.key().is_opaque())
}
