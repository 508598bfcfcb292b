//! The transcripts of docs/age.md: each is run on a terminal, and shows what is written there.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a part of a test says that it fails"
)]

use std::fs;
use std::path::Path;

use docker_credential_tests::age_terminal::run_on_terminal;
use docker_credential_tests::helper::AGE;
use docker_credential_tests::login::Login;
use docker_credential_tests::place::Place;
use docker_credential_tests::program;
use docker_credential_tests::registry::Registry;
use docker_credential_tests::require;

/// The transcripts beneath a heading, one after the other.
fn transcript(heading: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/age.md");
    let page = fs::read_to_string(page).unwrap();
    let section = page
        .split(&format!("\n## {heading}\n"))
        .nth(1)
        .expect("the page has the section");
    let section = section.split("\n## ").next().unwrap();
    section
        .split("```console\n")
        .skip(1)
        .map(|block| block.split("```").next().unwrap())
        .collect()
}

/// A shell script that shows each command before it runs it, as the transcript does.
fn script(transcript: &str) -> String {
    let mut script = String::from("stty -onlcr columns 500\n");
    for command in transcript.lines().filter_map(|line| line.strip_prefix("$ ")) {
        let quoted = command.replace('\'', r"'\''");
        script.extend(["printf '%s\\n' '$ ", &quoted, "'\n", command, "\n"]);
    }
    script
}

/// Whether a line is as written, where `…` stands for anything.
fn is_like(line: &str, written: &str) -> bool {
    let mut parts = written.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    let mut is_open = false;
    for part in parts {
        is_open = true;
        let Some(position) = rest.rfind(part) else {
            return false;
        };
        rest = &rest[position + part.len()..];
    }
    rest.is_empty() || (is_open && written.ends_with('…'))
}

/// Whether the screen shows the transcript; a line of `…` stands for any number of lines.
fn matches(screen: &[&str], written: &[&str]) -> bool {
    match (written, screen) {
        ([], []) => true,
        (["…", written @ ..], screen) => {
            (0..=screen.len()).any(|skipped| matches(&screen[skipped..], written))
        }
        ([first, written @ ..], [line, screen @ ..]) => is_like(line, first) && matches(screen, written),
        _ => false,
    }
}

/// Runs a section in a place whose home is called as on the page.
fn assert_section_is_as_written(place: &Place, heading: &str, host: &str, answers: &[&str]) {
    let transcript = transcript(heading).replace("registry.example", host);
    let home = |below: &str| place.path(below).to_str().unwrap().to_owned();
    let written = transcript
        .replace("/home/alice/.config", &home("config"))
        .replace("/home/alice/.docker", &home("home/.docker"));
    let session = run_on_terminal(place, &script(&transcript), answers);
    let screen = session.screen.replace('\r', "");
    // docker's own log: the registry of the test speaks http.
    let is_of_the_page = |line: &&str| !line.starts_with("time=\"");
    let screen: Vec<&str> = screen.lines().map(str::trim_end).filter(is_of_the_page).collect();
    let written: Vec<&str> = written.lines().map(str::trim_end).collect();
    assert!(
        matches(&screen, &written),
        "the screen shows\n{}\n\nand the page says\n{}",
        screen.join("\n"),
        written.join("\n")
    );
}

fn alice() -> Login {
    Login::new("alice", "correct horse")
}

fn place_with_password() -> Place {
    let place = Place::new(AGE);
    fs::write(place.path("password"), format!("{}\n", alice().secret)).unwrap();
    place
}

#[test]
fn on_a_laptop() {
    require!(program::find("docker"));
    let registry = require!(Registry::private(&[alice()]));
    let place = place_with_password();
    let answers = ["staple\n"; 3];
    assert_section_is_as_written(&place, "On a laptop", &registry.host(), &answers);
}

#[test]
fn in_a_team_and_in_ci() {
    require!(program::find("docker"));
    require!(program::find("git"));
    let registry = require!(Registry::private(&[alice()]));
    let mut place = place_with_password();
    for (name, value) in [
        ("GIT_AUTHOR_NAME", "Alice"),
        ("GIT_AUTHOR_EMAIL", "alice@example"),
        ("GIT_COMMITTER_NAME", "Alice"),
        ("GIT_COMMITTER_EMAIL", "alice@example"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
    ] {
        place.set(name, value);
    }
    place.write_config(&serde_json::json!({ "credsStore": "age" }));
    let made = place
        .run("git")
        .args(["init", "-q", "--bare", "-b", "main", "team.git"])
        .outcome();
    made.assert_success("git init");
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
fn the_comparison_notices_a_difference() {
    assert!(matches(&["$ a", "x", "y", "z 1 b"], &["$ a", "…", "z … b"]));
    assert!(!matches(&["$ a", "x"], &["$ a"]));
    assert!(!matches(&["$ a"], &["$ a", "x"]));
    assert!(!matches(&["$ a", "z 1 c"], &["$ a", "z … b"]));
}
