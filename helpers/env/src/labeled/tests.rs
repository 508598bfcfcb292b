use std::fs;
use std::path::Path;

use super::*;
#[cfg(unix)]
use crate::testing::ask;
use crate::testing::{assert_answers, assert_error, assert_not_found, environment, listed, url};

const PROD: [(&str, &str); 3] = [
    ("DOCKER_CREDENTIAL_PROD_SERVER", "registry.example.com:5000"),
    ("DOCKER_CREDENTIAL_PROD_USERNAME", "ci"),
    ("DOCKER_CREDENTIAL_PROD_PASSWORD", "hunter2"),
];

/// The variables, with some changed or unset.
fn with<'a>(changes: &[(&'a str, Option<&'a str>)]) -> Vec<(&'a str, &'a str)> {
    let kept = PROD
        .into_iter()
        .filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    kept.chain(
        changes
            .iter()
            .filter_map(|(name, value)| Some((*name, (*value)?))),
    )
    .collect()
}

#[test]
fn a_label_binds_a_server_to_a_login() {
    for query in [
        "registry.example.com:5000",
        "https://REGISTRY.example.com:5000/v2/",
        "registry.example.com:5000/org/app",
    ] {
        assert_answers(&PROD, query, "ci:hunter2");
    }
    assert_eq!(listed(&environment(&PROD)), ["registry.example.com:5000 ci"]);
}

#[test]
fn neighbours_are_not_answered() {
    for query in [
        "registry.example.com",
        "registry.example.com:5001",
        "http://registry.example.com:5000",
        "https://registry.example.com:5000/org",
        "example.com:5000",
        "a.registry.example.com:5000",
        "registry-example.com:5000",
        "registry_example.com:5000",
        "xregistry.example.com:5000",
        "registry.example.com.:5000",
        "docker.io",
        "prod",
    ] {
        assert_not_found(&PROD, query);
    }
}

#[test]
fn a_label_may_name_the_host_itself() {
    let variables = [
        ("DOCKER_CREDENTIAL_MY__REG_EXAMPLE_COM_PORT_5000_USERNAME", "ci"),
        (
            "DOCKER_CREDENTIAL_MY__REG_EXAMPLE_COM_PORT_5000_PASSWORD",
            "hunter2",
        ),
    ];
    assert_answers(&variables, "my-reg.example.com:5000", "ci:hunter2");
    assert_eq!(listed(&environment(&variables)), ["my-reg.example.com:5000 ci"]);
    for query in [
        "my-reg.example.com",
        "my.reg.example.com:5000",
        "my--reg.example.com:5000",
        "reg.example.com:5000",
    ] {
        assert_not_found(&variables, query);
    }
}

#[test]
fn the_hub_is_listed_by_its_url_and_found_by_every_name() {
    for variables in [
        [
            ("DOCKER_CREDENTIAL_DOCKER_IO_USERNAME", "ci"),
            ("DOCKER_CREDENTIAL_DOCKER_IO_PASSWORD", "hunter2"),
        ]
        .to_vec(),
        with(&[("DOCKER_CREDENTIAL_PROD_SERVER", Some("registry-1.docker.io"))]),
    ] {
        for query in [
            "https://index.docker.io/v1/",
            "docker.io",
            "index.docker.io/library/alpine",
            "registry-1.docker.io:443",
        ] {
            assert_answers(&variables, query, "ci:hunter2");
        }
        assert_eq!(
            listed(&environment(&variables)),
            ["https://index.docker.io/v1/ ci"]
        );
        assert_not_found(&variables, "https://index.docker.io/v1/access-token");
        assert_not_found(&variables, "docker.io:5000");
    }
}

#[test]
fn a_token_has_the_user_name_that_says_so() {
    let variables = [
        ("DOCKER_CREDENTIAL_HUB_SERVER", "docker.io"),
        ("DOCKER_CREDENTIAL_HUB_TOKEN", "dckr_oat"),
    ];
    assert_answers(&variables, "docker.io", "<token>:dckr_oat");
}

