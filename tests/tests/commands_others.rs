//! `export`, `explain`, `doctor`, `completions` and the help.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use docker_credential_tests::helper::{AGE, ENV};
use docker_credential_tests::login::alice;
use docker_credential_tests::program;
use docker_credential_tests::require;
use docker_credential_tests::sandbox::Sandbox;
use serde_json::{Value, json};

const HUB: &str = "https://index.docker.io/v1/";

fn place() -> Sandbox {
    let mut place = Sandbox::with_creds_store(AGE);
    place.keep_secret(&[alice()]);
    place
}

#[test]
fn kubernetes_and_docker_find_the_hub_by_its_url() {
    let place = place();
    place.store(HUB, &alice());
    place.store("ghcr.io", &alice());
    for format in ["dockerconfigjson", "auth-config"] {
        let printed = place.command(&["export", "--format", format]);
        printed.assert_success("export");
        let printed: Value = serde_json::from_slice(&printed.stdout).unwrap();
        let entry = alice().entry();
        assert_eq!(
            printed,
            json!({ "auths": { "ghcr.io": entry, HUB: entry } }),
            "{format}"
        );
    }
    let line = place.command(&["export", "--format", "auth-config"]).stdout;
    assert_eq!(String::from_utf8_lossy(&line).lines().count(), 1);
}

#[test]
fn podman_reads_the_exported_file() {
    require!(program::find("podman"));
    let place = place();
    place.store(HUB, &alice());
    let printed = place.command(&["export", "--format", "auth.json"]);
    printed.assert_success("export");
    let file = place.path("auth.json");
    fs::write(&file, &printed.stdout).unwrap();
    let known = place
        .run("podman")
        .args(["login", "--get-login", "--authfile"])
        .arg(&file)
        .arg("docker.io")
        .outcome();
    known.assert_success("podman login --get-login");
    assert_eq!(known.stdout, b"alice\n", "{known:?}");
}

#[test]
fn another_helper_is_given_a_login_and_asked_for_it_again() {
    let place = place();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/helpers/docker-credential-other");
    place.add_program("docker-credential-other", script.as_ref());
    fs::create_dir(place.path("home/other")).unwrap();
    place.store("ghcr.io", &alice());
    place
        .command(&["export", "--to", "other"])
        .assert_success("export --to");
    let stored: Value = serde_json::from_slice(&fs::read(place.path("home/other/stored")).unwrap()).unwrap();
    assert_eq!(
        stored,
        json!({ "ServerURL": "ghcr.io", "Username": "alice", "Secret": alice().secret })
    );
}

#[test]
fn what_another_helper_is_given_is_encrypted_to_the_identity_in_its_variable() {
    let elsewhere = place();
    elsewhere.store("x.example", &alice());
    let identity = fs::read_to_string(elsewhere.path("config/docker-credential-age/identity.txt")).unwrap();
    let identity = identity.lines().last().expect("the key is the last line");

    let mut place = Sandbox::new(ENV);
    place.keep_secret(&[alice()]);
    place.set("DOCKER_CREDENTIAL_AGE_IDENTITY", identity);
    place.provide("ghcr.io", &alice());
    place
        .command(&["export", "--to", "age"])
        .assert_success("export --to age");
    assert!(!place.path("config/docker-credential-age/identity.txt").exists());
    place.set_program(&AGE.program());
    place.assert_answers("ghcr.io", &alice());
}

/// The deciding step for docker in `explain --json`, and its helper.
fn decision(place: &Sandbox, server: &str) -> (Value, Value) {
    let outcome = place.command(&["explain", "--json", server]);
    outcome.assert_success("explain --json");
    let explained: Value = serde_json::from_slice(&outcome.stdout).expect("JSON");
    (
        explained["docker"]["decides"].clone(),
        explained["docker"]["helper"].clone(),
    )
}

#[test]
fn explain_prints_json() {
    let place = place();
    assert_eq!(decision(&place, "ghcr.io"), (json!("credsStore"), json!("age")));
    place.write_config(&json!({ "credHelpers": { "ghcr.io": "gone" } }));
    assert_eq!(decision(&place, "ghcr.io"), (json!("credHelpers"), json!("gone")));
    assert_eq!(decision(&place, "quay.io"), (Value::Null, Value::Null));
}

