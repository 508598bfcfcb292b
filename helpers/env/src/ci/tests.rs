use crate::testing::{ask, assert_answers, assert_error, assert_not_found, environment, listed};

type Variables = Vec<(&'static str, &'static str)>;

/// The variables, with some changed or unset.
fn with(variables: &Variables, changes: &[(&'static str, Option<&'static str>)]) -> Variables {
    let kept = variables
        .iter()
        .copied()
        .filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    kept.chain(
        changes
            .iter()
            .filter_map(|(name, value)| Some((*name, (*value)?))),
    )
    .collect()
}

/// A job's variables, as GitLab documents them.
fn gitlab() -> Variables {
    vec![
        ("CI", "true"),
        ("GITLAB_CI", "true"),
        ("CI_JOB_TOKEN", "glcbt-64_x"),
        ("CI_REGISTRY", "registry.example.com:5050"),
        ("CI_REGISTRY_IMAGE", "registry.example.com:5050/group/project"),
        ("CI_REGISTRY_USER", "gitlab-ci-token"),
        ("CI_REGISTRY_PASSWORD", "glcbt-64_x"),
        ("CI_SERVER_HOST", "gitlab.example.com"),
        ("CI_SERVER_PORT", "443"),
        ("CI_SERVER_URL", "https://gitlab.example.com"),
        ("CI_DEPENDENCY_PROXY_SERVER", "gitlab.example.com:443"),
        ("CI_DEPENDENCY_PROXY_USER", "gitlab-ci-token"),
        ("CI_DEPENDENCY_PROXY_PASSWORD", "glcbt-64_proxy"),
    ]
}

#[test]
fn a_gitlab_job_has_its_registry_and_the_dependency_proxy() {
    assert_answers(
        &gitlab(),
        "registry.example.com:5050",
        "gitlab-ci-token:glcbt-64_x",
    );
    assert_answers(
        &gitlab(),
        "registry.example.com:5050/group/project",
        "gitlab-ci-token:glcbt-64_x",
    );
    assert_answers(&gitlab(), "gitlab.example.com", "gitlab-ci-token:glcbt-64_proxy");
    assert_answers(
        &gitlab(),
        "gitlab.example.com/group/dependency_proxy",
        "gitlab-ci-token:glcbt-64_proxy",
    );
    assert_eq!(
        listed(&environment(&gitlab())),
        [
            "gitlab.example.com:443 gitlab-ci-token",
            "registry.example.com:5050 gitlab-ci-token"
        ]
    );
    for query in [
        "registry.example.com",
        "example.com:5050",
        "docker.io",
        "ghcr.io",
        "gitlab.example.com:5050",
    ] {
        assert_not_found(&gitlab(), query);
    }
}

#[test]
fn outside_of_gitlab_its_registry_is_not_answered() {
    for changes in [
        ("GITLAB_CI", None),
        ("GITLAB_CI", Some("")),
        ("GITLAB_CI", Some("TRUE")),
        ("GITLAB_CI", Some("1")),
    ] {
        assert_not_found(&with(&gitlab(), &[changes]), "registry.example.com:5050");
    }
}

#[test]
fn without_a_registry_the_login_is_nobodys_least_of_all_the_hubs() {
    for changes in [("CI_REGISTRY", None), ("CI_REGISTRY", Some(""))] {
        let variables = with(&gitlab(), &[changes]);
        for query in ["docker.io", "registry.example.com:5050", "gitlab.com"] {
            assert_not_found(&variables, query);
        }
        assert_eq!(
            listed(&environment(&variables)),
            ["gitlab.example.com:443 gitlab-ci-token"]
        );
    }
}

#[test]
fn the_job_token_goes_to_no_other_registry() {
    let elsewhere = with(&gitlab(), &[("CI_REGISTRY", Some("docker.io"))]);
    assert_error(
        &elsewhere,
        "https://index.docker.io/v1/",
        "CI_REGISTRY, CI_REGISTRY_USER and CI_REGISTRY_PASSWORD would send GitLab's job token to \
         https://index.docker.io/v1/, but it is only for the registry of CI_REGISTRY_IMAGE; for \
         https://index.docker.io/v1/, set DOCKER_CREDENTIAL_DOCKER_IO_USERNAME and \
         DOCKER_CREDENTIAL_DOCKER_IO_PASSWORD instead",
    );
    assert_eq!(
        listed(&environment(&elsewhere)),
        ["gitlab.example.com:443 gitlab-ci-token"]
    );
    for registry in [
        "evil.example",
        "registry.example.com",
        "registry.example.com:5051",
        "example.com:5050",
        "http://registry.example.com:5050",
    ] {
        let variables = with(&gitlab(), &[("CI_REGISTRY", Some(registry))]);
        assert_confined(&variables, registry);
    }
}

