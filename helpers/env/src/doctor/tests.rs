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
fn a_label_is_shown_with_the_host_that_it_names() {
    assert_eq!(
        told(&[
            ("DOCKER_CREDENTIAL_MY_REG_EXAMPLE_COM_USERNAME", "ci"),
            ("DOCKER_CREDENTIAL_MY_REG_EXAMPLE_COM_PASSWORD", "hunter2")
        ]),
        [(
            Level::Ok,
            "DOCKER_CREDENTIAL_MY_REG_EXAMPLE_COM_USERNAME and DOCKER_CREDENTIAL_MY_REG_EXAMPLE_COM_PASSWORD answer for \
             my.reg.example.com"
                .to_owned()
        )]
    );
}

fn warnings(variables: &[(&str, &str)]) -> Vec<String> {
    let told = told(variables).into_iter();
    told.filter(|(level, _)| *level == Level::Warning)
        .map(|(_, text)| text)
        .collect()
}

#[test]
fn a_value_that_was_not_expanded_is_a_warning() {
    for value in [
        "$(registryPassword)",
        "$PASSWORD",
        "${PASSWORD}",
        "${{ secrets.X }}",
        "%PASSWORD%",
        "***",
        "[MASKED]",
    ] {
        let warnings = warnings(&[
            ("DOCKER_CREDENTIAL_GHCR_IO_USERNAME", "ci"),
            ("DOCKER_CREDENTIAL_GHCR_IO_PASSWORD", value),
        ]);
        assert_eq!(warnings.len(), 1, "{value}");
        assert!(warnings[0].contains("did not expand"), "{value}");
    }
    for value in ["$1x", "pa$$word", "$", "a$(b)", "**", "p%x%"] {
        let variables = [
            ("DOCKER_CREDENTIAL_GHCR_IO_USERNAME", "ci"),
            ("DOCKER_CREDENTIAL_GHCR_IO_PASSWORD", value),
        ];
        assert_eq!(warnings(&variables), [""; 0], "{value}");
    }
}

#[test]
fn a_free_label_in_ci_is_a_warning_if_a_host_label_would_do() {
    let prod = |server| {
        [
            ("DOCKER_CREDENTIAL_PROD_SERVER", server),
            ("DOCKER_CREDENTIAL_PROD_USERNAME", "ci"),
            ("DOCKER_CREDENTIAL_PROD_PASSWORD", "hunter2"),
            ("CI", "true"),
        ]
    };
    assert_eq!(
        warnings(&prod("registry.example.com:5000")),
        [
            "DOCKER_CREDENTIAL_PROD_SERVER can be overridden by the job, and its password then goes to another registry; \
             DOCKER_CREDENTIAL_REGISTRY_EXAMPLE_COM_PORT_5000_USERNAME and \
             DOCKER_CREDENTIAL_REGISTRY_EXAMPLE_COM_PORT_5000_PASSWORD are for registry.example.com:5000 only"
        ]
    );
    assert_eq!(warnings(&prod("registry.example.com/team")), [""; 0]);
    assert_eq!(warnings(&prod("registry.example.com")[..3]), [""; 0]);
}

#[test]
fn a_token_without_its_server_is_a_warning() {
    assert_eq!(
        warnings(&[
            ("GITLAB_CI", "true"),
            ("CI_REGISTRY_USER", "gitlab-ci-token"),
            ("CI_REGISTRY_PASSWORD", "t")
        ]),
        ["CI_REGISTRY_USER and CI_REGISTRY_PASSWORD answer for no registry because CI_REGISTRY is not set"]
    );
    assert_eq!(
        warnings(&[("GITHUB_ACTIONS", "true"), ("GITHUB_TOKEN", "t")]),
        ["GITHUB_TOKEN answers for no registry because GITHUB_SERVER_URL is not https://github.com"]
    );
    assert_eq!(warnings(&[("GITHUB_TOKEN", "t")]), [""; 0]);
}

#[test]
fn white_space_around_a_value_is_pointed_out() {
    let variables = [
        ("DOCKER_CREDENTIAL_GHCR_IO_USERNAME", "ci"),
        ("DOCKER_CREDENTIAL_GHCR_IO_PASSWORD", "hunter2\n"),
    ];
    assert_eq!(
        warnings(&variables),
        [
            "the secret for ghcr.io (DOCKER_CREDENTIAL_GHCR_IO_USERNAME and DOCKER_CREDENTIAL_GHCR_IO_PASSWORD) \
             begins or ends with white space, which registries don't ignore"
        ]
    );
}

#[test]
fn a_label_that_names_no_server_is_pointed_out() {
    assert_eq!(
        told(&[("DOCKER_CREDENTIAL_PROD_PASSWORD", "hunter2")]),
        [(
            Level::Warning,
            "DOCKER_CREDENTIAL_PROD_PASSWORD names no registry, so nothing uses the login; set \
             DOCKER_CREDENTIAL_PROD_SERVER to the registry"
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
        [Level::Error, Level::Error, Level::Ok, Level::Warning]
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
        found[3].1,
        "GITHUB_TOKEN would also answer for ghcr.io, but source auth-config decides"
    );
    assert!(found.iter().all(|(_, text)| !text.contains("hunter2")));
}

#[test]
fn a_name_that_is_almost_right_is_a_warning() {
    let meant = "DOCKER_CREDENTIAL_MY__REG_EXAMPLE_COM_USERNAME";
    for name in [
        "DOCKER_CREDENTIAL_my__reg_example_com_USERNAME",
        "docker_credential_my__reg_example_com_username",
        "DOCKER_CREDENTIAL_MY-REG.EXAMPLE.COM_USERNAME",
    ] {
        assert_eq!(
            warnings(&[(name, "ci")]),
            [format!("nothing reads the variable {name}; name it {meant}")]
        );
    }
    assert!(warnings(&[("docker_credential_helper", "x"), ("username", "x")]).is_empty());
}