#[test]
fn explain_reads_an_image_as_docker_does() {
    let place = place();
    for image in [
        "nginx",
        "nginx:1.25",
        "ubuntu:22.04",
        "nginx@sha256:0123",
        "docker://nginx",
    ] {
        let outcome = place.command(&["explain", "--json", image]);
        let explained: Value = serde_json::from_slice(&outcome.stdout).expect("JSON");
        assert_eq!(explained["docker"]["asks_for"], HUB, "{image}");
    }
}

#[test]
fn explain_shows_no_secret() {
    let place = place();
    place.write_config(&json!({ "auths": {
        "ghcr.io": { "auth": alice().basic(), "identitytoken": alice().secret, "password": alice().secret },
    }}));
    let text = place.command(&["explain", "ghcr.io"]).text();
    for form in alice().forms() {
        assert!(!text.contains(&form));
    }
}

/// The findings of `doctor --json`: level and check.
fn findings(place: &Sandbox) -> (Option<i32>, Vec<(String, String)>) {
    let outcome = place.command(&["doctor", "--json"]);
    let found: Vec<Value> =
        serde_json::from_slice(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:?}"));
    let text = |finding: &Value, key: &str| finding[key].as_str().expect("a string").to_owned();
    let pairs = found
        .iter()
        .map(|finding| (text(finding, "level"), text(finding, "check")));
    (outcome.code, pairs.collect())
}

#[track_caller]
fn assert_found(place: &Sandbox, level: &str, check: &str) {
    let (code, found) = findings(place);
    assert!(
        found.contains(&(level.to_owned(), check.to_owned())),
        "{level} {check} in {found:?}"
    );
    let has_error = found.iter().any(|(level, _)| level == "error");
    assert_eq!(
        code,
        Some(i32::from(has_error)),
        "errors, and only they, exit with 1: {found:?}"
    );
}

#[test]
fn doctor_finds_nothing_wrong_where_nothing_is() {
    let place = place();
    place.write_config(&json!({
        "credsStore": "age",
        "credHelpers": { HUB: "age", "docker.io": "age" },
        "auths": { HUB: {} },
    }));
    place.store(HUB, &alice());
    let (code, found) = findings(&place);
    assert_eq!(code, Some(0), "{found:?}");
    assert!(found.iter().all(|(level, _)| level == "ok"), "{found:?}");
    assert!(found.contains(&("ok".into(), "round-trip".into())), "{found:?}");
    // It leaves nothing behind.
    place.assert_lists(&json!({ HUB: "alice" }));
}

#[test]
fn doctor_leaves_it_to_the_first_login_to_make_an_identity() {
    let place = place();
    assert_found(&place, "warning", "identity");
    let files = ["config/docker-credential-age", "data/docker-credential-age"];
    for file in files.map(|file| place.path(file)) {
        assert!(!file.exists(), "doctor made {file:?}");
    }
}

#[test]
fn doctor_does_not_promise_an_identity_where_a_login_makes_none() {
    let mut place = place();
    place.set(
        "DOCKER_CREDENTIAL_AGE_RECIPIENTS",
        "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa",
    );
    assert_found(&place, "error", "identity");
}

#[test]
fn doctor_names_what_is_wrong_with_the_configuration() {
    let auth = alice().basic();
    for (config, level, check) in [
        (json!({}), "warning", "config"),
        (json!({ "credsStore": "desktop" }), "error", "helper"),
        (
            json!({ "credsStore": "age", "credHelpers": { "a.example": "gone" } }),
            "error",
            "helper",
        ),
        (
            json!({ "credsStore": "age", "auths": { "a.example": { "auth": auth } } }),
            "error",
            "left-behind",
        ),
        (
            json!({ "credsStore": "age", "auths": { "a.example": { "auth": "x" } } }),
            "error",
            "config",
        ),
        (
            json!({ "credHelpers": { "docker.io": "age" } }),
            "warning",
            "hub-key",
        ),
        (json!({ "credsStore": "age" }), "warning", "markers"),
    ] {
        let place = place();
        place.store("ghcr.io", &alice());
        place.write_config(&config);
        assert_found(&place, level, check);
    }
}

#[test]
fn doctor_reports_a_file_that_docker_cannot_read() {
    let place = place();
    fs::write(place.config_path(), "{\"auths\": ").unwrap();
    assert_found(&place, "error", "config");
    fs::write(place.config_path(), "{} x").unwrap();
    assert_found(&place, "error", "config");
}

