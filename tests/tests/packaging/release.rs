//! The scripts of a release: which tag may become one, which files it has, and what is pushed and drafted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::place::{HELPERS, outcome, repository, run, write, write_program};

/// A repository of its own with the release's scripts, one commit on main, and stand-ins for programs.
struct Tree(TempDir);

const MANIFEST: &str = "version = \"1.2.3\"\nrepository = \"https://git.test/credstow\"\n";
const CHANGELOG: &str = "# Changelog\n\n## 1.2.3\n\nThe new.\n\n## 1.2.2\n\nThe old.\n";

impl Tree {
    fn new() -> Self {
        let tree = Self(TempDir::new().expect("a temporary directory"));
        fs::create_dir_all(tree.path("sources")).expect("a directory can be made");
        run(Command::new("cp")
            .arg("-R")
            .arg(repository().join("packaging"))
            .arg(tree.path("sources")));
        write(&tree.path("sources/Cargo.toml"), MANIFEST);
        write(&tree.path("sources/CHANGELOG.md"), CHANGELOG);
        for document in ["LICENSE-APACHE", "LICENSE-MIT", "README.md"] {
            write(&tree.path("sources").join(document), document);
        }
        tree.git("init -q -b main");
        tree.commit();
        tree.git("tag v1.2.3");
        tree
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn git(&self, words: &str) {
        run(Command::new("git")
            .args(["-c", "user.name=a", "-c", "user.email=a@b.test"])
            .arg("-C")
            .arg(self.path("sources"))
            .args(words.split(' ')));
    }

    /// Commits everything, on main at the origin as well.
    fn commit(&self) {
        self.git("add -A");
        self.git("commit -q --allow-empty -m change");
        self.git("update-ref refs/remotes/origin/main HEAD");
    }

    fn stand_in(&self, name: &str, script: &str) {
        write_program(&self.path("programs").join(name), script);
    }

    /// Notes its name and arguments in `called`, and then runs `script`.
    fn recorder(&self, name: &str, script: &str) {
        let called = self.path("called").display().to_string();
        self.stand_in(name, &format!("echo \"{name} $*\" >>'{called}'\n{script}"));
    }

    fn called(&self) -> String {
        fs::read_to_string(self.path("called")).unwrap_or_default()
    }

    fn script(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.path("sources/packaging").join(name));
        let machine = docker_credential_tests::requirement::environment("PATH").unwrap_or_default();
        let path = [self.path("programs")]
            .into_iter()
            .chain(std::env::split_paths(&machine));
        command
            .args(arguments)
            .current_dir(self.0.path())
            .env("PATH", std::env::join_paths(path).expect("PATH"));
        command
    }

    #[track_caller]
    fn assert_refuses(&self, script: &str, arguments: &[&str], message: &str) {
        let refused = outcome(&mut self.script(script, arguments));
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        assert_eq!(String::from_utf8_lossy(&refused.stderr), format!("{message}\n"));
    }
}

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

