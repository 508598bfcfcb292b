//! Checks the scripts and the manual pages with tools.

use std::fs;
use std::process::Command;

use docker_credential_tests::program::find;
use docker_credential_tests::require;

use crate::packages::installed;
use crate::place::{HELPERS, repository, run};

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
