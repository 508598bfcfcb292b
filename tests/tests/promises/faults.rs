//! The old credential or the new one, never neither: whichever system call fails, and at whichever the process dies.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Output, Stdio};
use std::sync::Mutex;

use docker_credential_tests::login::Login;
use docker_credential_tests::refusal::{Snapshot, snapshot};
use docker_credential_tests::sandbox::Sandbox;
use docker_credential_tests::{program, require};

use crate::broken::Subject;
use crate::model::{Answer, answer, judge};
use crate::scale::{full, report, share};

const SERVER: &str = "ghcr.io";
const BYSTANDER: &str = "quay.io";

/// What is done while something fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    FirstStore,
    Store,
    Erase,
    Get,
    List,
}

impl Case {
    const ALL: [Self; 5] = [Self::FirstStore, Self::Store, Self::Erase, Self::Get, Self::List];

    fn verb(self) -> &'static str {
        match self {
            Self::FirstStore | Self::Store => "store",
            Self::Erase => "erase",
            Self::Get => "get",
            Self::List => "list",
        }
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

    fn prepare(self, place: &Sandbox) {
        if self != Self::FirstStore {
            place.store(SERVER, &Login::new("user", "old"));
            place.store(BYSTANDER, &Login::new("user", "aside"));
        }
    }
}

/// One system call of a verb, counted among those of its name, and how it fails.
#[derive(Clone, Debug)]
struct Point {
    call: String,
    count: usize,
    fault: &'static str,
    /// Whether all later calls of the name fail as well.
    lasting: bool,
}

impl Point {
    fn injection(&self) -> String {
        let lasting = if self.lasting { "+" } else { "" };
        format!("inject={}:{}:when={}{lasting}", self.call, self.fault, self.count)
    }
}

/// Every fault at every system call that the verb makes.
fn points(subject: Subject, case: Case) -> Vec<Point> {
    let place = subject.place();
    case.prepare(&place);
    let trace = place.path("trace");
    let traced = traced(&place, case, &["-o", &trace.to_string_lossy()]);
    assert_eq!(
        traced.status.code(),
        Some(0),
        "{case:?} works while nothing fails"
    );
    let text = fs::read_to_string(trace).expect("strace wrote its trace");
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for line in text.lines() {
        let call = line
            .split_once(' ')
            .and_then(|(_process, call)| call.trim_start().split_once('('));
        let Some((name, _)) = call else { continue };
        if name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            *counts.entry(name.to_owned()).or_default() += 1;
        }
    }
    // Without it there is no helper to look at.
    counts.remove("execve");
    let mut faults = vec![
        "signal=KILL",
        "error=EIO",
        "error=ENOSPC",
        "error=EINTR",
        "error=EDQUOT",
    ];
    if full() {
        faults.extend([
            "error=ENOMEM",
            "error=EACCES",
            "error=EROFS",
            "error=EAGAIN",
            "error=EMFILE",
        ]);
    }
    let mut points = Vec::new();
    for (call, calls) in &counts {
        for count in 1..=*calls {
            for &fault in &faults {
                if fault.starts_with("error") && WITHOUT_ERRORS.contains(&call.as_str()) {
                    continue;
                }
                let point = Point {
                    call: call.clone(),
                    count,
                    fault,
                    lasting: false,
                };
                // An interruption that never ends would be waited for, and rightly so.
                if full() && fault.starts_with("error") && !fault.ends_with("EINTR") {
                    points.push(Point {
                        lasting: true,
                        ..point.clone()
                    });
                }
                points.push(point);
            }
        }
    }
    points
}

fn traced(place: &Sandbox, case: Case, options: &[&str]) -> Output {
    let mut child = place
        .run("strace")
        .args(["-f", "-qq"])
        .args(options)
        .arg(place.program())
        .arg(case.verb())
        .into_command()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("strace can be run");
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    let _ = std::io::Write::write_all(&mut stdin, case.stdin().as_bytes());
    drop(stdin);
    child.wait_with_output().expect("a child can be waited for")
}

