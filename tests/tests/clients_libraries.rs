//! Libraries that read docker's credentials themselves: docker-py, and the Rust crate `docker_credential`.

#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};

use docker_credential_tests::engine::Engine;
use docker_credential_tests::helper::{Helper, target_directory};
use docker_credential_tests::login::Login;
use docker_credential_tests::place::Place;
use docker_credential_tests::program::Outcome;
use docker_credential_tests::registry::Registry;
use docker_credential_tests::requirement::Missing;
use docker_credential_tests::{for_each_helper, require};
use serde_json::{Value, json};

for_each_helper!(
    docker_py_resolves_every_secret,
    docker_py_collects_all_logins_for_a_build,
    docker_py_takes_an_empty_store,
    docker_py_pulls_a_private_image,
    the_rust_crate_gets_every_secret,
    the_rust_crate_knows_an_identity_token,
    the_rust_crate_fails_where_nothing_is_stored,
);

const SERVER: &str = "registry.invalid";

fn python() -> Result<PathBuf, Missing> {
    let python = target_directory().join("docker-py/bin/python");
    python
        .is_file()
        .then_some(python)
        .ok_or_else(|| Missing::new("docker-py (tests/run installs it)"))
}

fn docker_py(place: &Place, python: &Path, args: &[&str]) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/docker_py.py");
    let asked = place.run(python).arg(script).args(args).outcome();
    asked.assert_success("docker-py");
    serde_json::from_slice(&asked.stdout).expect("the script prints JSON")
}

fn rust_crate(place: &Place, server: &str) -> Outcome {
    place
        .run(env!("CARGO_BIN_EXE_client-docker_credential"))
        .arg(server)
        .outcome()
}

fn place_with(helper: Helper, people: &[Login]) -> Place {
    let mut place = Place::with_creds_store(helper);
    place.keep_secret(people);
    place
}

fn docker_py_resolves_every_secret(helper: Helper) {
    let python = require!(python());
    let people = Login::every();
    let place = place_with(helper, &people);
    for person in &people {
        place.store(SERVER, person);

        let one = &docker_py(&place, &python, &[SERVER])["one"];

        assert_eq!(one["Username"], *person.username);
        assert!(
            one["Password"] == *person.secret,
            "docker-py has the secret of {person:?}, byte for byte"
        );
    }
}

/// One failing `get` would cost docker-py all of them.
fn docker_py_collects_all_logins_for_a_build(helper: Helper) {
    let python = require!(python());
    let alice = Login::new("alice", "one for all");
    let place = place_with(helper, std::slice::from_ref(&alice));
    let servers = [
        "https://index.docker.io/v1/",
        "ghcr.invalid",
        "localhost:5000",
        "quay.invalid/team/app",
    ];
    for server in servers {
        place.store(server, &alice);
    }

    let answer = docker_py(&place, &python, &["docker.io"]);

    let all = answer["all"].as_object().expect("an object of servers");
    let lost: Vec<_> = servers
        .iter()
        .filter(|server| !all.contains_key(**server))
        .collect();
    assert!(lost.is_empty(), "docker-py lost {lost:?}");
    assert!(
        all.values().all(|entry| entry["Password"] == *alice.secret),
        "each with its secret"
    );
    assert_eq!(
        answer["one"]["Username"], "alice",
        "docker-py asks for the Hub by its URL"
    );
}

fn docker_py_takes_an_empty_store(helper: Helper) {
    let python = require!(python());
    let place = place_with(helper, &[]);

    assert_eq!(
        docker_py(&place, &python, &[SERVER]),
        json!({ "one": null, "all": {} })
    );
}

fn docker_py_pulls_a_private_image(helper: Helper) {
    let python = require!(python());
    let alice = Login::new("alice", "a \"quoted\" <secret> & more");
    let registry = require!(Registry::private(std::slice::from_ref(&alice)));
    let engine = require!(Engine::start());
    let place = place_with(helper, std::slice::from_ref(&alice));
    let image = registry.push_image(&alice);
    place.store(&registry.host(), &alice);

    docker_py(&place, &python, &[&registry.host(), &engine.host(), &image]);
}

fn the_rust_crate_gets_every_secret(helper: Helper) {
    let people = Login::every();
    let place = place_with(helper, &people);
    for person in &people {
        place.store(SERVER, person);

        let asked = rust_crate(&place, SERVER);

        asked.assert_success("docker_credential");
        let answer: Value = serde_json::from_slice(&asked.stdout).expect("the program prints JSON");
        assert!(
            answer == json!([person.username, person.secret]),
            "the crate has the login of {person:?}\n{asked:?}"
        );
    }
}

fn the_rust_crate_knows_an_identity_token(helper: Helper) {
    let identity = Login::new("<token>", "an identity token");
    let place = place_with(helper, std::slice::from_ref(&identity));
    place.store(SERVER, &identity);

    let asked = rust_crate(&place, SERVER);

    asked.assert_success("docker_credential");
    assert!(
        asked.stdout == b"[\"an identity token\"]\n",
        "an identity token, not a password\n{asked:?}"
    );
}

fn the_rust_crate_fails_where_nothing_is_stored(helper: Helper) {
    let place = place_with(helper, &[]);

    let asked = rust_crate(&place, SERVER);

    asked.assert_failure("docker_credential without a login");
    assert!(
        asked.text().contains("credentials not found in native keychain"),
        "and it shows why\n{asked:?}"
    );
}
