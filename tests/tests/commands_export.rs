//! `export`: the logins that it selects, and its output.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use docker_credential_tests::helper::AGE;
use docker_credential_tests::login::alice;
use docker_credential_tests::sandbox::Sandbox;
use serde_json::{Value, json};

const HUB: &str = "https://index.docker.io/v1/";
const OTHERS: [&str; 4] = [
    "https://index.docker.io/v1/access-token",
    "https://index.docker.io/v1/refresh-token",
    "https://notion.mcp-dcr",
    "https://auth.example.com/authorize/notion",
];

fn sandbox() -> Sandbox {
    let mut sandbox = Sandbox::new(AGE);
    sandbox.keep_secret(&[alice()]);
    sandbox
}

#[test]
fn other_programs_entries_are_left_out_unless_named() {
    let sandbox = sandbox();
    for server in OTHERS.into_iter().chain([HUB, "ghcr.io"]) {
        sandbox.store(server, &alice());
    }
    let exported = sandbox.command(&["export"]);
    exported.assert_success("export");
    let config: Value = serde_json::from_slice(&exported.stdout).expect("JSON");
    let entry = alice().entry();
    assert_eq!(config, json!({ "auths": { HUB: entry, "ghcr.io": entry } }));
    let said = String::from_utf8_lossy(&exported.stderr).into_owned();
    for server in OTHERS {
        assert!(
            said.contains(server.trim_start_matches("https://")),
            "{server}: {said}"
        );
    }
    let named = sandbox.command(&["export", OTHERS[2]]);
    named.assert_success("export of one that is named");
    assert!(named.text().contains("notion.mcp-dcr"), "{named:?}");
}

#[test]
fn an_output_file_is_readable_by_its_owner_only() {
    let sandbox = sandbox();
    sandbox.store("ghcr.io", &alice());
    let file = sandbox.path("home/secret.json");
    for before in [None, Some(0o644)] {
        if let Some(mode) = before {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("a file of the sandbox");
        }
        let done = sandbox.command(&["export", "--output", "home/secret.json", "ghcr.io"]);
        done.assert_success("export --output");
        assert!(done.stdout.is_empty(), "{done:?}");
        let mode = fs::metadata(&file).expect("the file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let text = fs::read_to_string(&file).expect("the file");
        assert!(text.contains(&alice().basic()));
    }
}

#[test]
fn a_directory_is_not_an_output_file() {
    let sandbox = sandbox();
    sandbox.store("ghcr.io", &alice());
    let failed = sandbox.command(&["export", "--output", "home", "ghcr.io"]);
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(
        failed.text().contains("it is a directory; name a file in it"),
        "{failed:?}"
    );
}

/// It would replace the whole file.
#[test]
fn a_client_s_file_is_not_an_output_file_if_it_has_more() {
    let entry = alice().entry();
    for (config, is_kept) in [
        (json!({ "credsStore": "pass" }), true),
        (json!({ "auths": { "quay.io": entry } }), true),
        (json!({ "auths": { "ghcr.io": entry, "quay.io": {} } }), false),
        (json!({}), false),
    ] {
        let sandbox = sandbox();
        sandbox.store("ghcr.io", &alice());
        sandbox.write_config(&config);
        let done = sandbox.command(&["export", "--output", "home/.docker/config.json"]);
        assert_eq!(done.code, Some(i32::from(is_kept)), "{config} {done:?}");
        if is_kept {
            assert!(
                done.text()
                    .contains("remove the other settings and logins of docker"),
                "{done:?}"
            );
            assert_eq!(sandbox.config(), config);
        } else {
            assert_eq!(sandbox.config(), json!({ "auths": { "ghcr.io": entry } }));
        }
    }
}
