//! `configure` doesn't lose logins that docker finds without it.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::PathBuf;

use docker_credential_tests::helper::{AGE, ENV};
use docker_credential_tests::login::{Login, alice, bob};
use docker_credential_tests::program::Outcome;
use docker_credential_tests::sandbox::Sandbox;
use docker_credential_tests::{require, requirement};
use serde_json::{Value, json};

fn sandbox(config: &Value) -> Sandbox {
    let mut sandbox = Sandbox::new(AGE);
    sandbox.keep_secret(&[alice(), bob()]);
    sandbox.write_config(config);
    sandbox
}

/// docker-credential-NAME with these logins, in its own files.
fn add_helper(sandbox: &Sandbox, name: &str, logins: &[(&str, Login)]) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/helpers/docker-credential-other");
    sandbox.add_program(&format!("docker-credential-{name}"), script.as_ref());
    let list: serde_json::Map<_, _> = logins
        .iter()
        .map(|(server, login)| ((*server).to_owned(), json!(login.username)))
        .collect();
    sandbox.add_file("home/other/list", json!(list).to_string());
    for (server, login) in logins {
        let reply = login.credential(server);
        sandbox.add_file(&format!("home/other/{server}"), reply.to_string());
    }
}

fn config_bytes(sandbox: &Sandbox) -> Vec<u8> {
    fs::read(sandbox.config_path()).unwrap_or_default()
}

/// Runs it, and checks that it fails and doesn't change docker's files.
#[track_caller]
fn refused(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let before = config_bytes(sandbox);
    let outcome = sandbox.command(arguments);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert_eq!(config_bytes(sandbox), before, "{outcome:?}");
    outcome.text()
}

#[track_caller]
fn done(sandbox: &Sandbox, arguments: &[&str]) -> Outcome {
    let outcome = sandbox.command(arguments);
    outcome.assert_success("the command");
    outcome
}

#[test]
fn plain_text_logins_need_a_decision() {
    let sandbox = sandbox(&json!({ "auths": { "ghcr.io": alice().entry(), "quay.io": {} } }));
    let text = refused(&sandbox, &["configure"]);
    for part in [
        "ghcr.io",
        "1 login in plain text in ~/.docker/config.json",
        "\"docker-credential-age configure --import\"",
        "\"docker-credential-age configure --no-import\"",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("quay.io"), "{text}");
    assert!(!sandbox.path("config/docker-credential-age").exists());
}

#[test]
fn logins_in_the_previous_store_need_a_decision() {
    let sandbox = sandbox(&json!({ "credsStore": "other" }));
    add_helper(&sandbox, "other", &[("ghcr.io", alice()), ("quay.io", bob())]);
    let text = refused(&sandbox, &["configure"]);
    assert!(text.contains("2 logins in docker-credential-other"), "{text}");
    assert!(
        text.contains("docker-credential-other has logins for ghcr.io, quay.io"),
        "{text}"
    );
}

#[test]
fn an_import_moves_plain_text_and_copies_from_the_store() {
    let sandbox = sandbox(&json!({ "auths": { "ghcr.io": alice().entry() }, "credsStore": "other" }));
    add_helper(&sandbox, "other", &[("quay.io", bob())]);
    done(&sandbox, &["configure", "--import"]);
    assert_eq!(
        sandbox.config(),
        json!({ "auths": { "ghcr.io": {} }, "credsStore": "age" })
    );
    sandbox.assert_answers("ghcr.io", &alice());
    sandbox.assert_answers("quay.io", &bob());
    assert!(
        sandbox.path("home/other/quay.io").exists(),
        "the other helper keeps its own"
    );
}

#[test]
fn logins_can_be_left_behind() {
    let config = json!({ "auths": { "ghcr.io": alice().entry() } });
    let sandbox = sandbox(&config);
    let text = done(&sandbox, &["configure", "--no-import"]).text();
    assert!(text.contains("ghcr.io"), "{text}");
    assert!(
        text.contains("to import them later, run: docker-credential-age configure --import\n"),
        "{text}"
    );
    assert_eq!(sandbox.config()["auths"], config["auths"]);
    assert_eq!(sandbox.config()["credsStore"], "age");
    let record = fs::read_to_string(sandbox.path("config/docker-credential-age/replaced.json")).unwrap();
    assert!(record.contains("--no-import"), "{record}");
    // The import still works, and then nothing is left behind.
    done(&sandbox, &["configure", "--import"]);
    sandbox.assert_answers("ghcr.io", &alice());
}

