//! The common properties of errors: exit 1, one line on stdout, no loss, no secret.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::program::Outcome;
use crate::sandbox::{NOT_FOUND, Sandbox};

/// The secret in hostile requests: messages, files and logs must not show it.
pub const MARKER: &str = "MARKER-5up3r-s3cr3t";

/// A snapshot of a directory: names, kinds, modes and contents. Equal snapshots mean that nothing changed.
pub type Snapshot = Vec<(PathBuf, u32, Vec<u8>)>;

/// Everything under `directory`, with the content of each file or the target of each link.
pub fn snapshot(directory: &Path) -> Snapshot {
    let mut found = Vec::new();
    let mut pending = vec![directory.to_owned()];
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let (path, kind) = (entry.path(), entry.file_type().expect("a file has a kind"));
            let content = match () {
                () if kind.is_symlink() => fs::read_link(&path)
                    .expect("a link")
                    .into_os_string()
                    .into_encoded_bytes(),
                () if kind.is_file() => fs::read(&path).expect("the tests can read what they made"),
                () => Vec::new(),
            };
            let mode = fs::symlink_metadata(&path).expect("a file has a mode").mode();
            if kind.is_dir() {
                pending.push(path.clone());
            }
            found.push((path, mode, content));
        }
    }
    found.sort();
    found
}

/// Checks that a verb failed in the common way, and that its text contains `problem`.
#[track_caller]
pub fn assert_error(outcome: &Outcome, problem: &str) {
    assert_eq!(outcome.code, Some(1), "exit 1\n{outcome:?}");
    let text = String::from_utf8(outcome.stdout.clone()).expect("UTF-8");
    assert!(
        text.ends_with('\n') && text.lines().count() == 1,
        "one line on stdout\n{outcome:?}"
    );
    assert!(
        !text.trim_end().chars().any(char::is_control),
        "no control characters\n{outcome:?}"
    );
    assert!(text.contains(problem), "the text says {problem:?}\n{outcome:?}");
    let both = outcome.text();
    assert!(!both.contains(MARKER), "no secret\n{outcome:?}");
    assert!(!both.contains("panicked"), "no panic\n{outcome:?}");
    let not_found = NOT_FOUND.trim_ascii();
    assert!(
        outcome.stdout == NOT_FOUND
            || !outcome
                .stdout
                .windows(not_found.len())
                .any(|text| text == not_found),
        "only \"not found\" says so\n{outcome:?}"
    );
}

/// Runs an action that must fail with `problem` and not change anything in the sandbox.
#[track_caller]
pub fn assert_refused(place: &Sandbox, problem: &str, run: impl FnOnce() -> Outcome) {
    let before = snapshot(&place.path(""));
    let outcome = run();
    assert_error(&outcome, problem);
    assert_eq!(
        before,
        snapshot(&place.path("")),
        "nothing on disk changes\n{outcome:?}"
    );
}
