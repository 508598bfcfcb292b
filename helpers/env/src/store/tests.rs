use docker_credential_helper::{Secret, Username};

use super::*;
use crate::testing::{environment, store, url};

const LOGIN: [(&str, &str); 2] = [
    ("DOCKER_CREDENTIAL_GHCR_IO_USERNAME", "ci"),
    ("DOCKER_CREDENTIAL_GHCR_IO_PASSWORD", "hunter2"),
];

fn result(variables: &[(&str, &str)], server: &str, username: &str, secret: &str) -> Result<(), String> {
    let credential = Credential::new(
        url(server).for_storing().unwrap(),
        Username::parse(username.to_owned()).unwrap(),
        Secret::new(secret.to_owned()),
    );
    store(&environment(variables))
        .store(&credential)
        .map_err(|error| error.to_string())
}

#[test]
fn a_login_is_refused_with_the_variables_to_set() {
    for (server, names) in [
        (
            "ghcr.io",
            "DOCKER_CREDENTIAL_GHCR_IO_USERNAME and DOCKER_CREDENTIAL_GHCR_IO_PASSWORD",
        ),
        (
            "https://index.docker.io/v1/",
            "DOCKER_CREDENTIAL_DOCKER_IO_USERNAME and DOCKER_CREDENTIAL_DOCKER_IO_PASSWORD",
        ),
        (
            "localhost:5000",
            "DOCKER_CREDENTIAL_LOCALHOST_PORT_5000_USERNAME and DOCKER_CREDENTIAL_LOCALHOST_PORT_5000_PASSWORD",
        ),
        (
            "[::1]:5000",
            "DOCKER_CREDENTIAL_<LABEL>_SERVER=[::1]:5000, DOCKER_CREDENTIAL_<LABEL>_USERNAME and \
             DOCKER_CREDENTIAL_<LABEL>_PASSWORD",
        ),
    ] {
        assert_eq!(
            result(&[], server, "ci", "hunter2").unwrap_err(),
            format!("docker-credential-env is read-only: set {names} instead of docker login")
        );
    }
}

#[test]
fn an_identity_token_is_refused_with_the_variable_for_tokens() {
    assert_eq!(
        result(&[], "ghcr.io", "<token>", "t").unwrap_err(),
        "docker-credential-env is read-only: set DOCKER_CREDENTIAL_GHCR_IO_TOKEN instead of docker login"
    );
    assert_eq!(
        result(&[], "a_b", "<token>", "t").unwrap_err(),
        "docker-credential-env is read-only: set DOCKER_CREDENTIAL_<LABEL>_SERVER=a_b and \
         DOCKER_CREDENTIAL_<LABEL>_TOKEN instead of docker login"
    );
}

#[test]
fn a_login_with_what_is_answered_anyway_succeeds() {
    assert_eq!(result(&LOGIN, "https://ghcr.io", "ci", "hunter2"), Ok(()));
    for (server, username, secret) in [
        ("ghcr.io", "ci", "hunter3"),
        ("ghcr.io", "me", "hunter2"),
        ("ghcr.io:5000", "ci", "hunter2"),
        ("ghcr.io/org", "ci", "hunter2"),
    ] {
        assert!(
            result(&LOGIN, server, username, secret).is_err(),
            "{server} {username} {secret}"
        );
    }
}

#[test]
fn a_login_is_ignored_if_the_setting_says_so() {
    let ignore = [("DOCKER_CREDENTIAL_ENV_STORE", "ignore")];
    assert_eq!(result(&ignore, "ghcr.io", "ci", "hunter2"), Ok(()));
    let broken = [ignore[0], ("DOCKER_CREDENTIAL_ENV_SOURCES", "x")];
    assert_eq!(result(&broken, "ghcr.io", "ci", "hunter2"), Ok(()));
}

#[test]
fn another_value_of_the_setting_is_an_error() {
    for value in ["1", "Ignore", "ignore "] {
        assert_eq!(
            result(
                &[("DOCKER_CREDENTIAL_ENV_STORE", value)],
                "ghcr.io",
                "ci",
                "hunter2"
            )
            .unwrap_err(),
            "DOCKER_CREDENTIAL_ENV_STORE is not \"ignore\", its only value; unset it"
        );
    }
}

#[test]
fn erase_does_nothing_whatever_is_set() {
    for variables in [&LOGIN[..], &[("DOCKER_CREDENTIAL_ENV_SOURCES", "x")], &[]] {
        let store = store(&environment(variables));
        assert!(store.erase(&url("ghcr.io")).is_ok());
        let still = store.get(&url("ghcr.io"));
        assert!(variables != &LOGIN[..] || still.is_ok_and(|found| found.is_some()));
    }
}