#[test]
fn nothing_is_asked_where_nothing_would_be_lost() {
    for config in [
        json!({}),
        json!({ "auths": { "ghcr.io": {} } }),
        json!({ "credsStore": "gone", "auths": { "ghcr.io": {} } }),
        json!({ "credsStore": "other" }),
        json!({ "credHelpers": { "quay.io": "other" } }),
    ] {
        let sandbox = sandbox(&config);
        add_helper(&sandbox, "other", &[]);
        done(&sandbox, &["configure"]);
        assert_eq!(sandbox.config()["credsStore"], "age", "{config}");
    }
}

#[test]
fn a_login_that_is_stored_already_is_not_lost() {
    let sandbox = sandbox(&json!({ "auths": { "https://ghcr.io/v1/": alice().entry() } }));
    sandbox.store("ghcr.io", &alice());
    done(&sandbox, &["configure"]);
}

#[test]
fn a_store_that_does_not_list_may_hold_logins() {
    for is_hanging in [false, true] {
        let sandbox = sandbox(&json!({ "credsStore": "other" }));
        add_helper(&sandbox, "other", &[]);
        fs::remove_file(sandbox.path("home/other/list")).unwrap();
        if is_hanging {
            fs::write(sandbox.path("home/other/hangs"), "").unwrap();
        }
        let text = refused(&sandbox, &["configure"]);
        assert!(text.contains("docker-credential-other may have logins"), "{text}");
        if !is_hanging {
            assert!(text.contains("out of order"), "{text}");
            refused(&sandbox, &["configure", "--import"]);
            done(&sandbox, &["configure", "--no-import"]);
        }
    }
}

#[test]
fn docker_s_own_default_store_is_one_that_is_replaced() {
    let sandbox = sandbox(&json!({}));
    add_helper(&sandbox, "secretservice", &[("ghcr.io", alice())]);
    // Without pass, docker uses the Secret Service by default.
    let path = format!(
        "{}:{}",
        sandbox.path("bin").display(),
        AGE.program().parent().unwrap().display()
    );
    let configure = |arguments: &[&str]| {
        sandbox
            .run(AGE.program())
            .arg("configure")
            .args(arguments)
            .env("PATH", format!("{path}:{}", sandbox.path("tools").display()))
            .outcome()
    };
    fs::create_dir(sandbox.path("tools")).unwrap();
    for tool in ["sh", "env", "cat", "grep"] {
        let tool_path = docker_credential_tests::program::find(tool).unwrap();
        symlink(tool_path, sandbox.path("tools").join(tool)).unwrap();
    }
    let text = configure(&[]);
    assert_eq!(text.code, Some(1), "{text:?}");
    assert!(
        text.text().contains("1 login in docker-credential-secretservice"),
        "{text:?}"
    );
    // An entry for one registry would end docker's default for all others.
    configure(&["--registry", "quay.io"]).assert_success("configure --registry");
    assert_eq!(
        sandbox.config(),
        json!({ "credHelpers": { "quay.io": "age" }, "credsStore": "secretservice" })
    );
}

#[test]
fn a_single_registry_is_asked_for_only_if_it_has_a_login() {
    let sandbox = sandbox(&json!({ "credsStore": "other" }));
    add_helper(&sandbox, "other", &[("ghcr.io", alice())]);
    done(&sandbox, &["configure", "--registry", "quay.io"]);
    let text = refused(&sandbox, &["configure", "--registry", "ghcr.io"]);
    assert!(
        text.contains("docker-credential-age configure --registry ghcr.io --import"),
        "{text}"
    );
    done(&sandbox, &["configure", "--registry", "ghcr.io", "--import"]);
    sandbox.assert_answers("ghcr.io", &alice());
}

#[test]
fn an_import_that_fails_half_way_leaves_docker_s_file() {
    let sandbox = sandbox(&json!({ "credsStore": "other" }));
    add_helper(&sandbox, "other", &[("ghcr.io", alice()), ("quay.io", bob())]);
    fs::write(sandbox.path("home/other/quay.io"), "no JSON").unwrap();
    let text = refused(&sandbox, &["configure", "--import"]);
    assert!(text.contains("docker's configuration is unchanged"), "{text}");
    assert!(text.contains("failed\tquay.io"), "{text}");
}

