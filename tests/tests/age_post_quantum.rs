//! docker-credential-age with post-quantum keys of age 1.3.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a part of a test says that it fails"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use docker_credential_tests::age::entry::stanzas;
use docker_credential_tests::age::member::Member;
use docker_credential_tests::age::ssh::SshKey;
use docker_credential_tests::helper::AGE;
use docker_credential_tests::keyrings::kernel as keyring;
use docker_credential_tests::login::Login;
use docker_credential_tests::program;
use docker_credential_tests::refusal::{MARKER, assert_error};
use docker_credential_tests::require;
use docker_credential_tests::requirement::Missing;
use docker_credential_tests::sandbox::Sandbox;
use serde_json::json;

const ENTRY: &str = "data/docker-credential-age/ghcr.io.age";

/// The recipient of age-plugin-tagtest's fixed identity.
const TAGPQ: &str = include_str!("../src/age/tagpq-recipient.txt");
/// That identity.
const TAGTEST: &str = "AGE-PLUGIN-TAGTEST-1CXM4UC";

fn login() -> Login {
    Login::new("user", MARKER)
}

fn request() -> String {
    json!({ "ServerURL": "ghcr.io", "Username": "user", "Secret": MARKER }).to_string()
}

/// A sandbox with a plugin of age 1.3.
fn place_with(plugin: &str) -> Result<Sandbox, Missing> {
    let program = program::find(plugin)?;
    let place = Sandbox::new(AGE);
    place.add_program(plugin, &program);
    Ok(place)
}

/// A sandbox whose identity is a new post-quantum key, in its plugin's format, and the recipient.
fn place_with_key() -> Result<(Sandbox, String), Missing> {
    let mut place = place_with("age-plugin-pq")?;
    let keygen = program::find("age-plugin-pq")?.with_file_name("age-keygen");
    let made = place.run(&keygen).args(["-pq", "-o", "native.txt"]).outcome();
    made.assert_success("age-keygen -pq");
    let shown = place.run(&keygen).args(["-y", "native.txt"]).outcome();
    let converted = place
        .run("age-plugin-pq")
        .args(["-identity", "-o", "plugin.txt", "native.txt"])
        .outcome();
    converted.assert_success("age-plugin-pq -identity");
    place.set("DOCKER_CREDENTIAL_AGE_IDENTITY_FILE", place.path("plugin.txt"));
    Ok((place, String::from_utf8(shown.stdout).unwrap().trim().to_owned()))
}

/// Decrypts with age 1.3 and the key itself.
fn decrypted_by_age(place: &Sandbox) -> String {
    let age = program::find("age-plugin-pq").unwrap().with_file_name("age");
    let shown = place
        .run(age)
        .args(["--decrypt", "--identity", "native.txt", ENTRY])
        .outcome();
    shown.assert_success("age --decrypt");
    shown.text()
}

#[test]
fn a_key_stores_reads_lists_and_erases_by_its_plugin() {
    let _keyring = keyring::shared();
    let (place, _) = require!(place_with_key());
    place.store("ghcr.io", &login());
    place.assert_answers("ghcr.io", &login());
    place.assert_lists(&json!({ "ghcr.io": "user" }));
    assert_eq!(stanzas(&place.path(ENTRY)), ["mlkem768x25519"]);
    assert!(decrypted_by_age(&place).contains(MARKER));
    place.verb("erase", "ghcr.io").assert_success("erase");
    place.assert_not_found("ghcr.io");
}

#[test]
fn a_recipient_encrypts_by_its_plugin() {
    let _keyring = keyring::shared();
    let (mut place, recipient) = require!(place_with_key());
    place.set("DOCKER_CREDENTIAL_AGE_RECIPIENTS", recipient);
    place.store("ghcr.io", &login());
    place.assert_answers("ghcr.io", &login());
    assert!(decrypted_by_age(&place).contains(MARKER));
}

#[test]
fn a_native_identity_is_named_with_the_command_that_converts_it() {
    let _keyring = keyring::shared();
    let (mut place, _) = require!(place_with_key());
    place.store("ghcr.io", &login());
    place.set("DOCKER_CREDENTIAL_AGE_IDENTITY_FILE", place.path("native.txt"));
    let outcome = place.verb("get", "ghcr.io");
    assert_error(&outcome, "is a post-quantum identity, which is not supported");
    let text = outcome.text();
    let (_, command) = text.trim().split_once("for its plugin: ").unwrap();
    let command = command.replace("NEW", "new.txt").replace("FILE", "native.txt");
    let converted = place.run("sh").args(["-c", &command]).outcome();
    converted.assert_success(&command);
    place.set("DOCKER_CREDENTIAL_AGE_IDENTITY_FILE", place.path("new.txt"));
    place.assert_answers("ghcr.io", &login());
}

