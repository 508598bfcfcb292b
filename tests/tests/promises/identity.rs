//! A change of the identity happens completely or not at all, if any of its system calls fails, or it is
//! killed at any of them.
//!
//! Afterwards, every login opens with the identity or a kept copy of it, the next login is encrypted to one
//! key only, and a replaced key isn't a recipient any more.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;

use docker_credential_tests::login::Login;
use docker_credential_tests::refusal::Snapshot;
use docker_credential_tests::sandbox::Sandbox;
use docker_credential_tests::{program, require};

use crate::broken::Subject;
use crate::injection::{Case, Fault, KILL, Point, fail_everywhere};
use crate::model::{Answer, answer, judge};
use crate::scale::{full, report};

const SERVERS: [&str; 2] = ["ghcr.io", "quay.io"];
const NEXT: &str = "next.example";
const CONFIGURATION: &str = "config/docker-credential-age";
const IDENTITY: &str = "config/docker-credential-age/identity.txt";
const STORE: &str = "data/docker-credential-age";

/// The system calls with lasting effects.
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
enum Change {
    Rotate,
    /// With a list of recipients.
    RotateShared,
    Replace,
    Restore,
    SetPassphrase,
    RemovePassphrase,
    RotateSealed,
}

impl Change {
    const PLAIN: [Self; 4] = [Self::Rotate, Self::RotateShared, Self::Replace, Self::Restore];
    const SEALED: [Self; 3] = [Self::SetPassphrase, Self::RemovePassphrase, Self::RotateSealed];

    fn is_sealed(self) -> bool {
        Self::SEALED.contains(&self)
    }

    /// Every login opens with the identity or a kept copy.
    fn unopened(self, place: &Sandbox) -> Option<String> {
        let must_open = !matches!(self, Self::Replace | Self::Restore);
        SERVERS.into_iter().find_map(|server| {
            let answered = answer(place, server);
            let opens = || {
                copies(place)
                    .iter()
                    .any(|copy| is_old(&answer_with(place, copy, server)))
            };
            match () {
                () if is_old(&answered) => None,
                () if must_open => Some(format!("the identity doesn't open {server}: {answered:?}")),
                () if opens() => None,
                () => Some(format!("nothing opens {server}: {answered:?}")),
            }
        })
    }

    /// A login that the replaced key still opens.
    fn still_readable(self, place: &Sandbox, old_file: &Path) -> Option<String> {
        if public_key(place) == public_key_of(place, old_file) {
            return None;
        }
        let rotated = matches!(self, Self::Rotate | Self::RotateShared | Self::RotateSealed);
        let mut servers = SERVERS.into_iter().filter(|_| rotated).chain([NEXT]);
        servers
            .find(|server| is_old(&answer_with(place, old_file, server)))
            .map(|server| format!("{server} is still encrypted to the replaced key"))
    }
}

impl Case for Change {
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
                // Otherwise a get would find keys that the previous one kept open.
                place.set("DOCKER_CREDENTIAL_AGE_UNLOCK_SECONDS", "0");
                if self != Self::SetPassphrase {
                    command(place, &["identity", "passphrase"]);
                }
            }
            Self::Rotate | Self::Replace => {}
        }
    }

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

    fn stdin(self) -> String {
        String::new()
    }

    fn faults(self, call: &str) -> Vec<Fault> {
        let kinds: &[&str] = match (full(), self.is_sealed()) {
            (true, _) => &[KILL, "error=EIO", "error=ENOSPC"],
            // A kill at another call has the same effect as one at the next of these.
            (false, _) if !LASTING.contains(&call) => &[],
            (false, false) => &[KILL, "error=EIO"],
            // Each run of these derives a key from a passphrase, several times.
            (false, true) => &[KILL],
        };
        let once = |&kind| Fault { kind, lasts: false };
        kinds.iter().map(once).collect()
    }

    fn violation(self, place: &Sandbox, before: &Snapshot, output: &Output) -> Option<String> {
        let identity = place.path(IDENTITY);
        let old = before.iter().find(|(path, _, _)| *path == identity);
        let (_, _, old) = old.expect("there was an identity");
        if output.status.success() && fs::read(&identity).ok().as_ref() == Some(old) {
            return Some("it says that it is done, and nothing has changed".into());
        }
        let old_file = place.path("old-identity");
        fs::write(&old_file, old).expect("the old identity can be kept");
        fs::set_permissions(&old_file, fs::Permissions::from_mode(0o600)).expect("it is private");
        self.unopened(place)
            // The next login is whole, and for one key.
            .or_else(|| {
                place.store(NEXT, &Login::new("user", "old"));
                (!is_old(&answer(place, NEXT))).then(|| "the next login cannot be read back".into())
            })
            .or_else(|| self.still_readable(place, &old_file))
            .or_else(|| left_behind(place))
    }
}