#[test]
fn a_person_at_a_terminal_is_asked() {
    for (answer, is_imported) in [("", true), ("n", false)] {
        let sandbox = sandbox(&json!({ "auths": { "ghcr.io": alice().entry() }, "credsStore": "other" }));
        add_helper(&sandbox, "other", &[("quay.io", bob())]);
        let command = format!("{} configure", AGE.program().display());
        let session = sandbox
            .run("script")
            .args(["--quiet", "--return", "--command", &command, "/dev/null"])
            .stdin(format!("{answer}\n"))
            .outcome();
        session.assert_success("configure");
        let question = "1 login in docker-credential-other, 1 login in plain text in ~/.docker/config.json: import them?";
        assert!(session.text().contains(question), "{session:?}");
        assert_eq!(sandbox.config()["credsStore"], "age");
        assert_eq!(sandbox.config()["auths"]["ghcr.io"] == json!({}), is_imported);
    }
}

#[test]
fn a_helper_that_makes_credentials_goes_on_for_its_registries() {
    let sandbox = sandbox(&json!({ "credsStore": "gcloud" }));
    add_helper(&sandbox, "gcloud", &[("gcr.io", alice())]);
    let text = refused(&sandbox, &["configure"]);
    assert!(text.contains("docker-credential-gcloud"), "{text}");
    done(&sandbox, &["configure", "--import"]);
    assert_eq!(
        sandbox.config(),
        json!({ "credsStore": "age", "credHelpers": { "gcr.io": "gcloud" } })
    );
    sandbox.assert_lists(&json!({}));
}