#[test]
fn doctor_reports_a_variable_that_answers_before_the_helper() {
    let mut place = place();
    place.set(
        "DOCKER_AUTH_CONFIG",
        json!({ "auths": { "ghcr.io": { "auth": alice().basic() } } }).to_string(),
    );
    assert_found(&place, "warning", "auth-config");
}

#[test]
fn doctor_reports_plain_text_in_the_oldest_file_by_url() {
    let place = place();
    let old = json!({ HUB: { "auth": alice().basic() } });
    fs::write(place.path("home/.dockercfg"), old.to_string()).unwrap();
    assert_found(&place, "warning", "plain-text");
}

#[test]
fn doctor_looks_for_the_program_as_docker_does() {
    let place = place();
    place.add_program("docker-credential-age", &AGE.program());
    assert_found(&place, "ok", "program");
    // docker still runs this one.
    fs::set_permissions(place.path("bin"), fs::Permissions::from_mode(0o777)).unwrap();
    assert_found(&place, "warning", "program");
}

#[test]
fn doctor_reports_a_program_that_docker_finds_and_does_not_run() {
    let place = place();
    place.add_program("docker-credential-age", &AGE.program());
    let told = place
        .run(AGE.program())
        .args(["doctor", "--json"])
        .env("PATH", "bin")
        .outcome();
    assert!(told.text().contains("doesn't run it"), "{told:?}");
}

#[test]
fn doctor_reports_a_program_that_docker_does_not_find() {
    let place = place();
    let told = place
        .run(AGE.program())
        .args(["doctor", "--json"])
        .env("PATH", "/nonexistent")
        .outcome();
    assert_eq!(told.code, Some(1), "{told:?}");
    assert!(told.text().contains("is not on PATH"), "{told:?}");
}

#[test]
fn help_begins_as_docker_s_own_helpers_do_and_names_every_command() {
    let place = place();
    for option in ["--help", "-h"] {
        let help = place.command(&[option]);
        help.assert_success("help");
        let text = String::from_utf8(help.stdout).unwrap();
        assert!(
            text.starts_with("Usage: docker-credential-age <store|get|erase|list|version>\n"),
            "{text}"
        );
        for command in [
            "configure",
            "unconfigure",
            "import",
            "export",
            "explain",
            "doctor",
            "completions",
        ] {
            assert!(text.contains(&format!("\n  {command} ")), "{command}: {text}");
            let long = place.command(&[command, "--help"]);
            long.assert_success("help of a command");
            let long = String::from_utf8(long.stdout).unwrap();
            assert!(
                long.contains(&format!("Usage: docker-credential-age {command}")),
                "{long}"
            );
            assert!(long.lines().all(|line| line.chars().count() <= 100), "{long}");
        }
    }
}

#[test]
fn an_unknown_word_is_answered_as_by_docker_s_own_helpers() {
    let place = place();
    let failed = place.command(&["frobnicate", "--help"]);
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert_eq!(
        failed.stdout,
        b"docker-credential-age: unknown action: frobnicate\n"
    );
}

#[test]
fn completions_are_scripts_that_their_shell_reads() {
    let place = place();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = place.command(&["completions", shell]);
        script.assert_success(shell);
        assert!(script.text().contains("docker-credential-age"), "{shell}");
        if shell == "bash" {
            let file = place.path("completions");
            fs::write(&file, &script.stdout).unwrap();
            place
                .run("bash")
                .arg("-n")
                .arg(&file)
                .outcome()
                .assert_success("bash -n");
        }
    }
}

#[test]
fn manual_pages_can_be_read_by_everybody() {
    let place = place();
    let directory = place.path("man");
    fs::create_dir(&directory).unwrap();
    place
        .command(&["manual", directory.to_str().unwrap()])
        .assert_success("manual");
    for page in directory.read_dir().unwrap() {
        let page = page.unwrap();
        let mode = page.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644, "{page:?}");
    }
}

/// A shell's script, in a file, and a sandbox in which `explain ghcr.io` succeeds.
fn completing(shell: &str) -> Sandbox {
    let place = place();
    place.store("ghcr.io", &alice());
    let script = place.command(&["completions", shell]);
    script.assert_success("completions");
    fs::write(place.path("script"), script.stdout).expect("a file");
    place
}