/// What the jobs of a release deliver.
fn artifacts(tree: &Tree) -> Vec<String> {
    let mut files = vec!["windows-x86_64/credstow-1.2.3-x86_64-pc-windows-msvc.zip".to_owned()];
    for (rust, debian) in [("x86_64", "amd64"), ("aarch64", "arm64")] {
        files.push(format!(
            "linux-{rust}/credstow-1.2.3-{rust}-unknown-linux-gnu.tar.gz"
        ));
        files.push(format!("macos-{rust}/credstow-1.2.3-{rust}-apple-darwin.tar.gz"));
        for helper in HELPERS {
            files.push(format!(
                "linux-{rust}/docker-credential-{helper}_1.2.3_{debian}.deb"
            ));
            files.push(format!(
                "linux-{rust}/docker-credential-{helper}-1.2.3-1.{rust}.rpm"
            ));
        }
    }
    for helper in HELPERS {
        files.push(format!("bill-of-materials/docker-credential-{helper}.cdx.json"));
    }
    for file in &files {
        write(&tree.path("artifacts").join(file), file);
    }
    files
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = directory
        .read_dir()
        .expect("a directory of the test")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

#[test]
fn a_release_has_the_listed_files_and_their_sums() {
    let tree = Tree::new();
    let files = artifacts(&tree);

    run(&mut tree.script("release/collect", &["artifacts", "dist"]));

    let mut expected: Vec<String> = files
        .iter()
        .filter_map(|file| Some(file.split_once('/')?.1.to_owned()))
        .chain(["SHA256SUMS".to_owned(), "install".to_owned()])
        .collect();
    expected.sort();
    assert_eq!(names(&tree.path("dist")), expected);
    let checked = run(Command::new("sha256sum")
        .args(["--check", "--strict", "SHA256SUMS"])
        .current_dir(tree.path("dist")));
    assert_eq!(checked.lines().count(), expected.len() - 1);
}

#[test]
fn a_job_cannot_deliver_another_jobs_file() {
    for planted in [
        "bill-of-materials/credstow-1.2.3-x86_64-unknown-linux-gnu.tar.gz",
        "bill-of-materials/install",
        "linux-x86_64/more/credstow-1.2.3-x86_64-unknown-linux-gnu.tar.gz",
        "windows-x86_64/docker-credential-age_1.2.3_amd64.deb",
        "another-job/docker-credential-age.exe",
        "linux-x86_64/docker-credential-age_1.2.4_amd64.deb",
    ] {
        let tree = Tree::new();
        artifacts(&tree);
        write(&tree.path("artifacts").join(planted), "evil");
        tree.assert_refuses(
            "release/collect",
            &["artifacts", "dist"],
            &format!("cannot release: {planted} is not a file of the release"),
        );
        assert_eq!(names(&tree.path("dist")), Vec::<String>::new());
    }
}

#[test]
fn a_release_with_a_file_missing_is_refused() {
    let tree = Tree::new();
    artifacts(&tree);
    let missing = "macos-aarch64/credstow-1.2.3-aarch64-apple-darwin.tar.gz";
    fs::remove_file(tree.path("artifacts").join(missing)).expect("it can be removed");
    tree.assert_refuses(
        "release/collect",
        &["artifacts", "dist"],
        &format!("cannot release: {missing} is missing"),
    );
}

#[test]
fn a_link_is_not_released() {
    let tree = Tree::new();
    artifacts(&tree);
    let linked = tree.path("artifacts/bill-of-materials/docker-credential-age.cdx.json");
    fs::remove_file(&linked).expect("it can be removed");
    std::os::unix::fs::symlink("/etc/passwd", &linked).expect("a link can be made");
    tree.assert_refuses(
        "release/collect",
        &["artifacts", "dist"],
        "cannot release: docker-credential-age.cdx.json is not a regular file",
    );
}

#[test]
fn a_draft_has_the_notes_of_its_version() {
    let tree = Tree::new();
    write(&tree.path("dist/file"), "");
    tree.recorder(
        "gh",
        "while [ $# -gt 0 ]; do [ \"$1\" != --notes-file ] || cat \"$2\"; shift; done",
    );

    let notes = run(&mut tree.script("release/draft", &["o/r", "v1.2.3", "dist"]));

    assert_eq!(notes, "\nThe new.\n\n");
    let called = tree.called();
    assert!(
        called.starts_with(
            "gh release create v1.2.3 --repo o/r --draft --verify-tag --title credstow 1.2.3 --notes-file "
        ),
        "{called}"
    );
}

/// Stand-ins for gh, which downloads two small archives, and docker.
fn registry(tree: &Tree, verify: &str) {
    tree.recorder(
        "gh",
        &format!(
            "case $1 in\nrelease) for m in x86_64 aarch64; do n=credstow-1.2.3-$m-unknown-linux-gnu\n\
             mkdir $n && tar -czf $n.tar.gz $n && rmdir $n; done ;;\nattestation) {verify} ;;\nesac"
        ),
    );
    tree.recorder(
        "docker",
        "case $* in *'manifest push'*) echo pushed; echo sha256:abc ;; *login*) cat ;; esac",
    );
}

#[test]
fn an_image_is_made_of_archives_that_this_tag_attests() {
    let tree = Tree::new();
    registry(&tree, ":");
    let mut container = tree.script("release/container", &["Own/r", "v1.2.3"]);
    container.env("GH_TOKEN", "token").env("GITHUB_ACTOR", "actor");

    let printed = run(&mut container);

    assert_eq!(printed, "name=ghcr.io/own/credstow\ndigest=sha256:abc\n");
    let called = tree.called();
    let lines: Vec<&str> = called.lines().collect();
    for (line, machine) in lines[1..3].iter().zip(["x86_64", "aarch64"]) {
        assert_eq!(
            *line,
            format!(
                "gh attestation verify credstow-1.2.3-{machine}-unknown-linux-gnu.tar.gz --repo Own/r \
                 --signer-workflow Own/r/.github/workflows/release.yml --source-ref refs/tags/v1.2.3"
            )
        );
    }
    assert_eq!(lines[3], "docker login --username actor --password-stdin ghcr.io");
    assert!(!called.contains("token"), "{called}");
}

#[test]
fn an_archive_that_this_tag_does_not_attest_is_not_pushed() {
    let tree = Tree::new();
    registry(&tree, "exit 1");
    let mut container = tree.script("release/container", &["o/r", "v1.2.3"]);
    container.env("GH_TOKEN", "token").env("GITHUB_ACTOR", "actor");

    let refused = outcome(&mut container);

    assert!(!refused.status.success(), "{refused:?}");
    assert!(!tree.called().contains("docker"), "{}", tree.called());
}

/// The Rust that releases are built with, as far as the scripts see it.
fn rust(tree: &Tree) {
    tree.stand_in(
        "rustc",
        "case $1 in\n-vV) echo host: x86_64-unknown-linux-gnu ;;\n*) echo 'rustc 1.95.0 (59807616e 2026-04-14)' ;;\nesac",
    );
}

#[test]
fn the_archive_for_windows_has_programs_and_licences() {
    let tree = Tree::new();
    rust(&tree);
    tree.recorder(
        "cargo",
        "[ \"$1\" = build ] || exit 0\nmkdir -p target/x86_64-pc-windows-msvc/release\n\
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
fn each_helper_has_a_bill_of_materials() {
    let tree = Tree::new();
    tree.stand_in("cargo-cyclonedx", ":");
    tree.recorder(
        "cargo",
        "d=${5%/*}; mkdir -p \"$d\"; : >\"$d/docker-credential-${d##*/}.cdx.json\"",
    );

    run(&mut tree.script("release/bill-of-materials", &["dist"]));

    assert_eq!(
        names(&tree.path("dist")),
        HELPERS.map(|helper| format!("docker-credential-{helper}.cdx.json"))
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
