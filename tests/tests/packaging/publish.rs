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

/// The outputs of the jobs that made the artifacts.
fn digests(tree: &Tree) -> String {
    let of = |job: &String| run(&mut tree.script("release/digest", &[job, &format!("artifacts/{job}")]));
    names(&tree.path("artifacts")).iter().map(of).collect()
}

/// Collects the artifacts of jobs that reported `digests`.
fn collect(tree: &Tree, digests: &str) -> Command {
    let mut collect = tree.script("release/collect", &["artifacts", "dist"]);
    collect.env("DIGESTS", digests);
    collect
}

#[track_caller]
fn assert_not_collected(tree: &Tree, digests: &str, message: &str) {
    let refused = outcome(&mut collect(tree, digests));
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert_eq!(
        String::from_utf8_lossy(&refused.stderr),
        format!("cannot release: {message}\n")
    );
    assert_eq!(names(&tree.path("dist")), Vec::<String>::new());
}

#[test]
fn a_release_has_the_listed_files_and_their_sums() {
    let tree = Tree::new();
    let files = artifacts(&tree);

    run(&mut collect(&tree, &digests(&tree)));

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
        let message = format!("{planted} is not a file of the release");
        assert_not_collected(&tree, &digests(&tree), &message);
    }
}

/// Any job of a run can upload an artifact of another's name, with the right files in it.
#[test]
fn a_replaced_artifact_is_refused() {
    let tree = Tree::new();
    artifacts(&tree);
    let digests = digests(&tree);
    write(
        &tree.path("artifacts/linux-x86_64/docker-credential-age_1.2.3_amd64.deb"),
        "evil",
    );
    assert_not_collected(
        &tree,
        &digests,
        "linux-x86_64 does not have the files that its job made",
    );
}

#[test]
fn an_artifact_of_a_job_without_a_digest_is_refused() {
    let tree = Tree::new();
    artifacts(&tree);
    let digests = digests(&tree);
    for wrong in [
        digests.replace("windows-x86_64=", "windows="),
        format!("{}windows-x86_64=\n", digests.replace("windows-x86_64", "other")),
    ] {
        assert_not_collected(
            &tree,
            &wrong,
            "windows-x86_64 does not have the files that its job made",
        );
        fs::remove_dir(tree.path("dist")).expect("it is empty");
    }
    let refused = outcome(
        tree.script("release/collect", &["artifacts", "dist"])
            .env_remove("DIGESTS"),
    );
    assert!(!refused.status.success(), "{refused:?}");
}

/// As on macOS, whose older releases don't have sha256sum, and on Windows, where it marks names by a star.
#[test]
fn a_digest_is_the_same_on_other_systems() {
    let tree = Tree::new();
    write(&tree.path("artifacts/one/a"), "a");
    write(&tree.path("artifacts/one/b c"), "b");
    let digest = || run(&mut tree.script("release/digest", &["one", "artifacts/one"]));
    let here = digest();
    tree.stand_in("sha256sum", "/usr/bin/sha256sum --binary \"$@\" | sed 's/  / */'");
    assert_eq!(digest(), here);
    assert_eq!(here.len(), "one=\n".len() + 64);
}

#[test]
fn a_release_with_a_file_missing_is_refused() {
    let tree = Tree::new();
    artifacts(&tree);
    let missing = "macos-aarch64/credstow-1.2.3-aarch64-apple-darwin.tar.gz";
    fs::remove_file(tree.path("artifacts").join(missing)).expect("it can be removed");
    assert_not_collected(&tree, &digests(&tree), &format!("{missing} is missing"));
}

#[test]
fn a_link_is_not_released() {
    let tree = Tree::new();
    artifacts(&tree);
    let linked = tree.path("artifacts/bill-of-materials/docker-credential-age.cdx.json");
    fs::remove_file(&linked).expect("it can be removed");
    std::os::unix::fs::symlink("/etc/passwd", &linked).expect("a link can be made");
    assert_not_collected(
        &tree,
        &digests(&tree),
        "docker-credential-age.cdx.json is not a regular file",
    );
}

/// A stand-in for gh that answers the draft's questions, and prints the notes of the draft that it creates.
fn drafting(tree: &Tree, commit: &str, there: &str) -> Command {
    write(&tree.path("dist/file"), "");
    tree.recorder(
        "gh",
        &format!(
            "case $* in\n*/commits/*) echo {commit} ;;\n*/releases*) echo {there} ;;\n\
             *) while [ $# -gt 0 ]; do [ \"$1\" != --notes-file ] || cat \"$2\"; shift; done ;;\nesac"
        ),
    );
    tree.script("release/draft", &["o/r", "v1.2.3", "dist"])
}

fn head(tree: &Tree) -> String {
    let sources = tree.path("sources");
    run(Command::new("git")
        .arg("-C")
        .arg(sources)
        .args(["rev-parse", "HEAD"]))
    .trim_end()
    .to_owned()
}