/// Files that a complete rotation or store doesn't leave.
fn left_behind(place: &Sandbox) -> Option<String> {
    if place.path(&format!("{IDENTITY}.outgoing")).exists() {
        return Some("the rotation is still not complete after a login".into());
    }
    let names = fs::read_dir(place.path(STORE)).expect("the store is there");
    names
        .map(|entry| entry.expect("the store can be listed").file_name())
        .find(|name| name.to_string_lossy().starts_with(".docker-credential") || name == ".rekey-commit")
        .map(|name| format!("{} stays in the store", name.display()))
}

fn is_old(answer: &Answer) -> bool {
    *answer == Answer::Is(Some("old".into()))
}

fn copies(place: &Sandbox) -> Vec<PathBuf> {
    fs::read_dir(place.path(CONFIGURATION))
        .expect("there is a configuration")
        .map(|entry| entry.expect("it can be listed").path())
        .filter(|path| path.to_string_lossy().contains("identity.txt.old"))
        .collect()
}

fn answer_with(place: &Sandbox, identity: &Path, server: &str) -> Answer {
    let outcome = place
        .run(place.program())
        .arg("get")
        .env("DOCKER_CREDENTIAL_AGE_IDENTITY_FILE", identity)
        .stdin(server)
        .outcome();
    judge(outcome.code, &outcome.stdout, server)
}

fn public_key(place: &Sandbox) -> String {
    let shown = place.command(&["identity", "show"]);
    shown.assert_success("identity show");
    let keys = String::from_utf8(shown.stdout).expect("a key is text");
    assert_eq!(keys.lines().count(), 1, "{keys}");
    keys
}

fn public_key_of(place: &Sandbox, identity: &Path) -> String {
    let shown = place
        .run(place.program())
        .args(["identity", "show"])
        .env("DOCKER_CREDENTIAL_AGE_IDENTITY_FILE", identity)
        .outcome();
    String::from_utf8(shown.stdout).expect("a key is text")
}

fn assert_whole(changes: &[Change], what: &str, is_chosen: impl Fn(&Point) -> bool) {
    let mut total = 0;
    let mut violations = Vec::new();
    for change in changes {
        let (found, points) = fail_everywhere(Subject::Sound, *change, &is_chosen);
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
        &Change::PLAIN,
        "28 kill and EIO at every lasting system call of rotate, new, restore",
        |_| true,
    );
}

/// The calls that create, change or remove a name.
const NAMES: [&str; 4] = ["renameat", "renameat2", "linkat", "unlinkat"];

#[test]
fn each_kill_of_a_change_of_passphrase_leaves_one_that_opens() {
    require!(program::find("strace"));
    assert_whole(
        &Change::SEALED,
        "28 kill at each change of a name by passphrase and by a sealed rotate",
        // Each point needs several passphrases, which are slow by design.
        |point| full() || point.fault.kind == KILL && NAMES.contains(&point.call.as_str()),
    );
}

#[test]
fn control_a_rotation_that_is_never_completed_is_caught() {
    require!(program::find("strace"));
    let (violations, _) = fail_everywhere(Subject::Broken("forgets-rotations"), Change::Rotate, |point| {
        point.fault.kind == KILL
            && ["renameat", "renameat2", "fsync", "unlinkat"].contains(&point.call.as_str())
    });
    assert!(!violations.is_empty());
}
