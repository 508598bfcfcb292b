//! From another store to a helper with `configure`, and to the next pull by a real client, without logging in
//! again.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::PathBuf;

use docker_credential_tests::clients::password_store::PasswordStore;
use docker_credential_tests::helper::{AGE, KEYRING, target_directory};
use docker_credential_tests::keyrings::gnome::GnomeKeyring;
use docker_credential_tests::login::alice;
use docker_credential_tests::program::{Outcome, find};
use docker_credential_tests::registries::basic::Registry;
use docker_credential_tests::require;
use docker_credential_tests::requirement::Missing;
use docker_credential_tests::sandbox::Sandbox;
use serde_json::json;

/// docker's own helper from Debian's newest suite, or from this machine's release.
fn docker_s_helper(peers: &str, name: &str) -> Result<PathBuf, Missing> {
    let program = target_directory()
        .join(peers)
        .join("usr/bin")
        .join(format!("docker-credential-{name}"));
    if program.is_file() {
        Ok(program)
    } else {
        Err(Missing::new(format!(
            "{} (tests/run fetches it)",
            program.display()
        )))
    }
}

fn inspect(sandbox: &Sandbox, image: &str) -> Outcome {
    sandbox
        .run("docker")
        .args(["manifest", "inspect", image])
        .outcome()
}

fn age(sandbox: &Sandbox, arguments: &[&str]) -> Outcome {
    sandbox.run(AGE.program()).args(arguments).outcome()
}

fn docker_login(sandbox: &Sandbox, host: &str) {
    sandbox
        .run("docker")
        .args(["login", "-u", &alice().username, "--password-stdin", host])
        .stdin(format!("{}\n", alice().secret))
        .outcome()
        .assert_success("docker login");
}

/// docker with its own helper for the Secret Service.
fn sandbox_of_secret_service() -> Result<Sandbox, Missing> {
    GnomeKeyring::available()?;
    let helper = docker_s_helper("peers", "secretservice")?;
    let mut sandbox = Sandbox::new(KEYRING);
    sandbox.write_config(&json!({ "credsStore": "secretservice" }));
    sandbox.add_program("docker-credential-secretservice", &helper);
    sandbox.keep_secret(&[alice()]);
    Ok(sandbox)
}

