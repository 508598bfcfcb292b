//! docker-credential-age is killed while it encrypts everything again.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a part of a test says that it fails"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use docker_credential_tests::age::member::Member;
use docker_credential_tests::helper::AGE;
use docker_credential_tests::login::Login;
use docker_credential_tests::program;
use docker_credential_tests::refusal::MARKER;
use docker_credential_tests::require;

const SERVERS: [&str; 3] = ["a.example", "b.example", "c.example"];

fn login() -> Login {
    Login::new("user", MARKER)
}

/// A store with a login for each server, before Bob is added.
struct Before {
    directory: tempfile::TempDir,
    ann: Member,
    bob: Member,
    public: String,
}

impl Before {
    fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("shared-").tempdir().unwrap();
        let store = directory.path().join("store");
        let (ann, _) = Member::with_identity(&store);
        for server in SERVERS {
            ann.place().store(server, &login());
        }
        let (bob, public) = Member::with_identity(&store);
        Self {
            directory,
            ann,
            bob,
            public,
        }
    }

    fn store(&self) -> std::path::PathBuf {
        self.directory.path().join("store")
    }
}

fn hidden_files(store: &Path) -> BTreeSet<String> {
    fs::read_dir(store)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        // Created before anything else, and useful with any recipients.
        .filter(|name| name.starts_with('.') && name != ".gitattributes")
        .collect()
}

/// The system calls of `recipients add`, in order, each with the number of previous ones.
fn trace(before: &Before) -> Vec<(String, usize)> {
    let traced = before
        .ann
        .place()
        .run("strace")
        .args(["-f", "-qq", "-o", "trace"])
        .arg(AGE.program())
        .args(["recipients", "add", &before.public])
        .outcome();
    traced.assert_success("recipients add under strace");
    let trace = fs::read_to_string(before.ann.place().path("trace")).unwrap();
    let mut counts = std::collections::BTreeMap::new();
    trace
        .lines()
        .filter_map(|line| line.split_once(' ')?.1.trim_start().split_once('('))
        .map(|(name, _)| name.to_owned())
        .filter(|name| {
            name.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        })
        .map(|name| {
            let count: &mut usize = counts.entry(name.clone()).or_default();
            *count += 1;
            (name, *count)
        })
        .collect()
}

#[test]
fn killed_at_any_system_call_each_file_is_readable_and_the_next_store_completes_it() {
    require!(program::find("strace"));
    // Calls that change something, or are between such calls; not those of the loader and the allocator.
    let telling = [
        "openat", "rename", "renameat", "linkat", "unlinkat", "fsync", "write", "close", "flock",
    ];
    let points: Vec<_> = trace(&Before::new())
        .into_iter()
        .filter(|(name, _)| telling.contains(&name.as_str()))
        .collect();
    assert!(points.len() > 30, "{points:?}");
    let mut killed = 0;
    for (name, when) in points {
        let before = Before::new();
        let inject = format!("inject={name}:signal=KILL:when={when}");
        let outcome = before
            .ann
            .place()
            .run("strace")
            .args([
                "-f",
                "-qq",
                "-o",
                "/dev/null",
                "-e",
                &format!("trace={name}"),
                "-e",
                &inject,
            ])
            .arg(AGE.program())
            .args(["recipients", "add", &before.public])
            .outcome();
        killed += usize::from(outcome.code != Some(0));
        let at = format!("killed at {name} {when}");
        for server in SERVERS {
            let answer = before.ann.place().verb("get", server);
            assert_eq!(answer.code, Some(0), "{at}: {server}: {answer:?}");
        }
        let next = before.ann.try_store("d.example", &login());
        // Only between the approval and the mark, a list is approved that doesn't exist yet.
        if next.code != Some(0) {
            assert!(next.text().contains(".age-recipients is gone"), "{at}: {next:?}");
            before
                .ann
                .command(&["recipients", "approve", "--yes"])
                .assert_success(&at);
            before.ann.try_store("d.example", &login()).assert_success(&at);
        }
        let is_added = before.ann.recipients_file().exists();
        for server in SERVERS {
            let answer = before.bob.place().verb("get", server);
            assert_eq!(answer.code == Some(0), is_added, "{at}: {server}: {answer:?}");
        }
        let allowed: BTreeSet<String> = is_added
            .then(|| ".age-recipients".to_owned())
            .into_iter()
            .collect();
        assert_eq!(hidden_files(&before.store()), allowed, "{at}");
    }
    assert!(killed > 30, "{killed} were killed");
}

#[test]
fn progress_is_told_while_many_files_are_encrypted_again() {
    let before = Before::new();
    for number in 0..250 {
        let server = format!("r{number}.example");
        before.ann.place().store(&server, &login());
    }
    let rekeyed = before.ann.command(&["rekey"]);
    rekeyed.assert_success("rekey");
    let said = String::from_utf8_lossy(&rekeyed.stderr).into_owned();
    assert!(
        said.contains("encrypted 100 of 253 files again") && said.contains("200 of 253"),
        "{said}"
    );
    assert_eq!(
        String::from_utf8_lossy(&rekeyed.stdout),
        "encrypted 253 files for 1 recipient\n"
    );
}
