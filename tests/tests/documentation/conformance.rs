//! docs/conformance.md: the runner with somebody else's helper, at home and in CI.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use docker_credential_tests::helper::AGE;
use docker_credential_tests::pages::job;
use docker_credential_tests::pages::page::Page;
use docker_credential_tests::program::find;
use docker_credential_tests::require;
use docker_credential_tests::sandbox::Sandbox;

use docker_credential_tests::pages::home::{home, reader};

const PAGE: &str = "docs/conformance.md";

/// The page's helper, and an existing one.
const MINE: (&str, &str) = ("docker-credential-mine", "docker-credential-age");

/// A project with a good helper and a broken one, and an installed runner.
fn project() -> Sandbox {
    let sandbox = home(AGE);
    let helper = sandbox.path("home").join(MINE.1);
    symlink(AGE.program(), helper).expect("a helper");
    for (name, text) in [
        ("home/broken", "#!/bin/sh\ncat >/dev/null\nexit 2\n"),
        ("tmp/does-nothing", "#!/bin/sh\n"),
    ] {
        let script = sandbox.path(name);
        fs::write(&script, text).expect("a script");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("a script");
    }
    for program in ["cargo", "make"] {
        sandbox.add_program(program, &sandbox.path("tmp/does-nothing"));
    }
    sandbox
}

#[test]
pub(crate) fn the_runner() {
    require!(find("jq"));
    let sandbox = project();
    for heading in ["Test your own helper", "For programs"] {
        for transcript in Page::read(PAGE).section(heading, "console") {
            reader(&sandbox).reads(MINE.0, MINE.1).follows(&transcript);
        }
    }
}

#[test]
pub(crate) fn in_ci() {
    let page = Page::read(PAGE);
    let read = |heading| job::read(&page.section(heading, "yaml")[0]);
    let (github, gitlab) = (require!(read("GitHub Actions")), require!(read("GitLab CI")));
    let script = job::scripts(&gitlab).concat();
    let mut same: Vec<_> = script.lines().map(str::to_owned).collect();
    same.sort();
    let mut steps = job::scripts(&github);
    steps.sort();
    assert_eq!(steps, same, "both systems run the same commands");
    let sandbox = project();
    let script = format!("cd home\n{}", script.replace(MINE.0, MINE.1));
    let run = sandbox.run("sh").args(["-ec", &script]).outcome();
    run.assert_success(&script);
}