#[track_caller]
fn assert_confined(variables: &[(&str, &str)], server: &str) {
    let text = ask(&environment(variables), server).expect_err(server);
    assert!(text.contains(" would send GitLab's "), "{server}: {text}");
}

#[test]
fn the_job_token_needs_the_image_of_its_registry() {
    for image in [None, Some("")] {
        for registry in ["evil.example", "registry.example.com:5050"] {
            let variables = with(
                &gitlab(),
                &[("CI_REGISTRY", Some(registry)), ("CI_REGISTRY_IMAGE", image)],
            );
            assert_confined(&variables, registry);
        }
    }
}

#[test]
fn the_job_token_is_known_by_its_user_or_its_value() {
    for changes in [
        [
            ("CI_JOB_TOKEN", Some("another")),
            ("CI_REGISTRY", Some("evil.example")),
        ],
        [("CI_JOB_TOKEN", None), ("CI_REGISTRY", Some("evil.example"))],
        [
            ("CI_REGISTRY_USER", Some("me")),
            ("CI_REGISTRY", Some("evil.example")),
        ],
    ] {
        assert_confined(&with(&gitlab(), &changes), "evil.example");
    }
}

#[test]
fn the_job_token_never_goes_to_the_hub() {
    let hub = with(
        &gitlab(),
        &[
            ("CI_REGISTRY", Some("docker.io")),
            ("CI_REGISTRY_IMAGE", Some("docker.io/group/project")),
        ],
    );
    assert_confined(&hub, "docker.io");
}

#[test]
fn the_job_token_is_confined_in_every_convention() {
    let token = ("CI_JOB_TOKEN", Some("glcbt-64_x"));
    let harbor = [
        token,
        ("HARBOR_HOST", Some("evil.example")),
        ("HARBOR_USERNAME", Some("me")),
        ("HARBOR_PASSWORD", Some("glcbt-64_x")),
    ];
    assert_confined(&with(&gitlab(), &harbor), "evil.example");
    let buildkite = [
        token,
        ("BUILDKITE", Some("true")),
        ("DOCKER_LOGIN_SERVER", Some("evil.example")),
        ("DOCKER_LOGIN_USER", Some("gitlab-ci-token")),
        ("DOCKER_LOGIN_PASSWORD", Some("x")),
    ];
    assert_confined(&with(&gitlab(), &buildkite), "evil.example");
    // me:glcbt-64_x
    let auths = r#"{"auths":{"evil.example":{"auth":"bWU6Z2xjYnQtNjRfeA=="},"registry.example.com:5050":{"auth":"bWU6Z2xjYnQtNjRfeA=="}}}"#;
    let config = with(&gitlab(), &[token, ("DOCKER_AUTH_CONFIG", Some(auths))]);
    assert_confined(&config, "evil.example");
    assert_answers(&config, "registry.example.com:5050", "me:glcbt-64_x");
}

#[test]
fn a_label_of_the_users_own_may_send_the_job_token() {
    let variables = with(
        &gitlab(),
        &[
            ("DOCKER_CREDENTIAL_REG_EXAMPLE_USERNAME", Some("gitlab-ci-token")),
            ("DOCKER_CREDENTIAL_REG_EXAMPLE_PASSWORD", Some("glcbt-64_x")),
        ],
    );
    assert_answers(&variables, "reg.example", "gitlab-ci-token:glcbt-64_x");
}

#[test]
fn a_password_of_the_projects_own_may_go_to_its_own_registry() {
    for image in [None, Some(""), Some("registry.example.com:5050/group/project")] {
        let hub = with(
            &gitlab(),
            &[
                ("CI_REGISTRY", Some("docker.io")),
                ("CI_REGISTRY_IMAGE", image),
                ("CI_REGISTRY_USER", Some("project")),
                ("CI_REGISTRY_PASSWORD", Some("dckr_pat")),
            ],
        );
        assert_answers(&hub, "docker.io", "project:dckr_pat");
    }
}

