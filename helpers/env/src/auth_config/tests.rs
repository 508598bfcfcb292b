use crate::testing::{ask, assert_answers, assert_error, assert_not_found, environment, listed};

fn config(json: &str) -> [(&str, &str); 1] {
    [("DOCKER_AUTH_CONFIG", json)]
}

#[test]
fn dockers_strict_form_answers() {
    let variables = config(r#"{"auths":{"ghcr.io":{"auth":"Y2k6aHVudGVyMg=="}}}"#);
    assert_answers(&variables, "ghcr.io", "ci:hunter2");
    assert_answers(&variables, "https://ghcr.io/v2/", "ci:hunter2");
    assert_not_found(&variables, "docker.io");
    assert_eq!(listed(&environment(&variables)), ["ghcr.io ci"]);
}

#[test]
fn gitlabs_whole_configuration_answers() {
    let variables = config(
        r#"{
            "auths": {
                "https://index.docker.io/v1/": {"auth": "Y2k6aHVudGVyMw", "email": "ci@example.com"},
                "registry.example.com:5000": {"username": "ci", "password": "hunter2"},
                "quay.io/org": {"identitytoken": "t0ken", "auth": "Y2k6aHVudGVyMg=="}
            },
            "credsStore": "env",
            "credHelpers": {"ghcr.io": "env"},
            "HttpHeaders": {"User-Agent": "x"}
        }"#,
    );
    assert_answers(&variables, "docker.io", "ci:hunter3");
    assert_answers(&variables, "registry.example.com:5000", "ci:hunter2");
    assert_answers(&variables, "quay.io/org/app", "<token>:t0ken");
    for query in ["quay.io", "ghcr.io", "registry.example.com"] {
        assert_not_found(&variables, query);
    }
    assert_eq!(
        listed(&environment(&variables)),
        [
            "https://index.docker.io/v1/ ci",
            "quay.io/org <token>",
            "registry.example.com:5000 ci"
        ]
    );
}

#[test]
fn unset_empty_and_markers_say_nothing() {
    for json in [
        "",
        "{}",
        r#"{"auths":{}}"#,
        r#"{"auths":{"ghcr.io":{}}}"#,
        r#"{"auths":null}"#,
    ] {
        assert_not_found(&config(json), "ghcr.io");
        assert_eq!(listed(&environment(&config(json))), [""; 0], "{json}");
    }
}

#[test]
fn a_key_that_is_not_a_registry_is_ignored() {
    let variables = config(
        r#"{"auths":{"u:p@ghcr.io":{"auth":"eDp5"}," ghcr.io":{"auth":"eDp5"},"ftp://ghcr.io":{"auth":"eDp5"},
            "*.ghcr.io":{"auth":"eDp5"},"":{"auth":"eDp5"},"quay.io":{"auth":"Y2k6aHVudGVyMg=="}}}"#,
    );
    for query in ["ghcr.io", "ftp://ghcr.io", "a.ghcr.io", "*.ghcr.io"] {
        assert_not_found(&variables, query);
    }
    assert_eq!(listed(&environment(&variables)), ["quay.io ci"]);
}

