//! The installation commands on the pages.

use std::fs;
use std::path::Path;

use docker_credential_tests::helper::{AGE, directory};
use docker_credential_tests::pages::page::{Page, repository};
use docker_credential_tests::program::{Outcome, find};
use docker_credential_tests::require;
use docker_credential_tests::sandbox::Sandbox;
use serde_json::json;

use docker_credential_tests::pages::home::home;

/// Runs a script in the home, with `~/.local/bin` on PATH.
fn run(place: &Sandbox, script: &str) -> Outcome {
    let script = format!("set -e\ncd \"$HOME\"\nPATH=\"$HOME/.local/bin:$PATH\"\n{script}");
    place.run("sh").args(["-c", &script]).outcome()
}

/// An archive like `packaging/packages` builds, without the manual pages.
fn make_archive(place: &Sandbox, name: &str) {
    let root = name.trim_end_matches(".tar.gz");
    let tree = place.path("tmp").join(root);
    for below in ["bin", "share"] {
        fs::create_dir_all(tree.join(below)).expect("a tree");
    }
    for helper in ["age", "env", "keyring"] {
        let program = format!("docker-credential-{helper}");
        fs::copy(directory().join(&program), tree.join("bin").join(program)).expect("a program");
    }
    let made = place
        .run("tar")
        .arg("-C")
        .arg(place.path("tmp"))
        .arg("-czf")
        .arg(place.path("home").join(name))
        .arg(root)
        .outcome();
    made.assert_success("tar");
}

/// The README and the page show the same line. Runs it with another prefix, because root's would be the
/// machine's.
#[test]
pub(crate) fn from_an_archive() {
    require!(find("tar"));
    let line = Page::read("README.md")
        .section("Install, upgrade, uninstall", "sh")
        .concat();
    let shown = Page::read("docs/install.md").section("From a release's archive", "sh");
    assert_eq!(shown.concat(), line);
    let archive = line
        .split_whitespace()
        .find(|word| word.ends_with(".tar.gz"))
        .expect("the line names an archive");
    let version = env!("CARGO_PKG_VERSION");
    assert!(
        archive.contains(&format!("-{version}-")),
        "{archive} is not {version}"
    );
    let place = home(AGE);
    make_archive(&place, archive);
    let script = repository().join("packaging/install");
    fs::copy(script, place.path("home/install")).expect("the script can be copied");
    let sum = run(&place, &format!("sha256sum {archive} | cut -d ' ' -f 1"));
    let sum = String::from_utf8(sum.stdout).expect("text");

    let line = line.trim().replace("SUM", sum.trim());
    let installed = run(&place, &format!("{line} --prefix .local"));

    installed.assert_success("install");
    for helper in ["age", "env", "keyring"] {
        let program = place.path(&format!("home/.local/bin/docker-credential-{helper}"));
        assert!(program.is_file(), "{program:?}\n{installed:?}");
    }
    assert_eq!(place.config(), json!({ "credsStore": "age" }));
}

/// The options in the README after the command.
#[test]
fn another_helper_or_no_configuration() {
    require!(find("tar"));
    let place = home(AGE);
    let archive = format!(
        "credstow-{}-{}-unknown-linux-gnu.tar.gz",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::ARCH
    );
    make_archive(&place, &archive);
    let script = repository().join("packaging/install");
    let install = |options: &str| {
        let from = format!("--archive {archive} --sha256 \"$(sha256sum {archive} | cut -d ' ' -f 1)\"");
        let command = format!("sh {} {from} --prefix .local {options}", script.display());
        run(&place, &command).assert_success(&command);
    };
    install("--no-configure");
    assert!(!place.config_path().exists());
    for helper in ["keyring", "env"] {
        install(&format!("--helper {helper} --no-import"));
        assert_eq!(place.config(), json!({ "credsStore": helper }));
    }
}

#[test]
pub(crate) fn completions() {
    let place = home(AGE);
    let script = Page::read("docs/install.md")
        .section("Completions and manual pages", "sh")
        .concat();
    run(&place, &script).assert_success("completions and manual pages");
    let share = place.path("home/.local/share");
    for file in [
        "bash-completion/completions/docker-credential-age",
        "man/man1/docker-credential-age.1",
    ] {
        assert!(Path::is_file(&share.join(file)), "{file}");
    }
}

/// The store is encrypted to the page's identity, and the job reads it with the variable.
#[test]
pub(crate) fn an_identity_for_ci() {
    let keygen = require!(find("age-keygen"));
    let place = home(AGE);
    let script = Page::read("docs/install.md")
        .section("On a CI runner", "sh")
        .concat();
    // Found, but perhaps among the fetched programs, which are not on PATH.
    let path = format!("PATH=$PATH:{}\n", keygen.parent().expect("a directory").display());
    let store = "docker-credential-age list | grep -qx '{}'
[ ! -e .local/share/docker-credential-age ]
export DOCKER_CREDENTIAL_AGE_DIR=$PWD/team-logins
printf '{\"ServerURL\":\"ghcr.io\",\"Username\":\"ci\",\"Secret\":\"s\"}' | docker-credential-age store";
    run(&place, &format!("{path}{script}{store}")).assert_success(&script);

    let job = "export DOCKER_CREDENTIAL_AGE_DIR=$PWD/team-logins
DOCKER_CREDENTIAL_AGE_IDENTITY=$(cat ci-identity.txt); export DOCKER_CREDENTIAL_AGE_IDENTITY
rm -r .config/docker-credential-age
echo ghcr.io | docker-credential-age get";
    let answer = run(&place, job);

    answer.assert_success("get in the job");
    let stdout = String::from_utf8_lossy(&answer.stdout).into_owned();
    assert!(stdout.contains("\"Secret\":\"s\""), "{stdout}");
}

/// In a source tree like the page's, which only needs the script.
#[test]
pub(crate) fn remove() {
    let place = home(AGE);
    let script = Page::read("docs/install.md").section("Remove", "sh").concat();
    fs::create_dir_all(place.path("home/.local/bin")).expect("a directory");
    for helper in ["age", "env", "keyring"] {
        let program = format!("docker-credential-{helper}");
        let installed = place.path("home/.local/bin").join(&program);
        fs::copy(directory().join(&program), installed).expect("a program");
    }
    fs::create_dir(place.path("home/packaging")).expect("a directory");
    fs::copy(
        repository().join("packaging/install"),
        place.path("home/packaging/install"),
    )
    .expect("the script can be copied");
    let configured = "docker-credential-age configure";
    run(&place, configured).assert_success(configured);
    assert_eq!(place.config(), json!({ "credsStore": "age" }));

    // With another prefix, because root's would be the machine's; and without the other helpers on PATH, for which
    // the settings would stay.
    let path = "PATH=\"$HOME/.local/bin:/usr/bin:/bin\"";
    run(&place, &format!("{path}\n{} --prefix .local", script.trim())).assert_success(&script);

    assert_eq!(place.config(), json!({}));
    assert!(!place.path("home/.local/bin/docker-credential-age").exists());
}
