//! Checks the scripts and the manual pages with tools.

use std::fs;
use std::path::Path;
use std::process::Command;

use docker_credential_tests::program::find;
use docker_credential_tests::require;
use docker_credential_tests::requirement::environment;
use docker_credential_tests::service::wait_for;
use tempfile::TempDir;

use crate::packages::installed;
use crate::place::{HELPERS, outcome, repository, run, write_program};

#[test]
fn every_command_has_a_manual_page() {
    require!(find("mandoc"));
    let prefix = require!(installed());
    for helper in HELPERS {
        let program = format!("docker-credential-{helper}");
        let help = run(Command::new(prefix.join("bin").join(&program)).arg("--help"));
        let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
        let commands: Vec<&str> = commands
            .map_while(|line| line.strip_prefix("  ")?.split(' ').next())
            .collect();
        assert!(commands.contains(&"configure"), "{help}");
        let pages = commands
            .iter()
            .filter(|command| !command.is_empty())
            .map(|command| format!("{program}-{command}.1"));
        for page in pages.chain([format!("{program}.1")]) {
            let path = prefix.join("share/man/man1").join(&page);
            assert!(path.is_file(), "{page} is missing");
            run(Command::new("mandoc").args(["-Tlint", "-Werror"]).arg(path));
        }
    }
}

/// Every script for a POSIX shell or bash that git tracks.
fn scripts() -> Vec<String> {
    let tracked = run(Command::new("git").arg("-C").arg(repository()).arg("ls-files"));
    let is_script = |file: &&str| {
        let start = fs::read(repository().join(file)).unwrap_or_default();
        ["#!/bin/sh\n", "#!/usr/bin/env bash\n"]
            .iter()
            .any(|line| start.starts_with(line.as_bytes()))
    };
    tracked.lines().filter(is_script).map(str::to_owned).collect()
}

#[test]
fn scripts_are_clean_to_shellcheck() {
    require!(find("shellcheck"));
    let scripts = scripts();
    assert!(scripts.contains(&"packaging/install".to_owned()), "{scripts:?}");
    run(Command::new("shellcheck")
        .current_dir(repository())
        .arg("--severity=warning")
        .args(scripts));
}

/// With it, `cd packaging/..` leads to another directory, and prints its path.
#[test]
fn scripts_ignore_cdpath() {
    for script in scripts() {
        let text = fs::read_to_string(repository().join(&script)).expect("a script can be read");
        assert!(
            !text.contains("cd \"") || text.contains("\nunset CDPATH"),
            "{script}"
        );
    }
}

/// Background programs of a shell don't get its interrupts, so cargo would compile for minutes.
#[test]
fn a_failed_build_ends_the_tests_other_build() {
    let tree = TempDir::new().expect("a temporary directory");
    let path = |name: &str| tree.path().join(name);
    fs::create_dir_all(path("tests")).expect("a directory can be made");
    fs::copy(repository().join("tests/run"), path("tests/run")).expect("it can be copied");
    for fetched in ["peers", "peers-own", "clients-python", "clients-node"] {
        fs::create_dir_all(path("target").join(fetched)).expect("a directory can be made");
    }
    write_program(&path("target/zizmor/bin/zizmor"), ":");
    write_program(&path("programs/dpkg-query"), "echo installed");
    write_program(&path("programs/cargo"), "echo $$ >started\nexec sleep 600");
    write_program(
        &path("packaging/install"),
        "until [ -s started ]; do sleep 0.01; done; exit 1",
    );
    let machine = environment("PATH").unwrap_or_default();
    let directories = [path("programs")]
        .into_iter()
        .chain(std::env::split_paths(&machine));

    let failed = outcome(
        Command::new(path("tests/run"))
            .env("PATH", std::env::join_paths(directories).expect("PATH"))
            .env_remove("CARGO_TARGET_DIR"),
    );

    assert_eq!(failed.status.code(), Some(1), "{failed:?}");
    let process = fs::read_to_string(path("started")).expect("cargo was called");
    let process = Path::new("/proc").join(process.trim());
    wait_for("cargo ends", || (!process.exists()).then_some(()));
}

/// Every linked crate has its licence's text, or is named as one without.
#[test]
fn every_linked_crate_has_its_licence_in_the_notices() {
    let prefix = require!(installed());
    let notices = fs::read_to_string(prefix.join("share/doc/credstow/THIRD-PARTY-NOTICES"))
        .expect("packaging/install writes it");
    let (list, texts) = notices
        .split_once("\n\n----")
        .expect("the licences follow the list of crates");
    let crates: Vec<&str> = list
        .split("They also contain these crates:\n\n")
        .nth(1)
        .expect("a list of crates")
        .lines()
        .take_while(|line| !line.is_empty())
        .collect();
    assert!(
        crates.iter().any(|line| line.starts_with("zbus 6.")),
        "{crates:?}"
    );
    for line in crates {
        let mut words = line.split(' ');
        let named = format!(
            "    {} {}\n",
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default()
        );
        assert!(
            texts.contains(&named) || list.contains(&named[..named.len() - 1]),
            "{named}"
        );
    }
}
