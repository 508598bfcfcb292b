use docker_credential_helper::commands::Level;

use super::*;
use crate::testing::environment;

fn told(variables: &[(&str, &str)]) -> Vec<(Level, String)> {
    let findings = findings(&environment(variables));
    findings
        .iter()
        .map(|finding| (finding.level(), finding.text().to_owned()))
        .collect()
}

#[test]
fn a_login_in_order_is_no_finding() {
    assert_eq!(
        told(&[
            ("DOCKER_CREDENTIAL_GHCR_IO_USERNAME", "ci"),
            ("DOCKER_CREDENTIAL_GHCR_IO_PASSWORD", "hunter2")
        ]),
        []
    );
}

#[test]
fn white_space_around_a_value_is_pointed_out() {
    let variables = [
        ("DOCKER_CREDENTIAL_GHCR_IO_USERNAME", "ci"),
        ("DOCKER_CREDENTIAL_GHCR_IO_PASSWORD", "hunter2\n"),
    ];
    assert_eq!(
        told(&variables),
        [(
            Level::Warning,
            "the secret for ghcr.io (DOCKER_CREDENTIAL_GHCR_IO_USERNAME and DOCKER_CREDENTIAL_GHCR_IO_PASSWORD) \
             begins or ends with white space, and is used as it is"
                .to_owned()
        )]
    );
}

#[test]
fn a_label_that_names_no_server_is_pointed_out() {
    assert_eq!(
        told(&[("DOCKER_CREDENTIAL_PROD_PASSWORD", "hunter2")]),
        [(
            Level::Warning,
            "DOCKER_CREDENTIAL_PROD_PASSWORD names no server, so nothing is done with it; set \
             DOCKER_CREDENTIAL_<LABEL>_SERVER beside it"
                .to_owned()
        )]
    );
}

#[test]
fn what_cannot_answer_is_an_error_and_what_is_not_asked_a_warning() {
    let variables = [
        ("DOCKER_CREDENTIAL_PROD_SERVER", ""),
        ("DOCKER_CREDENTIAL_GHCR_IO_PASSWORD", "hunter2"),
        ("DOCKER_AUTH_CONFIG", r#"{"auths":{"ghcr.io":{"auth":"YTox"}}}"#),
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_SERVER_URL", "https://github.com"),
        ("GITHUB_TOKEN", "t"),
    ];
    let found = told(&variables);
    assert_eq!(
        found.iter().map(|(level, _)| *level).collect::<Vec<_>>(),
        [Level::Error, Level::Error, Level::Warning]
    );
    assert!(
        found[0]
            .1
            .starts_with("DOCKER_CREDENTIAL_PROD_SERVER is set but empty")
    );
    assert!(
        found[1]
            .1
            .starts_with("DOCKER_CREDENTIAL_GHCR_IO_PASSWORD is set without")
    );
    assert_eq!(
        found[2].1,
        "GITHUB_TOKEN would answer for ghcr.io, too; source auth-config does"
    );
    assert!(found.iter().all(|(_, text)| !text.contains("hunter2")));
}
