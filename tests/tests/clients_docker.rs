//! Docker's own client against Debian's registry, without an engine: login, reading a private image, logout.

#![cfg(target_os = "linux")]

use docker_credential_tests::helper::Helper;
use docker_credential_tests::login::{Login, alice};
use docker_credential_tests::program::{Outcome, find};
use docker_credential_tests::registries::basic::Registry;
use docker_credential_tests::sandbox::Sandbox;
use docker_credential_tests::{for_each_helper, for_env_too, matrix_is_true, require};
use serde_json::json;

for_each_helper!(
    login_keeps_the_secret_out_of_every_file,
    every_secret_comes_through_unchanged,
    a_private_image_is_read_with_its_login,
    logout_removes_the_login,
    logout_leaves_other_logins_alone,
    a_second_login_replaces_the_first,
    a_refused_login_stores_nothing,
    a_public_registry_is_read_without_a_login,
);
for_env_too!(
    a_private_image_is_read_with_its_login,
    a_public_registry_is_read_without_a_login,
);
matrix_is_true!();

fn login(sandbox: &Sandbox, host: &str, login: &Login) -> Outcome {
    sandbox
        .run("docker")
        .args(["login", "-u", &login.username, "--password-stdin", host])
        .stdin(format!("{}\n", login.secret))
        .outcome()
}

fn inspect(sandbox: &Sandbox, image: &str) -> Outcome {
    sandbox
        .run("docker")
        .args(["manifest", "inspect", image])
        .outcome()
}

fn logout(sandbox: &Sandbox, host: &str) -> Outcome {
    sandbox.run("docker").args(["logout", host]).outcome()
}

/// A registry with an account for alice, and a sandbox whose docker uses the helper.
macro_rules! registry_and_sandbox {
    ($helper:expr, $people:expr) => {{
        require!(find("docker"));
        let people: &[Login] = $people;
        let registry = require!(Registry::private(people));
        let mut sandbox = Sandbox::with_creds_store($helper);
        sandbox.keep_secret(people);
        (registry, sandbox)
    }};
}

fn login_keeps_the_secret_out_of_every_file(helper: Helper) {
    let (registry, sandbox) = registry_and_sandbox!(helper, &[alice()]);

    login(&sandbox, &registry.host(), &alice()).assert_success("docker login");

    let expected = json!({ "credsStore": helper.name, "auths": { registry.host(): {} } });
    assert_eq!(
        sandbox.config(),
        expected,
        "config.json holds a marker for the server, and nothing else"
    );
    assert_eq!(
        sandbox.traces_of(&alice()),
        Vec::<std::path::PathBuf>::new(),
        "files that show the secret"
    );
    assert!(
        sandbox.stored_files().is_none_or(|files| files == 1),
        "one credential, one file"
    );
}

/// The control of the test above: its search finds docker's plain text without a helper.
#[test]
fn without_a_helper_the_search_finds_the_secret() {
    require!(find("docker"));
    let registry = require!(Registry::private(&[alice()]));
    let mut sandbox = Sandbox::new(docker_credential_tests::helper::AGE);
    // Any entry keeps docker from choosing a helper of this machine.
    sandbox.write_config(&json!({ "auths": { "other.invalid": { "auth": "eDp5" } } }));
    sandbox.keep_secret(&[alice()]);

    login(&sandbox, &registry.host(), &alice()).assert_success("docker login");

    assert_eq!(sandbox.traces_of(&alice()), [sandbox.config_path()]);
}

fn every_secret_comes_through_unchanged(helper: Helper) {
    let people = Login::every();
    let (registry, sandbox) = registry_and_sandbox!(helper, &people);
    let image = registry.push_image(&people[0]);

    for person in &people {
        login(&sandbox, &registry.host(), person).assert_success("docker login");
        sandbox.assert_answers(&registry.host(), person);
        inspect(&sandbox, &image).assert_success("docker manifest inspect of a private image");
        logout(&sandbox, &registry.host()).assert_success("docker logout");
        sandbox.assert_not_found(&registry.host());
    }
}

