//! `import`: logins that it stores, removes from files, or leaves.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::PathBuf;

use docker_credential_tests::helper::AGE;
use docker_credential_tests::login::{Login, alice, bob};
use docker_credential_tests::program::{self, Outcome};
use docker_credential_tests::sandbox::Sandbox;
use docker_credential_tests::{require, requirement};
use serde_json::{Value, json};

fn place(config: &Value) -> Sandbox {
    let mut place = Sandbox::new(AGE);
    place.keep_secret(&[alice(), bob()]);
    place.write_config(config);
    place
}

fn read(path: &PathBuf) -> Value {
    serde_json::from_slice(&fs::read(path).expect("a file of the place")).expect("a file of the place")
}

#[track_caller]
fn assert_row(outcome: &Outcome, word: &str, server: &str) {
    let text = String::from_utf8_lossy(&outcome.stdout);
    let is_there = text.lines().any(|line| {
        let mut cells = line.split('\t');
        cells.next() == Some(word) && cells.next() == Some(server)
    });
    assert!(is_there, "{word} {server} is told: {outcome:?}");
}

#[test]
fn what_old_guides_tell_to_write_is_imported() {
    let place = place(&json!({
        "https://url.com": { "auth": alice().basic(), "email": "email@email.com" }
    }));
    let done = place.command(&["import", "--configure"]);
    done.assert_success("import");
    assert_row(&done, "moved", "https://url.com");
    assert_eq!(
        place.config(),
        json!({ "https://url.com": { "email": "email@email.com" }, "credsStore": "age" })
    );
    place.assert_answers("url.com", &alice());
}

#[test]
fn logins_are_moved_and_markers_stay() {
    let place = place(&json!({
        "auths": {
            "ghcr.io": alice().entry(),
            "quay.io": { "username": "bob", "password": bob().secret, "email": "e" },
            "a.example": {},
        },
        "credsStore": "age",
    }));
    let done = place.command(&["import"]);
    done.assert_success("import");
    assert_eq!(
        place.config(),
        json!({ "auths": { "ghcr.io": {}, "quay.io": { "email": "e" }, "a.example": {} }, "credsStore": "age" })
    );
    place.assert_answers("ghcr.io", &alice());
    place.assert_answers("quay.io", &bob());
    for login in [alice(), bob()] {
        assert!(!done.text().contains(&login.secret), "{done:?}");
        assert_eq!(place.traces_of(&login), Vec::<PathBuf>::new());
    }
    place.command(&["import"]).assert_success("import again");
}

#[test]
fn an_identity_token_comes_as_docker_would_store_it() {
    let place = place(&json!({
        "auths": { "a.example": { "identitytoken": "the token", "auth": alice().basic() } },
        "credsStore": "age",
    }));
    place.command(&["import"]).assert_success("import");
    place.assert_answers("a.example", &Login::new("<token>", "the token"));
    assert_eq!(place.config()["auths"], json!({ "a.example": {} }));
}

#[test]
fn nothing_is_changed_for_a_server_that_docker_asks_somebody_else_for() {
    for (config, server) in [
        (json!({ "auths": { "ghcr.io": alice().entry() } }), "ghcr.io"),
        (
            json!({ "auths": { "ghcr.io": alice().entry() }, "credsStore": "desktop" }),
            "ghcr.io",
        ),
        (
            json!({ "auths": { "ghcr.io": alice().entry() }, "credsStore": "age", "credHelpers": { "ghcr.io": "gh" } }),
            "ghcr.io",
        ),
    ] {
        let place = place(&config);
        let before = fs::read(place.config_path()).unwrap();
        let told = place.command(&["import"]);
        assert_eq!(told.code, Some(1), "{told:?}");
        assert_row(&told, "left", server);
        assert_eq!(fs::read(place.config_path()).unwrap(), before);
        place.assert_lists(&json!({}));
    }
}

#[test]
fn keep_copies_and_leaves_the_file() {
    let place = place(&json!({ "auths": { "ghcr.io": alice().entry() } }));
    let before = fs::read(place.config_path()).unwrap();
    let done = place.command(&["import", "--keep"]);
    done.assert_success("import --keep");
    assert_row(&done, "copied", "ghcr.io");
    assert_eq!(fs::read(place.config_path()).unwrap(), before);
    place.assert_answers("ghcr.io", &alice());
}