#[test]
fn a_secret_may_be_in_a_file() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("secret");
    fs::write(&path, "from a file\n").unwrap();
    let path = path.to_str().unwrap();
    let password = with(&[
        ("DOCKER_CREDENTIAL_PROD_PASSWORD", None),
        ("DOCKER_CREDENTIAL_PROD_PASSWORD_FILE", Some(path)),
    ]);
    assert_answers(&password, "registry.example.com:5000", "ci:from a file");
    let token = [("DOCKER_CREDENTIAL_GHCR_IO_TOKEN_FILE", path)];
    assert_answers(&token, "ghcr.io", "<token>:from a file");
}

#[test]
fn values_are_used_as_they_are() {
    let variables = with(&[
        ("DOCKER_CREDENTIAL_PROD_USERNAME", Some(" ci")),
        ("DOCKER_CREDENTIAL_PROD_PASSWORD", Some("hunter2\n")),
    ]);
    assert_answers(&variables, "registry.example.com:5000", " ci:hunter2\n");
}

#[test]
fn an_empty_server_is_an_error_for_every_server_and_not_the_derived_one() {
    let text = |label: &str| {
        format!("DOCKER_CREDENTIAL_{label}_SERVER is set but empty; give it a value or unset it")
    };
    let empty = with(&[("DOCKER_CREDENTIAL_PROD_SERVER", Some(""))]);
    assert_error(&empty, "ghcr.io", &text("PROD"));
    let derived = [
        ("DOCKER_CREDENTIAL_GHCR_IO_SERVER", ""),
        ("DOCKER_CREDENTIAL_GHCR_IO_USERNAME", "ci"),
        ("DOCKER_CREDENTIAL_GHCR_IO_PASSWORD", "hunter2"),
    ];
    assert_error(&derived, "ghcr.io", &text("GHCR_IO"));
    assert_error(&derived, "ghcr.io/org/app", &text("GHCR_IO"));
    assert_error(&derived, "https://ghcr.io/org", &text("GHCR_IO"));
    assert_eq!(listed(&environment(&derived)), [""; 0]);
}

#[test]
fn a_label_without_its_server_does_not_keep_another_from_answering() {
    let variables = [&PROD[..], &[("DOCKER_CREDENTIAL_STAGE_SERVER", "")]].concat();
    assert_answers(&variables, "registry.example.com:5000/org/app", "ci:hunter2");
    assert_eq!(listed(&environment(&variables)), ["registry.example.com:5000 ci"]);
}

#[test]
fn a_server_that_is_none_is_an_error_that_does_not_quote_it() {
    let text = "DOCKER_CREDENTIAL_PROD_SERVER is not a registry; write it as [https://]host[:port][/path], \
                without white space or user name";
    for server in [
        "registry.example.com\n",
        " ghcr.io",
        "https://u:hunter2@ghcr.io",
        "ghcr.io:x",
        "ghcr.io/%41",
    ] {
        assert_error(
            &with(&[("DOCKER_CREDENTIAL_PROD_SERVER", Some(server))]),
            "ghcr.io",
            text,
        );
    }
}

#[test]
fn a_label_with_an_underscore_takes_no_server() {
    let variables = [
        ("DOCKER_CREDENTIAL_GHCR_IO_SERVER", "evil.example"),
        ("DOCKER_CREDENTIAL_GHCR_IO_USERNAME", "ci"),
        ("DOCKER_CREDENTIAL_GHCR_IO_PASSWORD", "hunter2"),
    ];
    let text = "DOCKER_CREDENTIAL_GHCR_IO_SERVER is set for a label with an underscore, which itself names a host; \
                rename the label, with A-Z and 0-9 only";
    assert_error(&variables, "evil.example", text);
    assert_error(&variables, "ghcr.io", text);
    assert_not_found(&variables, "quay.io");
}