fn a_private_image_is_read_with_its_login(helper: Helper) {
    let (registry, mut sandbox) = registry_and_sandbox!(helper, &[alice()]);
    let image = registry.push_image(&alice());
    inspect(&sandbox, &image).assert_failure("docker manifest inspect before the login");

    if helper.read_only {
        sandbox.provide(&registry.host(), &alice());
    } else {
        login(&sandbox, &registry.host(), &alice()).assert_success("docker login");
    }

    let inspected = inspect(&sandbox, &image);
    inspected.assert_success("docker manifest inspect after the login");
    assert!(
        inspected.text().contains("schemaVersion"),
        "the manifest is shown\n{inspected:?}"
    );
}

fn logout_removes_the_login(helper: Helper) {
    let (registry, sandbox) = registry_and_sandbox!(helper, &[alice()]);
    let image = registry.push_image(&alice());
    login(&sandbox, &registry.host(), &alice()).assert_success("docker login");

    let logout = logout(&sandbox, &registry.host());

    logout.assert_success("docker logout");
    assert!(
        !logout.text().to_lowercase().contains("warning"),
        "nothing to complain about\n{logout:?}"
    );
    sandbox.assert_not_found(&registry.host());
    sandbox.assert_lists(&json!({}));
    assert!(
        sandbox.stored_files().is_none_or(|files| files == 0),
        "the credential's file is gone"
    );
    assert_eq!(
        sandbox.config()["credsStore"],
        helper.name,
        "docker keeps the helper for the next login"
    );
    assert_eq!(
        sandbox.config()["auths"].get(registry.host()),
        None,
        "the marker is gone"
    );
    inspect(&sandbox, &image).assert_failure("docker manifest inspect after the logout");
}

fn logout_leaves_other_logins_alone(helper: Helper) {
    let (registry, sandbox) = registry_and_sandbox!(helper, &[alice()]);
    login(&sandbox, &registry.host(), &alice()).assert_success("docker login");
    login(&sandbox, &registry.other_host(), &alice()).assert_success("docker login by another name");
    sandbox.assert_lists(&json!({ registry.host(): "alice", registry.other_host(): "alice" }));

    logout(&sandbox, &registry.host()).assert_success("docker logout");

    sandbox.assert_not_found(&registry.host());
    sandbox.assert_answers(&registry.other_host(), &alice());
}

fn a_second_login_replaces_the_first(helper: Helper) {
    let bob = Login::new("bob", "another");
    let (registry, sandbox) = registry_and_sandbox!(helper, &[alice(), bob.clone()]);
    login(&sandbox, &registry.host(), &alice()).assert_success("docker login as alice");

    login(&sandbox, &registry.host(), &bob).assert_success("docker login as bob");

    sandbox.assert_answers(&registry.host(), &bob);
    sandbox.assert_lists(&json!({ registry.host(): "bob" }));
}

fn a_refused_login_stores_nothing(helper: Helper) {
    let (registry, sandbox) = registry_and_sandbox!(helper, &[alice()]);

    login(&sandbox, &registry.host(), &Login::new("alice", "wrong"))
        .assert_failure("docker login, wrong password");

    sandbox.assert_not_found(&registry.host());
    assert!(
        sandbox.stored_files().is_none_or(|files| files == 0),
        "nothing is stored"
    );
}

/// Since version 29, docker continues without a login only after the exact text for "not found"; older
/// versions always do.
fn a_public_registry_is_read_without_a_login(helper: Helper) {
    require!(find("docker"));
    let registry = require!(Registry::public());
    let image = registry.push_image(&alice());
    let sandbox = Sandbox::with_creds_store(helper);

    inspect(&sandbox, &image).assert_success("docker manifest inspect of a public image");
}
