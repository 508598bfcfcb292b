//! A change of the identity is whole or not at all: whichever system call of it fails, and at whichever it dies.
//!
//! Afterwards every login opens with the identity or with a copy that was kept of it, the next login is for one key
//! alone, and a key that was replaced is nobody's recipient any more.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::Mutex;

use docker_credential_tests::login::Login;
use docker_credential_tests::refusal::{Snapshot, snapshot};
use docker_credential_tests::sandbox::Sandbox;
use docker_credential_tests::{program, require};

use crate::broken::Subject;
use crate::model::{Answer, answer};
use crate::scale::{full, report, share};

const SERVERS: [&str; 2] = ["ghcr.io", "quay.io"];
const NEXT: &str = "next.example";
const CONFIGURATION: &str = "config/docker-credential-age";
const IDENTITY: &str = "config/docker-credential-age/identity.txt";
const STORE: &str = "data/docker-credential-age";

/// Those system calls that leave something behind.
const LASTING: [&str; 12] = [
    "openat",
    "write",
    "fsync",
    "renameat",
    "renameat2",
    "linkat",
    "unlinkat",
    "mkdirat",
    "fchmod",
    "close",
    "flock",
    "add_key",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    Rotate,
    /// In a store with a list of recipients.
    RotateShared,
    Replace,
    Restore,
    SetPassphrase,
    RemovePassphrase,
    RotateSealed,
}

impl Case {
    const PLAIN: [Self; 4] = [Self::Rotate, Self::RotateShared, Self::Replace, Self::Restore];
    const SEALED: [Self; 3] = [Self::SetPassphrase, Self::RemovePassphrase, Self::RotateSealed];

    fn arguments(self, place: &Sandbox) -> Vec<String> {
        let words: &[&str] = match self {
            Self::Rotate | Self::RotateShared | Self::RotateSealed => &["identity", "rotate"],
            Self::Replace => &["identity", "new", "--replace", "--yes"],
            Self::Restore => &["identity", "restore", "--yes", "other"],
            Self::SetPassphrase => &["identity", "passphrase"],
            Self::RemovePassphrase => &["identity", "passphrase", "--remove"],
        };
        words
            .iter()
            .map(|word| match *word {
                "other" => place.path("other").display().to_string(),
                word => word.to_owned(),
            })
            .collect()
    }

    fn is_sealed(self) -> bool {
        Self::SEALED.contains(&self)
    }

    fn prepare(self, place: &mut Sandbox) {
        for server in SERVERS {
            place.store(server, &Login::new("user", "old"));
        }
        let command =
            |place: &Sandbox, words: &[&str]| place.command(words).assert_success("the case is prepared");
        match self {
            Self::RotateShared => {
                let other = Sandbox::new(place.helper());
                let shown = other.command(&["identity", "new"]);
                let key = String::from_utf8(shown.stdout).expect("a key is text");
                command(place, &["recipients", "add", key.trim()]);
            }
            Self::Restore => {
                let other = Sandbox::new(place.helper());
                other.store("x.example", &Login::new("user", "x"));
                fs::copy(other.path(IDENTITY), place.path("other"))
                    .expect("the other identity can be copied");
            }
            Self::SetPassphrase | Self::RemovePassphrase | Self::RotateSealed => {
                let file = place.path("passphrase");
                fs::write(&file, "a long passphrase\n").expect("the passphrase can be written");
                fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("it is private");
                place.set("DOCKER_CREDENTIAL_AGE_PASSPHRASE_FILE", file);
                // Otherwise a get would find what the one before it kept open.
                place.set("DOCKER_CREDENTIAL_AGE_UNLOCK_SECONDS", "0");
                if self != Self::SetPassphrase {
                    command(place, &["identity", "passphrase"]);
                }
            }
            Self::Rotate | Self::Replace => {}
        }
    }
}

#[derive(Clone, Debug)]
struct Point {
    call: String,
    count: usize,
    fault: &'static str,
}

