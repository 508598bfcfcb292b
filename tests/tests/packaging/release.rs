//! Checks tags for releases, and builds the files.

use std::fs;

use crate::place::{PROGRAMS, outcome, run, write, write_program};
use crate::tree::{MANIFEST, Tree, names, rust};

#[test]
fn a_tag_of_main_with_its_version_may_be_released() {
    run(&mut Tree::new().script("release/check-tag", &["v1.2.3"]));
}

#[test]
fn a_tag_of_another_version_is_refused() {
    Tree::new().assert_refuses(
        "release/check-tag",
        &["v1.2.4"],
        "cannot release v1.2.4: Cargo.toml has version 1.2.3",
    );
}

#[test]
fn a_tag_that_is_not_on_main_is_refused() {
    let tree = Tree::new();
    tree.git("commit -q --allow-empty -m aside");
    tree.git("tag -f v1.2.3");
    tree.assert_refuses(
        "release/check-tag",
        &["v1.2.3"],
        "cannot release v1.2.3: its commit is not on main",
    );
}

#[test]
fn a_tag_of_another_commit_than_the_checkout_is_refused() {
    let tree = Tree::new();
    tree.commit();
    let refused = outcome(&mut tree.script("release/check-tag", &["v1.2.3"]));
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
}

#[test]
fn a_release_without_its_changelog_is_refused() {
    let tree = Tree::new();
    write(
        &tree.path("sources/CHANGELOG.md"),
        "# Changelog\n\n## Unreleased\n",
    );
    tree.assert_refuses(
        "release/check-tag",
        &["v1.2.3"],
        "cannot release v1.2.3: CHANGELOG.md has no section \"## 1.2.3\"",
    );
}

#[test]
fn the_placeholder_address_is_not_released() {
    let tree = Tree::new();
    write(
        &tree.path("sources/Cargo.toml"),
        &MANIFEST.replace("git.test", "credstow.example"),
    );
    tree.assert_refuses(
        "release/check-tag",
        &["v1.2.3"],
        "cannot release v1.2.3: the repository's address in Cargo.toml is still the placeholder",
    );
}

#[test]
fn only_a_passed_run_on_main_counts() {
    let tree = Tree::new();
    for (answer, passes) in [("1", true), ("0", false), ("", false), ("null", false)] {
        tree.recorder("gh", &format!("echo '{answer}'"));
        let output = outcome(&mut tree.script("release/check-suite", &["o/r", "abc"]));
        assert_eq!(output.status.success(), passes, "{answer}: {output:?}");
    }
    tree.recorder("gh", "exit 4");
    let output = outcome(&mut tree.script("release/check-suite", &["o/r", "abc"]));
    assert!(!output.status.success(), "{output:?}");
    let called = tree.called();
    assert!(
        called.starts_with(
            "gh api --method GET repos/o/r/actions/workflows/ci.yml/runs \
             -f head_sha=abc -f branch=main -f event=push -f status=success --jq .total_count\n"
        ),
        "{called}"
    );
}

#[test]
fn the_archive_for_windows_has_programs_and_licences() {
    let tree = Tree::new();
    rust(&tree);
    tree.recorder(
        "cargo",
        "[ \"$1\" = build ] || exit 0\necho \"$RUSTFLAGS\" >flags\nmkdir -p target/x86_64-pc-windows-msvc/release\n\
         for h in age env keyring; do : >target/x86_64-pc-windows-msvc/release/docker-credential-$h.exe; done",
    );
    tree.stand_in("7z", "find \"$3\" -type f | LC_ALL=C sort >\"$2\"");
    write_program(
        &tree.path("sources/packaging/notices"),
        "echo \"licences for $1\"",
    );

    run(&mut tree.script("release/build-windows", &["dist"]));

    let zip = fs::read_to_string(tree.path("dist/credstow-1.2.3-x86_64-pc-windows-msvc.zip"))
        .expect("the archive is there");
    let files: Vec<&str> = zip
        .lines()
        .filter_map(|line| Some(line.split_once('/')?.1))
        .collect();
    assert_eq!(
        files,
        [
            "CHANGELOG.md",
            "LICENSE-APACHE",
            "LICENSE-MIT",
            "README.md",
            "bin/docker-credential-age.exe",
            "bin/docker-credential-env.exe",
            "bin/docker-credential-keyring.exe",
            "share/doc/credstow/THIRD-PARTY-NOTICES",
        ]
    );
    let flags = fs::read_to_string(tree.path("sources/flags")).expect("cargo was called");
    for cipher in ["chacha20", "poly1305"] {
        assert!(flags.contains(&format!("--cfg {cipher}_force_soft")), "{flags}");
    }
}

