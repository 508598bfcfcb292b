//! Collects, pushes and drafts the files of a release.

use std::fs;
use std::process::Command;

use crate::place::{PROGRAMS, outcome, run, write};
use crate::tree::{Tree, names};

/// The artifacts of a release's jobs.
fn artifacts(tree: &Tree) -> Vec<String> {
    let mut files = vec!["windows-x86_64/credstow-1.2.3-x86_64-pc-windows-msvc.zip".to_owned()];
    for (rust, debian) in [("x86_64", "amd64"), ("aarch64", "arm64")] {
        files.push(format!(
            "linux-{rust}/credstow-1.2.3-{rust}-unknown-linux-gnu.tar.gz"
        ));
        files.push(format!("macos-{rust}/credstow-1.2.3-{rust}-apple-darwin.tar.gz"));
        for program in PROGRAMS {
            files.push(format!(
                "linux-{rust}/docker-credential-{program}_1.2.3_{debian}.deb"
            ));
            files.push(format!(
                "linux-{rust}/docker-credential-{program}-1.2.3-1.{rust}.rpm"
            ));
        }
    }
    for program in PROGRAMS {
        files.push(format!("bill-of-materials/docker-credential-{program}.cdx.json"));
    }
    for file in &files {
        write(&tree.path("artifacts").join(file), file);
    }
    files
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
