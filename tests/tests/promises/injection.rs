//! Makes each system call of a helper's run fail, or kills the helper at it, one after the other.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Output, Stdio};
use std::sync::Mutex;

use docker_credential_tests::refusal::{Snapshot, snapshot};
use docker_credential_tests::sandbox::Sandbox;

use crate::broken::Subject;
use crate::scale::share;

/// An action during which a call fails, and its check.
pub(crate) trait Case: Copy + Debug + Sync {
    /// Prepares the state for the run.
    fn prepare(self, place: &mut Sandbox);

    fn arguments(self, place: &Sandbox) -> Vec<String>;

    fn stdin(self) -> String;

    /// The faults to try at the calls of this name.
    fn faults(self, call: &str) -> Vec<Fault>;

    /// The violation after a run in which one call failed, if any. `before` is the prepared content of the
    /// sandbox.
    fn violation(self, place: &Sandbox, before: &Snapshot, output: &Output) -> Option<String>;
}

/// How a call fails, in strace's syntax.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub(crate) kind: &'static str,
    /// Whether all later calls of the name fail as well.
    pub(crate) lasts: bool,
}

pub(crate) const KILL: &str = "signal=KILL";

/// One system call of a run, by its name and number, and how it fails.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    pub(crate) call: String,
    count: usize,
    pub(crate) fault: Fault,
}

impl Point {
    fn injection(&self) -> String {
        let lasting = if self.fault.lasts { "+" } else { "" };
        format!(
            "inject={}:{}:when={}{lasting}",
            self.call, self.fault.kind, self.count
        )
    }
}

/// The run's output while strace injects a fault into one call, or traces all.
fn traced(place: &Sandbox, case: impl Case, options: &[&str]) -> Output {
    let mut child = place
        .run("strace")
        .args(["-f", "-qq"])
        .args(options)
        .arg(place.program())
        .args(case.arguments(place))
        .into_command()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("strace can be run");
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    // A killed helper doesn't read.
    let _ = std::io::Write::write_all(&mut stdin, case.stdin().as_bytes());
    drop(stdin);
    child.wait_with_output().expect("a child can be waited for")
}

/// Every fault of the case at every system call that it makes.
fn points(subject: Subject, case: impl Case) -> Vec<Point> {
    let mut place = subject.place();
    case.prepare(&mut place);
    let trace = place.path("trace");
    let output = traced(&place, case, &["-o", &trace.to_string_lossy()]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{case:?} works while nothing fails: {output:?}"
    );
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for line in fs::read_to_string(trace).expect("strace wrote its trace").lines() {
        let call = line
            .split_once(' ')
            .and_then(|(_process, call)| call.trim_start().split_once('('));
        if let Some((name, _)) = call
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        {
            *counts.entry(name.to_owned()).or_default() += 1;
        }
    }
    // Without it, the helper doesn't start.
    counts.remove("execve");
    let mut points = Vec::new();
    for (call, calls) in counts {
        let faults = case.faults(&call);
        for count in 1..=calls {
            points.extend(faults.iter().map(|&fault| Point {
                call: call.clone(),
                count,
                fault,
            }));
        }
    }
    points
}

/// Violations at the chosen points, and the number of points.
pub(crate) fn fail_everywhere(
    subject: Subject,
    case: impl Case,
    is_chosen: impl Fn(&Point) -> bool,
) -> (Vec<String>, usize) {
    let mut points = points(subject, case);
    points.retain(is_chosen);
    let count = points.len();
    let queue = Mutex::new(points);
    let violations = share(2, |_| {
        let mut place = subject.place();
        case.prepare(&mut place);
        let before = snapshot(&place.path(""));
        let mut violations = Vec::new();
        loop {
            let Some(point) = queue.lock().expect("no worker panics").pop() else {
                return violations;
            };
            let injection = point.injection();
            // strace only injects faults into traced calls.
            let traced_call = format!("trace={}", point.call);
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
            let said = [&*output.stdout, &*output.stderr].concat();
            let violation = match String::from_utf8_lossy(&said) {
                said if said.contains("panicked") => Some(format!("it panics: {said}")),
                _ => case.violation(&place, &before, &output),
            };
            violations.extend(violation.map(|violation| format!("{case:?}, {injection}: {violation}")));
            restore(&place, &before);
        }
    });
    (violations.concat(), count)
}

/// Restores the sandbox.
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
        // Keeps links to the sandbox's programs; directories don't have content.
        if !path.is_dir() && !path.is_symlink() {
            fs::write(path, content).expect("a file of the place can be written");
            let mode = fs::Permissions::from_mode(*mode & 0o7777);
            fs::set_permissions(path, mode).expect("a file of the place has a mode");
        }
    }
}
