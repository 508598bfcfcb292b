//! Checks the system calls of docker-credential-age's write path: a credential is on disk before exit 0, and
//! at each moment the old or the new one is there.
#![cfg(target_os = "linux")]

use std::fs;

use docker_credential_tests::helper::AGE;
use docker_credential_tests::login::Login;
use docker_credential_tests::program::{self, Outcome};
use docker_credential_tests::require;
use docker_credential_tests::sandbox::Sandbox;

/// The system calls of one verb or command, one a line, without those for reading and memory.
fn trace(place: &Sandbox, words: &[&str], stdin: &str) -> Vec<String> {
    let output = place.path("trace");
    let outcome = place
        .run("strace")
        .args(["-f", "-qq", "-y", "-e", "trace=openat,open,mkdir,mkdirat,write,fsync,fdatasync,close,rename,renameat,renameat2,link,linkat,unlink,unlinkat,exit_group,flock", "-o"])
        .arg(&output)
        .arg(AGE.program())
        .args(words)
        .stdin(stdin)
        .outcome();
    outcome.assert_success("what is traced");
    let text = fs::read_to_string(output).expect("strace wrote its trace");
    text.lines()
        .map(|line| {
            line.split_once(' ')
                .map_or(line, |(_pid, call)| call.trim_start())
                .to_owned()
        })
        .collect()
}

/// The first call at or after `from` that contains all of `parts`, and the index after it.
#[track_caller]
fn find(trace: &[String], from: usize, parts: &[&str]) -> usize {
    let found = trace[from..]
        .iter()
        .position(|call| parts.iter().all(|part| call.contains(part)));
    found.map_or_else(
        || panic!("no {parts:?} after call {from} of\n{}", trace.join("\n")),
        |index| from + index + 1,
    )
}