#[test]
fn a_dry_run_tells_and_does_nothing() {
    let place = place(&json!({ "auths": { "ghcr.io": alice().entry() } }));
    let before = fs::read(place.config_path()).unwrap();
    let told = place.command(&["import", "--configure", "--dry-run"]);
    told.assert_success("import --dry-run");
    assert_row(&told, "moved", "ghcr.io");
    assert_eq!(fs::read(place.config_path()).unwrap(), before);
    place.assert_lists(&json!({}));
}

#[test]
fn the_name_that_docker_asks_by_goes_before_its_aliases() {
    let place = place(&json!({
        "auths": {
            "docker.io": bob().entry(),
            "https://index.docker.io/v1/": alice().entry(),
            "https://a.example/v1/": bob().entry(),
            "a.example": alice().entry(),
        },
        "credsStore": "age",
    }));
    let told = place.command(&["import"]);
    assert_eq!(told.code, Some(1), "{told:?}");
    assert_row(&told, "left", "docker.io");
    assert_row(&told, "left", "https://a.example/v1/");
    place.assert_answers("https://index.docker.io/v1/", &alice());
    place.assert_answers("a.example", &alice());
    // A login that isn't in a store stays in its file.
    assert_eq!(place.config()["auths"]["docker.io"], bob().entry());
    assert_eq!(place.config()["auths"]["https://a.example/v1/"], bob().entry());
}

#[test]
fn a_url_or_a_path_answers_for_its_host() {
    let place = place(&json!({
        "auths": { "https://a.example/v1/": alice().entry(), "b.example/foo": bob().entry() },
        "credsStore": "age",
    }));
    place.command(&["import"]).assert_success("import");
    place.assert_answers("a.example", &alice());
    place.assert_answers("b.example", &bob());
}

#[test]
fn a_namespace_of_podman_s_is_copied_and_never_blanked() {
    let place = place(&json!({}));
    let file = place.add_file(
        "config/containers/auth.json",
        json!({
            "auths": { "quay.io/org": alice().entry(), "quay.io": bob().entry() },
            "credHelpers": { "quay.io": "age" },
        })
        .to_string(),
    );
    let done = place.command(&["import"]);
    done.assert_success("import");
    assert_row(&done, "copied", "quay.io/org");
    assert_row(&done, "moved", "quay.io");
    assert_eq!(
        read(&file)["auths"],
        json!({ "quay.io/org": alice().entry(), "quay.io": {} })
    );
    place.assert_answers("quay.io/org/image", &alice());
    place.assert_answers("quay.io", &bob());
}

#[test]
fn podman_is_configured_in_the_file_that_stays() {
    let place = place(&json!({}));
    let runtime = place.add_file(
        "run/containers/auth.json",
        json!({ "auths": { "quay.io": bob().entry() } }).to_string(),
    );
    place.command(&["import", "--configure"]).assert_success("import");
    assert_eq!(read(&runtime), json!({ "auths": { "quay.io": {} } }));
    assert_eq!(
        read(&place.path("config/containers/auth.json")),
        json!({ "credHelpers": { "quay.io": "age" } })
    );
}

#[test]
fn a_registry_token_is_told_and_left() {
    let config = json!({ "auths": { "a.example": { "registrytoken": "marker" } }, "credsStore": "age" });
    let place = place(&config);
    let told = place.command(&["import"]);
    assert_row(&told, "left", "a.example");
    assert!(!told.text().contains("marker"), "{told:?}");
    assert_eq!(place.config(), config);
}

#[test]
fn a_login_that_is_stored_already_is_not_replaced_by_an_older_one() {
    let config = json!({ "auths": { "ghcr.io": bob().entry() }, "credsStore": "age" });
    let place = place(&config);
    place.store("ghcr.io", &alice());
    let told = place.command(&["import"]);
    assert_eq!(told.code, Some(1), "{told:?}");
    assert_row(&told, "kept", "ghcr.io");
    place.assert_answers("ghcr.io", &alice());
    assert_eq!(place.config(), config);

    place
        .command(&["import", "--replace"])
        .assert_success("import --replace");
    place.assert_answers("ghcr.io", &bob());
    assert_eq!(place.config()["auths"], json!({ "ghcr.io": {} }));
}

#[test]
fn one_bad_entry_costs_only_itself() {
    let place = place(&json!({
        "auths": {
            "a.example": { "auth": "not base64" },
            "b.example": { "auth": "bm9jb2xvbg==" },
            "u:p@c.example": alice().entry(),
            "ghcr.io": alice().entry(),
        },
        "credsStore": "age",
    }));
    let told = place.command(&["import"]);
    assert_eq!(told.code, Some(1), "{told:?}");
    assert_row(&told, "failed", "a.example");
    assert_row(&told, "failed", "b.example");
    assert_row(&told, "moved", "ghcr.io");
    assert!(
        told.text().contains("invalid auth configuration file"),
        "{told:?}"
    );
    assert!(!told.text().contains("u:p"), "{told:?}");
    place.assert_answers("ghcr.io", &alice());
}

