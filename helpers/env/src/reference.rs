//! The helper's part of its manual.

use docker_credential_helper::commands::{FileUsed, Reference, Variable};

use crate::source::{self, Source};
use crate::store;

pub(crate) const REFERENCE: Reference = Reference {
    description: &[
        "docker-credential-env answers from environment variables and mounted files, as CI systems and Kubernetes inject \
         them. It is read-only: it doesn't write files, run programs or open connections.",
        "Your own login needs three variables with a label of your choice, or two with a label that names \
        the registry: upper case, . as _, - as __, and a port as _PORT_5000. docker-credential-env names SERVER prints them.",
    ],
    variables: &[
        Variable::new(
            "DOCKER_CREDENTIAL_<LABEL>_SERVER",
            "The registry of the label's login: [https://]host[:port][/path], or docker.io. Not needed \
             if the label names the registry, as in DOCKER_CREDENTIAL_GHCR_IO_USERNAME.",
        ),
        Variable::new("DOCKER_CREDENTIAL_<LABEL>_USERNAME", "The user name."),
        Variable::new(
            "DOCKER_CREDENTIAL_<LABEL>_PASSWORD, DOCKER_CREDENTIAL_<LABEL>_PASSWORD_FILE",
            "The password or access token, or its file: an absolute path, or one relative to \
             CREDENTIALS_DIRECTORY or /run/secrets.",
        ),
        Variable::new(
            "DOCKER_CREDENTIAL_<LABEL>_TOKEN, DOCKER_CREDENTIAL_<LABEL>_TOKEN_FILE",
            "An OAuth identity token instead of user name and password, or its file.",
        ),
        Variable::checked(
            source::SETTING,
            "The sources to use, in this order, separated by commas: own, auth-config, gitlab-deploy, \
             gitlab, github, harbor, buildkite. Default: all but gitlab-deploy.",
            |environment| Source::in_order(environment).map(drop),
        ),
        Variable::checked(
            store::SETTING,
            "ignore: docker login succeeds without storing anything. By default it fails and names the \
             variables to set.",
            |environment| store::is_login_ignored(environment).map(drop),
        ),
        Variable::new(
            "DOCKER_AUTH_CONFIG",
            "A config.json, whole or in part: the source auth-config.",
        ),
        Variable::new(
            "CI_REGISTRY, CI_REGISTRY_USER, CI_REGISTRY_PASSWORD, CI_REGISTRY_IMAGE, CI_JOB_TOKEN",
            "The source gitlab, with GITLAB_CI=true. The job's token answers only for the registry of \
             CI_REGISTRY_IMAGE.",
        ),
        Variable::new(
            "CI_DEPENDENCY_PROXY_SERVER, CI_DEPENDENCY_PROXY_USER, CI_DEPENDENCY_PROXY_PASSWORD",
            "GitLab's dependency proxy, if the server is CI_SERVER_HOST:CI_SERVER_PORT.",
        ),
        Variable::new(
            "CI_DEPLOY_USER, CI_DEPLOY_PASSWORD",
            "GitLab's deploy token, for CI_REGISTRY: the source gitlab-deploy.",
        ),
        Variable::new(
            "GITHUB_TOKEN, GITHUB_ACTOR",
            "The source github, for ghcr.io, with GITHUB_ACTIONS=true and \
             GITHUB_SERVER_URL=https://github.com.",
        ),
        Variable::new(
            "HARBOR_HOST, HARBOR_USERNAME, HARBOR_PASSWORD",
            "The source harbor, with GITLAB_CI=true.",
        ),
        Variable::new(
            "DOCKER_LOGIN_SERVER, DOCKER_LOGIN_USER, DOCKER_LOGIN_PASSWORD",
            "The source buildkite, with BUILDKITE=true.",
        ),
    ],
    files: &[FileUsed {
        path: "${CREDENTIALS_DIRECTORY}, /run/secrets",
        meaning: "The directories for relative paths in _PASSWORD_FILE and _TOKEN_FILE, in this order.",
    }],
    examples: &[
        (
            "Make docker use the helper in a job:",
            "docker-credential-env configure",
        ),
        (
            "Show the variables for a registry, and which are set:",
            "docker-credential-env names ghcr.io",
        ),
        (
            "Show which variables answer for a registry:",
            "docker-credential-env explain ghcr.io",
        ),
    ],
    see_also: &["docker-credential-age(1)", "docker-credential-keyring(1)"],
};