fn request(secret: &str) -> String {
    format!(r#"{{"ServerURL":"ghcr.io","Username":"user","Secret":"{secret}"}}"#)
}

#[test]
fn a_credential_is_on_disk_before_it_is_acknowledged() {
    require!(program::find("strace"));
    let place = Sandbox::new(AGE);
    place.store("ghcr.io", &Login::new("user", "old"));
    let trace = trace(&place, &["store"], &request("new"));
    let at = find(&trace, 0, &["flock(", "LOCK_EX"]);
    let at = find(&trace, at, &["openat(", "-temporary-", "O_CREAT|O_EXCL", "0600"]);
    let at = find(&trace, at, &["write(", "-temporary-", "age-encryption.org/v1"]);
    let at = find(&trace, at, &["fsync(", "-temporary-", "= 0"]);
    let at = find(&trace, at, &["close(", "-temporary-", "= 0"]);
    let at = find(&trace, at, &["rename", "-temporary-", "\"ghcr.io.age\""]);
    let at = find(&trace, at, &["fsync(", "/docker-credential-age>", "= 0"]);
    find(&trace, at, &["exit_group(0)"]);
    assert!(
        !trace.iter().any(|call| call.contains("unlink")),
        "the old credential is never taken away first"
    );
}

#[test]
fn the_identity_is_on_disk_before_anything_is_encrypted_to_it() {
    require!(program::find("strace"));
    let place = Sandbox::new(AGE);
    let trace = trace(&place, &["store"], &request("new"));
    let at = find(&trace, 0, &["mkdir", "\"docker-credential-age\""]);
    let at = find(&trace, at, &["fsync(", "/data>", "= 0"]);
    let at = find(&trace, at, &["mkdir", "\"docker-credential-age\""]);
    let at = find(&trace, at, &["fsync(", "/config>", "= 0"]);
    let at = find(&trace, at, &["link", "-temporary-", "\"identity.txt\""]);
    let at = find(&trace, at, &["fsync(", "/config/docker-credential-age>", "= 0"]);
    let at = find(
        &trace,
        at,
        &["openat(", "/data/docker-credential-age>", "-temporary-"],
    );
    find(&trace, at, &["exit_group(0)"]);
}

#[test]
fn the_first_credential_waits_for_a_store_that_somebody_else_has_just_made() {
    require!(program::find("strace"));
    let place = Sandbox::new(AGE);
    place.command(&["identity", "new"]).assert_success("identity new");
    // Perhaps by a process that was killed before it had synced it.
    fs::create_dir(place.path("data/docker-credential-age")).expect("it is new");
    let first = trace(&place, &["store"], &request("new"));
    for directory in ["/data>", "/config/docker-credential-age>"] {
        let at = find(&first, 0, &["flock(", "LOCK_EX"]);
        let at = find(&first, at, &["fsync(", directory, "= 0"]);
        find(
            &first,
            at,
            &["openat(", "/data/docker-credential-age>", "-temporary-"],
        );
    }
    let second = trace(&place, &["store"], &request("newer"));
    assert!(
        !second
            .iter()
            .any(|call| call.contains("fsync(") && call.contains("/data>")),
        "somebody has waited for it already"
    );
}

#[test]
fn a_list_of_recipients_takes_its_place_before_what_is_encrypted_to_them() {
    require!(program::find("strace"));
    let place = Sandbox::new(AGE);
    place.store("ghcr.io", &Login::new("user", "old"));
    let bob = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";
    let trace = trace(&place, &["recipients", "add", bob], "");
    let at = find(&trace, 0, &["link", "\".rekey-commit\"", "= 0"]);
    let at = find(&trace, at, &["rename", "\".age-recipients\"", "= 0"]);
    let at = find(&trace, at, &["rename", "\"ghcr.io.age\"", "= 0"]);
    let at = find(&trace, at, &["fsync(", "/data/docker-credential-age>", "= 0"]);
    let at = find(&trace, at, &["unlink", "\".rekey-commit\"", "= 0"]);
    find(&trace, at, &["exit_group(0)"]);
}

#[test]
fn an_erased_credential_is_gone_from_disk_before_it_is_acknowledged() {
    require!(program::find("strace"));
    let place = Sandbox::new(AGE);
    place.store("ghcr.io", &Login::new("user", "old"));
    let trace = trace(&place, &["erase"], "ghcr.io");
    let at = find(&trace, 0, &["unlink", "\"ghcr.io.age\"", "= 0"]);
    let at = find(&trace, at, &["fsync(", "/docker-credential-age>", "= 0"]);
    find(&trace, at, &["exit_group(0)"]);
}

#[test]
fn reading_writes_nothing_and_takes_no_lock() {
    require!(program::find("strace"));
    let place = Sandbox::new(AGE);
    place.store("ghcr.io", &Login::new("user", "old"));
    for (verb, stdin) in [("get", "ghcr.io"), ("get", "quay.io/not/there"), ("list", "")] {
        let output = place.path("trace");
        place
            .run("strace")
            .args(["-f", "-qq", "-o"])
            .arg(&output)
            .arg(AGE.program())
            .arg(verb)
            .stdin(stdin)
            .outcome();
        for call in fs::read_to_string(output)
            .expect("strace wrote its trace")
            .lines()
        {
            let writes = [
                "O_CREAT", "O_WRONLY", "O_RDWR", "O_TRUNC", "rename", "link", "mkdir", "flock", "chmod",
                "socket(",
            ];
            let link_is_read = call.contains("readlink");
            assert!(
                link_is_read || !writes.iter().any(|name| call.contains(name)),
                "{verb}: {call}"
            );
        }
    }
}

/// A store while each attempt to take the lock fails with this error.
fn store_without_lock(place: &Sandbox, error: &str) -> Outcome {
    place
        .run("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=flock", "-e"])
        .arg(format!("inject=flock:error={error}"))
        .arg(AGE.program())
        .arg("store")
        .stdin(request("new"))
        .outcome()
}

#[test]
fn a_file_system_without_locks_is_written_to_all_the_same() {
    require!(program::find("strace"));
    for error in ["ENOLCK", "EBADF", "EOPNOTSUPP"] {
        let place = Sandbox::new(AGE);
        place.store("ghcr.io", &Login::new("user", "old"));
        store_without_lock(&place, error).assert_success(error);
        place.assert_answers("ghcr.io", &Login::new("user", "new"));
    }
}

#[test]
fn a_lock_that_fails_otherwise_is_an_error_and_nothing_is_written() {
    require!(program::find("strace"));
    let place = Sandbox::new(AGE);
    place.store("ghcr.io", &Login::new("user", "old"));
    assert_eq!(store_without_lock(&place, "EIO").code, Some(1));
    place.assert_answers("ghcr.io", &Login::new("user", "old"));
}
