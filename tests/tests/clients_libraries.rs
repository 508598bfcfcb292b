//! Libraries that read docker's credentials themselves: docker-py, the Rust crate `docker_credential`, and testcontainers
//! for Node.

#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};

use docker_credential_tests::clients::engine::Engine;
use docker_credential_tests::helper::{Helper, target_directory};
use docker_credential_tests::login::Login;
use docker_credential_tests::program::{Outcome, find};
use docker_credential_tests::registries::basic::Registry;
use docker_credential_tests::requirement::Missing;
use docker_credential_tests::sandbox::{IDENTITY_TOKEN, Sandbox};
use docker_credential_tests::{for_each_helper, for_env_too, matrix_is_true, require};
use serde_json::{Value, json};

/// They don't log in, so each does the same with each helper.
macro_rules! for_all_helpers {
    ($($test:ident),+ $(,)?) => {
        for_each_helper!($($test),+);
        for_env_too!($($test),+);
    };
}

for_all_helpers!(
    docker_py_resolves_every_secret,
    docker_py_collects_all_logins_for_a_build,
    docker_py_takes_an_empty_store,
    docker_py_pulls_a_private_image,
    the_rust_crate_gets_every_secret,
    the_rust_crate_knows_an_identity_token,
    the_rust_crate_fails_where_nothing_is_stored,
    testcontainers_gets_every_secret,
    testcontainers_knows_an_identity_token,
    testcontainers_asks_the_helper_of_a_server,
    testcontainers_goes_on_where_nothing_is_stored,
);
matrix_is_true!();

const SERVER: &str = "registry.invalid";

fn python() -> Result<PathBuf, Missing> {
    let python = target_directory().join("clients-python/bin/python");
    python
        .is_file()
        .then_some(python)
        .ok_or_else(|| Missing::new("docker-py (tests/run installs it)"))
}

/// The path of the npm package `testcontainers`, and the program that runs it.
struct Node {
    node: PathBuf,
    package: PathBuf,
}

fn node() -> Result<Node, Missing> {
    let package = target_directory().join("clients-node/node_modules/testcontainers");
    let node = find("node")?;
    if !package.is_dir() {
        return Err(Missing::new("testcontainers for Node (tests/run installs it)"));
    }
    Ok(Node { node, package })
}

/// The login that testcontainers would use for an image of this server.
fn testcontainers(sandbox: &Sandbox, node: &Node, server: &str) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/testcontainers.js");
    let asked = sandbox
        .run(&node.node)
        .arg(script)
        .arg(&node.package)
        .arg(server)
        .outcome();
    asked.assert_success("testcontainers");
    serde_json::from_slice(&asked.stdout).expect("the script prints JSON")
}

fn run_docker_py(sandbox: &Sandbox, python: &Path, args: &[&str]) -> Outcome {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/docker_py.py");
    sandbox.run(python).arg(script).args(args).outcome()
}

fn docker_py(sandbox: &Sandbox, python: &Path, args: &[&str]) -> Value {
    let asked = run_docker_py(sandbox, python, args);
    asked.assert_success("docker-py");
    serde_json::from_slice(&asked.stdout).expect("the script prints JSON")
}

fn rust_crate(sandbox: &Sandbox, server: &str) -> Outcome {
    sandbox
        .run(env!("CARGO_BIN_EXE_client-docker_credential"))
        .arg(server)
        .outcome()
}

fn place_with(helper: Helper, people: &[Login]) -> Sandbox {
    let mut sandbox = Sandbox::with_creds_store(helper);
    sandbox.keep_secret(people);
    sandbox
}