#[test]
fn a_registry_below_a_path_is_the_images_if_it_encloses_it() {
    let variables = with(
        &gitlab(),
        &[("CI_REGISTRY", Some("registry.example.com:5050/group"))],
    );
    assert_answers(
        &variables,
        "registry.example.com:5050/group/project",
        "gitlab-ci-token:glcbt-64_x",
    );
    let other = with(
        &gitlab(),
        &[("CI_REGISTRY", Some("registry.example.com:5050/gro"))],
    );
    assert!(ask(&environment(&other), "registry.example.com:5050/gro").is_err());
}

#[test]
fn half_of_gitlabs_login_is_an_error_for_its_registry_only() {
    for (name, other) in [
        ("CI_REGISTRY_USER", "CI_REGISTRY_PASSWORD"),
        ("CI_REGISTRY_PASSWORD", "CI_REGISTRY_USER"),
    ] {
        let half = with(&gitlab(), &[(name, None)]);
        let text = format!("{other} is set without {name}; set both or neither");
        assert_error(&half, "registry.example.com:5050", &text);
        assert_not_found(&half, "ghcr.io");
        let empty = with(&gitlab(), &[(name, Some(""))]);
        let text = format!("{name} is set but empty; give it a value or unset it");
        assert_error(&empty, "registry.example.com:5050", &text);
    }
    let none = with(
        &gitlab(),
        &[("CI_REGISTRY_USER", None), ("CI_REGISTRY_PASSWORD", None)],
    );
    assert_not_found(&none, "registry.example.com:5050");
}

#[test]
fn the_dependency_proxy_is_at_gitlab_itself() {
    for server in [
        "evil.example",
        "gitlab.example.com.evil.example",
        "a.gitlab.example.com",
        "http://gitlab.example.com",
    ] {
        let variables = with(&gitlab(), &[("CI_DEPENDENCY_PROXY_SERVER", Some(server))]);
        assert_not_found(&variables, server);
    }
    let port = with(
        &gitlab(),
        &[
            ("CI_DEPENDENCY_PROXY_SERVER", Some("GitLab.example.com:8443")),
            ("CI_SERVER_PORT", Some("8443")),
        ],
    );
    assert_answers(&port, "gitlab.example.com:8443", "gitlab-ci-token:glcbt-64_proxy");
    for changes in [
        ("CI_SERVER_HOST", None),
        ("CI_SERVER_HOST", Some("")),
        ("CI_SERVER_PORT", None),
        ("CI_SERVER_PORT", Some("8443")),
        ("GITLAB_CI", None),
    ] {
        assert_not_found(&with(&gitlab(), &[changes]), "gitlab.example.com");
    }
}

fn deploy() -> Variables {
    with(
        &gitlab(),
        &[
            ("CI_DEPLOY_USER", Some("gitlab+deploy-token-1")),
            ("CI_DEPLOY_PASSWORD", Some("gldt-x")),
        ],
    )
}

#[test]
fn a_deploy_token_is_used_only_where_it_is_named_and_then_before_the_jobs() {
    assert_answers(
        &deploy(),
        "registry.example.com:5050",
        "gitlab-ci-token:glcbt-64_x",
    );
    for sources in [
        "gitlab-deploy",
        "gitlab-deploy,gitlab",
        "own,gitlab,gitlab-deploy",
    ] {
        let named = with(&deploy(), &[("DOCKER_CREDENTIAL_ENV_SOURCES", Some(sources))]);
        assert_answers(
            &named,
            "registry.example.com:5050",
            "gitlab+deploy-token-1:gldt-x",
        );
    }
}

#[test]
fn a_deploy_token_is_for_the_registry_that_takes_the_jobs_token() {
    let named = with(
        &deploy(),
        &[("DOCKER_CREDENTIAL_ENV_SOURCES", Some("gitlab-deploy"))],
    );
    let other_password = with(&named, &[("CI_REGISTRY_PASSWORD", Some("dckr_pat"))]);
    assert_not_found(&other_password, "registry.example.com:5050");
    for changes in [
        ("CI_JOB_TOKEN", None),
        ("CI_REGISTRY_PASSWORD", None),
        ("CI_REGISTRY", None),
    ] {
        assert_not_found(&with(&named, &[changes]), "registry.example.com:5050");
    }
    let nothing = with(
        &named,
        &[("CI_REGISTRY_PASSWORD", Some("")), ("CI_JOB_TOKEN", Some(""))],
    );
    assert_not_found(&nothing, "registry.example.com:5050");
    let hub = with(&named, &[("CI_REGISTRY", Some("docker.io"))]);
    assert_confined(&hub, "docker.io");
    let no_image = with(&named, &[("CI_REGISTRY_IMAGE", None)]);
    assert_confined(&no_image, "registry.example.com:5050");
}

