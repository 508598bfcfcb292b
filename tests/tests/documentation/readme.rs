//! The transcripts of the README and of the guide.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use docker_credential_tests::age::member::Member;
use docker_credential_tests::clients::engine::Engine;
use docker_credential_tests::clients::password_store::PasswordStore;
use docker_credential_tests::helper::{AGE, Helper, KEYRING};
use docker_credential_tests::keyrings::gnome::GnomeKeyring;
use docker_credential_tests::login::Login;
use docker_credential_tests::pages::page::Page;
use docker_credential_tests::pages::transcript::Reader;
use docker_credential_tests::program::find;
use docker_credential_tests::registries::basic::Registry;
use docker_credential_tests::require;
use docker_credential_tests::requirement::Missing;
use docker_credential_tests::sandbox::Sandbox;
use docker_credential_tests::terminal::run_on_terminal;
use serde_json::json;

use docker_credential_tests::pages::home::{alice, home, reader};

const HUB: &str = "https://index.docker.io/v1/";

fn transcript(heading: &str) -> String {
    Page::read("docs/guide.md").section(heading, "console")[0].clone()
}

/// A reader with this registry instead of the README's `localhost:5000`.
fn reader_with<'a>(place: &'a Sandbox, registry: &Registry) -> Reader<'a> {
    let host = registry.other_host();
    let file = host.replace(':', "%3A");
    reader(place)
        .reads("localhost:5000", host)
        .reads("localhost%3A5000", file)
}

/// A home after `packaging/install`: docker uses `age`, and there is an identity.
fn installed(helper: Helper) -> Sandbox {
    let place = home(helper);
    let configured = place.run("docker-credential-age").arg("configure").outcome();
    configured.assert_success("configure, as packaging/install runs it");
    place
}

#[test]
pub(crate) fn what_it_looks_like() {
    require!(find("docker"));
    let registry = require!(Registry::private(&[alice()]));
    let shown = Page::read("README.md").section("What it looks like", "console")[0].clone();
    assert!(shown.lines().count() <= 12, "a demo is short");
    reader_with(&installed(AGE), &registry).follows(&shown);
}

/// The README's commands work after its own install command, from top to bottom, in one home.
#[test]
pub(crate) fn the_sections_in_order() {
    require!(GnomeKeyring::available());
    let place = home(KEYRING);
    place.add_program("docker-credential-age", &AGE.program());
    let configured = place.run("docker-credential-age").arg("configure").outcome();
    configured.assert_success("configure, as packaging/install runs it");
    for (section, answers) in [
        ("On a desktop", &[][..]),
        ("On a laptop or a server", &["a long passphrase\n"; 3]),
        ("In a team", &[]),
        ("Troubleshooting", &[]),
    ] {
        let commands = Page::read("README.md").section(section, "sh")[0].clone();
        fs::create_dir_all(place.path("home/team-logins")).expect("a directory for the team's store");
        let run = format!(
            "cd '{}' && set -e\n{commands}\necho done",
            place.path("home").display()
        );
        let session = run_on_terminal(&place, &run, answers);
        assert!(
            session.screen.trim_end().ends_with("done"),
            "{section}: {}",
            session.screen
        );
    }
}

#[test]
pub(crate) fn the_first_login() {
    require!(find("docker"));
    require!(find("age"));
    let registry = require!(Registry::private(&[alice()]));
    let place = home(AGE);
    place.write_config(&json!({ "credsStore": "age" }));
    reader_with(&place, &registry).follows(&transcript("Your first login"));
}

/// The logins of docker's own helper are there after the switch, and later ones after the switch back.
#[test]
pub(crate) fn on_a_desktop() {
    require!(find("docker"));
    require!(GnomeKeyring::available());
    let official = require!(find("docker-credential-secretservice"));
    let engine = require!(Engine::start());
    let registry = require!(Registry::private(&[alice()]));
    registry.push_image(&alice());
    let mut place = home(KEYRING);
    place.set("DOCKER_HOST", engine.host());
    place.add_program("docker-credential-secretservice", &official);
    place.write_config(&json!({ "credsStore": "secretservice" }));
    store_with(&place, &official, HUB);

    reader_with(&place, &registry).follows(&transcript("Keep logins in the desktop's keyring"));
}

#[test]
pub(crate) fn on_a_laptop() {
    require!(find("docker"));
    let registry = require!(Registry::private(&[alice()]));
    reader_with(&installed(AGE), &registry)
        .answers("a passphrase for the laptop")
        .answers("a passphrase for the laptop")
        .answers("a passphrase for the laptop")
        .follows(&transcript("Protect the identity with a passphrase"));
}

#[test]
pub(crate) fn in_ci_with_age() {
    require!(find("docker"));
    let engine = require!(Engine::start());
    let registry = require!(Registry::private(&[alice()]));
    registry.push_image(&alice());
    let mut place = home(AGE);
    let (member, _) = Member::with_identity(place.path("home/team-logins"));
    member.place().store(&registry.other_host(), &alice());
    place.set("CI_SECRET", member.identity_text());
    place.set("DOCKER_HOST", engine.host());

    reader_with(&place, &registry).follows(&transcript("Read the team's logins in CI"));
}