impl Point {
    fn injection(&self) -> String {
        format!("inject={}:{}:when={}", self.call, self.fault, self.count)
    }
}

fn traced(place: &Sandbox, case: Case, options: &[&str]) -> Output {
    place
        .run("strace")
        .args(["-f", "-qq"])
        .args(options)
        .arg(place.program())
        .args(case.arguments(place))
        .into_command()
        .stdin(Stdio::null())
        .output()
        .expect("strace can be run")
}

fn points(subject: Subject, case: Case) -> Vec<Point> {
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
    counts.remove("execve");
    // A kill at another call leaves what a kill at the next of these does.
    if !full() {
        counts.retain(|call, _| LASTING.contains(&call.as_str()));
    }
    let faults: &[&str] = match (full(), case.is_sealed()) {
        (true, _) => &["signal=KILL", "error=EIO", "error=ENOSPC"],
        (false, false) => &["signal=KILL", "error=EIO"],
        // Each run of these derives a key from a passphrase, several times.
        (false, true) => &["signal=KILL"],
    };
    counts
        .iter()
        .flat_map(|(call, calls)| (1..=*calls).map(move |count| (call, count)))
        .flat_map(|(call, count)| {
            faults.iter().map(move |fault| Point {
                call: call.clone(),
                count,
                fault,
            })
        })
        .collect()
}

/// What is wrong after a change during which one system call failed; nothing if the promise holds. `old` is the previous
/// identity file.
fn violation(place: &Sandbox, case: Case, old: &[u8], output: &Output) -> Option<String> {
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    if said.contains("panicked") {
        return Some(format!("it panics: {said}"));
    }
    let identity = place.path(IDENTITY);
    if output.status.success() && fs::read(&identity).ok().as_deref() == Some(old) {
        return Some("it says that it is done, and nothing has changed".into());
    }
    let old_file = place.path("old-identity");
    fs::write(&old_file, old).expect("the old identity can be kept");
    fs::set_permissions(&old_file, fs::Permissions::from_mode(0o600)).expect("it is private");
    let is_old = |answer: Answer| answer == Answer::Is(Some("old".into()));
    // Every login opens: with the identity, or with a copy that was kept.
    for server in SERVERS {
        let opens = is_old(answer(place, server)) || {
            copies(place)
                .into_iter()
                .any(|copy| is_old(answer_with(place, &copy, server)))
        };
        if !opens {
            return Some(format!("nothing opens {server}: {:?}", answer(place, server)));
        }
        let must_open = !matches!(case, Case::Replace | Case::Restore);
        if must_open && !is_old(answer(place, server)) {
            return Some(format!("the identity doesn't open {server}"));
        }
    }
    // The next login is whole, and for one key.
    place.store(NEXT, &Login::new("user", "old"));
    if !is_old(answer(place, NEXT)) {
        return Some("the next login cannot be read back".into());
    }
    let has_changed = public_key(place) != public_key_of(place, &old_file);
    if has_changed {
        let rotated = matches!(case, Case::Rotate | Case::RotateShared | Case::RotateSealed);
        for server in SERVERS.into_iter().filter(|_| rotated).chain([NEXT]) {
            if is_old(answer_with(place, &old_file, server)) {
                return Some(format!("{server} is still encrypted to the replaced key"));
            }
        }
    }
    if place.path(&format!("{IDENTITY}.outgoing")).exists() {
        return Some("the rotation is still not complete after a login".into());
    }
    let names = fs::read_dir(place.path(STORE)).expect("the store is there");
    names
        .map(|entry| entry.expect("the store can be listed").file_name())
        .find(|name| name.to_string_lossy().starts_with(".docker-credential") || name == ".rekey-commit")
        .map(|name| format!("{} stays in the store", name.display()))
}

fn copies(place: &Sandbox) -> Vec<PathBuf> {
    fs::read_dir(place.path(CONFIGURATION))
        .expect("there is a configuration")
        .map(|entry| entry.expect("it can be listed").path())
        .filter(|path| path.to_string_lossy().contains("identity.txt.old"))
        .collect()
}

