//! Docker's own client against a registry that hands out identity tokens: docker then stores the user `<token>`.

#![cfg(target_os = "linux")]

use docker_credential_tests::helper::{AGE, Helper};
use docker_credential_tests::login::{Login, alice};
use docker_credential_tests::program::{Outcome, find};
use docker_credential_tests::registries::token::{Event, Grant, TokenRegistry};
use docker_credential_tests::sandbox::{IDENTITY_TOKEN, Sandbox};
use docker_credential_tests::{for_each_helper, for_env_too, matrix_is_true, require};
use serde_json::json;

for_each_helper!(
    login_stores_the_identity_token_and_not_the_password,
    the_identity_token_pays_for_the_next_access_token,
    every_password_earns_an_identity_token,
    a_revoked_identity_token_is_refused,
    a_refused_login_stores_nothing,
    logout_removes_the_identity_token,
);
for_env_too!(the_identity_token_pays_for_the_next_access_token);
matrix_is_true!();

fn login(sandbox: &Sandbox, registry: &TokenRegistry, login: &Login) -> Outcome {
    sandbox
        .run("docker")
        .args([
            "login",
            "-u",
            &login.username,
            "--password-stdin",
            &registry.host(),
        ])
        .stdin(login.secret.as_str())
        .outcome()
}

fn inspect(sandbox: &Sandbox, registry: &TokenRegistry) -> Outcome {
    sandbox
        .run("docker")
        .args(["manifest", "inspect", &registry.image()])
        .outcome()
}

/// The login that docker should have stored: the newest identity token, with the user name that marks it.
fn identity(registry: &TokenRegistry) -> Login {
    let token = registry
        .identity_tokens()
        .pop()
        .expect("the registry has handed out an identity token");
    Login::new(IDENTITY_TOKEN, &token)
}

macro_rules! registry_and_sandbox {
    ($helper:expr, $people:expr) => {{
        require!(find("docker"));
        let people: &[Login] = $people;
        let mut sandbox = Sandbox::with_creds_store($helper);
        sandbox.keep_secret(people);
        (require!(TokenRegistry::start(people)), sandbox)
    }};
}

fn login_stores_the_identity_token_and_not_the_password(helper: Helper) {
    let (registry, sandbox) = registry_and_sandbox!(helper, &[alice()]);

    login(&sandbox, &registry, &alice()).assert_success("docker login");

    let identity = identity(&registry);
    sandbox.assert_answers(&registry.host(), &identity);
    sandbox.assert_lists(&json!({ registry.host(): IDENTITY_TOKEN }));
    let expected = json!({ "credsStore": helper.name, "auths": { registry.host(): {} } });
    assert_eq!(
        sandbox.config(),
        expected,
        "config.json holds a marker for the server, and nothing else"
    );
    for login in [alice(), identity] {
        assert_eq!(
            sandbox.traces_of(&login),
            Vec::<std::path::PathBuf>::new(),
            "files that show {login:?}"
        );
    }
}

fn the_identity_token_pays_for_the_next_access_token(helper: Helper) {
    let (registry, mut sandbox) = registry_and_sandbox!(helper, &[alice()]);
    inspect(&sandbox, &registry).assert_failure("docker manifest inspect before the login");
    if helper.read_only {
        // Somebody logs in once, elsewhere, and passes the result to the job.
        let mut elsewhere = Sandbox::with_creds_store(AGE);
        elsewhere.keep_secret(&[alice()]);
        login(&elsewhere, &registry, &alice()).assert_success("docker login elsewhere");
        sandbox.provide(&registry.host(), &identity(&registry));
    } else {
        login(&sandbox, &registry, &alice()).assert_success("docker login");
    }
    registry.take_events();

    let inspected = inspect(&sandbox, &registry);

    inspected.assert_success("docker manifest inspect with an identity token");
    assert!(
        inspected.text().contains("schemaVersion"),
        "the manifest is shown\n{inspected:?}"
    );
    let events = registry.take_events();
    assert!(
        events.contains(&Event::Read(Grant::IdentityToken)),
        "the image is read by identity token: {events:?}"
    );
    let honest = |event: &Event| {
        matches!(
            event,
            Event::Granted(Grant::IdentityToken) | Event::Read(Grant::IdentityToken)
        )
    };
    assert!(
        events.iter().all(honest),
        "nothing but the identity token is shown: {events:?}"
    );
}

fn every_password_earns_an_identity_token(helper: Helper) {
    let mut people = Login::every();
    // As long as cloud registries' tokens, because this registry doesn't use bcrypt.
    people.push(Login::new("long", &"0123456789abcdef".repeat(512)));
    let (registry, sandbox) = registry_and_sandbox!(helper, &people);

    for person in &people {
        login(&sandbox, &registry, person).assert_success("docker login");
        sandbox.assert_answers(&registry.host(), &identity(&registry));
        inspect(&sandbox, &registry).assert_success("docker manifest inspect");
    }
}

fn a_revoked_identity_token_is_refused(helper: Helper) {
    let (registry, sandbox) = registry_and_sandbox!(helper, &[alice()]);
    login(&sandbox, &registry, &alice()).assert_success("docker login");
    registry.revoke();
    registry.take_events();

    inspect(&sandbox, &registry).assert_failure("docker manifest inspect with a worthless identity token");

    let events = registry.take_events();
    assert!(
        events.contains(&Event::Refused(Grant::IdentityToken)),
        "it was the token that was refused: {events:?}"
    );
}

fn a_refused_login_stores_nothing(helper: Helper) {
    let (registry, sandbox) = registry_and_sandbox!(helper, &[alice()]);

    login(&sandbox, &registry, &Login::new("alice", "wrong"))
        .assert_failure("docker login with a wrong password");

    assert!(
        registry.take_events().contains(&Event::Refused(Grant::Password)),
        "the registry was asked"
    );
    sandbox.assert_not_found(&registry.host());
}

fn logout_removes_the_identity_token(helper: Helper) {
    let (registry, sandbox) = registry_and_sandbox!(helper, &[alice()]);
    login(&sandbox, &registry, &alice()).assert_success("docker login");

    sandbox
        .run("docker")
        .args(["logout", &registry.host()])
        .outcome()
        .assert_success("docker logout");

    sandbox.assert_not_found(&registry.host());
    assert!(
        sandbox.stored_files().is_none_or(|files| files == 0),
        "the credential's file is gone"
    );
}