/// Types `explain ghcr.io` with two tabs into an interactive shell.
#[track_caller]
fn assert_completes_by_tab(shell: &str, call: &str, prepare: &str) {
    let place = completing(shell);
    let keys = format!("{prepare}. ./script\ndocker-credential-age expl\tgh\t\nexit\n");
    let shown = place
        .run("script")
        .args(["--quiet", "--return", "--command", call, "/dev/null"])
        .stdin(keys)
        .outcome()
        .text();
    assert!(
        shown.contains("the login of alice, stored for ghcr.io"),
        "{shown}"
    );
}

#[test]
fn bash_completes_commands_and_stored_servers() {
    require!(program::find("script"));
    assert_completes_by_tab("bash", "bash --norc --noprofile -i", "");
}

#[test]
fn zsh_completes_commands_and_stored_servers() {
    require!(program::find("script"));
    require!(program::find("zsh"));
    assert_completes_by_tab("zsh", "zsh -f -i", "autoload -U compinit; compinit -u\n");
}

#[test]
fn fish_completes_commands_and_stored_servers() {
    require!(program::find("fish"));
    let place = completing("fish");
    for (line, expected) in [
        ("docker-credential-age expl", "explain\t"),
        ("docker-credential-age explain gh", "ghcr.io\n"),
        ("docker-credential-age identity pass", "passphrase\t"),
    ] {
        let asked = format!(". ./script; complete -C '{line}'");
        let shown = place.run("fish").args(["--no-config", "-c", &asked]).outcome();
        assert!(shown.text().starts_with(expected), "{line}: {shown:?}");
    }
}

#[test]
fn completions_go_below_the_top_level_and_name_helpers() {
    let place = place();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/helpers/docker-credential-other");
    place.add_program("docker-credential-other", script.as_ref());
    place.store("localhost:5000", &alice());
    let candidates = |line: &str| {
        let printed = place.command(&["completions", "bash", line]);
        String::from_utf8(printed.stdout).unwrap()
    };
    assert!(candidates("docker-credential-age export --to ").contains("other\n"));
    assert_eq!(
        candidates("docker-credential-age export --format a"),
        "auth-config\nauth.json\n"
    );
    assert!(candidates("docker-credential-age identity ").contains("backup\n"));
    assert_eq!(candidates("docker-credential-age doctor --j"), "--json\n");
    // bash only replaces the part after the colon.
    assert_eq!(candidates("docker-credential-age explain localhost:50"), "5000\n");
}

#[test]
fn doctor_fix_asks_before_it_runs_a_fix() {
    require!(program::find("script"));
    let place = place();
    place.store("ghcr.io", &alice());
    let is_open = || {
        let mode = fs::metadata(place.config_path())
            .expect("config.json")
            .permissions()
            .mode();
        mode & 0o022 != 0
    };
    fs::set_permissions(place.config_path(), fs::Permissions::from_mode(0o666)).expect("a mode");
    let without_terminal = place.command(&["doctor", "--fix"]);
    assert_eq!(without_terminal.code, Some(1), "{without_terminal:?}");
    assert!(is_open());
    let command = format!("{} doctor --fix", AGE.program().display());
    let answer = |keys: &str| {
        let shown = place
            .run("script")
            .args(["--quiet", "--return", "--command", &command, "/dev/null"]);
        shown.stdin(keys).outcome().text()
    };
    let refused = answer("n\nn\nn\n");
    assert!(refused.contains("chmod go-w"), "{refused}");
    assert!(is_open(), "{refused}");
    let agreed = answer("y\ny\ny\n");
    assert!(!is_open(), "{agreed}");
    assert!(agreed.contains("Checking again"), "{agreed}");
}

#[test]
fn doctor_reports_a_config_json_that_is_mounted_alone() {
    require!(docker_credential_tests::requirement::root());
    require!(program::find("unshare"));
    let place = place();
    let file = place.config_path().display().to_string();
    let script = format!(
        "mount --bind {file} {file} && exec {} doctor --json",
        AGE.program().display()
    );
    let outcome = place
        .run("unshare")
        .args(["--mount", "sh", "-c", &script])
        .outcome();
    assert!(
        outcome.text().contains("is mounted as a single file"),
        "{outcome:?}"
    );
}
