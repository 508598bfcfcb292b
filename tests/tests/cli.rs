//! The output of commands, as transcripts: `tests/cli/NAME.md` has a rule in each heading, and below it a
//! console block that this types in a new home and compares with the screen. NAME begins with the helper's.

#![cfg(target_os = "linux")]

use std::fs;

use docker_credential_tests::helper::{AGE, ENV, Helper, KEYRING_ALONE};
use docker_credential_tests::pages::home::{home, reader};
use docker_credential_tests::pages::page::{Page, repository};

#[test]
fn age_prints_what_its_transcripts_say() {
    follow_all(AGE);
}

#[test]
fn env_prints_what_its_transcripts_say() {
    follow_all(ENV);
}

#[test]
fn keyring_prints_what_its_transcripts_say() {
    follow_all(KEYRING_ALONE);
}

#[track_caller]
fn follow_all(helper: Helper) {
    let mut followed = 0;
    let directory = repository().join("tests/cli");
    for entry in fs::read_dir(directory).expect("the transcripts") {
        let name = entry.expect("a transcript").file_name();
        let name = name.to_str().expect("a name in UTF-8");
        if !name.starts_with(helper.name) {
            continue;
        }
        for block in Page::read(&format!("tests/cli/{name}")).blocks() {
            reader(&home(helper)).follows(&block.text);
            followed += 1;
        }
    }
    assert!(followed > 0, "docker-credential-{} has transcripts", helper.name);
}
