//! Runs the transcripts of docs/age.md on a terminal, and compares the output.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a part of a test says that it fails"
)]

use std::fs;

use docker_credential_tests::age::ssh::SshKey;
use docker_credential_tests::helper::AGE;
use docker_credential_tests::login::alice;
use docker_credential_tests::pages::page::Page;
use docker_credential_tests::pages::transcript::Reader;
use docker_credential_tests::program;
use docker_credential_tests::registries::basic::Registry;
use docker_credential_tests::require;
use docker_credential_tests::sandbox::Sandbox;

/// Runs a section in a sandbox whose home has the page's name.
#[track_caller]
fn assert_section_is_as_written(place: &Sandbox, heading: &str, host: &str, answers: &[&str]) {
    let transcript = Page::read("docs/age.md").section(heading, "console").concat();
    let home = |below: &str| place.path(below).display().to_string();
    let reader = Reader::new(place)
        .is_in(place.path(""))
        .reads("registry.example", host)
        .reads("~/.config", home("config"))
        .reads("/home/alice/.docker", home("home/.docker"));
    answers
        .iter()
        .fold(reader, |reader, answer| reader.answers(answer))
        .follows(&transcript);
}

fn place_with_password() -> Sandbox {
    let place = Sandbox::new(AGE);
    fs::write(place.path("password"), format!("{}\n", alice().secret)).unwrap();
    place
}

#[test]
fn on_a_laptop() {
    require!(program::find("docker"));
    let registry = require!(Registry::private(&[alice()]));
    let place = place_with_password();
    let answers = ["battery staple"; 3];
    assert_section_is_as_written(&place, "On a laptop", &registry.host(), &answers);
}

#[test]
fn in_a_team_and_in_ci() {
    require!(program::find("docker"));
    require!(program::find("git"));
    let registry = require!(Registry::private(&[alice()]));
    let mut place = place_with_password();
    place.write_config(&serde_json::json!({ "credsStore": "age" }));
    place.make_repository("team.git");
    assert_section_is_as_written(&place, "In a team", &registry.host(), &[]);

    let identity = place.path("config/docker-credential-age/identity.txt");
    place.set("CI_SECRET", fs::read_to_string(identity).unwrap());
    let cloned = place
        .run("git")
        .args(["clone", "-q", "team.git", "team-logins"])
        .outcome();
    cloned.assert_success("git clone");
    assert_section_is_as_written(&place, "In CI", &registry.host(), &[]);
}

#[test]
fn ssh_keys() {
    require!(program::find("docker"));
    require!(program::find("ssh-keygen"));
    let registry = require!(Registry::private(&[alice()]));
    let place = place_with_password();
    place.write_config(&serde_json::json!({ "credsStore": "age" }));
    SshKey::ed25519(&place, "");
    let bob = SshKey::make(&place, "bob", "", &["-t", "rsa"]);
    fs::copy(bob.path.with_extension("pub"), place.path("bob.pub")).unwrap();
    assert_section_is_as_written(&place, "SSH keys", &registry.host(), &[]);
}
