//! The variables that CI systems already set. Each login is bound to the server that the same system sets
//! with it. If that is unset or empty, there is no login; it never means the Hub.

use docker_credential_helper::{Environment, ServerUrl};

use crate::claim::Claims;
use crate::value;
use crate::variable_error::VariableError;

pub(crate) mod gitlab;

#[cfg(test)]
mod tests;

/// GitHub's token is valid for GitHub's registry. GitHub Enterprise sets the same variables for another host,
/// whose registry has another name. We don't read `GH_TOKEN`, because people set it to reach such hosts from
/// github.com.
pub(crate) fn github(environment: &Environment) -> Claims {
    const TOKEN: &str = "GITHUB_TOKEN";
    const ACTOR: &str = "GITHUB_ACTOR";
    /// The registry only checks the token and accepts any user name; this is the one in GitHub's own
    /// examples.
    const NOBODY: &str = "x-access-token";

    let mut claims = Claims::default();
    let is_github = value::is(environment, "GITHUB_ACTIONS", "true")
        && value::is(environment, "GITHUB_SERVER_URL", "https://github.com");
    if !value::is_set(environment, TOKEN) {
        return claims;
    }
    if !is_github {
        if value::is(environment, "GITHUB_ACTIONS", "true") {
            claims.unused.push(VariableError::new(
                [TOKEN],
                "answers for no registry because GITHUB_SERVER_URL is not https://github.com",
            ));
        }
        return claims;
    }
    let login = value::text(environment, TOKEN).and_then(|token| {
        let has_actor = environment.variable(ACTOR).is_some_and(|actor| !actor.is_empty());
        let actor = if has_actor {
            value::text(environment, ACTOR)?
        } else {
            None
        };
        value::login(
            ACTOR,
            actor.unwrap_or_else(|| NOBODY.to_owned()),
            token.unwrap_or_default(),
        )
    });
    claims.push(
        Ok(ServerUrl::parse("ghcr.io").ok()),
        vec![TOKEN.to_owned()],
        Some(login),
    );
    claims
}

/// GitLab's integration of Harbor.
pub(crate) fn harbor(environment: &Environment) -> Claims {
    if value::is(environment, "GITLAB_CI", "true") {
        triple(environment, ["HARBOR_HOST", "HARBOR_USERNAME", "HARBOR_PASSWORD"])
    } else {
        Claims::default()
    }
}

/// Buildkite's docker-login plugin.
pub(crate) fn buildkite(environment: &Environment) -> Claims {
    if value::is(environment, "BUILDKITE", "true") {
        triple(
            environment,
            [
                "DOCKER_LOGIN_SERVER",
                "DOCKER_LOGIN_USER",
                "DOCKER_LOGIN_PASSWORD",
            ],
        )
    } else {
        Claims::default()
    }
}

/// A server, a user name and a password, in this order.
fn triple(environment: &Environment, names: [&str; 3]) -> Claims {
    let [server, user, password] = names;
    let mut claims = Claims::default();
    let login = value::pair(environment, user, password);
    let found = value::server(environment, server);
    if login.is_some() && matches!(found, Ok(None)) {
        claims.unused.push(VariableError::new(
            [user, password]
                .into_iter()
                .filter(|name| value::is_set(environment, name)),
            format!("answer for no registry because {server} is not set"),
        ));
    }
    claims.push(found, names.map(str::to_owned).to_vec(), login);
    claims
}
