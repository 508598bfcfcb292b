use crate::testing::{ask, assert_answers, assert_error, assert_not_found, environment, listed};

const OWN: [(&str, &str); 2] = [
    ("DOCKER_CREDENTIAL_GHCR_IO_USERNAME", "own"),
    ("DOCKER_CREDENTIAL_GHCR_IO_PASSWORD", "1"),
];
const AUTH_CONFIG: (&str, &str) = (
    "DOCKER_AUTH_CONFIG",
    r#"{"auths":{"ghcr.io":{"auth":"Y29uZmlnOjI="}}}"#,
);
const GITHUB: [(&str, &str); 4] = [
    ("GITHUB_ACTIONS", "true"),
    ("GITHUB_SERVER_URL", "https://github.com"),
    ("GITHUB_ACTOR", "github"),
    ("GITHUB_TOKEN", "3"),
];

fn all() -> Vec<(&'static str, &'static str)> {
    [&OWN[..], &[AUTH_CONFIG], &GITHUB[..]].concat()
}

fn sources(setting: &'static str) -> Vec<(&'static str, &'static str)> {
    [&all()[..], &[("DOCKER_CREDENTIAL_ENV_SOURCES", setting)]].concat()
}

#[test]
fn the_first_source_in_the_tables_order_answers() {
    assert_answers(&all(), "ghcr.io", "own:1");
    assert_answers(&all()[1..], "https://ghcr.io", "config:2");
    assert_answers(&GITHUB, "ghcr.io", "github:3");
    assert_eq!(listed(&environment(&all())), ["ghcr.io own"]);
}

#[test]
fn the_setting_restricts_and_orders_the_sources() {
    assert_answers(&sources("github,own"), "ghcr.io", "github:3");
    assert_answers(&sources("auth-config"), "ghcr.io", "config:2");
    assert_not_found(&sources("gitlab"), "ghcr.io");
    assert_eq!(listed(&environment(&sources("gitlab"))), [""; 0]);
}

#[test]
fn a_source_that_is_not_asked_cannot_fail() {
    let variables = [
        ("DOCKER_AUTH_CONFIG", "{"),
        ("DOCKER_CREDENTIAL_PROD_SERVER", ""),
        ("DOCKER_CREDENTIAL_ENV_SOURCES", "github"),
    ];
    assert_not_found(&variables, "ghcr.io");
}

#[test]
fn a_setting_that_is_wrong_fails_before_any_source_is_asked() {
    assert!(
        ask(&environment(&sources("own,ci")), "ghcr.io")
            .unwrap_err()
            .starts_with("DOCKER_CREDENTIAL_ENV_SOURCES")
    );
}

#[test]
fn a_broken_source_lets_the_next_one_answer() {
    let variables = [&OWN[..1], &GITHUB[..]].concat();
    assert_answers(&variables, "ghcr.io", "github:3");
    assert_eq!(listed(&environment(&variables)), ["ghcr.io github"]);
}

#[test]
fn of_several_broken_sources_the_first_is_told() {
    let variables = [
        OWN[1],
        ("DOCKER_AUTH_CONFIG", "{"),
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_SERVER_URL", "https://github.com"),
        ("GITHUB_TOKEN", ""),
    ];
    assert_error(
        &variables,
        "ghcr.io",
        "DOCKER_CREDENTIAL_GHCR_IO_PASSWORD is set without DOCKER_CREDENTIAL_GHCR_IO_USERNAME; set both or neither",
    );
    assert!(
        ask(&environment(&variables), "quay.io")
            .unwrap_err()
            .starts_with("DOCKER_AUTH_CONFIG")
    );
}

#[test]
fn the_longest_path_answers_across_sources() {
    let config = (
        "DOCKER_AUTH_CONFIG",
        r#"{"auths":{"ghcr.io/org":{"auth":"b3JnOjQ="}}}"#,
    );
    let variables = [&OWN[..], &[config]].concat();
    assert_answers(&variables, "ghcr.io/org/app", "org:4");
    assert_answers(&variables, "ghcr.io/other/app", "own:1");
    assert_answers(&variables, "https://ghcr.io/org", "org:4");
    assert_answers(&variables, "ghcr.io", "own:1");
}

#[test]
fn an_empty_environment_holds_nothing() {
    for query in [
        "ghcr.io",
        "https://index.docker.io/v1/",
        "ghcr.io/a/b/c",
        "nerdctl-experimental://x",
    ] {
        assert_not_found(&[], query);
    }
    assert_eq!(listed(&environment(&[])), [""; 0]);
}
