//! The transcripts of docs/commands.md.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use docker_credential_tests::clients::password_store::PasswordStore;
use docker_credential_tests::helper::AGE;
use docker_credential_tests::pages::page::Page;
use docker_credential_tests::program::find;
use docker_credential_tests::require;
use docker_credential_tests::sandbox::Sandbox;
use serde_json::json;

use docker_credential_tests::pages::home::{alice, home, reader};

const HUB: &str = "https://index.docker.io/v1/";

fn transcript(heading: &str) -> String {
    Page::read("docs/commands.md")
        .section(heading, "console")
        .concat()
}

/// An executable script on the sandbox's `PATH`.
pub(crate) fn add_script(place: &Sandbox, name: &str, text: &str) {
    let file = place.path(&format!("tmp/{name}"));
    fs::write(&file, format!("#!/bin/sh\n{text}\n")).expect("a script");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("a script can be run");
    place.add_program(name, &file);
}

/// docker's file with plain-text logins for two registries.
fn plain_text(creds_store: &str) -> String {
    let entry = alice().entry();
    let config = json!({ "auths": { "ghcr.io": entry, HUB: entry }, "credsStore": creds_store });
    let mut text = Vec::new();
    let tabs = serde_json::ser::PrettyFormatter::with_indent(b"\t");
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, tabs);
    serde::Serialize::serialize(&config, &mut serializer).expect("JSON");
    String::from_utf8(text).expect("text")
}

#[test]
pub(crate) fn configure() {
    let place = home(AGE);
    place.command(&["identity", "new"]).assert_success("identity new");
    let config = plain_text("").replace(",\n\t\"credsStore\": \"\"", "");
    fs::write(place.config_path(), config).expect("config.json");
    reader(&place).follows(&transcript("configure and unconfigure"));
}

#[test]
pub(crate) fn podman() {
    let place = home(AGE);
    place
        .command(&["configure", "--podman", "--no-import"])
        .assert_success("configure --podman");
    let shown = Page::read("docs/commands.md")
        .section("podman, skopeo and buildah", "toml")
        .concat();
    let setting = shown
        .lines()
        .find(|line| !line.starts_with('#'))
        .expect("a setting");
    let file = place.path("home/.config/containers/registries.conf.d/50-docker-credential-age.conf");
    let written = fs::read_to_string(file).expect("the file that the page names");
    assert!(written.lines().any(|line| line == setting), "{written}");
}

#[test]
pub(crate) fn import() {
    let place = home(AGE);
    place.command(&["identity", "new"]).assert_success("identity new");
    fs::write(place.config_path(), plain_text("age")).expect("config.json");
    reader(&place).follows(&transcript("import"));
}

/// kubectl is a stand-in, because there is no cluster.
#[test]
pub(crate) fn export() {
    for program in ["bash", "docker-credential-pass"] {
        require!(find(program));
    }
    let mut place = home(AGE);
    let _store = require!(PasswordStore::new(&mut place));
    place.add_program(
        "docker-credential-pass",
        &require!(find("docker-credential-pass")),
    );
    add_script(
        &place,
        "kubectl",
        "cat >\"$HOME/secret.json\"\necho secret/ghcr created",
    );
    place.store("ghcr.io", &alice());

    reader(&place).follows(&transcript("export"));

    let secret = fs::read(place.path("home/secret.json")).expect("kubectl was run");
    let secret: serde_json::Value = serde_json::from_slice(&secret).expect("JSON");
    assert_eq!(
        secret,
        json!({ "auths": { "ghcr.io": { "auth": alice().basic() } } })
    );
}

#[test]
pub(crate) fn explain() {
    let place = home(AGE);
    place.write_config(&json!({ "auths": { "ghcr.io": {} }, "credsStore": "age" }));
    place.store("ghcr.io", &alice());
    reader(&place).follows(&transcript("explain"));
}

#[test]
pub(crate) fn status() {
    let place = home(AGE);
    place.write_config(&json!({ "credsStore": "age", "credHelpers": { "ghcr.io": "age" } }));
    for server in ["ghcr.io", "https://index.docker.io/v1/"] {
        place.store(server, &alice());
    }
    reader(&place).follows(&transcript("status"));
}

#[test]
pub(crate) fn doctor() {
    require!(find("podman"));
    let place = home(AGE);
    place.write_config(&json!({ "auths": { "ghcr.io": {}, HUB: {} }, "credsStore": "age" }));
    place.store("ghcr.io", &alice());
    place.store(HUB, &alice());
    reader(&place).follows(&transcript("doctor"));
}

#[test]
pub(crate) fn completions_and_manual() {
    let place = home(AGE);
    for heading in ["completions", "manual"] {
        reader(&place).follows(&transcript(heading));
    }
    for file in [
        "bash-completion/completions/docker-credential-age",
        "man/man1/docker-credential-age.1",
        "man/man1/docker-credential-age-import.1",
    ] {
        let file = place.path("home/.local/share").join(file);
        assert!(fs::metadata(&file).is_ok_and(|file| file.len() > 0), "{file:?}");
    }
}