#[test]
fn two_logins_for_one_server_are_an_error_for_it() {
    let variables = config(
        r#"{"auths":{"ghcr.io":{"auth":"YTox"},"https://ghcr.io":{"auth":"YToy"},"quay.io":{"auth":"YTox"}}}"#,
    );
    assert_error(
        &variables,
        "ghcr.io",
        "DOCKER_AUTH_CONFIG has two logins for ghcr.io; remove one",
    );
    assert_answers(&variables, "quay.io", "a:1");
    assert_eq!(listed(&environment(&variables)), ["quay.io a"]);
    let twice = config(r#"{"auths":{"ghcr.io":{"auth":"YTox"},"ghcr.io":{"auth":"YToy"}}}"#);
    assert_error(
        &twice,
        "ghcr.io",
        "DOCKER_AUTH_CONFIG has two logins for ghcr.io; remove one",
    );
    let same = config(r#"{"auths":{"ghcr.io":{"auth":"YTox"},"https://ghcr.io":{"auth":"YTox"}}}"#);
    assert_answers(&same, "ghcr.io", "a:1");
}

#[test]
fn an_entry_without_a_login_is_an_error_for_its_server() {
    for (auth, problem) in [
        (
            "YWxpY2U=",
            "no login in it: invalid auth configuration file; write it as base64 of user:password",
        ),
        (
            "OnB3",
            "no login in it: invalid auth configuration file; write it as base64 of user:password",
        ),
        (
            "!",
            "no login in it: illegal base64 data; write it as base64 of user:password",
        ),
        ("YTo=", "an empty password; give it one"),
        (
            "YTr/",
            "no login in it: the user name and password are not valid UTF-8; write it as base64 of user:password",
        ),
    ] {
        let json = format!(r#"{{"auths":{{"ghcr.io":{{"auth":"{auth}"}},"quay.io":{{"auth":"YTox"}}}}}}"#);
        let text = format!("DOCKER_AUTH_CONFIG has an entry for ghcr.io with {problem}");
        assert_error(&config(&json), "ghcr.io", &text);
        assert_answers(&config(&json), "quay.io", "a:1");
        assert_eq!(listed(&environment(&config(&json))), ["quay.io a"]);
    }
}

#[test]
fn what_is_no_configuration_is_an_error_that_does_not_quote_it() {
    for json in [
        "hunter2",
        "{",
        "[]",
        r#"{"auths":["hunter2"]}"#,
        r#"{"auths":{"ghcr.io":{"auth":7}}}"#,
        "\u{FEFF}{}",
    ] {
        let error = ask(&environment(&config(json)), "ghcr.io").unwrap_err();
        assert!(error.starts_with("DOCKER_AUTH_CONFIG "), "{error}");
        assert!(!error.contains("hunter2") && !error.contains('7'), "{error}");
        assert_eq!(listed(&environment(&config(json))), [""; 0]);
    }
}

#[cfg(unix)]
#[test]
fn bytes_that_are_no_text_are_an_error() {
    let environment = crate::testing::environment_with_bytes(&[], "DOCKER_AUTH_CONFIG");
    assert_eq!(
        ask(&environment, "ghcr.io").unwrap_err(),
        "DOCKER_AUTH_CONFIG is not valid UTF-8; set it to text"
    );
}

#[test]
fn another_source_answers_where_this_one_is_broken() {
    let github = [
        ("DOCKER_AUTH_CONFIG", "{"),
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_SERVER_URL", "https://github.com"),
        ("GITHUB_TOKEN", "t"),
    ];
    assert_answers(&github, "ghcr.io", "x-access-token:t");
    assert_answers(&github, "ghcr.io/org/app", "x-access-token:t");
    assert_eq!(listed(&environment(&github)), ["ghcr.io x-access-token"]);
}

#[test]
fn a_path_base64_or_quotes_in_place_of_the_json_are_named() {
    for (value, problem) in [
        (
            "/builds/group/project.tmp/DOCKER_AUTH_CONFIG",
            "holds a path; it must hold the JSON itself (in GitLab, make the variable's type Variable, not File)",
        ),
        (
            "eyJhdXRocyI6e319",
            "holds base64; decode it, because it must hold the JSON itself",
        ),
        (
            "ewogICJhdXRocyI6IHt9Cn0K",
            "holds base64; decode it, because it must hold the JSON itself",
        ),
        (
            "'{\"auths\":{}}'",
            "begins with a quote; remove the quotes around the JSON",
        ),
        ("\"{}\"", "begins with a quote; remove the quotes around the JSON"),
    ] {
        assert_error(
            &config(value),
            "ghcr.io",
            &format!("DOCKER_AUTH_CONFIG {problem}"),
        );
    }
}

#[test]
fn a_broken_entry_is_named() {
    for (broken, problem) in [
        (
            "5",
            "is not understood: an entry of auths must be an object, in the entry ghcr.io (line 1, column 21)",
        ),
        (
            r#"{"auth":5}"#,
            "is not understood: auth must be a string, in the entry ghcr.io (line 1, column 29)",
        ),
    ] {
        let json = format!(r#"{{"auths":{{"ghcr.io":{broken},"quay.io":{{"auth":"YTox"}}}}}}"#);
        assert_error(
            &config(&json),
            "ghcr.io",
            &format!("DOCKER_AUTH_CONFIG {problem}"),
        );
    }
}

#[test]
fn a_broken_entry_is_named_without_its_password() {
    let text = ask(
        &environment(&config(r#"{"auths":{"https://ci:hunter2@ghcr.io":5}}"#)),
        "ghcr.io",
    )
    .unwrap_err();
    assert!(!text.contains("hunter2"), "{text}");
}
