//! The old or the new credential is always there, if any system call fails, or the process is killed at any
//! of them.

use std::fs;
use std::process::Output;

use docker_credential_tests::login::Login;
use docker_credential_tests::refusal::Snapshot;
use docker_credential_tests::sandbox::Sandbox;
use docker_credential_tests::{program, require};

use crate::broken::Subject;
use crate::injection::{Case, Fault, KILL, fail_everywhere};
use crate::model::{Answer, answer, judge};
use crate::scale::{full, report};

const SERVER: &str = "ghcr.io";
const BYSTANDER: &str = "quay.io";

/// Calls that never fail (`geteuid`, `umask`), and those whose failure makes any Rust program panic: the
/// runtime's stack for signals, the random number generator. A kill at each of them is still tried.
const WITHOUT_ERRORS: [&str; 6] = ["geteuid", "umask", "mmap", "mprotect", "sigaltstack", "getrandom"];

const ERRORS: [&str; 4] = ["error=EIO", "error=ENOSPC", "error=EINTR", "error=EDQUOT"];

const MORE_ERRORS: [&str; 5] = [
    "error=ENOMEM",
    "error=EACCES",
    "error=EROFS",
    "error=EAGAIN",
    "error=EMFILE",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    FirstStore,
    Store,
    Erase,
    Get,
    List,
}

impl Verb {
    const ALL: [Self; 5] = [Self::FirstStore, Self::Store, Self::Erase, Self::Get, Self::List];

    fn name(self) -> &'static str {
        match self {
            Self::FirstStore | Self::Store => "store",
            Self::Erase => "erase",
            Self::Get => "get",
            Self::List => "list",
        }
    }
}

impl Case for Verb {
    fn prepare(self, place: &mut Sandbox) {
        if self != Self::FirstStore {
            place.store(SERVER, &Login::new("user", "old"));
            place.store(BYSTANDER, &Login::new("user", "aside"));
        }
    }

    fn arguments(self, _: &Sandbox) -> Vec<String> {
        vec![self.name().to_owned()]
    }

    fn stdin(self) -> String {
        match self {
            Self::FirstStore | Self::Store => {
                format!(r#"{{"ServerURL":"{SERVER}","Username":"user","Secret":"new"}}"#)
            }
            Self::Erase | Self::Get => SERVER.to_owned(),
            Self::List => String::new(),
        }
    }

    fn faults(self, call: &str) -> Vec<Fault> {
        let mut kinds = vec![KILL];
        if !WITHOUT_ERRORS.contains(&call) {
            kinds.extend(ERRORS);
            kinds.extend(MORE_ERRORS.iter().filter(|_| full()));
        }
        let once = kinds.iter().map(|&kind| Fault { kind, lasts: false });
        // The helper would correctly wait for an endless interruption.
        let lasting = kinds
            .iter()
            .filter(|kind| full() && **kind != KILL && **kind != "error=EINTR")
            .map(|&kind| Fault { kind, lasts: true });
        once.chain(lasting).collect()
    }

    fn violation(self, place: &Sandbox, _: &Snapshot, output: &Output) -> Option<String> {
        let code = output.status.code();
        let now = answer(place, SERVER);
        let is = |value: Option<&str>| Answer::Is(value.map(str::to_owned));
        let allowed = match (self, code) {
            (Self::FirstStore | Self::Store, Some(0)) => vec![is(Some("new"))],
            (Self::FirstStore, _) => vec![is(None), is(Some("new"))],
            (Self::Store, _) => vec![is(Some("old")), is(Some("new"))],
            (Self::Erase, Some(0)) => vec![is(None)],
            (Self::Erase, _) => vec![is(Some("old")), is(None)],
            (Self::Get | Self::List, _) => vec![is(Some("old"))],
        };
        if !allowed.contains(&now) {
            return Some(format!("after exit {code:?}, get says {now:?}"));
        }
        if self != Self::FirstStore && answer(place, BYSTANDER) != is(Some("aside")) {
            return Some("another credential is gone".into());
        }
        let answered = judge(code, &output.stdout, SERVER);
        if self == Self::Get && answered != is(Some("old")) && !matches!(answered, Answer::Trouble(_)) {
            return Some(format!("what is stored is answered as {answered:?}"));
        }
        let listed = String::from_utf8_lossy(&output.stdout);
        if self == Self::List && code == Some(0) && !listed.contains("user") {
            return Some(format!("what is stored is listed as {listed}"));
        }
        // Leftovers must not block the next login, and must be removed by it.
        if self.name() == "store" {
            place.store(SERVER, &Login::new("user", "next"));
            let names = fs::read_dir(place.path("data/docker-credential-age")).expect("the store is there");
            let stray = names
                .map(|entry| entry.expect("the store can be listed").file_name())
                .find(|name| !name.to_string_lossy().ends_with(".age"));
            return stray.map(|name| format!("{} stays in the store", name.display()));
        }
        None
    }
}

#[test]
fn each_failure_at_each_system_call_leaves_the_old_or_the_new() {
    require!(program::find("strace"));
    let mut total = 0;
    let mut violations = Vec::new();
    for verb in Verb::ALL {
        let (found, points) = fail_everywhere(Subject::Sound, verb, |_| true);
        total += points;
        violations.extend(found);
    }
    report(
        "3 kill, EIO, ENOSPC, EINTR, EDQUOT at every system call",
        &format!("{total} points: {} violations", violations.len()),
    );
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn control_helpers_that_write_in_place_or_remove_first_are_caught() {
    require!(program::find("strace"));
    for fault in ["writes-in-place", "removes-first"] {
        let (violations, _) = fail_everywhere(Subject::Broken(fault), Verb::Store, |point| {
            point.fault.kind == KILL
                && ["write", "rename", "renameat", "renameat2"].contains(&point.call.as_str())
        });
        assert!(!violations.is_empty(), "{fault}");
    }
}