/// cargo prints them with backslashes, which no shell opens.
#[test]
fn licences_are_found_below_the_paths_of_windows() {
    let tree = Tree::new();
    write(
        &tree.path("sources/helpers/age/Cargo.toml"),
        "name = \"docker-credential-age\"\n",
    );
    write(
        &tree.path("sources/C:/cargo/aes-0.9.4/LICENSE-MIT"),
        "The licence of aes.\n",
    );
    tree.stand_in(
        "cargo",
        "case $1 in\ntree) echo aes v0.9.4 MIT ;;\n\
         *) printf '%s\\n' '{\"manifest_path\":\"C:\\\\cargo\\\\aes-0.9.4\\\\Cargo.toml\"}' ;;\nesac",
    );

    let notices = run(&mut tree.script("notices", &["x86_64-pc-windows-msvc"]));

    assert!(
        notices.ends_with("    aes 0.9.4\n\nThe licence of aes.\n"),
        "{notices}"
    );
}

#[test]
fn without_the_release_toolchain_it_says_how_to_get_it() {
    let tree = Tree::new();
    tree.stand_in("rustc", "echo rustc 1.94.0");
    tree.assert_refuses(
        "release/build",
        &["dist"],
        "cannot build as the release: it takes Rust 1.95.0; run: rustup toolchain install 1.95.0 --profile minimal",
    );
}

#[test]
fn later_steps_of_a_job_use_the_rust_of_the_release() {
    let tree = Tree::new();
    tree.recorder("rustup", "");
    let file = tree.path("environment");

    run(tree.script("release/install-rust", &[]).env("GITHUB_ENV", &file));

    assert_eq!(
        tree.called(),
        "rustup toolchain install 1.95.0 --profile minimal\n"
    );
    let environment = fs::read_to_string(file).expect("the file of the job is written");
    assert_eq!(environment, "RUSTUP_TOOLCHAIN=1.95.0\n");
}

#[test]
fn each_program_has_a_bill_of_materials() {
    let tree = Tree::new();
    for manifest in [
        "helpers/age",
        "helpers/env",
        "helpers/keyring",
        "tests/conformance",
    ] {
        write(&tree.path("sources").join(manifest).join("Cargo.toml"), manifest);
    }
    tree.stand_in("cargo-cyclonedx", ":");
    tree.recorder(
        "cargo",
        "d=${5%/*}; mkdir -p \"$d\"; : >\"$d/docker-credential-${d##*/}.cdx.json\"",
    );

    run(&mut tree.script("release/bill-of-materials", &["dist"]));

    assert_eq!(
        names(&tree.path("dist")),
        PROGRAMS.map(|program| format!("docker-credential-{program}.cdx.json"))
    );
}

#[test]
fn before_the_first_release_there_is_nothing_to_compare() {
    let tree = Tree::new();
    tree.git("tag -d v1.2.3");
    assert_eq!(
        run(&mut tree.script("ci/semver", &[])),
        "nothing is released yet: nothing to compare with\n"
    );
}

#[test]
fn interfaces_are_compared_with_the_last_release() {
    let tree = Tree::new();
    rust(&tree);
    tree.commit();
    tree.stand_in("cargo-semver-checks", ":");
    tree.recorder("cargo", "");

    run(&mut tree.script("ci/semver", &[]));

    assert_eq!(
        tree.called(),
        "cargo semver-checks --baseline-rev v1.2.3 --package docker-credential-helper \
         --package docker-credential-conformance\n"
    );
}
