//! Switching from docker's own helper to docker-credential-keyring and back: one keyring, two programs.

use docker_credential_tests::helper::KEYRING;
use docker_credential_tests::keyrings::both::Both;
use docker_credential_tests::keyrings::gnome::GnomeKeyring;
use docker_credential_tests::login::{Login, alice, bob};
use docker_credential_tests::program;
use docker_credential_tests::require;
use docker_credential_tests::requirement::Missing;
use docker_credential_tests::sandbox::{NOT_FOUND, Sandbox};
use serde_json::json;

const HUB: &str = "https://index.docker.io/v1/";

fn both() -> Result<Both, Missing> {
    GnomeKeyring::available()?;
    Both::in_sandbox(Sandbox::new(KEYRING))
}

#[test]
fn what_dockers_helper_stored_is_read_listed_and_erased() {
    let both = require!(both());
    for server in [HUB, "ghcr.io", "https://quay.io", "localhost:5000"] {
        both.official_store(server, &alice());
        both.place.assert_answers(server, &alice());
    }
    both.place.assert_answers("docker.io", &alice());
    both.place.assert_answers("https://ghcr.io/v2/", &alice());
    both.place.assert_lists(&json!({
        HUB: "alice", "ghcr.io": "alice", "https://quay.io": "alice", "localhost:5000": "alice"
    }));
    for server in [HUB, "https://ghcr.io", "quay.io", "localhost:5000"] {
        both.place.verb("erase", server).assert_success("erase");
    }
    both.place.assert_lists(&json!({}));
    for server in [HUB, "ghcr.io", "https://quay.io", "localhost:5000"] {
        assert_eq!(both.official("get", server).stdout, NOT_FOUND);
    }
}

#[test]
fn what_is_stored_here_dockers_helper_reads_and_erases() {
    let both = require!(both());
    for (stored, asked) in [
        ("docker.io", HUB),
        ("ghcr.io", "ghcr.io"),
        ("GHCR.io:443", "GHCR.io:443"),
    ] {
        both.place.store(stored, &alice());
        both.assert_official_answers(asked, &alice());
        both.official("erase", asked)
            .assert_success("docker's own helper erases it");
        both.place.assert_not_found(stored);
    }
}

#[test]
fn every_secret_passes_both_ways() {
    let both = require!(both());
    for (number, login) in Login::every().iter().enumerate() {
        let [theirs, ours] = ["theirs", "ours"].map(|from| format!("{from}{number}.example"));
        both.official_store(&theirs, login);
        both.place.assert_answers(&theirs, login);
        both.place.store(&ours, login);
        both.assert_official_answers(&ours, login);
    }
}

#[test]
fn a_login_by_either_helper_replaces_that_of_the_other() {
    let both = require!(both());
    both.official_store("ghcr.io", &alice());
    both.place.store("ghcr.io", &bob());
    both.place.assert_lists(&json!({ "ghcr.io": "bob" }));
    both.assert_official_answers("ghcr.io", &bob());
    both.official_store("ghcr.io", &Login::new("bob", "changed"));
    both.place
        .assert_answers("ghcr.io", &Login::new("bob", "changed"));
    both.place.assert_lists(&json!({ "ghcr.io": "bob" }));
}

#[test]
fn items_of_older_helpers_with_the_server_as_label_count() {
    let both = require!(both());
    require!(program::find("secret-tool"));
    for (server, schema) in [("old.example", true), ("older.example", false)] {
        let mut attributes = vec![
            "docker_cli",
            "1",
            "server",
            server,
            "username",
            "alice",
            "label",
            "Docker Credentials",
        ];
        if schema {
            attributes.extend(["xdg:schema", "io.docker.Credentials"]);
        }
        both.place
            .run("secret-tool")
            .args(["store", "--label", server])
            .args(attributes)
            .stdin(alice().secret)
            .outcome()
            .assert_success("secret-tool stores");
        both.place.assert_answers(server, &alice());
    }
    both.place
        .assert_lists(&json!({ "old.example": "alice", "older.example": "alice" }));
}

#[test]
fn secret_tool_finds_what_is_stored_here() {
    let both = require!(both());
    require!(program::find("secret-tool"));
    both.place.store("ghcr.io", &alice());
    let found = both
        .place
        .run("secret-tool")
        .args([
            "lookup",
            "xdg:schema",
            "io.docker.Credentials",
            "server",
            "ghcr.io",
            "username",
            "alice",
        ])
        .outcome();
    found.assert_success("secret-tool looks it up");
    assert_eq!(found.stdout, alice().secret.as_bytes());
}

#[test]
fn docker_changes_its_helper_and_back_and_loses_nothing() {
    let both = require!(both());
    both.official_store("ghcr.io", &alice());
    both.official_store(HUB, &bob());
    both.place.store("quay.io", &alice());
    both.place
        .store("registry-1.docker.io", &Login::new("bob", "changed"));
    for (server, login) in [
        ("ghcr.io", alice()),
        ("quay.io", alice()),
        (HUB, Login::new("bob", "changed")),
    ] {
        both.assert_official_answers(server, &login);
        both.place.assert_answers(server, &login);
    }
}
