//! Checks the text of the workflows, and runs the scripts of `packaging/ci`.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use docker_credential_tests::program::find;
use docker_credential_tests::require;
use docker_credential_tests::requirement::{Missing, environment, root};

use crate::place::{Download, named, outcome, refusal, repository, run, write_program};
use crate::tree::Tree;

fn workflows() -> Vec<(String, String)> {
    let found = named(&repository().join(".github/workflows"), ".yml");
    assert!(found.len() >= 4, "{found:?}");
    found
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a workflow can be read");
            (path.display().to_string(), text)
        })
        .collect()
}

/// The values of a key in all workflows, without their comments.
fn values(key: &str) -> Vec<String> {
    let prefix = format!("{key}: ");
    let of = |text: &str| -> Vec<String> {
        text.lines()
            .filter_map(|line| line.trim_start_matches([' ', '-']).strip_prefix(&prefix))
            .map(|value| value.split(" #").next().unwrap_or(value).to_owned())
            .collect()
    };
    workflows().iter().flat_map(|(_, text)| of(text)).collect()
}

#[test]
fn every_action_is_pinned_by_its_hash() {
    for action in values("uses") {
        let hash = action.split_once('@').map(|(_, hash)| hash);
        let is_hash = |hash: &str| hash.len() == 40 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(hash.is_some_and(is_hash), "{action}");
    }
}

#[test]
fn every_workflow_begins_without_rights() {
    for (workflow, text) in workflows() {
        assert!(text.contains("\npermissions: {}\n"), "{workflow}");
    }
}

/// Anyone with write access can start a workflow, but not approve a run in the environment.
#[test]
fn only_jobs_with_reviewers_may_write() {
    let mut writing = 0;
    for (workflow, text) in workflows() {
        let (_, jobs) = text.split_once("\njobs:\n").expect("a workflow has jobs");
        for job in jobs.split("\n\n  ") {
            if job.contains(": write") {
                assert!(job.contains("\n    environment: release\n"), "{workflow}: {job}");
                assert!(!job.contains("cargo"), "{workflow}: {job}");
                writing += 1;
            }
        }
    }
    assert_eq!(writing, 2);
}

/// A pull request can't write to main's cache, but a release doesn't depend on that.
#[test]
fn releases_use_no_cache() {
    for (workflow, text) in workflows() {
        assert!(
            workflow.ends_with("/ci.yml") || !text.contains("cache"),
            "{workflow}"
        );
    }
}

/// The checkout belongs to another user than the gate's job.
const CLONE: &str =
    "git clone --quiet --no-local --upload-pack 'git -c safe.directory=* upload-pack' . /gate/project";

/// Other commands than scripts, which these tests run, install tools, or prepare the gate's directory.
#[test]
fn every_step_runs_a_script_that_is_there() {
    let others = [
        CLONE,
        "apt-get update && apt-get install --yes --no-install-recommends rpm",
        "cargo install --locked cargo-deny@0.20.2",
        "cargo deny --locked check advisories",
    ];
    for step in values("run") {
        let script = step.split(' ').next().expect("a first word");
        assert!(
            repository().join(script).is_file() || others.contains(&step.as_str()),
            "{step}"
        );
    }
}

/// The Rust version for CI and releases.
fn rust() -> String {
    value("packaging/release/rust-toolchain.toml", "channel")
}

/// The first value of a key in a TOML file.
fn value(file: &str, key: &str) -> String {
    let text = fs::read_to_string(repository().join(file)).expect("the file is there");
    let prefix = format!("{key} = \"");
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(&prefix)?.strip_suffix('"'));
    line.expect("the key is there").to_owned()
}

/// Nobody has built with an older one.
#[test]
fn the_oldest_rust_is_the_one_that_builds_releases() {
    let oldest = value("Cargo.toml", "rust-version");
    assert!(rust().starts_with(&format!("{oldest}.")), "{oldest}, {}", rust());
    for page in ["README.md", "docs/install.md"] {
        let text = fs::read_to_string(repository().join(page)).expect("the page is there");
        assert!(text.contains(&format!("need Rust {oldest} or newer")), "{page}");
    }
}

/// Otherwise git on Windows would end their lines with a carriage return.
#[test]
fn files_are_checked_out_as_they_were_committed() {
    let attribute = run(Command::new("git").arg("-C").arg(repository()).args([
        "check-attr",
        "text",
        "--",
        "packaging/install",
    ]));
    assert_eq!(attribute, "packaging/install: text: unset\n");
}

/// One image, with the release's Rust and the libraries that the programs are linked with.
#[test]
fn the_gate_and_the_release_use_one_image() {
    let images: BTreeSet<String> = values("image").into_iter().chain(values("container")).collect();
    let images: Vec<&String> = images.iter().filter(|image| !image.is_empty()).collect();
    let rust = rust();
    let [image] = images[..] else {
        panic!("{images:?}");
    };
    assert!(
        image.starts_with(&format!("rust:{rust}-bookworm@sha256:")),
        "{image}"
    );
}