#[test]
fn half_a_login_is_an_error_for_its_own_server_only() {
    let no_user = with(&[("DOCKER_CREDENTIAL_PROD_USERNAME", None)]);
    assert_error(
        &no_user,
        "registry.example.com:5000",
        "DOCKER_CREDENTIAL_PROD_PASSWORD is set without DOCKER_CREDENTIAL_PROD_USERNAME; set both or neither",
    );
    assert_not_found(&no_user, "ghcr.io");
    let no_secret = with(&[("DOCKER_CREDENTIAL_PROD_PASSWORD", None)]);
    assert_error(
        &no_secret,
        "registry.example.com:5000",
        "DOCKER_CREDENTIAL_PROD_SERVER and DOCKER_CREDENTIAL_PROD_USERNAME have no secret beside them; set one of \
         DOCKER_CREDENTIAL_PROD_PASSWORD, DOCKER_CREDENTIAL_PROD_PASSWORD_FILE, DOCKER_CREDENTIAL_PROD_TOKEN, \
         DOCKER_CREDENTIAL_PROD_TOKEN_FILE",
    );
    assert_not_found(&no_secret, "ghcr.io");
    assert_error(
        &[("DOCKER_CREDENTIAL_GHCR_IO_USERNAME", "ci")],
        "ghcr.io",
        "DOCKER_CREDENTIAL_GHCR_IO_USERNAME has no secret beside it; set one of DOCKER_CREDENTIAL_GHCR_IO_PASSWORD, \
         DOCKER_CREDENTIAL_GHCR_IO_PASSWORD_FILE, DOCKER_CREDENTIAL_GHCR_IO_TOKEN, DOCKER_CREDENTIAL_GHCR_IO_TOKEN_FILE",
    );
}

#[test]
fn an_empty_value_is_an_error() {
    for name in [
        "DOCKER_CREDENTIAL_PROD_USERNAME",
        "DOCKER_CREDENTIAL_PROD_PASSWORD",
    ] {
        assert_error(
            &with(&[(name, Some(""))]),
            "registry.example.com:5000",
            &format!("{name} is set but empty; give it a value or unset it"),
        );
    }
}

#[cfg(unix)]
#[test]
fn a_value_that_is_no_text_is_an_error() {
    for name in [
        "DOCKER_CREDENTIAL_PROD_SERVER",
        "DOCKER_CREDENTIAL_PROD_USERNAME",
        "DOCKER_CREDENTIAL_PROD_PASSWORD",
    ] {
        let environment = crate::testing::environment_with_bytes(&with(&[(name, None)]), name);
        assert_eq!(
            ask(&environment, "registry.example.com:5000").unwrap_err(),
            format!("{name} is not valid UTF-8; set it to text")
        );
    }
}

#[test]
fn two_secrets_for_one_label_are_an_error_that_names_both() {
    for (one, other) in [
        ("PASSWORD", "PASSWORD_FILE"),
        ("PASSWORD", "TOKEN"),
        ("PASSWORD_FILE", "TOKEN_FILE"),
        ("TOKEN", "TOKEN_FILE"),
    ] {
        let [one, other] = [one, other].map(|suffix| format!("DOCKER_CREDENTIAL_PROD_{suffix}"));
        let variables = with(&[
            ("DOCKER_CREDENTIAL_PROD_PASSWORD", None),
            (&one, Some("hunter2")),
            (&other, Some("")),
        ]);
        assert_error(
            &variables,
            "registry.example.com:5000",
            &format!("{one} and {other} are both set; unset one"),
        );
    }
}

