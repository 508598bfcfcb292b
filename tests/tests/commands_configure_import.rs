//! `configure --import` and `import --configure`: docker finds the same logins before and after.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};

use docker_credential_tests::helper::AGE;
use docker_credential_tests::login::{Login, alice, bob};
use docker_credential_tests::program::{self, Outcome};
use docker_credential_tests::sandbox::Sandbox;
use docker_credential_tests::{require, requirement};
use serde_json::{Value, json};

fn sandbox(config: &Value) -> Sandbox {
    let mut sandbox = Sandbox::new(AGE);
    sandbox.keep_secret(&[alice(), bob()]);
    sandbox.write_config(config);
    sandbox
}

/// docker-credential-NAME with a login for this server. All helpers of a test have the same logins.
fn add_helper(sandbox: &Sandbox, name: &str, server: &str, login: &Login) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/helpers/docker-credential-other");
    sandbox.add_program(&format!("docker-credential-{name}"), script.as_ref());
    add_helper_login(sandbox, server, login);
}

fn add_helper_login(sandbox: &Sandbox, server: &str, login: &Login) {
    sandbox.add_file("home/other/list", json!({ server: login.username }).to_string());
    let reply = login.credential(server);
    sandbox.add_file(&format!("home/other/{server}"), reply.to_string());
}

#[track_caller]
fn refused(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let before = sandbox.config();
    let outcome = sandbox.command(arguments);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert_eq!(sandbox.config(), before, "{outcome:?}");
    outcome.text()
}

#[track_caller]
fn done(sandbox: &Sandbox, arguments: &[&str]) -> Outcome {
    let outcome = sandbox.command(arguments);
    outcome.assert_success("the command");
    outcome
}