/// A login by docker in the previous store, `configure`, and the next pull.
fn assert_the_next_pull_works(sandbox: &Sandbox, registry: &Registry) {
    let image = registry.push_image(&alice());
    docker_login(sandbox, &registry.host());
    let config = fs::read(sandbox.config_path()).expect("config.json");

    let refused = age(sandbox, &["configure"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.text().contains(&registry.host()), "{refused:?}");
    assert_eq!(fs::read(sandbox.config_path()).expect("config.json"), config);
    inspect(sandbox, &image).assert_success("docker after a refusal");

    age(sandbox, &["configure", "--import"]).assert_success("configure --import");
    assert_eq!(sandbox.config()["credsStore"], "age");
    inspect(sandbox, &image).assert_success("docker after configure --import");
    // This helper answers.
    sandbox
        .run(AGE.program())
        .arg("erase")
        .stdin(registry.host())
        .outcome()
        .assert_success("erase");
    inspect(sandbox, &image).assert_failure("docker without the login");
}

fn sandbox_of_pass(peers: &str) -> Result<(Sandbox, PasswordStore), Missing> {
    let helper = docker_s_helper(peers, "pass")?;
    let mut sandbox = Sandbox::with_creds_store(AGE);
    sandbox.write_config(&json!({ "credsStore": "pass" }));
    sandbox.add_program("docker-credential-pass", &helper);
    sandbox.keep_secret(&[alice()]);
    let store = PasswordStore::new(&mut sandbox)?;
    Ok((sandbox, store))
}

#[test]
fn plain_text_comes_along() {
    require!(find("docker"));
    let registry = require!(Registry::private(&[alice()]));
    let mut sandbox = Sandbox::new(AGE);
    sandbox.write_config(&json!({ "auths": { "other.example": {} } }));
    sandbox.keep_secret(&[alice()]);
    assert_the_next_pull_works(&sandbox, &registry);
    assert_eq!(sandbox.traces_of(&alice()), Vec::<PathBuf>::new());
}

#[test]
fn pass_of_this_release_comes_along() {
    require!(find("docker"));
    let registry = require!(Registry::private(&[alice()]));
    let (sandbox, _store) = require!(sandbox_of_pass("peers-own"));
    assert_the_next_pull_works(&sandbox, &registry);
}

#[test]
fn pass_of_the_newest_release_comes_along() {
    require!(find("docker"));
    let registry = require!(Registry::private(&[alice()]));
    let (sandbox, _store) = require!(sandbox_of_pass("peers"));
    assert_the_next_pull_works(&sandbox, &registry);
}

#[test]
fn the_secret_service_comes_along() {
    require!(find("docker"));
    let registry = require!(Registry::private(&[alice()]));
    let sandbox = require!(sandbox_of_secret_service());
    assert_the_next_pull_works(&sandbox, &registry);
}

/// As over ssh: until the keyring is unlocked, docker's helper lists no server.
#[test]
fn a_locked_secret_service_is_not_left() {
    require!(find("docker"));
    let registry = require!(Registry::private(&[alice()]));
    let image = registry.push_image(&alice());
    let mut sandbox = require!(sandbox_of_secret_service());
    docker_login(&sandbox, &registry.host());
    let before = sandbox.config();

    sandbox.keyring().restart(false);
    for command in [&["configure"][..], &["configure", "--import"]] {
        age(&sandbox, command).assert_failure("configure");
    }

    assert_eq!(sandbox.config(), before);
    sandbox.keyring().restart(true);
    inspect(&sandbox, &image).assert_success("docker with the keyring unlocked");
}

#[test]
fn the_keyring_needs_no_import_from_the_secret_service() {
    require!(find("docker"));
    let registry = require!(Registry::private(&[alice()]));
    let image = registry.push_image(&alice());
    let sandbox = require!(sandbox_of_secret_service());
    docker_login(&sandbox, &registry.host());
    sandbox.command(&["configure"]).assert_success("configure");
    inspect(&sandbox, &image).assert_success("docker after configure");
}

/// Without the import, the login isn't found, which the tests above would notice.
#[test]
fn a_login_that_is_left_behind_is_not_found() {
    require!(find("docker"));
    let registry = require!(Registry::private(&[alice()]));
    let (sandbox, _store) = require!(sandbox_of_pass("peers"));
    let image = registry.push_image(&alice());
    docker_login(&sandbox, &registry.host());
    age(&sandbox, &["configure", "--no-import"]).assert_success("configure --no-import");
    inspect(&sandbox, &image).assert_failure("docker without the login");
    age(&sandbox, &["unconfigure"]).assert_success("unconfigure");
    inspect(&sandbox, &image).assert_success("docker after unconfigure");
}

fn assert_the_way_back_works(peers: &str) -> Result<(), Missing> {
    let registry = Registry::private(&[alice()])?;
    let image = registry.push_image(&alice());
    let (sandbox, _store) = sandbox_of_pass(peers)?;
    age(&sandbox, &["configure"]).assert_success("configure");
    docker_login(&sandbox, &registry.host());
    age(&sandbox, &["export", "--to", "pass"]).assert_success("export --to pass");
    age(&sandbox, &["unconfigure"]).assert_success("unconfigure");
    assert_eq!(sandbox.config()["credsStore"], "pass");
    inspect(&sandbox, &image).assert_success("docker by pass");
    Ok(())
}

#[test]
fn the_way_back_to_pass_works() {
    require!(find("docker"));
    for peers in ["peers-own", "peers"] {
        require!(assert_the_way_back_works(peers));
    }
}

/// podman, skopeo and buildah with `configure --podman`.
struct Client {
    program: &'static str,
    read: &'static [&'static str],
    transport: &'static str,
}

const STORAGE: &[&str] = &[
    "--root",
    "images",
    "--runroot",
    "run/images",
    "--storage-driver",
    "vfs",
    "pull",
];

const CLIENTS: [Client; 3] = [
    Client {
        program: "skopeo",
        read: &["inspect"],
        transport: "docker://",
    },
    Client {
        program: "buildah",
        read: STORAGE,
        transport: "",
    },
    Client {
        program: "podman",
        read: STORAGE,
        transport: "",
    },
];

