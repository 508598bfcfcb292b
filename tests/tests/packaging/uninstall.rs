//! The install script removes its files, and leaves others.

use std::fs;

use crate::place::{Download, only, outcome, refusal, run, tree, write, write_program};

fn installed() -> Download {
    let download = Download::new();
    run(&mut download.install(&["--no-configure"]));
    download
}

/// On a machine without other helpers.
fn uninstall(download: &Download) -> std::process::Command {
    let programs = download.path("few");
    if !programs.exists() {
        only(&programs, &["sh", "id", "tr", "grep", "rm", "uname"]);
    }
    let mut command = download.script(&["--uninstall", "--prefix=target"]);
    command.env("PATH", programs);
    command
}

#[test]
fn uninstall_removes_every_file_that_install_made() {
    let download = installed();

    let printed = run(&mut uninstall(&download));

    assert_eq!(
        printed,
        format!("removed the helpers from {}\n", download.prefix().display())
    );
    let files = tree(&download.prefix());
    let left: Vec<&str> = files
        .lines()
        .filter(|file| download.prefix().join(file).is_file())
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn uninstall_leaves_what_others_installed() {
    let download = installed();
    let others = [
        "bin/docker-credential-pass",
        "bin/docker-credential-desktop",
        "share/man/man1/docker-credential-pass.1",
        "share/docker-credential-age/ghcr.io.age",
    ];
    for file in others {
        write(&download.prefix().join(file), "another's");
    }

    run(&mut uninstall(&download));

    for file in others {
        assert!(download.prefix().join(file).is_file(), "{file}");
    }
}

#[test]
fn stored_logins_stay_and_are_named() {
    let download = installed();
    let store = download.path("home/.local/share/docker-credential-age");
    let identity = download.path("home/.config/docker-credential-age");
    for file in [store.join("ghcr.io.age"), identity.join("identity.txt")] {
        write(&file, "a secret");
    }

    let removed = outcome(uninstall(&download).env("LIST", r#"{"ghcr.io":"alice"}"#));

    assert_eq!(
        String::from_utf8_lossy(&removed.stderr),
        "install: to use or export stored logins, install again\n"
    );
    assert_eq!(
        String::from_utf8_lossy(&removed.stdout),
        format!(
            "still stored by docker-credential-age: {{\"ghcr.io\":\"alice\"}}\n\
             left in place: ~/.local/share/docker-credential-age\nleft in place: ~/.config/docker-credential-age\n\
             still stored by docker-credential-keyring: {{\"ghcr.io\":\"alice\"}}\n\
             removed the helpers from {}\n",
            download.prefix().display()
        )
    );
    assert!(store.join("ghcr.io.age").is_file());
    assert!(identity.join("identity.txt").is_file());
}

#[test]
fn logins_that_cannot_be_listed_stay_too() {
    let download = installed();
    let mut uninstall = uninstall(&download);
    uninstall
        .env("LIST_EXIT", "1")
        .env("LIST", "the keyring is locked");

    let printed = run(&mut uninstall);

    assert!(
        printed.contains(
            "docker-credential-keyring can't list its logins now, and any that it stored stay: the keyring is locked\n"
        ),
        "{printed}"
    );
}

#[test]
fn docker_gets_its_previous_setting_back() {
    let download = installed();
    let config = download.path("home/.docker/config.json");
    write(&config, r#"{"credsStore":"keyring"}"#);

    run(&mut uninstall(&download));

    assert_eq!(fs::read_to_string(config).ok().as_deref(), Some("{}\n"));
    let asked = download.asked();
    assert!(
        asked.contains("docker-credential-keyring unconfigure\n"),
        "{asked}"
    );
    assert!(!asked.contains("docker-credential-age unconfigure\n"), "{asked}");
}

/// Such as a package's, or the usual one, when this was a trial with another --prefix.
#[test]
fn settings_stay_if_docker_finds_another_helper() {
    let download = installed();
    let config = download.path("home/.docker/config.json");
    write(&config, r#"{"credsStore":"age"}"#);
    let another = download.path("few/docker-credential-age");
    let mut uninstall = uninstall(&download);
    write_program(&another, "exit 0");

    let removed = outcome(&mut uninstall);

    assert!(removed.status.success(), "{removed:?}");
    assert_eq!(
        String::from_utf8_lossy(&removed.stderr),
        format!(
            "install: docker keeps using docker-credential-age, which is also in {}\n",
            download.path("few").display()
        )
    );
    assert_eq!(
        fs::read_to_string(config).ok().as_deref(),
        Some(r#"{"credsStore":"age"}"#)
    );
    assert!(another.is_file() && !download.path("target/bin/docker-credential-age").exists());
}

#[test]
fn copies_of_a_killed_installation_are_removed() {
    let download = installed();
    let copies = [
        "target/bin/.docker-credential-age.new",
        "target/share/zsh/site-functions/._docker-credential-age.new",
    ];
    for copy in copies {
        write(&download.path(copy), "a part");
    }

    run(&mut uninstall(&download));

    for copy in copies {
        assert!(!download.path(copy).exists(), "{copy}");
    }
}

/// Each may have replaced another of these helpers.
#[test]
fn docker_is_not_left_with_a_removed_helper() {
    let download = installed();
    let config = download.path("home/.docker/config.json");
    write(&config, r#"{"credsStore":"age"}"#);
    for (helper, previous) in [("age", "keyring"), ("keyring", "env"), ("env", "age")] {
        let program = download.prefix().join(format!("bin/docker-credential-{helper}"));
        let restores = format!(
            "[ \"$1\" = unconfigure ] || {{ echo '{{}}'; exit 0; }}\n\
             [ -e \"$0.undone\" ] || {{ >\"$0.undone\"; echo '\"{previous}\"' >\"$HOME/.docker/config.json\"; exit; }}\n\
             echo '{{}}' >\"$HOME/.docker/config.json\""
        );
        write_program(&program, &restores);
    }

    let removed = outcome(&mut uninstall(&download));

    assert_eq!(fs::read_to_string(config).ok().as_deref(), Some("{}\n"));
    assert_eq!(String::from_utf8_lossy(&removed.stderr), "");
}

/// They would fail for every registry, as docker would.
#[test]
fn podman_and_helm_get_their_previous_settings_back() {
    let download = installed();
    let podmans = download.path("home/.config/containers/registries.conf.d/50-docker-credential-age.conf");
    write(&podmans, "credential-helpers = [\"age\"]\n");
    let helms = download.path("home/.config/helm/registry/config.json");
    write(&helms, r#"{"credsStore":"keyring"}"#);

    run(&mut uninstall(&download));

    assert!(!podmans.exists() && !helms.exists());
    let asked: Vec<String> = download.asked().lines().map(str::to_owned).collect();
    let unconfigured = asked.iter().filter(|call| call.contains("unconfigure"));
    assert_eq!(
        unconfigured.collect::<Vec<_>>(),
        [
            "docker-credential-age unconfigure --podman",
            "docker-credential-keyring unconfigure --helm"
        ]
    );
}

#[test]
fn on_macos_helms_settings_are_elsewhere() {
    let download = installed();
    let helms = download.path("home/Library/Preferences/helm/registry/config.json");
    write(&helms, r#"{"credsStore":"age"}"#);
    let mut uninstall = uninstall(&download);
    let uname = download.path("few/uname");
    fs::remove_file(&uname).expect("it can be removed");
    write_program(&uname, "echo Darwin");

    outcome(&mut uninstall);

    let asked = download.asked();
    assert!(
        asked.contains("docker-credential-age unconfigure --helm\n"),
        "{asked}"
    );
}

#[test]
fn without_a_way_back_nothing_is_removed() {
    let download = installed();
    write(
        &download.path("home/.docker/config.json"),
        r#"{"credsStore":"age"}"#,
    );
    let program = download.prefix().join("bin/docker-credential-age");
    write_program(&program, "[ \"$1\" != unconfigure ]");

    let complaint = refusal(&mut uninstall(&download));

    assert_eq!(
        complaint,
        "install: nothing is removed yet: fix the above, or use --no-configure\n"
    );
    assert!(program.is_file());
    run(uninstall(&download).arg("--no-configure"));
    assert!(!program.exists());
}

#[test]
fn where_nothing_is_installed_it_says_so() {
    let download = Download::new();
    fs::create_dir(download.prefix()).expect("a directory can be made");

    let output = outcome(&mut uninstall(&download));

    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        format!(
            "install: there is nothing to remove in {}; name the directory it was installed to by --prefix\n",
            download.prefix().display()
        )
    );
}