/// doctor's findings of a check: the level, and the command or advice.
fn found(sandbox: &Sandbox, check: &str) -> Vec<(String, String)> {
    let printed = sandbox.command(&["doctor", "--json"]);
    let findings: Value = serde_json::from_slice(&printed.stdout).expect("JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let findings = findings.as_array().expect("a list").iter();
    findings
        .filter(|finding| finding["check"] == check)
        .map(|finding| {
            let fix = format!("{}{}", text(&finding["fix"]), text(&finding["advice"]));
            (text(&finding["level"]), fix)
        })
        .collect()
}

#[test]
fn an_import_leaves_logins_that_docker_still_finds() {
    let (mine, other) = (alice().entry(), bob().entry());
    let sandbox = sandbox(&json!({ "auths": { "ghcr.io": mine, "quay.io": other } }));
    done(&sandbox, &["configure", "--registry", "ghcr.io", "--import"]);
    let config = json!({ "auths": { "ghcr.io": {}, "quay.io": other }, "credHelpers": { "ghcr.io": "age" } });
    assert_eq!(sandbox.config(), config);
    sandbox.assert_lists(&json!({ "ghcr.io": "alice" }));
}

#[test]
fn an_import_goes_past_the_login_of_another_helper() {
    let (mine, ignored) = (alice().entry(), bob().entry());
    for command in [["configure", "--import"], ["import", "--configure"]] {
        let sandbox = sandbox(&json!({
            "auths": { "ghcr.io": mine, "ecr.example": ignored },
            "credHelpers": { "ecr.example": "ecr-login" },
        }));
        add_helper(&sandbox, "ecr-login", "ecr.example", &alice());
        sandbox.command(&command);
        let config = json!({
            "auths": { "ghcr.io": {}, "ecr.example": ignored },
            "credHelpers": { "ecr.example": "ecr-login" },
            "credsStore": "age",
        });
        assert_eq!(sandbox.config(), config, "{command:?}");
        sandbox.assert_lists(&json!({ "ghcr.io": "alice" }));
        let (level, fix) = found(&sandbox, "plain-text").remove(0);
        assert_eq!(level, "warning");
        assert!(fix.contains("in an editor"), "{fix}");
    }
}

#[test]
fn the_login_that_docker_uses_goes_before_an_ignored_one() {
    for command in [["configure", "--import"], ["import", "--configure"]] {
        let sandbox = sandbox(&json!({ "auths": { "ghcr.io": bob().entry() }, "credsStore": "other" }));
        add_helper(&sandbox, "other", "ghcr.io", &alice());
        sandbox.command(&command);
        assert_eq!(sandbox.config()["credsStore"], "age", "{command:?}");
        sandbox.assert_answers("ghcr.io", &alice());
    }
}

/// podman reads docker's file too.
/// After a time without the helper, the stored login is the older one.
#[test]
fn the_login_that_docker_reads_now_replaces_a_stored_one() {
    for (store, is_read) in [
        (json!(null), true),
        (json!("gone"), true),
        (json!("other"), false),
    ] {
        let sandbox = sandbox(&json!({ "auths": { "https://ghcr.io/v2/": bob().entry() } }));
        sandbox.store("ghcr.io", &alice());
        add_helper(&sandbox, "other", "quay.io", &alice());
        let mut config = sandbox.config();
        if !store.is_null() {
            config["credsStore"] = store;
        }
        sandbox.write_config(&config);
        if is_read {
            refused(&sandbox, &["configure"]);
        }
        done(&sandbox, &["configure", "--import"]);
        sandbox.assert_answers("ghcr.io", &if is_read { bob() } else { alice() });
    }
}

#[test]
fn the_previous_helper_s_login_replaces_an_older_one() {
    let sandbox = sandbox(&json!({ "credsStore": "other" }));
    sandbox.store("ghcr.io", &bob());
    add_helper(&sandbox, "other", "ghcr.io", &alice());
    let text = refused(&sandbox, &["configure"]);
    assert!(text.contains("1 login in docker-credential-other"), "{text}");
    done(&sandbox, &["configure", "--import"]);
    sandbox.assert_answers("ghcr.io", &alice());
    // The same one isn't lost.
    done(&sandbox, &["unconfigure"]);
    done(&sandbox, &["configure"]);
}

#[test]
fn a_user_of_podman_sees_what_it_loses() {
    for (is_user, client) in [(true, "podman"), (true, "other"), (false, "podman")] {
        let sandbox = sandbox(&json!({ "auths": { "ghcr.io": alice().entry() } }));
        let bin = sandbox.path("bin");
        sandbox.add_program(client, "/bin/true".as_ref());
        if is_user {
            fs::create_dir(sandbox.path("data/containers")).unwrap();
        }
        let done = sandbox
            .run(AGE.program())
            .args(["configure", "--import"])
            .env(
                "PATH",
                format!("{}:{}", bin.display(), AGE.program().parent().unwrap().display()),
            )
            .outcome();
        done.assert_success("configure --import");
        let note = "no longer find ghcr.io; to make them ask here too, run: docker-credential-age configure --podman";
        assert_eq!(
            done.text().contains(note),
            is_user && client == "podman",
            "{done:?}"
        );
    }
}

#[test]
fn a_failed_import_shows_the_way_out() {
    let sandbox = sandbox(&json!({ "credsStore": "other" }));
    add_helper(&sandbox, "other", "ghcr.io", &alice());
    fs::write(sandbox.path("home/other/ghcr.io"), "no JSON").unwrap();
    let way_out = "leave the rest behind with \"docker-credential-age configure --no-import\"";
    for command in [
        &["configure", "--import"][..],
        &["import", "--configure", "--from", "other"],
    ] {
        let text = refused(&sandbox, command);
        assert!(text.contains(way_out), "{text}");
    }
    // A store that doesn't list.
    fs::remove_file(sandbox.path("home/other/list")).unwrap();
    let text = refused(&sandbox, &["configure", "--import"]);
    assert!(text.contains("out of order"), "{text}");
    assert!(text.contains(way_out), "{text}");
    let text = refused(&sandbox, &["configure", "--registry", "ghcr.io", "--import"]);
    assert!(
        text.contains("configure --registry ghcr.io --no-import\""),
        "{text}"
    );
}

#[test]
fn off_path_the_shown_command_keeps_its_options() {
    let sandbox = sandbox(&json!({ "auths": { "ghcr.io": alice().entry() } }));
    for (command, shown) in [
        ("configure --import", "docker-credential-age configure --import"),
        (
            "configure --no-import",
            "docker-credential-age configure --no-import",
        ),
        ("import --configure", "docker-credential-age import --configure"),
        (
            "import --configure --from other",
            "docker-credential-age import --configure --from other",
        ),
    ] {
        let failed = sandbox
            .run(AGE.program())
            .args(command.split(' '))
            .env("PATH", "/usr/bin:/bin")
            .outcome();
        assert_eq!(failed.code, Some(1), "{failed:?}");
        let lines = failed.text();
        assert!(lines.lines().any(|line| line.trim() == shown), "{lines}");
        let config = json!({ "auths": { "ghcr.io": alice().entry() } });
        assert_eq!(sandbox.config(), config, "{command}");
    }
}

/// bash reads only the first of these at a login.
#[test]
fn off_path_the_profile_is_the_one_that_the_shell_reads() {
    let sandbox = sandbox(&json!({}));
    for (file, shell, profile) in [
        (".profile", "/bin/bash", "~/.profile"),
        (".bash_login", "/bin/bash", "~/.bash_login"),
        (".bash_profile", "/usr/bin/bash", "~/.bash_profile"),
        (".bash_profile", "/bin/sh", "~/.profile"),
        (".bash_profile", "/usr/bin/zsh", "~/.zprofile"),
    ] {
        sandbox.add_file(&format!("home/{file}"), "");
        let failed = sandbox
            .run(AGE.program())
            .arg("configure")
            .env("PATH", "/usr/bin:/bin")
            .env("SHELL", shell)
            .outcome();
        let line = format!("Add this line to {profile}, and run it now:");
        assert!(failed.text().contains(&line), "{failed:?}");
    }
}

#[test]
fn plain_text_is_reported_beside_a_store_that_does_not_list() {
    let sandbox = sandbox(&json!({ "auths": { "quay.io": bob().entry() }, "credsStore": "other" }));
    add_helper(&sandbox, "other", "ghcr.io", &alice());
    fs::remove_file(sandbox.path("home/other/list")).unwrap();
    done(&sandbox, &["configure", "--no-import"]);
    let (level, advice) = found(&sandbox, "left-behind").remove(0);
    assert_eq!(level, "warning");
    assert!(advice.contains("configure --import"), "{advice}");
    let plain = (
        "warning".to_owned(),
        "docker-credential-age import --configure".to_owned(),
    );
    assert_eq!(found(&sandbox, "plain-text"), [plain]);
}

#[test]
fn plain_text_that_docker_ignored_before_is_no_error() {
    let sandbox = sandbox(&json!({ "auths": { "quay.io": bob().entry() }, "credsStore": "other" }));
    add_helper(&sandbox, "other", "ghcr.io", &alice());
    fs::write(sandbox.path("home/other/list"), "{}").unwrap();
    done(&sandbox, &["configure"]);
    assert_eq!(found(&sandbox, "left-behind"), []);
    assert_eq!(found(&sandbox, "plain-text")[0].0, "warning");
}

/// docker-credential-secretservice answers "not found" while its keyring is locked.
#[test]
fn a_listed_login_that_is_not_returned_may_be_locked() {
    for command in [
        &["configure", "--import"][..],
        &["import", "--configure", "--from", "other"],
    ] {
        let sandbox = sandbox(&json!({ "credsStore": "other" }));
        add_helper(&sandbox, "other", "ghcr.io", &alice());
        fs::remove_file(sandbox.path("home/other/ghcr.io")).unwrap();
        let text = refused(&sandbox, command);
        assert!(text.contains("failed\tghcr.io"), "{text}");
        assert!(text.contains("its store may be locked"), "{text}");
    }
}

/// As docker-credential-secretservice does if GNOME Keyring wasn't unlocked since it started, and other keyrings.
#[test]
fn a_locked_keyring_may_hold_logins() {
    for list in [r#"{"":"account not defined"}"#, "{}"] {
        let sandbox = sandbox(&json!({ "auths": { "ghcr.io": {} }, "credsStore": "secretservice" }));
        add_helper(&sandbox, "secretservice", "ghcr.io", &alice());
        sandbox.add_file("home/other/list", list);
        for command in [&["configure"][..], &["configure", "--import"]] {
            let text = refused(&sandbox, command);
            assert!(
                text.contains("if its keyring is locked, unlock it first"),
                "{text}"
            );
        }
        // Unlocked.
        add_helper_login(&sandbox, "ghcr.io", &alice());
        done(&sandbox, &["configure", "--import"]);
        sandbox.assert_answers("ghcr.io", &alice());
        // What was copied may be deleted there.
        sandbox.add_file("home/other/list", "{}");
        done(&sandbox, &["doctor"]);
        done(&sandbox, &["unconfigure"]);
        done(&sandbox, &["configure"]);
    }
}

#[test]
fn logins_can_be_left_behind_later() {
    let sandbox = sandbox(&json!({ "credsStore": "other" }));
    add_helper(&sandbox, "other", "ghcr.io", &alice());
    done(&sandbox, &["configure", "--import"]);
    add_helper_login(&sandbox, "quay.io", &bob());
    assert_eq!(found(&sandbox, "left-behind")[0].0, "error");
    done(&sandbox, &["configure", "--no-import"]);
    assert_eq!(found(&sandbox, "left-behind")[0].0, "warning");
}

#[test]
fn unconfigure_of_a_registry_names_the_store_of_the_rest() {
    for (rest, follows) in [
        (json!({}), "docker keeps new logins in plain text"),
        (json!({ "credsStore": "other" }), "export --to other"),
        (json!({ "credsStore": "age" }), ""),
    ] {
        let sandbox = sandbox(&rest);
        add_helper(&sandbox, "other", "quay.io", &bob());
        done(&sandbox, &["configure", "--registry", "ghcr.io"]);
        sandbox.store("ghcr.io", &alice());
        let told = done(&sandbox, &["unconfigure", "--registry", "ghcr.io"]);
        let told = String::from_utf8_lossy(&told.stderr).into_owned();
        assert!(told.contains(follows), "{told}");
        assert_eq!(told.is_empty(), follows.is_empty(), "{told}");
        assert_eq!(told.contains("plain text"), rest == json!({}), "{told}");
    }
}

#[test]
fn another_user_s_home_is_not_taken_over() {
    require!(requirement::root());
    let sandbox = sandbox(&json!({}));
    for (strange, is_offered) in [("home", false), ("home/.docker", true)] {
        chown(sandbox.path("home"), Some(0), None).unwrap();
        chown(sandbox.path(strange), Some(4321), None).unwrap();
        let fixes = found(&sandbox, "config");
        let is_shown = fixes.iter().any(|(_, fix)| fix.contains("chown -R"));
        assert_eq!(is_shown, is_offered, "{fixes:?}");
    }
}

/// The same command as an ordinary user, who owns the home.
fn as_a_user(sandbox: &Sandbox, arguments: &[&str]) -> Outcome {
    let program = sandbox.path("user-bin/docker-credential-age");
    if !program.exists() {
        fs::create_dir(sandbox.path("user-bin")).expect("a directory");
        program::copy(&AGE.program(), &program);
    }
    for directory in ["home", "config", "data", "run", "tmp"] {
        chown(sandbox.path(directory), Some(4321), Some(4321)).expect("root can give it away");
    }
    sandbox
        .run("setpriv")
        .args(["--reuid=4321", "--regid=4321", "--clear-groups"])
        .arg(&program)
        .args(arguments)
        .env(
            "PATH",
            format!("{}:/usr/bin:/bin", sandbox.path("user-bin").display()),
        )
        .outcome()
}

#[test]
fn root_s_file_in_the_user_s_directory_can_be_replaced() {
    require!(requirement::root());
    let sandbox = sandbox(&json!({}));
    chown(sandbox.path("home/.docker"), Some(4321), Some(4321)).unwrap();
    fs::set_permissions(sandbox.config_path(), fs::Permissions::from_mode(0o664)).unwrap();

    as_a_user(&sandbox, &["configure"]).assert_success("configure");

    assert_eq!(sandbox.config(), json!({ "credsStore": "age" }));
    let file = fs::metadata(sandbox.config_path()).unwrap();
    assert_eq!((file.uid(), file.mode() & 0o777), (4321, 0o604));
}

#[test]
fn another_name_of_an_imported_file_is_pointed_out() {
    require!(requirement::root());
    for is_linked in [true, false] {
        let sandbox = sandbox(&json!({ "auths": { "ghcr.io": alice().entry() } }));
        for place in ["home/.docker", "home/.docker/config.json"] {
            chown(sandbox.path(place), Some(4321), Some(4321)).unwrap();
        }
        let inode = fs::metadata(sandbox.config_path()).unwrap().ino();
        if is_linked {
            fs::hard_link(sandbox.config_path(), sandbox.path("home/dotfile")).unwrap();
        }
        let done = as_a_user(&sandbox, &["configure", "--import"]);
        done.assert_success("configure --import");
        let note = format!("find / -xdev -inum {inode}\n");
        assert_eq!(done.text().contains(&note), is_linked, "{done:?}");
    }
}

#[test]
fn a_closed_directory_is_reported_with_its_fix() {
    require!(requirement::root());
    let sandbox = sandbox(&json!({}));
    for (owner, mode, fix) in [
        (4321, 0o555, "chmod u+wx ~/.docker"),
        (0, 0o755, "sudo chown -R \"$(id -u):$(id -g)\" ~/.docker"),
    ] {
        let directory = sandbox.path("home/.docker");
        chown(&directory, Some(owner), Some(owner)).unwrap();
        fs::set_permissions(&directory, fs::Permissions::from_mode(mode)).unwrap();
        let printed = as_a_user(&sandbox, &["doctor"]).text();
        assert!(printed.contains(&format!("fix: {fix}\n")), "{printed}");
    }
}

/// As Nix's home-manager makes it.
#[test]
fn a_link_to_managed_files_is_a_warning() {
    require!(requirement::root());
    let sandbox = sandbox(&json!({}));
    chown(sandbox.path("home/.docker"), Some(4321), Some(4321)).unwrap();
    fs::create_dir(sandbox.path("managed")).unwrap();
    fs::rename(sandbox.config_path(), sandbox.path("managed/config.json")).unwrap();
    symlink(sandbox.path("managed/config.json"), sandbox.config_path()).unwrap();
    let printed = as_a_user(&sandbox, &["doctor"]);
    printed.assert_success("doctor");
    assert!(
        printed.text().contains("change it where it is managed"),
        "{printed:?}"
    );
}

#[test]
fn an_import_finishes_an_interrupted_one() {
    let entries = json!({ "auths": { "ghcr.io": alice().entry() } });
    for store in [None, Some("age")] {
        let mut config = entries.clone();
        if let Some(store) = store {
            config["credsStore"] = json!(store);
        }
        let sandbox = sandbox(&config);
        sandbox.store("ghcr.io", &alice());
        done(&sandbox, &["configure", "--import"]);
        assert_eq!(
            sandbox.config(),
            json!({ "auths": { "ghcr.io": {} }, "credsStore": "age" })
        );
    }
}

#[test]
fn import_is_not_recommended_for_what_it_leaves() {
    let entries =
        json!({ "ghcr.io/team": alice().entry(), "me@quay.io": bob().entry(), "quay.io": bob().entry() });
    let sandbox = sandbox(&json!({ "auths": entries, "credsStore": "age" }));
    let text = done(&sandbox, &["configure"]).text();
    assert!(
        text.contains("has 1 login in plain text: quay.io; \"docker-credential-age import\" moves them"),
        "{text}"
    );
}

/// After a login with a new password, the previous helper has the old one.
#[test]
fn unconfigure_names_logins_that_differ() {
    for stored in [alice(), bob()] {
        let sandbox = sandbox(&json!({ "credsStore": "other" }));
        add_helper(&sandbox, "other", "ghcr.io", &alice());
        done(&sandbox, &["configure", "--import"]);
        sandbox.store("ghcr.io", &stored);
        let text = done(&sandbox, &["unconfigure"]).text();
        let note = "docker-credential-other has other logins than this store for ghcr.io, and docker uses those now; \
                    replace them with \"docker-credential-age export --to other --replace ghcr.io\"";
        assert_eq!(text.contains(note), stored == bob(), "{text}");
        let way = ["export", "--to", "other", "--replace", "ghcr.io"];
        done(&sandbox, &way);
    }
}

#[test]
fn unconfigure_of_podman_names_what_podman_uses_then() {
    for (list, note) in [
        (
            "other",
            "podman no longer finds the 1 login in this store; copy them with \"docker-credential-age export --to other\"",
        ),
        (
            "containers-auth.json",
            "log in again, or undo this with \"docker-credential-age configure --podman\"",
        ),
    ] {
        let sandbox = sandbox(&json!({}));
        add_helper(&sandbox, "other", "quay.io", &alice());
        let setting = format!("credential-helpers = [\"{list}\"]\n");
        sandbox.add_file("home/.config/containers/registries.conf", setting);
        done(&sandbox, &["configure", "--podman", "--import"]);
        sandbox.store("ghcr.io", &bob());
        let text = done(&sandbox, &["unconfigure", "--podman"]).text();
        assert!(text.contains(note), "{text}");
        assert_eq!(text.contains("plain text"), list != "other", "{text}");
    }
}

/// As guides for docker's own helpers say.
#[test]
fn a_helper_that_was_replaced_by_hand_is_found() {
    for name in ["pass", "secretservice"] {
        let sandbox = sandbox(&json!({ "auths": { "ghcr.io": {}, "quay.io": {} }, "credsStore": "age" }));
        add_helper(&sandbox, name, "ghcr.io", &alice());
        let fix = format!("docker-credential-age import --from {name}");
        let text =
            format!("docker no longer finds these logins, docker-credential-{name} has logins for ghcr.io");
        let doctor = sandbox.command(&["doctor"]);
        assert_eq!(doctor.code, Some(1), "{doctor:?}");
        assert!(doctor.text().contains(&text), "{doctor:?}");
        assert!(doctor.text().contains(&fix), "{doctor:?}");
        done(&sandbox, &["import", "--from", name]);
        let doctor = done(&sandbox, &["doctor"]).text();
        assert!(!doctor.contains("no longer finds"), "{doctor}");
    }
}

#[test]
fn unconfigure_finds_the_record_by_another_path() {
    let mut sandbox = sandbox(&json!({ "credsStore": "other" }));
    add_helper(&sandbox, "other", "ghcr.io", &alice());
    done(&sandbox, &["configure", "--import"]);
    let link = sandbox.path("home/link");
    symlink(sandbox.path("home/.docker"), &link).unwrap();
    sandbox.set("DOCKER_CONFIG", &link);
    done(&sandbox, &["unconfigure"]);
    assert_eq!(sandbox.config(), json!({ "credsStore": "other" }));
}

/// docker asks for ghcr.io, and its own helpers don't know other spellings.
#[test]
fn unconfigure_counts_a_login_under_another_name_as_lost() {
    for (server, is_lost) in [("https://ghcr.io", true), ("ghcr.io", false)] {
        let sandbox = sandbox(&json!({ "credsStore": "other" }));
        sandbox.store("ghcr.io", &alice());
        add_helper(&sandbox, "other", "ghcr.io", &alice());
        let list = json!({ server: alice().username }).to_string();
        sandbox.add_file("home/other/list", list);
        done(&sandbox, &["configure"]);
        let text = done(&sandbox, &["unconfigure"]).text();
        let note = "docker no longer finds the 1 login in this store";
        assert_eq!(text.contains(note), is_lost, "{text}");
    }
}
