//! The system calls and page faults of each verb, which dominate a helper's time and don't depend on the
//! machine's load. `bench/` measures times.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use docker_credential_tests::helper::{AGE, ENV, Helper, KEYRING};
use docker_credential_tests::keyrings::gnome::GnomeKeyring;
use docker_credential_tests::login::Login;
use docker_credential_tests::requirement::Missing;
use docker_credential_tests::sandbox::Sandbox;
use docker_credential_tests::{program, require};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use crate::scale::report;

const SERVER: &str = "ghcr.io";
const NOWHERE: &str = "nowhere.example.com";
const REQUEST: &str = r#"{"ServerURL":"quay.io","Username":"user","Secret":"secret"}"#;

/// A verb, its input, and its limits.
///
/// A quarter to a half above the figures of 2026-11-26: enough for another kernel and a longer path, but too
/// little for a second parser, a scan of the store or another library.
struct Bound {
    verb: &'static str,
    stdin: &'static str,
    calls: usize,
    faults: usize,
}

const fn bound(verb: &'static str, stdin: &'static str, calls: usize, faults: usize) -> Bound {
    Bound {
        verb,
        stdin,
        calls,
        faults,
    }
}

const OF_AGE: [Bound; 7] = [
    bound("version", "", 55, 80),
    bound("get", SERVER, 100, 115),
    bound("get", NOWHERE, 90, 95),
    bound("list", "", 160, 140),
    bound("store", REQUEST, 180, 135),
    bound("erase", SERVER, 120, 100),
    bound("erase", NOWHERE, 110, 100),
];

const OF_ENV: [Bound; 4] = [
    bound("version", "", 55, 70),
    bound("get", SERVER, 65, 80),
    bound("get", NOWHERE, 65, 80),
    bound("list", "", 60, 80),
];

/// The service's answers may arrive in one read or several: twice the measured system calls.
const OF_KEYRING: [Bound; 6] = [
    bound("version", "", 55, 75),
    bound("get", SERVER, 220, 125),
    bound("get", NOWHERE, 220, 125),
    bound("list", "", 220, 125),
    bound("store", REQUEST, 250, 130),
    bound("erase", SERVER, 220, 125),
];

/// A sandbox whose helper answers for ten servers, [`SERVER`] among them.
fn with_ten_logins(helper: Helper) -> Sandbox {
    let mut sandbox = Sandbox::new(helper);
    let login = Login::new("user", "secret");
    sandbox.provide(SERVER, &login);
    for number in 1..10 {
        sandbox.provide(&format!("registry{number}.example.com"), &login);
    }
    sandbox
}

fn system_calls(sandbox: &Sandbox, program: &Path, verb: &str, stdin: &str) -> usize {
    let trace = sandbox.path("tmp/trace");
    sandbox
        .run("strace")
        .args(["-f", "-qq", "-o"])
        .arg(&trace)
        .arg(program)
        .arg(verb)
        .stdin(stdin)
        .outcome();
    let text = fs::read_to_string(&trace).expect("strace wrote its trace");
    // A call that another thread interrupts takes two lines.
    text.lines()
        .filter(|line| line.contains('(') && !line.contains("<unfinished"))
        .count()
        + text.matches(" resumed>").count()
}

/// The number of page faults, which varies by two or three with the memory layout.
fn page_faults(sandbox: &Sandbox, program: &Path, verb: &str, stdin: &str) -> usize {
    (0..5)
        .map(|_| page_faults_once(sandbox.run(program).arg(verb).into_command(), stdin))
        .min()
        .expect("five runs")
}

fn page_faults_once(mut command: Command, stdin: &str) -> usize {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(file.path(), stdin).expect("a request");
    let mut child = command
        .stdin(file.reopen().expect("a request"))
        .stdout(tempfile::tempfile().expect("a temporary file"))
        .spawn()
        .expect("the helper can be run");
    let process = Pid::from_child(&child);
    // Ended, but not yet reaped.
    waitid(
        WaitId::Pid(process),
        WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
    )
    .expect("a child");
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).expect("its figures");
    child.wait().expect("a child");
    // After the name, in parentheses, come the state, six numbers, the flags, and the faults.
    let (_, figures) = stat.rsplit_once(')').expect("a name");
    let faults = figures.split_whitespace().nth(7).expect("the faults");
    faults.parse().expect("a number")
}

/// The exceeded limits, and the measured figures.
fn judge(sandbox: &Sandbox, program: &Path, bounds: &[Bound]) -> (Vec<String>, String) {
    let (mut over, mut seen) = (Vec::new(), String::new());
    for bound in bounds {
        let &Bound { verb, stdin, .. } = bound;
        // First, because `store` and `erase` only find the same state if their changes are undone.
        let calls = system_calls(sandbox, program, verb, stdin);
        let faults = page_faults(sandbox, program, verb, stdin);
        let line = format!(
            "{verb} {stdin}: {calls} of {}, {faults} of {}",
            bound.calls, bound.faults
        );
        if calls > bound.calls || faults > bound.faults {
            over.push(line.clone());
        }
        seen = format!("{seen}\n  {line}");
    }
    (over, seen)
}

/// A debug build has other figures. It is recognised because it is dynamic.
fn released(helper: Helper) -> Result<(), Missing> {
    if names_a_loader(&fs::read(helper.program()).expect("a helper")) {
        return Err(Missing::new(
            "the helpers as they are released (tests/run builds them)",
        ));
    }
    Ok(())
}

/// Whether one of a 64-bit ELF file's program headers is `PT_INTERP`.
fn names_a_loader(elf: &[u8]) -> bool {
    const PT_INTERP: usize = 3;
    let number = |at: usize, bytes: usize| {
        let digits = elf[at..at + bytes].iter().rev();
        digits.fold(0, |number, &byte| number << 8 | usize::from(byte))
    };
    let (start, size, count) = (number(32, 8), number(54, 2), number(56, 2));
    (0..count).any(|header| number(start + header * size, 4) == PT_INTERP)
}

#[track_caller]
fn assert_within(helper: Helper, bounds: &[Bound]) {
    let sandbox = with_ten_logins(helper);
    let (over, seen) = judge(&sandbox, &helper.program(), bounds);
    report(
        "29 system calls and page faults",
        &format!("docker-credential-{}{seen}", helper.name),
    );
    assert_eq!(over, Vec::<String>::new(), "over its bound");
}

#[test]
fn each_verb_of_age_stays_within_its_bounds() {
    require!(program::find("strace"));
    require!(released(AGE));
    assert_within(AGE, &OF_AGE);
}

#[test]
fn each_verb_of_env_stays_within_its_bounds() {
    require!(program::find("strace"));
    require!(released(ENV));
    assert_within(ENV, &OF_ENV);
}

#[test]
fn each_verb_of_keyring_stays_within_its_bounds() {
    require!(program::find("strace"));
    require!(GnomeKeyring::available());
    require!(released(KEYRING));
    assert_within(KEYRING, &OF_KEYRING);
}

/// As if a parser and a second program had been added.
#[test]
fn control_a_helper_behind_a_shell_is_over_its_bounds() {
    require!(program::find("strace"));
    let sandbox = with_ten_logins(AGE);
    let script = sandbox.path("home/helper");
    let text = format!("#!/bin/sh\ncat | '{}' \"$@\"\n", AGE.program().display());
    fs::write(&script, text).expect("a script");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("a script");
    let (over, _) = judge(&sandbox, &script, &OF_AGE);
    assert!(over.len() >= 5, "{over:?}");
}
