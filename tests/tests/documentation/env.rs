//! The blocks of docs/env.md, except the two jobs that other tests run.

use std::collections::BTreeSet;
use std::fs;

use docker_credential_tests::clients::engine::Engine;
use docker_credential_tests::helper::ENV;
use docker_credential_tests::login::Login;
use docker_credential_tests::pages::job;
use docker_credential_tests::pages::page::Page;
use docker_credential_tests::program::find;
use docker_credential_tests::registries::basic::Registry;
use docker_credential_tests::registries::tls::TlsProxy;
use docker_credential_tests::require;
use docker_credential_tests::sandbox::Sandbox;
use serde_json::{Value, json};

use docker_credential_tests::pages::home::{home, reader};

fn page() -> Page {
    Page::read("docs/env.md")
}

fn ci() -> Login {
    Login::new("ci", "a \"quoted\" <secret> & more")
}

/// A local registry stands in for ghcr.io, also for docker's engine.
#[test]
pub(crate) fn first_pull_and_names() {
    require!(find("docker"));
    let registry = require!(Registry::private(&[ci()]));
    registry.push_image(&ci());
    let github = require!(TlsProxy::new("ghcr.io", &registry));
    let (proxy, certificate) = (github.proxy(), github.certificate());
    let variables = [("HTTPS_PROXY", proxy.as_str()), ("SSL_CERT_FILE", &certificate)];
    let engine = require!(Engine::start_with(&variables));
    let mut place = home(ENV);
    place.keep_secret(&[ci()]);
    place.set("DOCKER_HOST", engine.host());
    place.set("CI_SECRET", ci().secret);

    let first = page().section("docker-credential-env", "console").concat();
    let names = page().section("Your own variables", "console").concat();
    reader(&place)
        .reads("_PASSWORD=…", "_PASSWORD=\"$CI_SECRET\"")
        .follows(&(first + &names));
}

#[test]
pub(crate) fn when_it_does_not_answer() {
    let mut place = home(ENV);
    place.write_config(&json!({ "credsStore": "env" }));
    place.set("DOCKER_CREDENTIAL_GHCR_IO_USERNAME", ci().username);
    place.set("DOCKER_CREDENTIAL_GHCR_IO_PASSWORD", ci().secret);
    let script = page().section("When it does not answer", "sh").concat();
    let told = place
        .run("sh")
        .args(["-c", &format!("set -e\n{script}")])
        .outcome();
    told.assert_success("explain and doctor");
    assert!(
        told.text().contains("DOCKER_CREDENTIAL_GHCR_IO_PASSWORD answers"),
        "{told:?}"
    );
}

#[test]
pub(crate) fn the_configuration() {
    let text = page().section("Jobs to copy", "json").concat();
    let config: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(config, json!({ "credsStore": "env" }));
}

/// We can't run these systems, so this checks that each example sets the helper's variables, and that the
/// YAML is valid.
#[test]
pub(crate) fn variables_of_the_snippets() {
    for (heading, language) in [
        ("Your own variables", "sh"),
        ("Jenkins", "groovy"),
        ("CircleCI", "yaml"),
        ("Buildkite", "sh"),
        ("Azure Pipelines", "yaml"),
        ("Kubernetes", "yaml"),
        ("systemd", "ini"),
    ] {
        for text in page().section(heading, language) {
            if language == "yaml" {
                require!(job::read(&text));
            }
            assert_a_login_is_set(heading, &text);
        }
    }
}

#[track_caller]
fn assert_a_login_is_set(heading: &str, text: &str) {
    let is_of_a_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let names: BTreeSet<&str> = text
        .split(|c: char| !is_of_a_name(c))
        .filter(|word| word.starts_with("DOCKER_CREDENTIAL_"))
        .collect();
    let server = ["registry.example.com:5000", "registry.example.com"]
        .into_iter()
        .find(|server| text.contains(server))
        .expect("the snippet names a registry");
    let mut place = Sandbox::new(ENV);
    place.keep_secret(&[ci()]);
    let file = place.path("run/password");
    fs::write(&file, ci().secret).expect("a mounted secret");
    for name in names {
        match name.rsplit_once("_PROD").map(|(_, part)| part) {
            Some("_SERVER") => place.set(name, server),
            Some("_USERNAME") => place.set(name, ci().username),
            Some("_PASSWORD") => place.set(name, ci().secret),
            Some("_PASSWORD_FILE") => place.set(name, &file),
            _ => panic!("{heading}: what is {name}?"),
        }
    }
    place.assert_answers(server, &ci());
}
