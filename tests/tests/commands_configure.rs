//! `configure` and `unconfigure`: the files that they change, and the parts that they must keep.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::thread;

use docker_credential_tests::helper::AGE;
use docker_credential_tests::login::Login;
use docker_credential_tests::sandbox::Sandbox;
use docker_credential_tests::{require, requirement};
use serde_json::json;

/// With details that an edit easily loses: order, an unknown key, a number's format, an escape, tabs.
const CONFIG: &str = "{\n\t\"auths\": {\n\t\t\"ghcr.io\": {\n\t\t\t\"auth\": \"YWxpY2U6aHVudGVyMg==\"\n\t\t}\n\t},\n\t\"zz\": 1.50,\n\t\"HttpHeaders\": {\n\t\t\"A\": \"marker\\u003c\"\n\t},\n\t\"credsStore\": \"desktop\",\n\t\"psFormat\": \"x\"\n}";

fn place(config: &str) -> Sandbox {
    let place = Sandbox::new(AGE);
    fs::write(place.config_path(), config).expect("a file of the place");
    place
}

fn config(place: &Sandbox) -> String {
    fs::read_to_string(place.config_path()).expect("a file of the place")
}

#[test]
fn configure_changes_one_value_and_no_other_byte() {
    let place = place(CONFIG);
    let done = place.command(&["configure", "--no-import"]);
    done.assert_success("configure");
    assert!(done.text().contains(r#"it was "desktop""#), "{done:?}");
    assert_eq!(config(&place), CONFIG.replace("desktop", "age"));
}

#[test]
fn configure_makes_a_file_that_is_missing_for_its_owner_only() {
    let place = Sandbox::new(AGE);
    fs::remove_dir(place.path("home/.docker")).unwrap();
    place
        .command(&["configure", "--no-import"])
        .assert_success("configure");
    assert_eq!(config(&place), "{\n\t\"credsStore\": \"age\"\n}");
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(place.config_path()), 0o600);
    assert_eq!(mode(place.path("home/.docker")), 0o700);
}

#[test]
fn a_directory_that_is_missing_is_made_where_it_is_named_without_a_slash() {
    let place = Sandbox::new(AGE);
    let done = place
        .run(AGE.program())
        .arg("configure")
        .env("DOCKER_CONFIG", ".dc")
        .outcome();
    done.assert_success("configure");
    assert!(place.path(".dc/config.json").exists());
}

#[test]
fn configuring_again_changes_nothing() {
    let place = place(CONFIG);
    place
        .command(&["configure", "--no-import"])
        .assert_success("configure");
    let once = config(&place);
    let again = place.command(&["configure", "--no-import"]);
    again.assert_success("configure again");
    assert!(again.text().contains("nothing to change"), "{again:?}");
    assert_eq!(config(&place), once);
    // The original value is still recorded.
    place.command(&["unconfigure"]).assert_success("unconfigure");
    assert_eq!(config(&place), CONFIG);
}

#[test]
fn a_dry_run_shows_the_change_without_a_secret_and_makes_none() {
    let place = place(CONFIG);
    let shown = place.command(&["configure", "--dry-run"]);
    shown.assert_success("configure --dry-run");
    let text = shown.text();
    assert!(
        text.contains("credsStore would be \"age\"; it is \"desktop\""),
        "{shown:?}"
    );
    assert!(!text.contains("marker") && !text.contains("YWxp"), "{shown:?}");
    assert_eq!(config(&place), CONFIG);
    assert!(!place.path("config/docker-credential-age").exists());
}

#[test]
fn unconfigure_gives_back_every_byte() {
    for original in [
        CONFIG,
        "{}",
        "{\n  \"a\": 1\n}\n",
        "{\"credHelpers\": {\"quay.io\": \"pass\"}}",
    ] {
        let place = place(original);
        place
            .command(&["configure", "--no-import"])
            .assert_success("configure");
        place
            .command(&[
                "configure",
                "--registry",
                "quay.io",
                "--registry",
                "localhost:5000",
            ])
            .assert_success("configure --registry");
        place.command(&["unconfigure"]).assert_success("unconfigure");
        assert_eq!(config(&place), original);
    }
}

#[test]
fn unconfigure_leaves_what_somebody_else_has_set_since() {
    let place = place(CONFIG);
    place
        .command(&["configure", "--no-import"])
        .assert_success("configure");
    let changed = config(&place).replace("\"age\"", "\"pass\"");
    fs::write(place.config_path(), &changed).unwrap();
    place.command(&["unconfigure"]).assert_success("unconfigure");
    assert_eq!(config(&place), changed);
}

#[test]
fn the_hub_is_configured_under_docker_s_key_and_podman_s() {
    let place = place("{}");
    place
        .command(&["configure", "--registry", "index.docker.io"])
        .assert_success("configure");
    assert_eq!(
        place.config(),
        json!({ "credHelpers": { "https://index.docker.io/v1/": "age", "docker.io": "age" } })
    );
}

#[test]
fn a_registry_that_docker_would_never_ask_for_is_refused() {
    let place = place("{}");
    for registry in ["quay.io/org", "https://user:marker@ghcr.io", "ftp://ghcr.io", ""] {
        let refused = place.command(&["configure", "--registry", registry]);
        assert_eq!(refused.code, Some(1), "{registry}: {refused:?}");
        assert!(!refused.text().contains("marker"), "{refused:?}");
        assert_eq!(config(&place), "{}");
    }
}

#[test]
fn podman_is_configured_where_it_stays_after_a_reboot() {
    let place = Sandbox::new(AGE);
    place
        .command(&["configure", "--podman", "--registry", "quay.io"])
        .assert_success("configure --podman");
    let file = fs::read_to_string(place.path("config/containers/auth.json")).unwrap();
    assert_eq!(file, "{\n\t\"credHelpers\": {\n\t\t\"quay.io\": \"age\"\n\t}\n}");
    assert!(!place.path("run/containers").exists());
    assert!(!place.config_path().exists());
}

#[test]
fn podman_s_own_setting_says_which_file_is_configured() {
    let mut place = Sandbox::new(AGE);
    let file = place.path("home/elsewhere.json");
    place.set("REGISTRY_AUTH_FILE", &file);
    place
        .command(&["configure", "--podman", "--registry", "quay.io"])
        .assert_success("configure --podman");
    assert!(file.exists());
    assert!(!place.path("config/containers").exists());
}

#[test]
fn a_link_from_dotfiles_stays_a_link() {
    let place = Sandbox::new(AGE);
    let real = place.path("home/dotfiles.json");
    fs::write(&real, CONFIG).unwrap();
    symlink(&real, place.config_path()).unwrap();
    place
        .command(&["configure", "--no-import"])
        .assert_success("configure");
    assert_eq!(fs::read_link(place.config_path()).unwrap(), real);
    assert_eq!(
        fs::read_to_string(&real).unwrap(),
        CONFIG.replace("desktop", "age")
    );
}

#[test]
fn a_file_that_cannot_be_rewritten_safely_keeps_every_byte() {
    for (content, place_told) in [
        (&b"{\"auths\": {"[..], "line 1, column 12"),
        (b"{\n\t\"a\": 1,\n}", "trailing comma (line 2, column 8)"),
        (b"{} x", "line 1, column 4"),
        (b"{\"a\": 1, \"a\": 2}", "line 1, column 10"),
        (b"\xEF\xBB\xBF{}", "line 1, column 1"),
        (b"{\"a\": \"\xFF\"}", "line 1, column 8"),
        (b"[]", "line 1, column 1"),
        (b"{\"auths\": []}", "line 1, column 11"),
        (b"{\"credsStore\": [\"marker\"]}", "line 1, column 16"),
    ] {
        let place = Sandbox::new(AGE);
        fs::write(place.config_path(), content).unwrap();
        for command in [
            &["configure"][..],
            &["configure", "--dry-run"],
            &["import", "--configure"],
        ] {
            let failed = place.command(command);
            assert_eq!(failed.code, Some(1), "{command:?} of {failed:?}");
            assert!(failed.text().contains(place_told), "{command:?}: {failed:?}");
            assert!(!failed.text().contains("marker"), "{failed:?}");
            assert_eq!(fs::read(place.config_path()).unwrap(), content, "{command:?}");
        }
        assert_eq!(place.path("home/.docker").read_dir().unwrap().count(), 1);
    }
}

#[test]
fn a_place_where_nothing_can_be_written_is_an_error() {
    let place = Sandbox::new(AGE);
    symlink("b", place.path("home/a")).unwrap();
    symlink("a", place.path("home/b")).unwrap();
    symlink(place.path("home/a"), place.config_path()).unwrap();
    let circle = place.command(&["configure", "--no-import"]);
    assert_eq!(circle.code, Some(1), "links in a circle: {circle:?}");
    for directory in ["/proc/self/none", "/dev/null"] {
        let failed = place
            .run(AGE.program())
            .arg("configure")
            .env("DOCKER_CONFIG", directory)
            .outcome();
        assert_eq!(failed.code, Some(1), "{directory}: {failed:?}");
        assert!(
            failed.stdout.is_empty() && !failed.stderr.is_empty(),
            "{failed:?}"
        );
    }
}

#[test]
fn a_file_of_ten_megabytes_is_changed_in_one_place() {
    let long = format!("{{\n\t\"zz\": \"{}\"\n}}", "x".repeat(10 << 20));
    let place = place(&long);
    place
        .command(&["configure", "--no-import"])
        .assert_success("configure");
    assert!(config(&place) == long.replace("\"\n}", "\",\n\t\"credsStore\": \"age\"\n}"));
}

#[test]
fn parallel_changes_are_all_there_in_the_end_and_all_undone() {
    const COUNT: usize = 16;
    let registries: Vec<String> = (0..COUNT).map(|number| format!("r{number}.example")).collect();
    let former: serde_json::Map<_, _> = registries
        .iter()
        .map(|registry| (registry.clone(), json!("pass")))
        .collect();
    let original = json!({ "credHelpers": former });
    let place = place(&original.to_string());
    thread::scope(|scope| {
        for registry in &registries {
            let place = &place;
            scope.spawn(move || {
                place
                    .command(&["configure", "--registry", registry])
                    .assert_success("configure --registry");
            });
        }
    });
    let is_ours = |name: &serde_json::Value| *name == json!("age");
    assert!(
        place.config()["credHelpers"]
            .as_object()
            .unwrap()
            .values()
            .all(is_ours)
    );
    place.command(&["unconfigure"]).assert_success("unconfigure");
    assert_eq!(config(&place), original.to_string());
}

#[test]
fn nothing_is_remembered_in_another_users_directory() {
    require!(requirement::root());
    let place = place(CONFIG);
    let own = place.path("config/docker-credential-age");
    place.store("ghcr.io", &Login::new("alice", "hunter2"));
    chown(&own, Some(4321), Some(4321)).unwrap();
    let refused = place.command(&["configure", "--no-import"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.text().contains("belongs to another user"), "{refused:?}");
    // Its identity is not used either, so docker must not use it.
    assert_eq!(config(&place), CONFIG);
    assert!(!own.join("replaced.json").exists());
}

#[test]
fn what_another_user_remembers_stays_theirs() {
    require!(requirement::root());
    let place = place(CONFIG);
    place
        .command(&["configure", "--no-import"])
        .assert_success("configure");
    let record = place.path("config/docker-credential-age/replaced.json");
    for path in [record.parent().unwrap(), &record] {
        chown(path, Some(4321), Some(4321)).unwrap();
    }
    let refused = place.command(&["configure", "--registry", "quay.io"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let metadata = fs::metadata(&record).unwrap();
    assert_eq!((metadata.uid(), metadata.gid()), (4321, 4321));
}