#[test]
pub(crate) fn in_a_team() {
    require!(find("docker"));
    require!(find("git"));
    let registry = require!(Registry::private(&[alice()]));
    let mut place = home(AGE);
    place.write_config(&json!({ "credsStore": "age" }));
    place.make_repository("home/team.git");
    reader_with(&place, &registry).follows(&transcript("Share logins in a team"));
}

#[test]
pub(crate) fn migrating_from_plain_text() {
    let place = home(AGE);
    place.write_config(&plain_text());
    reader(&place).follows(&transcript("Move your logins from plain text"));
}

fn plain_text() -> serde_json::Value {
    let entry = alice().entry();
    json!({ "auths": { "ghcr.io": entry, HUB: entry } })
}

/// The command for each previous store, from the README's table.
#[test]
fn migrating_takes_one_command() {
    let commands: Vec<(String, String)> = Page::read("README.md")
        .table("Move your logins here")
        .into_iter()
        .map(|row| (row[0].clone(), row[1].trim_matches('`').to_owned()))
        .collect();
    let starts: Vec<&str> = commands
        .iter()
        .map(|(from, _)| from.split([':', ',', ' ']).next().expect("a word"))
        .collect();
    assert_eq!(
        starts,
        ["plain", "pass", "secretservice", "secretservice", "osxkeychain"]
    );
    let [plain, pass, secretservice, keyring, osxkeychain] = <[(String, String); 5]>::try_from(commands)
        .expect("five of them")
        .map(|(_, command)| command);

    let place = home(AGE);
    place.write_config(&plain_text());
    let podmans = json!({ "auths": { "quay.io": alice().entry() } });
    place.add_file("home/.config/containers/auth.json", podmans.to_string());
    assert_migrates(&place, &plain, HUB);
    place.assert_answers("quay.io", &alice());

    assert_migrates_from_a_helper_that_keeps_files(&osxkeychain);
    require!(migrate_from_pass(&pass));
    require!(migrate_from_secretservice(&secretservice));
    require!(stay_in_the_keyring(&keyring));
}

fn migrate_from_pass(command: &str) -> Result<(), Missing> {
    let official = find("docker-credential-pass")?;
    let mut place = home(AGE);
    let _store = PasswordStore::new(&mut place)?;
    migrate_from(&place, command, "pass", &official);
    Ok(())
}

fn migrate_from_secretservice(command: &str) -> Result<(), Missing> {
    let official = find("docker-credential-secretservice")?;
    GnomeKeyring::available()?;
    let mut with_keyring = home(KEYRING);
    let mut place = home(AGE);
    let address = with_keyring.keyring().bus().address().to_owned();
    place.set("DBUS_SESSION_BUS_ADDRESS", address);
    migrate_from(&place, command, "secretservice", &official);
    Ok(())
}

fn stay_in_the_keyring(command: &str) -> Result<(), Missing> {
    let official = find("docker-credential-secretservice")?;
    GnomeKeyring::available()?;
    migrate_from(&home(KEYRING), command, "secretservice", &official);
    Ok(())
}

/// osxkeychain only runs on macOS, so another helper stands in under its name.
fn assert_migrates_from_a_helper_that_keeps_files(command: &str) {
    let place = home(AGE);
    // A helper doesn't get its variable.
    let stand_in = place.path("tmp/osxkeychain");
    let script = format!(
        "#!/bin/sh\nREFERENCE_STATE='{}' exec '{}' \"$@\"\n",
        place.path("osxkeychain").display(),
        env!("CARGO_BIN_EXE_docker-credential-reference")
    );
    fs::write(&stand_in, script).expect("a script");
    fs::set_permissions(&stand_in, fs::Permissions::from_mode(0o755)).expect("a script can be run");
    migrate_from(&place, command, "osxkeychain", &stand_in);
    fs::metadata(place.path("osxkeychain")).expect("the stand-in keeps what it has");
}

/// docker uses another helper, which has a login; after the command it uses ours, which also has it.
#[track_caller]
fn migrate_from(place: &Sandbox, command: &str, former: &str, official: &Path) {
    place.add_program(&format!("docker-credential-{former}"), official);
    place.write_config(&json!({ "credsStore": former }));
    store_with(place, official, "ghcr.io");
    assert_migrates(place, command, "ghcr.io");
}

#[track_caller]
fn assert_migrates(place: &Sandbox, command: &str, server: &str) {
    place
        .run("sh")
        .args(["-c", command])
        .outcome()
        .assert_success(command);
    assert_eq!(place.config()["credsStore"], place.helper().name, "{command}");
    place.assert_answers(server, &alice());
}

fn store_with(place: &Sandbox, official: &Path, server: &str) {
    let Login { username, secret } = alice();
    let request = json!({ "ServerURL": server, "Username": username, "Secret": secret });
    place
        .run(official)
        .arg("store")
        .stdin(request.to_string())
        .outcome()
        .assert_success("docker's own helper stores");
}

#[test]
pub(crate) fn doctor() {
    let place = home(AGE);
    place.write_config(&json!({ "credsStore": "desktop" }));
    place.store("ghcr.io", &alice());
    reader(&place).follows(&transcript("Find out what is wrong"));
}

#[test]
pub(crate) fn explain() {
    let place = home(AGE);
    place.write_config(&json!({ "auths": { "ghcr.io": {} }, "credsStore": "age" }));
    place.store("ghcr.io", &alice());
    reader(&place).follows(&Page::read("docs/guide.md").section("Find out what is wrong", "console")[1]);
}