/// A job's variables, as GitHub documents them, with the token that a workflow must pass to a step.
fn github() -> Variables {
    vec![
        ("CI", "true"),
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_ACTOR", "octocat"),
        ("GITHUB_SERVER_URL", "https://github.com"),
        ("GITHUB_TOKEN", "ghs_x"),
    ]
}

#[test]
fn a_github_job_has_githubs_registry_and_no_other() {
    assert_answers(&github(), "ghcr.io", "octocat:ghs_x");
    assert_answers(&github(), "ghcr.io/org/app", "octocat:ghs_x");
    assert_eq!(listed(&environment(&github())), ["ghcr.io octocat"]);
    for query in [
        "docker.pkg.github.com",
        "docker.io",
        "github.com",
        "a.ghcr.io",
        "ghcr.io:5000",
        "http://ghcr.io",
        "https://ghcr.io/org",
    ] {
        assert_not_found(&github(), query);
    }
}

#[test]
fn without_an_actor_github_takes_any_user_name() {
    for actor in [None, Some("")] {
        assert_answers(
            &with(&github(), &[("GITHUB_ACTOR", actor)]),
            "ghcr.io",
            "x-access-token:ghs_x",
        );
    }
}

#[test]
fn outside_of_github_com_its_token_is_not_answered() {
    for changes in [
        ("GITHUB_ACTIONS", None),
        ("GITHUB_ACTIONS", Some("1")),
        ("GITHUB_SERVER_URL", None),
        ("GITHUB_SERVER_URL", Some("https://github.example.com")),
        ("GITHUB_SERVER_URL", Some("https://github.com/")),
        ("GITHUB_SERVER_URL", Some("http://github.com")),
        ("GITHUB_TOKEN", None),
    ] {
        assert_not_found(&with(&github(), &[changes]), "ghcr.io");
    }
}

#[test]
fn gh_token_is_not_read() {
    let variables = with(&github(), &[("GITHUB_TOKEN", None), ("GH_TOKEN", Some("gho_x"))]);
    assert_not_found(&variables, "ghcr.io");
}

#[test]
fn an_empty_github_token_is_an_error() {
    let variables = with(&github(), &[("GITHUB_TOKEN", Some(""))]);
    assert_error(
        &variables,
        "ghcr.io",
        "GITHUB_TOKEN is set but empty; give it a value or unset it",
    );
    assert_not_found(&variables, "quay.io");
}

#[test]
fn harbors_login_is_for_harbors_host() {
    let harbor = vec![
        ("GITLAB_CI", "true"),
        ("HARBOR_HOST", "harbor.example.com"),
        ("HARBOR_USERNAME", "robot$ci"),
        ("HARBOR_PASSWORD", "h"),
    ];
    assert_answers(&harbor, "harbor.example.com", "robot$ci:h");
    assert_not_found(&harbor, "docker.io");
    assert_not_found(&with(&harbor, &[("GITLAB_CI", None)]), "harbor.example.com");
    assert_not_found(&with(&harbor, &[("HARBOR_HOST", Some(""))]), "docker.io");
}

#[test]
fn buildkites_login_is_for_the_server_it_names() {
    let buildkite = vec![
        ("BUILDKITE", "true"),
        ("DOCKER_LOGIN_SERVER", "registry.example.com"),
        ("DOCKER_LOGIN_USER", "ci"),
        ("DOCKER_LOGIN_PASSWORD", "b"),
    ];
    assert_answers(&buildkite, "registry.example.com", "ci:b");
    assert_not_found(&with(&buildkite, &[("BUILDKITE", None)]), "registry.example.com");
    for server in [None, Some("")] {
        assert_not_found(&with(&buildkite, &[("DOCKER_LOGIN_SERVER", server)]), "docker.io");
    }
}

#[test]
fn a_server_variable_that_names_none_is_an_error() {
    let variables = with(&gitlab(), &[("CI_REGISTRY", Some("registry.example.com:5050\n"))]);
    assert_error(
        &variables,
        "registry.example.com:5050",
        "CI_REGISTRY is not a registry; write it as [https://]host[:port][/path], without white space or user name",
    );
    assert_answers(&variables, "gitlab.example.com", "gitlab-ci-token:glcbt-64_proxy");
}