#[test]
fn the_oldest_dockercfg_is_copied() {
    let place = place(&json!({ "credsStore": "age" }));
    let content = format!("auth = {}\nemail = alice@example.com\n", alice().basic());
    let file = place.add_file("home/.dockercfg", &content);
    let done = place.command(&["import"]);
    done.assert_success("import");
    place.assert_answers("https://index.docker.io/v1/", &alice());
    assert_eq!(fs::read_to_string(file).unwrap(), content);
}

#[test]
fn a_file_that_no_client_reads_is_copied_and_never_changed() {
    let place = place(&json!({}));
    let config = json!({ "auths": { "ghcr.io": alice().entry() } }).to_string();
    let file = place.add_file("home/pull-secret.json", &config);
    let path = file.to_str().unwrap();
    let copied = place.command(&["import", "--from", path]);
    copied.assert_success("import --from");
    assert_row(&copied, "copied", "ghcr.io");
    assert!(
        copied
            .text()
            .contains("docker doesn't ask docker-credential-age yet"),
        "{copied:?}"
    );
    place.assert_answers("ghcr.io", &alice());
    assert_eq!(fs::read_to_string(&file).unwrap(), config);
    assert_eq!(place.config(), json!({}));

    // --configure only affects docker's own file.
    let configured = place.command(&["import", "--from", path, "--configure"]);
    configured.assert_success("import --from --configure");
    assert!(!configured.text().contains("yet"), "{configured:?}");
    assert_eq!(place.config(), json!({ "credsStore": "age" }));
    assert_eq!(fs::read_to_string(&file).unwrap(), config);

    let missing = place.command(&["import", "--from", "./missing.json"]);
    assert_eq!(missing.code, Some(1), "{missing:?}");
    assert!(
        missing
            .text()
            .contains("./missing.json: No such file or directory"),
        "{missing:?}"
    );
}

#[test]
fn a_stale_alias_is_left_however_often_it_is_imported() {
    let place = place(&json!({
        "auths": { "docker.io": bob().entry(), "https://index.docker.io/v1/": alice().entry() },
        "credsStore": "age",
    }));
    for arguments in [&["import"][..], &["import"], &["import", "--replace"]] {
        let told = place.command(arguments);
        assert_eq!(told.code, Some(1), "{told:?}");
        assert_row(&told, "left", "docker.io");
        assert!(!told.text().contains("--replace"), "{told:?}");
        place.assert_answers("https://index.docker.io/v1/", &alice());
    }
    assert!(place.command(&["import"]).text().contains("delete this entry"));
}

#[test]
fn an_alias_without_another_login_is_moved() {
    let place = place(&json!({
        "auths": { "docker.io": bob().entry(), "https://index.docker.io/v1/": {} },
        "credsStore": "age",
    }));
    place.command(&["import"]).assert_success("import");
    place.assert_answers("https://index.docker.io/v1/", &bob());
}

#[test]
fn a_path_in_docker_s_file_is_podman_s_and_stays() {
    let config = json!({ "auths": { "quay.io/org": alice().entry() }, "credsStore": "age" });
    let place = place(&config);
    let done = place.command(&["import"]);
    done.assert_success("import");
    assert_row(&done, "copied", "quay.io/org");
    assert_eq!(place.config(), config);
    // docker treats it as the host.
    place.assert_answers("quay.io", &alice());
}

#[test]
fn another_user_s_file_is_left_out() {
    require!(requirement::root());
    let place = place(&json!({ "credsStore": "age" }));
    let content = json!({ "auths": { "quay.io": alice().entry() } }).to_string();
    let file = place.add_file("run/containers/auth.json", content);
    chown(&file, Some(4321), None).unwrap();
    let told = place.command(&["import", "--configure"]);
    assert!(told.text().contains("left out"), "{told:?}");
    place.assert_lists(&json!({}));
    // A named file is read, with a warning.
    let named = place.command(&["import", "--keep", "--from", file.to_str().unwrap()]);
    named.assert_success("import --from");
    assert!(named.text().contains("belongs to another user"), "{named:?}");
    place.assert_answers("quay.io", &alice());
}

