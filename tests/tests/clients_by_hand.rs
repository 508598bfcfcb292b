//! Clients that neither Debian 12 nor a project of their own brings: apptainer, from Debian's newest suite, and trivy and
//! helm, from wheels that strangers made. `.ci/full` runs them.

#![cfg(target_os = "linux")]

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::thread;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE;

use docker_credential_tests::clients::{fetched, reads_with_the_login_only};
use docker_credential_tests::helper::Helper;
use docker_credential_tests::login::Login;
use docker_credential_tests::program::find;
use docker_credential_tests::registries::basic::Registry;
use docker_credential_tests::registries::http::{Request, Response};
use docker_credential_tests::sandbox::Sandbox;
use docker_credential_tests::{for_each_helper, for_env_too, matrix_is_true, require};
use serde_json::{Value, json};

for_each_helper!(
    apptainer_pulls_a_private_image,
    trivy_scans_a_private_image,
    helm_pushes_and_pulls_a_private_chart,
    act_hands_the_login_to_the_engine,
);
for_env_too!(
    apptainer_pulls_a_private_image,
    trivy_scans_a_private_image,
    helm_pushes_and_pulls_a_private_chart,
    act_hands_the_login_to_the_engine,
);
matrix_is_true!();

fn apptainer_pulls_a_private_image(helper: Helper) {
    require!(find("apptainer"));
    require!(reads_with_the_login_only(
        helper,
        |sandbox| {
            sandbox.set("DOCKER_CONFIG", "");
            sandbox
                .command(&["configure", "--podman", "--no-import"])
                .assert_success("configure --podman");
        },
        Registry::push_image,
        |sandbox, image| {
            sandbox
                .run("apptainer")
                .args(["pull", "--force", "image.sif"])
                .arg(format!("docker://{image}"))
                .outcome()
        }
    ));
}

fn trivy_scans_a_private_image(helper: Helper) {
    let trivy = require!(fetched("clients-unofficial/bin/trivy"));
    let seen = require!(reads_with_the_login_only(
        helper,
        |_| (),
        Registry::push_image,
        |sandbox, image| {
            sandbox
                .run(&trivy)
                .args(["image", "--image-src", "remote", "--scanners", "license"])
                .args(["--offline-scan", "--quiet", "--format", "json", image])
                .outcome()
        }
    ));
    assert!(seen.text().contains("\"ArtifactName\""), "{seen:?}");
}

fn helm_pushes_and_pulls_a_private_chart(helper: Helper) {
    let python = require!(fetched("clients-unofficial/bin/python"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/helm.py");
    require!(reads_with_the_login_only(
        helper,
        |_| (),
        |registry, _| registry.host(),
        |sandbox, host| sandbox
            .run(&python)
            .arg(&script)
            .arg(host)
            .arg(sandbox.path("tmp"))
            .outcome()
    ));
}

/// With a real engine it could do anything to this machine; one that takes note of what it is given shows as much.
fn act_hands_the_login_to_the_engine(helper: Helper) {
    let act = require!(fetched("clients-unofficial/bin/act"));
    let alice = Login::new("alice", "a \"quoted\" <secret> & more");
    let mut sandbox = Sandbox::with_creds_store(helper);
    sandbox.keep_secret(std::slice::from_ref(&alice));
    let workflow = sandbox.path("workflow.yml");
    fs::write(&workflow, WORKFLOW).expect("a workflow");
    // It would ask for a default.
    fs::write(sandbox.path("home/.actrc"), "").expect("act's settings");
    let login_of_a_pull = |sandbox: &Sandbox| {
        let engine = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port on loopback");
        let port = engine.local_addr().expect("a listener has an address").port();
        let noted = thread::spawn(move || pulled_with(&engine));
        // It fails: the engine pulls nothing.
        sandbox
            .run(&act)
            .args(["push", "--pull", "--workflows"])
            .arg(&workflow)
            .args(["--platform", "ubuntu-latest=registry.invalid/team/private:1"])
            .args(["--container-daemon-socket", "-", "--no-cache-server"])
            .env("DOCKER_HOST", format!("tcp://127.0.0.1:{port}"))
            .outcome()
            .assert_failure("act without an image");
        // If it was never asked, it still waits.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, port)));
        noted
            .join()
            .expect("the engine ends")
            .expect("act asked for a pull")
    };
    assert_eq!(
        login_of_a_pull(&sandbox),
        json!({}),
        "the control: nothing is stored"
    );

    sandbox.provide("registry.invalid", &alice);

    let login = login_of_a_pull(&sandbox);
    assert_eq!(login["username"], "alice");
    assert!(login["password"] == alice.secret, "the secret, byte for byte");
}

const WORKFLOW: &str = "on: push
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - run: echo
";

/// Plays an engine until it is asked to pull; the login that comes with that.
fn pulled_with(engine: &TcpListener) -> Option<Value> {
    loop {
        let (stream, _) = engine.accept().expect("a connection");
        let request = Request::read(&stream).ok()?;
        let pull = request.path.ends_with("/images/create");
        let (status, body) = match () {
            () if request.path.ends_with("/_ping") => (200, "OK"),
            () if request.path.ends_with("/info") => (200, r#"{"OSType":"linux","Architecture":"x86_64"}"#),
            () if request.path.ends_with("/version") => (200, r#"{"ApiVersion":"1.47"}"#),
            () => (404, r#"{"message":"not here"}"#),
        };
        let response = Response::new(status, body).with("api-version", "1.47");
        response
            .with("content-type", "application/json")
            .write(&stream, request.method == "HEAD")
            .expect("act listens");
        if pull {
            let Some(auth) = request.header("x-registry-auth").filter(|auth| !auth.is_empty()) else {
                return Some(json!({}));
            };
            let bytes = BASE64_URL_SAFE.decode(auth).expect("base64");
            return Some(serde_json::from_slice(&bytes).expect("JSON"));
        }
    }
}
