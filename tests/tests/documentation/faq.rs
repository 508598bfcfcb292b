//! The blocks of docs/faq.md.

use std::fs;

use docker_credential_tests::helper::{AGE, ENV};
use docker_credential_tests::login::Login;
use docker_credential_tests::pages::home::{alice, home, reader};
use docker_credential_tests::pages::page::Page;
use docker_credential_tests::program::find;
use docker_credential_tests::registries::basic::Registry;
use docker_credential_tests::registries::tls::TlsProxy;
use docker_credential_tests::require;
use serde_json::Value;

use crate::commands::add_script;

fn block(heading: &str, language: &str) -> String {
    Page::read("docs/faq.md").section(heading, language).concat()
}

#[test]
pub(crate) fn two_accounts() {
    require!(find("docker"));
    let build = Login::new("build", "another secret");
    let registry = require!(Registry::private(&[alice(), build.clone()]));
    let mut place = home(AGE);
    place.keep_secret(std::slice::from_ref(&build));
    place.write_config(&serde_json::json!({ "credsStore": "age" }));
    place.command(&["identity", "new"]).assert_success("identity new");
    fs::create_dir(place.path("home/work")).expect("a directory");
    fs::write(place.path("home/work/password"), &build.secret).expect("a file in the home");
    reader(&place)
        .reads("localhost:5000", registry.other_host())
        .follows(&block("How do I use two accounts at one registry?", "console"));
}

/// gh, rbw and op are stand-ins, which print the secret that their real ones would; a registry here plays ghcr.io.
#[test]
pub(crate) fn other_sources() {
    for program in ["docker", "bash"] {
        require!(find(program));
    }
    let registry = require!(Registry::private(&[alice()]));
    registry.push_image(&alice());
    let github = require!(TlsProxy::new("ghcr.io", &registry));
    let mut place = home(ENV);
    place.set("HTTPS_PROXY", github.proxy());
    place.set("SSL_CERT_FILE", github.certificate());
    add_script(&place, "gh", "[ \"$*\" = \"auth token\" ] && cat ~/password");
    add_script(&place, "rbw", "[ \"$*\" = \"get ghcr.io\" ] && cat ~/password");
    add_script(
        &place,
        "op",
        "[ \"$1 $2 $4\" = \"run --env-file --\" ] || exit 2\n\
         variable=$(sed -n 's,=op://Private/ghcr.io/token$,,p' \"$3\")\n\
         shift 4\n\
         exec env \"$variable=$(cat ~/password)\" \"$@\"",
    );
    fs::write(
        place.path("home/registry.env"),
        "DOCKER_CREDENTIAL_GHCR_IO_PASSWORD=op://Private/ghcr.io/token\n",
    )
    .expect("a file in the home");
    reader(&place).follows(&block(
        "Can gh or a password manager supply the login?",
        "console",
    ));
}

#[test]
pub(crate) fn helpers_of_clouds() {
    let text = block("How do I use ECR or Google's registries beside it?", "json");
    let place = home(AGE);
    let shown: Value = serde_json::from_str(&text).expect("JSON");
    place.write_config(&shown);
    add_script(&place, "docker-credential-gcloud", "exit 1");
    let explained = |server: &str| place.command(&["explain", server]).text();
    assert!(
        explained("europe-docker.pkg.dev").contains("is \"gcloud\""),
        "{}",
        explained("europe-docker.pkg.dev")
    );
    assert!(
        explained("ghcr.io").contains("credsStore"),
        "{}",
        explained("ghcr.io")
    );

    place
        .command(&["configure", "--no-import"])
        .assert_success("configure");

    assert_eq!(place.config(), shown, "the entries are as they were");
}
