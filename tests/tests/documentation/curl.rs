//! docs/curl.md: its function, against a registry with passwords and one with tokens.

use std::fs;

use docker_credential_tests::helper::AGE;
use docker_credential_tests::login::Login;
use docker_credential_tests::pages::page::Page;
use docker_credential_tests::program::find;
use docker_credential_tests::registries::basic::Registry;
use docker_credential_tests::registries::token::{Event, Grant, TokenRegistry};
use docker_credential_tests::require;
use docker_credential_tests::requirement::Missing;
use docker_credential_tests::sandbox::{IDENTITY_TOKEN, Sandbox};

use docker_credential_tests::pages::home::{alice, home, reader};

/// A home with the function of the page.
fn home_with_function() -> Result<Sandbox, Missing> {
    for program in ["bash", "curl", "jq", "docker"] {
        find(program)?;
    }
    let sandbox = home(AGE);
    let function = page().section("Talk to a registry with curl", "sh").concat();
    fs::write(sandbox.path("home/registry.sh"), function).expect("a script");
    Ok(sandbox)
}

fn page() -> Page {
    Page::read("docs/curl.md")
}

fn follow(sandbox: &Sandbox, host: &str, transcript: &str) {
    reader(sandbox).reads("localhost:5000", host).follows(transcript);
}

#[test]
pub(crate) fn with_a_password() {
    let registry = require!(Registry::private(&[alice()]));
    registry.push_image(&alice());
    let sandbox = require!(home_with_function());
    sandbox
        .command(&["identity", "new"])
        .assert_success("identity new");
    sandbox.write_config(&serde_json::json!({ "credsStore": "age" }));
    for transcript in page().section("A registry with a password", "console") {
        follow(&sandbox, &registry.other_host(), &transcript);
    }
}

#[test]
pub(crate) fn with_tokens() {
    let registry = require!(TokenRegistry::start(&[alice()]));
    let sandbox = require!(home_with_function());
    sandbox.store(&registry.other_host(), &alice());
    follow_tokens(&sandbox, &registry);
    assert!(registry.take_events().contains(&Event::Read(Grant::Password)));
}

#[test]
fn with_an_identity_token() {
    let registry = require!(TokenRegistry::start(&[alice()]));
    let sandbox = require!(home_with_function());
    let identity = Login::new(IDENTITY_TOKEN, &registry.issue_identity_token());
    sandbox.store(&registry.other_host(), &identity);
    follow_tokens(&sandbox, &registry);
    assert!(
        registry
            .take_events()
            .contains(&Event::Read(Grant::IdentityToken))
    );
}

fn follow_tokens(sandbox: &Sandbox, registry: &TokenRegistry) {
    let transcript = page().section("A registry with tokens", "console").concat();
    follow(sandbox, &registry.other_host(), &transcript);
}

/// The control: without the login the registries show nothing.
#[test]
fn without_a_login_nothing_is_shown() {
    let registry = require!(TokenRegistry::start(&[alice()]));
    let sandbox = require!(home_with_function());
    let script = format!(
        ". ./registry.sh; registry GET {} /v2/team/private/tags/list",
        registry.other_host()
    );
    let run = sandbox
        .run("bash")
        .args(["-c", &format!("cd home && {script}")])
        .outcome();
    assert!(run.text().contains("UNAUTHORIZED"), "{run:?}");
    assert!(
        !registry
            .take_events()
            .iter()
            .any(|event| matches!(event, Event::Read(_)))
    );
}