#[test]
fn two_labels_for_one_server_may_agree() {
    let variables = [
        &PROD[..],
        &[
            ("DOCKER_CREDENTIAL_B_SERVER", "https://registry.example.com:5000/"),
            ("DOCKER_CREDENTIAL_B_USERNAME", "ci"),
            ("DOCKER_CREDENTIAL_B_PASSWORD", "hunter2"),
        ],
    ]
    .concat();
    assert_answers(&variables, "registry.example.com:5000", "ci:hunter2");
    assert_eq!(listed(&environment(&variables)).len(), 1);
}

#[test]
fn two_labels_for_one_server_with_different_logins_are_an_error_for_it() {
    let variables = [
        ("DOCKER_CREDENTIAL_GHCR_SERVER", "https://ghcr.io"),
        ("DOCKER_CREDENTIAL_GHCR_USERNAME", "ci"),
        ("DOCKER_CREDENTIAL_GHCR_PASSWORD", "hunter3"),
        ("DOCKER_CREDENTIAL_GHCR_IO_USERNAME", "ci"),
        ("DOCKER_CREDENTIAL_GHCR_IO_PASSWORD", "hunter2"),
    ];
    let text = "DOCKER_CREDENTIAL_GHCR_SERVER, DOCKER_CREDENTIAL_GHCR_USERNAME, DOCKER_CREDENTIAL_GHCR_PASSWORD, \
                DOCKER_CREDENTIAL_GHCR_IO_USERNAME and DOCKER_CREDENTIAL_GHCR_IO_PASSWORD hold two logins for \
                https://ghcr.io; unset those of one";
    assert_error(&variables, "ghcr.io", text);
    // Another source doesn't decide between them either.
    let config = ("DOCKER_AUTH_CONFIG", r#"{"auths":{"ghcr.io":{"auth":"dTpz"}}}"#);
    assert_error(&[&variables[..], &[config]].concat(), "ghcr.io", text);
    assert_eq!(listed(&environment(&variables)), [""; 0]);
}

#[test]
fn names_outside_the_grammar_are_not_ours() {
    for name in [
        "DOCKER_CREDENTIAL__SERVER",
        "DOCKER_CREDENTIAL_SERVER",
        "DOCKER_CREDENTIAL_prod_SERVER",
        "DOCKER_CREDENTIAL_PR-OD_SERVER",
        "DOCKER_CREDENTIAL_PROD_SERVERS",
        "DOCKER_CREDENTIAL_PROD_FILE",
        "XDOCKER_CREDENTIAL_PROD_SERVER",
        "docker_credential_PROD_SERVER",
    ] {
        if cfg!(not(windows)) {
            assert_eq!(Label::of_variable(name), None, "{name}");
        }
    }
}

#[test]
fn a_name_is_read_in_one_way() {
    for (name, label) in [
        ("DOCKER_CREDENTIAL_PROD_PASSWORD", "PROD"),
        ("DOCKER_CREDENTIAL_PROD_PASSWORD_FILE", "PROD"),
        ("DOCKER_CREDENTIAL_PROD_TOKEN_FILE", "PROD"),
        ("DOCKER_CREDENTIAL_A_TOKEN_PASSWORD", "A_TOKEN"),
        ("DOCKER_CREDENTIAL_A_PASSWORD_TOKEN_FILE", "A_PASSWORD"),
        ("DOCKER_CREDENTIAL_SERVER_SERVER", "SERVER"),
    ] {
        assert_eq!(Label::of_variable(name), Some(Label(label.to_owned())), "{name}");
    }
    for suffix in SUFFIXES {
        let longer = SUFFIXES.iter().filter(|longer| longer.ends_with(suffix));
        assert_eq!(longer.count(), 1, "{suffix} ends another suffix");
    }
}

/// If a setting ended in a suffix, it would be a label's variable, and its value a secret.
#[test]
fn no_setting_of_the_suite_ends_in_a_suffix() {
    const SETTINGS: [&str; 18] = [
        "DOCKER_CREDENTIAL_AGE_DIR",
        "DOCKER_CREDENTIAL_AGE_IDENTITY",
        "DOCKER_CREDENTIAL_AGE_IDENTITY_FILE",
        "DOCKER_CREDENTIAL_AGE_PASSPHRASE_FILE",
        "DOCKER_CREDENTIAL_AGE_RECIPIENTS",
        "DOCKER_CREDENTIAL_AGE_UNLOCK_SECONDS",
        "DOCKER_CREDENTIAL_AGE_WRITE_ONLY",
        "DOCKER_CREDENTIAL_ENV_COMPAT",
        "DOCKER_CREDENTIAL_ENV_SOURCES",
        "DOCKER_CREDENTIAL_ENV_STORE",
        "DOCKER_CREDENTIAL_KEYRING_BACKEND",
        "DOCKER_CREDENTIAL_KEYRING_COLLECTION",
        "DOCKER_CREDENTIAL_LOG",
        "DOCKER_CREDENTIAL_NONINTERACTIVE",
        "DOCKER_CREDENTIAL_TEST_BIN",
        "DOCKER_CREDENTIAL_TEST_FAULT",
        "DOCKER_CREDENTIAL_TEST_FULL",
        "DOCKER_CREDENTIAL_WHEN_UNAVAILABLE",
    ];
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let sources = ["common/src", "helpers/age/src", "helpers/keyring/src"];
    let mut settings: BTreeSet<String> = SETTINGS.map(str::to_owned).into();
    settings.extend(
        sources
            .iter()
            .flat_map(|below| settings_below(&workspace.join(below))),
    );
    assert!(
        sources
            .iter()
            .any(|below| !settings_below(&workspace.join(below)).is_empty())
    );
    for setting in settings {
        assert_eq!(Label::of_variable(&setting), None, "{setting}");
    }
}

/// The names in the sources' constants, so that new settings are covered.
fn settings_below(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(settings_below(&path));
            continue;
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        let constants = text.lines().filter(|line| line.contains("const "));
        let quoted = constants.filter_map(|line| line.split('"').nth(1));
        found.extend(quoted.filter(|name| name.starts_with(PREFIX)).map(str::to_owned));
    }
    found
}