#[test]
fn helm_s_login_is_moved_if_helm_asks_this_helper() {
    let place = place(&json!({ "credsStore": "age" }));
    let content = json!({ "auths": { "ghcr.io": alice().entry() } }).to_string();
    let file = place.add_file("config/helm/registry/config.json", content);
    let told = place.command(&["import"]);
    assert_row(&told, "left", "ghcr.io");
    assert!(told.text().contains("helm reads it from this file"), "{told:?}");
    place
        .command(&["import", "--configure"])
        .assert_success("import --configure");
    assert_eq!(
        read(&file),
        json!({ "auths": { "ghcr.io": {} }, "credsStore": "age" })
    );
}

#[test]
fn regctl_s_logins_are_pointed_out() {
    let place = place(&json!({ "credsStore": "age" }));
    let content = json!({ "hosts": { "ghcr.io": { "user": "alice", "pass": alice().secret } } });
    let file = place.add_file("home/.regctl/config.json", content.to_string());
    let told = place.command(&["import"]);
    told.assert_success("import");
    assert!(told.text().contains("docker login"), "{told:?}");
    assert!(!told.text().contains(&alice().secret), "{told:?}");
    assert_eq!(read(&file), content);
}

fn other_helper(place: &Sandbox) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/helpers/docker-credential-other");
    place.add_program("docker-credential-other", script.as_ref());
    place.add_file("home/other/list",
        r#"{"Registry credentials for ghcr.io":"alice","https://index.docker.io/v1/":"bob","gone.example":"x"}"#,
    );
    let login = alice();
    let answer = json!({ "ServerURL": "ghcr.io", "Username": login.username, "Secret": login.secret });
    place.add_file("home/other/ghcr.io", answer.to_string());
}

#[test]
fn another_helper_is_copied_from_and_told_no_secret() {
    let mut place = place(&json!({}));
    for variable in [
        "GITHUB_TOKEN",
        "GITHUB_PAT",
        "REGISTRY_PASS",
        "DOCKER_CREDENTIAL_X_PASSWORD",
    ] {
        place.set(variable, "marker");
    }
    other_helper(&place);
    let told = place.command(&["import", "--from", "other"]);
    assert_row(&told, "copied", "ghcr.io");
    assert_row(&told, "failed", "gone.example");
    place.assert_answers("ghcr.io", &alice());
    assert!(
        !fs::read_to_string(place.path("home/other/environment"))
            .unwrap()
            .contains("marker")
    );
}