#[test]
fn a_recipient_on_hardware_needs_no_plugin() {
    let _keyring = keyring::shared();
    let mut place = require!(place_with("age-plugin-tagtest"));
    let identity = place.path("identity.txt");
    fs::write(&identity, TAGTEST).unwrap();
    fs::set_permissions(&identity, fs::Permissions::from_mode(0o600)).unwrap();
    place.set("DOCKER_CREDENTIAL_AGE_IDENTITY_FILE", identity);
    place.set("DOCKER_CREDENTIAL_AGE_RECIPIENTS", TAGPQ.trim());
    let plugin = place.path("bin/age-plugin-tagtest");
    let aside = place.path("plugin");
    fs::rename(&plugin, &aside).unwrap();
    place.store("ghcr.io", &login());
    assert_eq!(stanzas(&place.path(ENTRY)), ["mlkem768p256tag"]);
    fs::rename(&aside, &plugin).unwrap();
    place.assert_answers("ghcr.io", &login());
}

#[test]
fn post_quantum_and_other_recipients_do_not_share_an_entry() {
    let _keyring = keyring::shared();
    let mut place = Sandbox::new(AGE);
    let (_, classical) = Member::with_identity("/nonexistent");
    place.set("DOCKER_CREDENTIAL_AGE_WRITE_ONLY", "1");
    let refused = "some are post-quantum (age1pq1…, age1tagpq1…) and some are not, and age doesn't mix them; use one kind";
    place.set("DOCKER_CREDENTIAL_AGE_RECIPIENTS", format!("{TAGPQ},{classical}"));
    assert_error(&place.verb("store", &request()), refused);
    assert!(!place.path(ENTRY).exists());
    // The control: each kind alone.
    for recipients in [TAGPQ.trim(), &classical] {
        place.set("DOCKER_CREDENTIAL_AGE_RECIPIENTS", recipients);
        place.store("ghcr.io", &login());
    }
}

#[test]
fn an_ssh_key_does_not_mix_with_post_quantum_ones() {
    let _keyring = keyring::shared();
    require!(program::find("ssh-keygen"));
    let mut place = Sandbox::new(AGE);
    let key = SshKey::ed25519(&place, "");
    place.set("DOCKER_CREDENTIAL_AGE_WRITE_ONLY", "1");
    place.set(
        "DOCKER_CREDENTIAL_AGE_RECIPIENTS",
        format!("{TAGPQ},{}", key.public),
    );
    assert_error(&place.verb("store", &request()), "age doesn't mix them");
}

#[test]
fn a_plugin_s_post_quantum_recipients_do_not_mix_either() {
    let _keyring = keyring::shared();
    let (mut place, recipient) = require!(place_with_key());
    let (_, classical) = Member::with_identity("/nonexistent");
    place.set(
        "DOCKER_CREDENTIAL_AGE_RECIPIENTS",
        format!("{recipient},{classical}"),
    );
    assert_error(&place.verb("store", &request()), "age doesn't mix them");
    // The control: they mix with each other.
    place.set("DOCKER_CREDENTIAL_AGE_RECIPIENTS", format!("{recipient},{TAGPQ}"));
    place.store("ghcr.io", &login());
    place.assert_answers("ghcr.io", &login());
}

#[test]
fn a_list_that_would_mix_them_does_not_change() {
    let _keyring = keyring::shared();
    let directory = tempfile::Builder::new().prefix("shared-").tempdir().unwrap();
    let store = directory.path().join("store");
    let (ann, _) = Member::with_identity(&store);
    ann.place().store("ghcr.io", &login());
    let before = fs::read(store.join("ghcr.io.age")).unwrap();
    let added = ann.command(&["recipients", "add", TAGPQ.trim()]);
    assert_eq!(added.code, Some(1), "{added:?}");
    assert!(
        added.text().contains("age doesn't mix them; use one kind"),
        "{added:?}"
    );
    assert_eq!(fs::read(store.join("ghcr.io.age")).unwrap(), before);
    assert!(!ann.recipients_file().exists());
    ann.place().assert_answers("ghcr.io", &login());
}

#[test]
fn an_age_identity_has_no_way_into_a_post_quantum_entry() {
    let _keyring = keyring::shared();
    let mut place = Sandbox::new(AGE);
    place.store("quay.io", &login());
    place.set("DOCKER_CREDENTIAL_AGE_WRITE_ONLY", "1");
    place.set("DOCKER_CREDENTIAL_AGE_RECIPIENTS", TAGPQ.trim());
    place.store("ghcr.io", &login());
    assert_eq!(stanzas(&place.path(ENTRY)), ["mlkem768p256tag"]);
    assert_error(&place.verb("get", "ghcr.io"), "your identity does not open");
    // The control: without the setting, the same identity has its own stanza.
    let other = place.path("data/docker-credential-age/quay.io.age");
    assert_eq!(stanzas(&other), ["X25519", "docker-credential-age"]);
}