fn near(variables: &[(&str, &str)], server: &str) -> Vec<String> {
    let found = near_misses(&environment(variables), url(server).key());
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn a_label_for_a_similar_host_is_a_near_miss() {
    let dots = [("DOCKER_CREDENTIAL_MY_REG_EXAMPLE_COM_USERNAME", "ci")];
    assert_eq!(
        near(&dots, "my-reg.example.com"),
        [
            "DOCKER_CREDENTIAL_MY_REG_EXAMPLE_COM_USERNAME is for my.reg.example.com; for my-reg.example.com, name them \
             DOCKER_CREDENTIAL_MY__REG_EXAMPLE_COM_USERNAME and so on"
        ]
    );
    assert_eq!(near(&dots, "my.reg.example.com"), [""; 0]);
    assert_eq!(near(&dots, "other.example.com"), [""; 0]);
}

#[test]
fn a_label_for_another_port_is_a_near_miss() {
    let found = near(
        &[("DOCKER_CREDENTIAL_REG_EXAMPLE_COM_USERNAME", "ci")],
        "reg.example.com:5000",
    );
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("_PORT_5000_USERNAME"), "{found:?}");
    let found = near(&PROD, "registry.example.com:5001");
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn a_near_miss_without_a_label_names_the_server_variable() {
    let found = near(&[("DOCKER_CREDENTIAL_A_B_C_USERNAME", "ci")], "http://a-b.c");
    assert_eq!(found, [""; 0]);
    let found = near(&[("DOCKER_CREDENTIAL_AB_EXAMPLE_USERNAME", "ci")], "ab.example.");
    assert_eq!(found.len(), 1);
    assert!(
        found[0].ends_with("set DOCKER_CREDENTIAL_<LABEL>_SERVER=ab.example."),
        "{found:?}"
    );
}