fn answer_with(place: &Sandbox, identity: &std::path::Path, server: &str) -> Answer {
    let outcome = place
        .run(place.program())
        .arg("get")
        .env("DOCKER_CREDENTIAL_AGE_IDENTITY_FILE", identity)
        .stdin(server)
        .outcome();
    crate::model::judge(outcome.code, &outcome.stdout, server)
}

fn public_key(place: &Sandbox) -> String {
    let shown = place.command(&["identity", "show"]);
    shown.assert_success("identity show");
    let keys = String::from_utf8(shown.stdout).expect("a key is text");
    assert_eq!(keys.lines().count(), 1, "{keys}");
    keys
}

fn public_key_of(place: &Sandbox, identity: &std::path::Path) -> String {
    let shown = place
        .run(place.program())
        .args(["identity", "show"])
        .env("DOCKER_CREDENTIAL_AGE_IDENTITY_FILE", identity)
        .outcome();
    String::from_utf8(shown.stdout).expect("a key is text")
}

/// Makes the place what it was, whatever happened in it.
fn restore(place: &Sandbox, before: &Snapshot) {
    for (path, _, _) in snapshot(&place.path("")).iter().rev() {
        if !before.iter().any(|(kept, _, _)| kept == path) {
            let _ = fs::remove_file(path).or_else(|_| fs::remove_dir_all(path));
        }
    }
    for (path, mode, content) in before {
        if !path.is_dir() && !path.is_symlink() {
            fs::write(path, content).expect("a file of the place can be written");
            fs::set_permissions(path, fs::Permissions::from_mode(*mode & 0o7777)).expect("it has a mode");
        }
    }
}

fn fail_everywhere(subject: Subject, case: Case, is_chosen: impl Fn(&Point) -> bool) -> (Vec<String>, usize) {
    let points: Vec<Point> = points(subject, case).into_iter().filter(is_chosen).collect();
    let count = points.len();
    let queue = Mutex::new(points);
    let violations = share(2, |_| {
        let mut place = subject.place();
        case.prepare(&mut place);
        let old = fs::read(place.path(IDENTITY)).expect("there is an identity");
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
            if let Some(violation) = violation(&place, case, &old, &output) {
                violations.push(format!("{case:?}, {injection}: {violation}"));
            }
            restore(&place, &before);
        }
    });
    (violations.concat(), count)
}

fn assert_whole(cases: &[Case], what: &str, is_chosen: impl Fn(&Point) -> bool) {
    let mut total = 0;
    let mut violations = Vec::new();
    for case in cases {
        let (found, points) = fail_everywhere(Subject::Sound, *case, &is_chosen);
        total += points;
        violations.extend(found);
    }
    report(what, &format!("{total} points: {} violations", violations.len()));
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn each_failure_of_a_change_of_identity_leaves_one_that_opens() {
    require!(program::find("strace"));
    assert_whole(
        &Case::PLAIN,
        "28 kill and EIO at every lasting system call of rotate, new, restore",
        |_| true,
    );
}

/// The calls that give, change or take away a name.
const NAMES: [&str; 4] = ["renameat", "renameat2", "linkat", "unlinkat"];

#[test]
fn each_kill_of_a_change_of_passphrase_leaves_one_that_opens() {
    require!(program::find("strace"));
    assert_whole(
        &Case::SEALED,
        "28 kill at each change of a name by passphrase and by a sealed rotate",
        // Each point costs several passphrases, which are slow by design.
        |point| full() || point.fault == "signal=KILL" && NAMES.contains(&point.call.as_str()),
    );
}

#[test]
fn control_a_rotation_that_is_never_completed_is_caught() {
    require!(program::find("strace"));
    let (violations, _) = fail_everywhere(Subject::Broken("forgets-rotations"), Case::Rotate, |point| {
        point.fault == "signal=KILL"
            && ["renameat", "renameat2", "fsync", "unlinkat"].contains(&point.call.as_str())
    });
    assert!(!violations.is_empty());
}
