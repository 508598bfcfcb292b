//! The sources of logins, and their order.

use docker_credential_helper::{Environment, Error};

use crate::ci::{self, gitlab};
use crate::claim::Claims;
use crate::{auth_config, labeled};

/// Names of sources, separated by commas: only these are used, in this order.
pub(crate) const SETTING: &str = "DOCKER_CREDENTIAL_ENV_SOURCES";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Own,
    AuthConfig,
    GitlabDeploy,
    Gitlab,
    Github,
    Harbor,
    Buildkite,
}

impl Source {
    const ALL: [Self; 7] = [
        Self::Own,
        Self::AuthConfig,
        Self::GitlabDeploy,
        Self::Gitlab,
        Self::Github,
        Self::Harbor,
        Self::Buildkite,
    ];

    /// Its name in the setting.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::AuthConfig => "auth-config",
            Self::GitlabDeploy => "gitlab-deploy",
            Self::Gitlab => "gitlab",
            Self::Github => "github",
            Self::Harbor => "harbor",
            Self::Buildkite => "buildkite",
        }
    }

    /// The sources to use, in order.
    pub(crate) fn in_order(environment: &Environment) -> Result<Vec<Self>, Error> {
        let Some(setting) = environment.setting(SETTING)? else {
            let is_default = |source: &Self| *source != Self::GitlabDeploy;
            return Ok(Self::ALL.into_iter().filter(is_default).collect());
        };
        let mut order = Vec::new();
        for name in setting.split(',').map(str::trim) {
            let source = Self::ALL.into_iter().find(|source| source.name() == name);
            let source = source.ok_or_else(unknown)?;
            if !order.contains(&source) {
                order.push(source);
            }
        }
        Ok(deploy_first(order))
    }

    /// Its claims.
    pub(crate) fn claims(self, environment: &Environment) -> Claims {
        match self {
            Self::Own => labeled::claims(environment),
            Self::AuthConfig => gitlab::confine_job_token(environment, auth_config::claims(environment)),
            Self::GitlabDeploy => gitlab::deploy(environment),
            Self::Gitlab => gitlab::job(environment),
            Self::Github => gitlab::confine_job_token(environment, ci::github(environment)),
            Self::Harbor => gitlab::confine_job_token(environment, ci::harbor(environment)),
            Self::Buildkite => gitlab::confine_job_token(environment, ci::buildkite(environment)),
        }
    }
}

/// The deploy token is for the same server as the job's token: after it, it would never be used.
fn deploy_first(mut order: Vec<Source>) -> Vec<Source> {
    let place = |wanted| order.iter().position(|source| *source == wanted);
    if let (Some(job), Some(deploy)) = (place(Source::Gitlab), place(Source::GitlabDeploy))
        && job < deploy
    {
        order.remove(deploy);
        order.insert(job, Source::GitlabDeploy);
    }
    order
}

fn unknown() -> Error {
    let names = Source::ALL.map(Source::name).join(", ");
    Error::setting(
        SETTING,
        format!("names a source that does not exist; there are {names}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(setting: Option<&str>) -> Result<String, String> {
        let variables = setting.map(|value| (SETTING, value));
        let environment = Environment::stated("docker-credential-env", variables);
        match Source::in_order(&environment) {
            Ok(order) => Ok(order
                .iter()
                .map(|source| source.name())
                .collect::<Vec<_>>()
                .join(",")),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn the_deploy_token_is_asked_only_where_it_is_named() {
        assert_eq!(
            order(None).unwrap(),
            "own,auth-config,gitlab,github,harbor,buildkite"
        );
    }

    #[test]
    fn the_setting_restricts_and_orders() {
        assert_eq!(order(Some("github, own")).unwrap(), "github,own");
        assert_eq!(order(Some("own,own")).unwrap(), "own");
    }

    #[test]
    fn the_deploy_token_goes_before_the_jobs() {
        assert_eq!(
            order(Some("gitlab,own,gitlab-deploy")).unwrap(),
            "gitlab-deploy,gitlab,own"
        );
        assert_eq!(
            order(Some("gitlab-deploy,own,gitlab")).unwrap(),
            "gitlab-deploy,own,gitlab"
        );
    }

    #[test]
    fn an_unknown_or_empty_name_is_an_error() {
        let text = "DOCKER_CREDENTIAL_ENV_SOURCES names a source that does not exist; there are own, auth-config, \
                    gitlab-deploy, gitlab, github, harbor, buildkite";
        for setting in ["own,gitlb", "own,", "OWN", "own;github"] {
            assert_eq!(order(Some(setting)).unwrap_err(), text, "{setting}");
        }
        assert!(
            order(Some(""))
                .unwrap_err()
                .starts_with("DOCKER_CREDENTIAL_ENV_SOURCES is set but empty")
        );
    }
}