#[test]
fn workflows_are_clean_to_zizmor() {
    let own = environment("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), Into::into);
    let own = own.join("zizmor/bin/zizmor");
    let zizmor = if own.is_file() {
        Ok(own)
    } else {
        find("zizmor").map_err(|_| Missing::new("zizmor (tests/run installs it)"))
    };
    run(Command::new(require!(zizmor))
        .args(["--offline", "--no-progress", "--persona", "auditor"])
        .arg(repository().join(".github")));
}

/// The scripts of `packaging/ci` in the source tree, with stand-ins that record their calls.
fn ci(download: &Download, script: &str) -> Command {
    let mut command = Command::new(repository().join("packaging/ci").join(script));
    let scripts = download.script(&[]);
    command.envs(
        scripts
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    command
}

/// The image of the workflow has neither `cargo fmt` nor `cargo clippy`.
#[test]
fn the_gate_installs_missing_components_of_rust() {
    require!(root());
    let download = Download::new();
    download.stand_in("cargo", "exit 1");
    download.stand_in("rustup", "echo \"rustup $*\"; exit 7");
    let mut gate = Command::new(repository().join(".ci/run"));
    gate.envs(
        download
            .script(&[])
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );

    let ended = outcome(&mut gate);

    assert_eq!(ended.status.code(), Some(7), "{ended:?}");
    let printed = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(
        printed.ends_with("rustup component add clippy rustfmt\n"),
        "{printed}"
    );
}

/// As in the container of a job, where the helpers wouldn't run programs from the checkout either.
#[test]
fn the_gate_clones_the_checkout_of_another_user() {
    require!(root());
    let tree = Tree::new();
    let sources = tree.path("sources");
    run(Command::new("chown").args(["-R", "65534:65534"]).arg(&sources));
    let project = tree.path("project");
    let clone = CLONE.replace("/gate/project", &format!("'{}'", project.display()));

    run(Command::new("sh")
        .args(["-c", &clone])
        .current_dir(sources)
        .env("HOME", tree.path("home")));

    run(Command::new("git")
        .args(["status", "--porcelain"])
        .current_dir(&project)
        .env("HOME", tree.path("home")));
    assert!(project.join("Cargo.toml").is_file());
}

fn recorder(download: &Download, name: &str) {
    let asked = download.path("home/asked").display().to_string();
    download.stand_in(name, &format!("echo \"{name} $*\" >>'{asked}'"));
}

/// A directory with stand-ins for the runner and for creating an identity.
fn programs(download: &Download) -> String {
    let asked = download.path("home/asked").display().to_string();
    let bin = download.path("bin");
    write_program(
        &bin.join("docker-credential-conformance"),
        &format!("for last; do :; done; echo \"runner $1 ${{last##*/}}\" >>'{asked}'"),
    );
    write_program(&bin.join("docker-credential-age"), ":");
    bin.display().to_string()
}

#[test]
fn outside_of_ci_no_keyring_is_touched() {
    let download = Download::new();
    let bin = programs(&download);

    let complaint = refusal(ci(&download, "conformance").arg(bin).env_remove("CI"));

    assert_eq!(
        complaint,
        "packaging/ci/conformance: this changes the keyring of its user; \
         set CI=true on a machine that is thrown away\n"
    );
    assert_eq!(download.asked(), "");
}

const JUDGED: &str = "runner --throw-away docker-credential-age\n\
                      runner --read-only docker-credential-env\n";

#[test]
fn every_helper_is_judged() {
    let download = Download::new();
    let bin = programs(&download);

    run(ci(&download, "conformance").arg(bin).env("CI", "true"));

    assert_eq!(
        download.asked(),
        format!("{JUDGED}runner --throw-away docker-credential-keyring\n")
    );
}

#[test]
fn on_macos_the_keychain_is_a_new_one() {
    let download = Download::new();
    let bin = programs(&download);
    download.stand_in("uname", "echo Darwin");
    let asked = download.path("home/asked").display().to_string();
    download.stand_in(
        "security",
        &format!("for last; do :; done; echo \"$1 ${{last##*/}}\" >>'{asked}'"),
    );

    run(ci(&download, "conformance").arg(bin).env("CI", "true"));

    assert_eq!(
        download.asked(),
        format!(
            "{JUDGED}create-keychain conformance.keychain-db\nset-keychain-settings conformance.keychain-db\n\
             unlock-keychain conformance.keychain-db\nlist-keychains conformance.keychain-db\n\
             default-keychain conformance.keychain-db\nrunner --throw-away docker-credential-keyring\n"
        )
    );
}

#[test]
fn a_helper_that_fails_does_not_hide_the_others() {
    let download = Download::new();
    let bin = programs(&download);
    let runner = download.path("bin/docker-credential-conformance");
    let script = fs::read_to_string(&runner).expect("the stand-in can be read");
    write_program(
        &runner,
        &format!("{script}\n[ \"${{last##*/}}\" != docker-credential-age ]"),
    );

    let failed = outcome(ci(&download, "conformance").arg(bin).env("CI", "true"));

    assert_eq!(failed.status.code(), Some(1), "{failed:?}");
    assert_eq!(download.asked().lines().count(), 3);
}

#[test]
fn macos_and_windows_build_everything_and_run_unit_tests() {
    let download = Download::new();
    recorder(&download, "cargo");
    let target = download.path("target");
    let debug = target.join("debug");
    for program in ["docker-credential-conformance", "docker-credential-age"] {
        write_program(&debug.join(program), ":");
    }

    run(ci(&download, "platform")
        .env("CI", "true")
        .env("CARGO_TARGET_DIR", target));

    let asked = download.asked();
    let lines: Vec<&str> = asked.lines().collect();
    assert_eq!(lines[0], "cargo build --workspace --all-targets --locked");
    assert!(
        lines[1].starts_with("cargo test --locked --lib --bins "),
        "{asked}"
    );
}