#[test]
fn a_draft_has_the_notes_of_its_version() {
    let tree = Tree::new();

    let notes = run(&mut drafting(&tree, &head(&tree), ""));

    assert_eq!(notes, "\nThe new.\n\n");
    let called = tree.called();
    let lines: Vec<&str> = called.lines().collect();
    assert_eq!(lines[0], "gh api repos/o/r/commits/tags/v1.2.3 --jq .sha");
    assert_eq!(
        lines[1],
        "gh api --paginate repos/o/r/releases --jq .[] | select(.tag_name == \"v1.2.3\") | .html_url"
    );
    assert!(
        lines[2].starts_with(
            "gh release create v1.2.3 --repo o/r --draft --verify-tag --title credstow 1.2.3 --notes-file "
        ),
        "{called}"
    );
}

#[test]
fn a_tag_that_has_moved_is_not_drafted() {
    let tree = Tree::new();
    let refused = outcome(&mut drafting(&tree, "abc", ""));
    assert_eq!(
        String::from_utf8_lossy(&refused.stderr),
        "cannot release v1.2.3: the tag has moved to abc since this run began\n"
    );
    assert_eq!(tree.called().lines().count(), 1, "{}", tree.called());
}

#[test]
fn a_second_draft_of_a_tag_is_refused() {
    let tree = Tree::new();
    let refused = outcome(&mut drafting(&tree, &head(&tree), "https://git.test/there"));
    assert_eq!(
        String::from_utf8_lossy(&refused.stderr),
        "cannot release v1.2.3: there is https://git.test/there; if it is a draft, delete it, then run this again\n"
    );
    assert_eq!(tree.called().lines().count(), 2, "{}", tree.called());
}

/// Stand-ins for gh, which downloads a release of two small archives, and docker. `attests` and `exists` are the answers
/// to whether gh's attestation is right and the image is there.
fn registry(tree: &Tree, attests: &str, exists: &str) {
    tree.recorder(
        "gh",
        &format!(
            "case $1 in\nrelease) cd \"$7\"; for m in x86_64 aarch64; do n=credstow-1.2.3-$m-unknown-linux-gnu\n\
             mkdir $n && tar -czf $n.tar.gz $n && rmdir $n; done; sha256sum -- *.gz >SHA256SUMS\n\
             ;;\nattestation) {attests} ;;\nesac"
        ),
    );
    tree.recorder(
        "docker",
        &format!(
            "case $* in *'manifest push'*) echo pushed; echo sha256:abc ;; *login*) cat ;; *inspect*) {exists} ;; esac"
        ),
    );
}

fn container(tree: &Tree) -> Command {
    let mut container = tree.script("release/container", &["Own/r", "v1.2.3"]);
    container.env("GH_TOKEN", "token").env("GITHUB_ACTOR", "actor");
    container
}

#[test]
fn an_image_is_made_of_archives_that_this_commit_attests() {
    let tree = Tree::new();
    registry(&tree, ":", "false");

    let printed = run(&mut container(&tree));

    assert_eq!(printed, "name=ghcr.io/own/credstow\ndigest=sha256:abc\n");
    let called = tree.called();
    let lines: Vec<&str> = called.lines().collect();
    let files = [
        "SHA256SUMS",
        "credstow-1.2.3-aarch64-unknown-linux-gnu.tar.gz",
        "credstow-1.2.3-x86_64-unknown-linux-gnu.tar.gz",
    ];
    for (line, file) in lines[1..4].iter().zip(files) {
        let rest = format!(
            "/{file} --repo Own/r --deny-self-hosted-runners \
             --signer-workflow Own/r/.github/workflows/release.yml \
             --source-ref refs/tags/v1.2.3 --source-digest {}",
            head(&tree)
        );
        assert!(
            line.starts_with("gh attestation verify /") && line.ends_with(&rest),
            "{line}"
        );
    }
    assert_eq!(lines[4], "docker login --username actor --password-stdin ghcr.io");
    assert!(!called.contains("token"), "{called}");
}

#[test]
fn an_archive_that_this_commit_does_not_attest_is_not_pushed() {
    let tree = Tree::new();
    registry(&tree, "exit 1", "false");

    let refused = outcome(&mut container(&tree));

    assert!(!refused.status.success(), "{refused:?}");
    assert!(!tree.called().contains("docker"), "{}", tree.called());
}

/// Attested, but not in the attested list of sums, as if it were of another run of the same tag.
#[test]
fn an_archive_of_another_run_is_not_pushed() {
    let tree = Tree::new();
    registry(&tree, "case $3 in *x86_64*) echo other >\"$3\" ;; esac", "false");

    let refused = outcome(&mut container(&tree));

    assert!(!refused.status.success(), "{refused:?}");
    assert!(!tree.called().contains("docker"), "{}", tree.called());
}

#[test]
fn an_image_that_is_there_is_not_replaced() {
    let tree = Tree::new();
    registry(&tree, ":", ":");

    let refused = outcome(&mut container(&tree));

    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let complaint = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        complaint.contains("cannot push ghcr.io/own/credstow:1.2.3: it is there already; "),
        "{complaint}"
    );
    assert!(!tree.called().contains("docker push"), "{}", tree.called());
}