#[test]
fn a_copied_login_that_docker_does_not_ask_for_is_pointed_out() {
    for (config, is_asked) in [
        (json!({ "credsStore": "other" }), false),
        (json!({ "credsStore": "age" }), true),
    ] {
        let place = place(&config);
        other_helper(&place);
        place.add_file("home/other/list", r#"{"ghcr.io":"alice"}"#);
        // People write the program's name, too.
        let told = place.command(&["import", "--from", "docker-credential-other"]);
        told.assert_success("import");
        let note = "docker doesn't ask docker-credential-age yet: add --configure, or run \"docker-credential-age configure\"";
        assert_eq!(told.text().contains(note), !is_asked, "{told:?}");
    }
}

/// A store of a team, or of one project.
#[test]
fn an_import_says_where_logins_go_by_a_variable() {
    for command in [&["configure", "--import"][..], &["import", "--configure"]] {
        let mut place = place(&json!({ "auths": { "ghcr.io": alice().entry() } }));
        let store = place.path("home/team");
        place.set("DOCKER_CREDENTIAL_AGE_DIR", &store);
        place.command(&["identity", "new"]).assert_success("identity new");
        place
            .command(&[
                "recipients",
                "add",
                "age1cc42pca3gz74pkmsnjk56s3hvwdqgy3ts8thqzgsl80nn5wx4yus4vqsxv",
            ])
            .assert_success("recipients add");
        let told = place.command(command);
        told.assert_success("the import");
        let note = "imported logins go to ~/team, where all its recipients can read them; docker finds them only \
                    while DOCKER_CREDENTIAL_AGE_DIR is set";
        assert!(told.text().contains(note), "{told:?}");
    }
}

#[test]
fn a_login_for_another_server_is_not_stored() {
    let place = place(&json!({}));
    other_helper(&place);
    let reply = json!({ "ServerURL": "evil.example", "Username": "x", "Secret": "y" });
    place.add_file("home/other/ghcr.io", reply.to_string());
    let told = place.command(&["import", "--from", "other"]);
    assert_row(&told, "failed", "ghcr.io");
    place.assert_lists(&json!({}));
    // Another spelling of the requested server counts.
    let login = alice();
    let reply = json!({ "ServerURL": "https://ghcr.io", "Username": login.username, "Secret": login.secret });
    place.add_file("home/other/ghcr.io", reply.to_string());
    let told = place.command(&["import", "--from", "other"]);
    assert_row(&told, "copied", "ghcr.io");
}

#[test]
fn an_empty_login_is_none() {
    let place = place(&json!({}));
    other_helper(&place);
    let reply = json!({ "ServerURL": "ghcr.io", "Username": "", "Secret": "" });
    place.add_file("home/other/ghcr.io", reply.to_string());
    let told = place.command(&["import", "--from", "other"]);
    assert_row(&told, "failed", "ghcr.io");
    place.assert_lists(&json!({}));
}

#[test]
fn a_helper_that_others_could_exchange_is_not_run() {
    let place = place(&json!({}));
    other_helper(&place);
    fs::set_permissions(place.path("bin"), fs::Permissions::from_mode(0o777)).unwrap();
    let told = place.command(&["import", "--from", "other"]);
    assert_eq!(told.code, Some(1), "{told:?}");
    assert!(!place.path("home/other/environment").exists());
    fs::set_permissions(place.path("bin"), fs::Permissions::from_mode(0o755)).unwrap();
    place.command(&["import", "--from", "other"]);
    assert!(place.path("home/other/environment").exists());
}

#[test]
fn a_helper_whose_credentials_expire_is_warned_about() {
    let place = place(&json!({}));
    other_helper(&place);
    place.add_program(
        "docker-credential-gcloud",
        &place.path("bin/docker-credential-other"),
    );
    let told = place.command(&["import", "--from", "gcloud"]);
    assert!(told.text().contains("credentials that expire"), "{told:?}");
    assert!(told.text().contains("credHelpers"), "{told:?}");
}

#[test]
fn the_variables_of_the_helper_for_variables_are_imported() {
    let mut place = place(&json!({}));
    place.set("DOCKER_CREDENTIAL_GHCR_IO_USERNAME", alice().username);
    place.set("DOCKER_CREDENTIAL_GHCR_IO_PASSWORD", alice().secret);
    let told = place.command(&["import", "--from", "env"]);
    told.assert_success("import --from env");
    assert_row(&told, "copied", "ghcr.io");
    place.assert_answers("ghcr.io", &alice());
}

#[test]
fn a_helper_of_windows_is_run_in_wsl() {
    let place = place(&json!({}));
    other_helper(&place);
    fs::rename(
        place.path("bin/docker-credential-other"),
        place.path("bin/docker-credential-other.exe"),
    )
    .unwrap();
    let told = place.command(&["import", "--from", "other.exe"]);
    assert_row(&told, "copied", "ghcr.io");
}

#[test]
fn a_helper_in_the_current_directory_is_not_run() {
    let place = place(&json!({}));
    other_helper(&place);
    for path in [".:bin", "bin", ":", ""] {
        let refused = place
            .run(AGE.program())
            .args(["import", "--from", "other"])
            .env("PATH", path)
            .outcome();
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(!place.path("home/other/environment").exists(), "PATH={path}");
    }
}

/// Each run is killed at a later system call, until one finishes.
#[test]
fn wherever_it_is_killed_no_login_is_lost() {
    require!(program::find("strace"));
    let servers: Vec<String> = (0..3).map(|number| format!("r{number}.example")).collect();
    let auths: serde_json::Map<String, Value> = servers
        .iter()
        .map(|server| (server.clone(), alice().entry()))
        .collect();
    for call in ["fsync", "renameat", "unlinkat", "flock"] {
        let mut kills = 0;
        for when in 1.. {
            let place = place(&json!({ "auths": auths }));
            let killed = place
                .run("strace")
                .args(["-f", "-qq", "-o", "/dev/null", "-e"])
                .arg(format!("inject={call}:signal=SIGKILL:when={when}"))
                .arg(AGE.program())
                .args(["import", "--configure"])
                .outcome();
            if killed.code == Some(0) {
                break;
            }
            kills += 1;
            assert!(when < 100, "it ends at last: {killed:?}");
            for server in &servers {
                let is_plain = place.config()["auths"][server] == alice().entry();
                if !is_plain {
                    place.assert_answers(server, &alice());
                }
            }
            place
                .command(&["import", "--configure"])
                .assert_success("import again");
            for server in &servers {
                place.assert_answers(server, &alice());
            }
            assert_eq!(place.traces_of(&alice()), Vec::<PathBuf>::new(), "{call} {when}");
        }
        assert!(kills > 0 || call == "unlinkat", "{call} was never reached");
    }
}