impl Client {
    fn login(&self, sandbox: &Sandbox, host: &str) -> Outcome {
        sandbox
            .run(self.program)
            .args(["login", "-u", &alice().username, "--password-stdin", host])
            .stdin(alice().secret)
            .outcome()
    }

    fn read(&self, sandbox: &Sandbox, image: &str) -> Outcome {
        let image = format!("{}{image}", self.transport);
        sandbox.run(self.program).args(self.read).arg(image).outcome()
    }
}

fn traces(sandbox: &Sandbox) -> Vec<PathBuf> {
    sandbox.traces_of(&alice())
}

/// Without `DOCKER_CONFIG`, which would make them write logins to docker's file.
fn podman_s_sandbox() -> Sandbox {
    let mut sandbox = Sandbox::new(AGE);
    sandbox.set("DOCKER_CONFIG", "");
    sandbox.keep_secret(&[alice()]);
    sandbox
}

#[test]
fn podman_s_login_comes_along() {
    require!(find("skopeo"));
    let registry = require!(Registry::private(&[alice()]));
    let image = registry.push_image(&alice());
    let skopeo = &CLIENTS[0];
    let sandbox = podman_s_sandbox();
    skopeo.login(&sandbox, &registry.host()).assert_success("login");
    assert_eq!(traces(&sandbox), [sandbox.path("run/containers/auth.json")]);
    let refused = sandbox.command(&["configure", "--podman"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    skopeo.read(&sandbox, &image).assert_success("after a refusal");
    sandbox
        .command(&["configure", "--podman", "--import"])
        .assert_success("configure --podman --import");
    assert_eq!(traces(&sandbox), Vec::<PathBuf>::new());
    skopeo.read(&sandbox, &image).assert_success("after the import");
    let reboot = sandbox.path("run/containers");
    fs::remove_dir_all(reboot).unwrap();
    skopeo.read(&sandbox, &image).assert_success("after a reboot");
}

/// With the auth.json files after the helper in the list, containers/image would write there.
#[test]
fn a_store_that_fails_makes_nobody_write_plain_text() {
    for client in CLIENTS {
        require!(find(client.program));
        let registry = require!(Registry::private(&[alice()]));
        let mut sandbox = podman_s_sandbox();
        sandbox
            .command(&["configure", "--podman"])
            .assert_success("configure --podman");
        sandbox.set("DOCKER_CREDENTIAL_AGE_IDENTITY_FILE", "/nonexistent/identity.txt");
        client
            .login(&sandbox, &registry.host())
            .assert_failure("login with a store that fails");
        assert_eq!(traces(&sandbox), Vec::<PathBuf>::new());
    }
}

/// Older versions ask the helper; newer ones write to the file that the variable names.
#[test]
fn a_login_that_docker_config_makes_plain_text_is_reported() {
    for client in CLIENTS {
        require!(find(client.program));
        let registry = require!(Registry::private(&[alice()]));
        let mut sandbox = Sandbox::new(AGE);
        sandbox.keep_secret(&[alice()]);
        let configured = sandbox.command(&["configure", "--podman"]);
        assert!(
            configured
                .text()
                .contains("log in without it: env -u DOCKER_CONFIG podman login HOST"),
            "{configured:?}"
        );

        client.login(&sandbox, &registry.host()).assert_success("login");

        if traces(&sandbox).is_empty() {
            sandbox.assert_answers(&registry.host(), &alice());
            continue;
        }
        assert_eq!(traces(&sandbox), [sandbox.config_path()]);
        let doctor = sandbox.command(&["doctor"]).text();
        assert!(doctor.contains("in plain text"), "{doctor}");
        sandbox.set("DOCKER_CONFIG", "");
        sandbox
            .command(&["import", "--configure"])
            .assert_success("import");
        client
            .login(&sandbox, &registry.host())
            .assert_success("login without the variable");
        assert_eq!(traces(&sandbox), Vec::<PathBuf>::new());
        sandbox.assert_answers(&registry.host(), &alice());
    }
}