/// What is wrong after a verb during which one system call failed; nothing if the promise holds.
fn violation(place: &Sandbox, case: Case, output: &Output) -> Option<String> {
    let code = output.status.code();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    if said.contains("panicked") {
        return Some(format!("it panics: {said}"));
    }
    let now = answer(place, SERVER);
    let is = |value: Option<&str>| Answer::Is(value.map(str::to_owned));
    let allowed = match (case, code) {
        (Case::FirstStore | Case::Store, Some(0)) => vec![is(Some("new"))],
        (Case::FirstStore, _) => vec![is(None), is(Some("new"))],
        (Case::Store, _) => vec![is(Some("old")), is(Some("new"))],
        (Case::Erase, Some(0)) => vec![is(None)],
        (Case::Erase, _) => vec![is(Some("old")), is(None)],
        (Case::Get | Case::List, _) => vec![is(Some("old"))],
    };
    if !allowed.contains(&now) {
        return Some(format!("after exit {code:?}, get says {now:?}"));
    }
    if case != Case::FirstStore && answer(place, BYSTANDER) != is(Some("aside")) {
        return Some("another credential is gone".into());
    }
    let answered = judge(code, &output.stdout, SERVER);
    if case == Case::Get && answered != is(Some("old")) && !matches!(answered, Answer::Trouble(_)) {
        return Some(format!("what is stored is answered as {answered:?}"));
    }
    if case == Case::List && code == Some(0) && !said.contains("user") {
        return Some(format!("what is stored is listed as {said}"));
    }
    // What is left behind must not be in the way of the next login, nor stay.
    if case.verb() == "store" {
        place.store(SERVER, &Login::new("user", "next"));
        let names = fs::read_dir(place.path("data/docker-credential-age")).expect("the store is there");
        let stray = names
            .map(|entry| entry.expect("the store can be listed").file_name())
            .find(|name| !name.to_string_lossy().ends_with(".age"));
        if let Some(name) = stray {
            return Some(format!("{} stays in the store", name.display()));
        }
    }
    None
}

/// Makes the place what it was, whatever happened in it.
fn restore(place: &Sandbox, before: &Snapshot) {
    let now = snapshot(&place.path(""));
    if now == *before {
        return;
    }
    for (path, _, _) in now.iter().rev() {
        if !before.iter().any(|(kept, _, _)| kept == path) {
            let _ = fs::remove_file(path).or_else(|_| fs::remove_dir_all(path));
        }
    }
    for (path, mode, content) in before {
        // A link of the place's programs stays what it is; directories have no content.
        if !path.is_dir() && !path.is_symlink() {
            fs::write(path, content).expect("a file of the place can be written");
            let mode = std::os::unix::fs::PermissionsExt::from_mode(*mode & 0o7777);
            fs::set_permissions(path, mode).expect("a file of the place has a mode");
        }
    }
}

/// Calls that the kernel never refuses (`geteuid`, `umask`), and those whose failure ends any Rust program in a panic
/// before or between its own steps: the runtime's stack for signals, the generator of random numbers. A kill at each of
/// them is tried all the same.
const WITHOUT_ERRORS: [&str; 6] = ["geteuid", "umask", "mmap", "mprotect", "sigaltstack", "getrandom"];

/// Violations, of that many points.
fn fail_everywhere(subject: Subject, case: Case) -> (Vec<String>, usize) {
    let points = points(subject, case);
    let count = points.len();
    let queue = Mutex::new(points);
    let violations = share(2, |_| {
        let place = subject.place();
        case.prepare(&place);
        let before = snapshot(&place.path(""));
        let mut violations = Vec::new();
        loop {
            let Some(point) = queue.lock().expect("no worker panics").pop() else {
                return violations;
            };
            // strace fails only what it traces.
            let traced_call = format!("trace={}", point.call);
            let injection = point.injection();
            let options = [
                "-e",
                &traced_call,
                "-e",
                "signal=none",
                "-o",
                "/dev/null",
                "-e",
                &injection,
            ];
            let output = traced(&place, case, &options);
            if let Some(violation) = violation(&place, case, &output) {
                violations.push(format!("{case:?}, {injection}: {violation}"));
            }
            restore(&place, &before);
        }
    });
    (violations.concat(), count)
}

#[test]
fn each_failure_at_each_system_call_leaves_the_old_or_the_new() {
    require!(program::find("strace"));
    let mut total = 0;
    let mut violations = Vec::new();
    for case in Case::ALL {
        let (found, points) = fail_everywhere(Subject::Sound, case);
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
        let subject = Subject::Broken(fault);
        let place = subject.place();
        Case::Store.prepare(&place);
        let before = snapshot(&place.path(""));
        let caught = points(subject, Case::Store)
            .into_iter()
            .filter(|point| point.fault == "signal=KILL" && !point.lasting)
            .filter(|point| ["write", "rename", "renameat", "renameat2"].contains(&point.call.as_str()))
            .any(|point| {
                let output = traced(
                    &place,
                    Case::Store,
                    &["-o", "/dev/null", "-e", &point.injection()],
                );
                let violation = violation(&place, Case::Store, &output);
                restore(&place, &before);
                violation.is_some()
            });
        assert!(caught, "{fault}");
    }
}