/// Its list is never complete.
#[test]
fn a_helper_that_makes_credentials_may_list_none() {
    let sandbox = sandbox(&json!({ "credsStore": "ecr-login" }));
    add_helper(&sandbox, "ecr-login", &[]);
    for command in [&["configure"][..], &["configure", "--import"]] {
        let text = refused(&sandbox, command);
        assert!(
            text.contains(r#"keep it for them first, with "credHelpers": {"HOST": "ecr-login"}"#),
            "{text}"
        );
        assert!(text.contains("configure --no-import\""), "{text}");
    }
    let kept = json!({ "1.dkr.ecr.eu-west-1.amazonaws.com": "ecr-login" });
    sandbox.write_config(&json!({ "credHelpers": kept }));
    let registry = ["configure", "--registry", "1.dkr.ecr.eu-west-1.amazonaws.com"];
    let text = refused(&sandbox, &registry);
    assert!(
        text.contains("nothing was changed; leave them behind with"),
        "{text}"
    );
    sandbox.write_config(&json!({ "credsStore": "ecr-login", "credHelpers": kept }));
    done(&sandbox, &["configure"]);
    assert_eq!(
        sandbox.config(),
        json!({ "credsStore": "age", "credHelpers": kept })
    );
}

#[test]
fn a_registry_token_needs_a_decision() {
    let config = json!({ "auths": { "ghcr.io": { "registrytoken": "t" }, "quay.io": alice().entry() } });
    let sandbox = sandbox(&config);
    let text = refused(&sandbox, &["configure"]);
    assert!(text.contains("plain text for ghcr.io, quay.io"), "{text}");
    for command in [&["configure", "--import"][..], &["import", "--configure"]] {
        let text = refused(&sandbox, command);
        assert!(text.contains("helpers can't hold registry tokens"), "{text}");
        assert!(text.contains("configure --no-import\""), "{text}");
    }
    done(&sandbox, &["configure", "--no-import"]);
    assert_eq!(sandbox.config()["auths"]["ghcr.io"], config["auths"]["ghcr.io"]);
    sandbox.assert_answers("quay.io", &alice());
}

#[test]
fn a_registry_token_that_docker_ignores_needs_none() {
    let token = json!({ "ghcr.io": { "registrytoken": "t" } });
    let sandbox = sandbox(&json!({ "auths": token, "credsStore": "other" }));
    add_helper(&sandbox, "other", &[("quay.io", alice())]);
    done(&sandbox, &["configure", "--import"]);
    assert_eq!(sandbox.config(), json!({ "auths": token, "credsStore": "age" }));
}

#[test]
fn the_helper_for_variables_names_the_two_ways() {
    let mut sandbox = Sandbox::new(ENV);
    sandbox.write_config(&json!({ "auths": { "ghcr.io": alice().entry() } }));
    let text = refused(&sandbox, &["configure"]);
    assert!(
        text.contains("docker-credential-env configure --registry HOST"),
        "{text}"
    );
    assert!(
        text.contains("docker-credential-env configure --no-import"),
        "{text}"
    );
    let text = refused(&sandbox, &["configure", "--import"]);
    assert!(text.contains("read-only"), "{text}");
    done(&sandbox, &["configure", "--registry", "quay.io"]);
    // A login that the variables also have isn't lost.
    sandbox.provide("ghcr.io", &bob());
    done(&sandbox, &["configure"]);
}

#[test]
fn a_program_that_docker_does_not_find_is_not_configured() {
    let sandbox = sandbox(&json!({}));
    let failed = sandbox
        .run(AGE.program())
        .args(["configure", "--registry", "ghcr.io"])
        .env("PATH", "/nonexistent")
        .outcome();
    assert_eq!(failed.code, Some(1), "{failed:?}");
    let directory = AGE.program().parent().unwrap().display().to_string();
    let text = failed.text();
    assert!(
        text.contains(&format!("export PATH=\"{directory}:$PATH\"")),
        "{text}"
    );
    assert!(
        text.contains("docker-credential-age configure --registry ghcr.io"),
        "{text}"
    );
    assert_eq!(sandbox.config(), json!({}));
}

#[test]
fn a_home_that_cannot_be_used_does_not_matter_where_nothing_is_remembered() {
    for home in ["/", "/nonexistent/home", "/proc/self"] {
        let sandbox = sandbox(&json!({}));
        let done = sandbox
            .run(ENV.program())
            .arg("configure")
            .env("HOME", home)
            .env("XDG_CONFIG_HOME", "")
            .outcome();
        done.assert_success(home);
        assert_eq!(sandbox.config(), json!({ "credsStore": "env" }), "{home}");
    }
}

#[test]
fn what_cannot_be_remembered_is_said() {
    let sandbox = sandbox(&json!({ "credsStore": "gone" }));
    let done = sandbox
        .run(ENV.program())
        .arg("configure")
        .env("HOME", "/proc/self")
        .env("XDG_CONFIG_HOME", "")
        .outcome();
    done.assert_success("configure");
    assert!(
        done.text().contains("will not restore the previous setting"),
        "{done:?}"
    );
    assert_eq!(sandbox.config(), json!({ "credsStore": "env" }));
}

#[test]
fn no_identity_is_made_for_a_file_that_cannot_be_changed() {
    let sandbox = Sandbox::new(AGE);
    fs::write(sandbox.config_path(), "{\"a\": 1,}").unwrap();
    refused(&sandbox, &["configure"]);
    fs::remove_file(sandbox.config_path()).unwrap();
    fs::create_dir(sandbox.config_path()).unwrap();
    let failed = sandbox.command(&["configure"]);
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(!sandbox.path("config/docker-credential-age").exists());
}

#[test]
fn a_registry_is_written_in_lower_case() {
    let sandbox = sandbox(&json!({}));
    done(&sandbox, &["configure", "--registry", "GHCR.IO"]);
    assert_eq!(sandbox.config(), json!({ "credHelpers": { "ghcr.io": "age" } }));
}

#[test]
fn unconfigure_says_what_follows() {
    let sandbox = sandbox(&json!({}));
    done(&sandbox, &["configure"]);
    sandbox.store("ghcr.io", &alice());
    let text = done(&sandbox, &["unconfigure"]).text();
    for part in [
        "new logins in plain text",
        "the 1 login in this store",
        "log in again, or undo this with \"docker-credential-age configure\"",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn helm_s_own_file_is_configured() {
    let sandbox = sandbox(&json!({}));
    let plain = json!({ "auths": { "ghcr.io": alice().entry() } }).to_string();
    let file = sandbox.add_file("config/helm/registry/config.json", plain);
    let told = sandbox.command(&["configure", "--helm"]);
    assert_eq!(told.code, Some(1), "{told:?}");
    done(&sandbox, &["configure", "--helm", "--import"]);
    let read = || -> Value { serde_json::from_slice(&fs::read(&file).unwrap()).unwrap() };
    assert_eq!(read(), json!({ "auths": { "ghcr.io": {} }, "credsStore": "age" }));
    assert_eq!(sandbox.config(), json!({}));
    sandbox.assert_answers("ghcr.io", &alice());
    done(&sandbox, &["unconfigure", "--helm"]);
    assert_eq!(read(), json!({ "auths": { "ghcr.io": {} } }));
}

#[test]
fn root_follows_no_link_of_another_user() {
    require!(requirement::root());
    let sandbox = sandbox(&json!({}));
    let target = sandbox.path("home/elsewhere.json");
    fs::write(&target, "{}").unwrap();
    fs::remove_file(sandbox.config_path()).unwrap();
    symlink(&target, sandbox.config_path()).unwrap();
    let status = std::process::Command::new("chown")
        .args(["-h", "4321"])
        .arg(sandbox.config_path())
        .status();
    assert!(status.unwrap().success());
    let failed = sandbox.command(&["configure"]);
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert_eq!(fs::read(&target).unwrap(), b"{}");
    // It doesn't write to another user's directory either.
    fs::remove_file(sandbox.config_path()).unwrap();
    chown(sandbox.path("home/.docker"), Some(4321), None).unwrap();
    let failed = sandbox.command(&["configure"]);
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(!sandbox.config_path().exists());
}

fn drop_in(sandbox: &Sandbox) -> PathBuf {
    sandbox.path("home/.config/containers/registries.conf.d/50-docker-credential-age.conf")
}

#[test]
fn podman_gets_a_drop_in_with_this_helper_alone() {
    let sandbox = sandbox(&json!({}));
    done(&sandbox, &["configure", "--podman"]);
    let text = fs::read_to_string(drop_in(&sandbox)).unwrap();
    assert!(text.ends_with("\ncredential-helpers = [\"age\"]\n"), "{text}");
    assert_eq!(
        fs::metadata(drop_in(&sandbox)).unwrap().permissions().mode() & 0o777,
        0o644
    );
    let again = done(&sandbox, &["configure", "--podman"]).text();
    assert!(again.contains("nothing to change"), "{again}");
    done(&sandbox, &["unconfigure", "--podman"]);
    assert!(!drop_in(&sandbox).exists());
    let again = done(&sandbox, &["unconfigure", "--podman"]).text();
    assert!(again.contains("nothing to change"), "{again}");
}

#[test]
fn podman_s_logins_are_imported_first() {
    let sandbox = sandbox(&json!({ "auths": { "ghcr.io": bob().entry() } }));
    let runtime = sandbox.add_file(
        "run/containers/auth.json",
        json!({ "auths": { "quay.io": alice().entry() } }).to_string(),
    );
    let text = refused(&sandbox, &["configure", "--podman"]);
    assert!(text.contains("quay.io") && text.contains("ghcr.io"), "{text}");
    assert!(!drop_in(&sandbox).exists());
    done(&sandbox, &["configure", "--podman", "--import"]);
    sandbox.assert_answers("quay.io", &alice());
    sandbox.assert_answers("ghcr.io", &bob());
    let now: Value = serde_json::from_slice(&fs::read(runtime).unwrap()).unwrap();
    assert_eq!(now, json!({ "auths": { "quay.io": {} } }));
    // docker still reads its own file.
    assert_eq!(sandbox.config(), json!({ "auths": { "ghcr.io": bob().entry() } }));
}

#[test]
fn podman_is_not_configured_over_a_login_for_a_path() {
    let sandbox = sandbox(&json!({}));
    let file = sandbox.add_file(
        "config/containers/auth.json",
        json!({ "auths": { "quay.io/org": alice().entry() } }).to_string(),
    );
    let before = fs::read(&file).unwrap();
    for arguments in [
        &["configure", "--podman"][..],
        &["configure", "--podman", "--import"],
    ] {
        let text = refused(&sandbox, arguments);
        assert!(text.contains("quay.io/org"), "{text}");
        assert!(!drop_in(&sandbox).exists());
        assert_eq!(fs::read(&file).unwrap(), before);
    }
    done(&sandbox, &["configure", "--podman", "--no-import"]);
    assert!(drop_in(&sandbox).exists());
}

#[test]
fn a_later_drop_in_of_the_user_is_named() {
    let sandbox = sandbox(&json!({}));
    sandbox.add_file(
        "home/.config/containers/registries.conf.d/99-mine.conf",
        "credential-helpers = [\"containers-auth.json\"]\n",
    );
    let text = refused(&sandbox, &["configure", "--podman"]);
    assert!(text.contains("99-mine.conf"), "{text}");
    assert!(!drop_in(&sandbox).exists());
}

/// docker asks for the host, whatever the scheme of the entry.
#[test]
fn a_stored_login_for_http_does_not_stand_for_the_host() {
    let sandbox = sandbox(&json!({ "auths": { "http://r.example:5000": alice().entry() } }));
    sandbox.store("http://r.example:5000", &alice());
    for client in ["--podman", "--registry=r.example:5000"] {
        refused(&sandbox, &["configure", client]);
    }
    refused(&sandbox, &["configure"]);
    done(&sandbox, &["configure", "--import"]);
    sandbox.assert_answers("r.example:5000", &alice());
}