fn docker_py_resolves_every_secret(helper: Helper) {
    let python = require!(python());
    let people = Login::every();
    let mut sandbox = place_with(helper, &people);
    for person in &people {
        sandbox.provide(SERVER, person);

        let one = &docker_py(&sandbox, &python, &[SERVER])["one"];

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
    let mut sandbox = place_with(helper, std::slice::from_ref(&alice));
    let servers = [
        "https://index.docker.io/v1/",
        "ghcr.invalid",
        "localhost:5000",
        "quay.invalid/team/app",
    ];
    for server in servers {
        sandbox.provide(server, &alice);
    }

    let answer = docker_py(&sandbox, &python, &["docker.io"]);

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
    let sandbox = place_with(helper, &[]);

    assert_eq!(
        docker_py(&sandbox, &python, &[SERVER]),
        json!({ "one": null, "all": {} })
    );
}

fn docker_py_pulls_a_private_image(helper: Helper) {
    let python = require!(python());
    let alice = Login::new("alice", "a \"quoted\" <secret> & more");
    let registry = require!(Registry::private(std::slice::from_ref(&alice)));
    let engine = require!(Engine::start());
    let mut sandbox = place_with(helper, std::slice::from_ref(&alice));
    let image = registry.push_image(&alice);
    let (host, engine) = (registry.host(), engine.host());
    let pull = [&*host, &engine, &image];
    run_docker_py(&sandbox, &python, &pull).assert_failure("docker-py without a login");

    sandbox.provide(&host, &alice);

    docker_py(&sandbox, &python, &pull);
}

fn the_rust_crate_gets_every_secret(helper: Helper) {
    let people = Login::every();
    let mut sandbox = place_with(helper, &people);
    for person in &people {
        sandbox.provide(SERVER, person);

        let asked = rust_crate(&sandbox, SERVER);

        asked.assert_success("docker_credential");
        let answer: Value = serde_json::from_slice(&asked.stdout).expect("the program prints JSON");
        assert!(
            answer == json!([person.username, person.secret]),
            "the crate has the login of {person:?}\n{asked:?}"
        );
    }
}

fn the_rust_crate_knows_an_identity_token(helper: Helper) {
    let identity = Login::new(IDENTITY_TOKEN, "an identity token");
    let mut sandbox = place_with(helper, std::slice::from_ref(&identity));
    sandbox.provide(SERVER, &identity);

    let asked = rust_crate(&sandbox, SERVER);

    asked.assert_success("docker_credential");
    assert!(
        asked.stdout == b"[\"an identity token\"]\n",
        "an identity token, not a password\n{asked:?}"
    );
}

fn the_rust_crate_fails_where_nothing_is_stored(helper: Helper) {
    let sandbox = place_with(helper, &[]);

    let asked = rust_crate(&sandbox, SERVER);

    asked.assert_failure("docker_credential without a login");
    assert!(
        asked.text().contains("credentials not found in native keychain"),
        "and it shows why\n{asked:?}"
    );
}

fn testcontainers_gets_every_secret(helper: Helper) {
    let node = require!(node());
    let people = Login::every();
    let mut sandbox = place_with(helper, &people);
    for person in &people {
        sandbox.provide(SERVER, person);

        let answer = testcontainers(&sandbox, &node, SERVER);

        let expected = json!({
            "registryAddress": SERVER,
            "username": person.username,
            "password": person.secret,
        });
        assert!(answer == expected, "testcontainers has the login of {person:?}");
    }
}

fn testcontainers_knows_an_identity_token(helper: Helper) {
    let node = require!(node());
    let identity = Login::new(IDENTITY_TOKEN, "an identity token");
    let mut sandbox = place_with(helper, std::slice::from_ref(&identity));
    sandbox.provide(SERVER, &identity);

    let answer = testcontainers(&sandbox, &node, SERVER);

    let expected = json!({ "registryAddress": SERVER, "identityToken": identity.secret });
    assert!(answer == expected, "an identity token, not a password");
}

fn testcontainers_asks_the_helper_of_a_server(helper: Helper) {
    let node = require!(node());
    let alice = Login::new("alice", "for one server");
    let mut sandbox = Sandbox::new(helper);
    sandbox.keep_secret(std::slice::from_ref(&alice));
    sandbox.write_config(&json!({ "credHelpers": { SERVER: helper.name } }));
    sandbox.provide(SERVER, &alice);
    sandbox.provide("other.invalid", &alice);

    assert_eq!(testcontainers(&sandbox, &node, SERVER)["username"], "alice");
    assert_eq!(
        testcontainers(&sandbox, &node, "other.invalid"),
        Value::Null,
        "the control: no helper is named for the other server"
    );
}

fn testcontainers_goes_on_where_nothing_is_stored(helper: Helper) {
    let node = require!(node());
    let sandbox = place_with(helper, &[]);

    assert_eq!(testcontainers(&sandbox, &node, SERVER), Value::Null);
}
