//! A full disk doesn't lose credentials: stored ones stay, and a login that doesn't fit is an error.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use docker_credential_tests::login::Login;
use docker_credential_tests::requirement::Missing;
use docker_credential_tests::sandbox::Sandbox;
use docker_credential_tests::{require, requirement};
use serde_json::json;
use tempfile::TempDir;

use crate::broken::Subject;
use crate::model::{Answer, answer};
use crate::scale::report;

/// A small file system in memory.
struct Tmpfs(TempDir);

impl Tmpfs {
    fn new(options: &str) -> Result<Self, Missing> {
        requirement::root()?;
        let directory = tempfile::tempdir().expect("a temporary directory");
        let output = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(directory.path())
            .output()
            .map_err(|error| Missing::new(format!("mount ({error})")))?;
        if output.status.success() {
            Ok(Self(directory))
        } else {
            Err(Missing::new("to be allowed to mount a tmpfs"))
        }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.path()).output();
    }
}

/// Uses up all but this many blocks, or all but this many inodes.
#[derive(Clone, Copy, Debug)]
enum Left {
    Pages(usize),
    Inodes(usize),
}

const PAGE: usize = 4096;

impl Left {
    /// The files that fill the disk.
    fn fill(self, disk: &Tmpfs) -> Vec<PathBuf> {
        let name = |kind: &str, index: usize| disk.path().join(format!("{kind}-{index}"));
        let mut files = Vec::new();
        match self {
            Self::Pages(left) => {
                let kept = name("kept", 0);
                fs::write(&kept, vec![0; left * PAGE]).expect("there is room");
                let filler = name("filler", 0);
                let mut file = fs::File::create(&filler).expect("there is room");
                while file.write_all(&[0; PAGE]).is_ok() {}
                fs::remove_file(kept).expect("the room is given back");
                files.push(filler);
            }
            Self::Inodes(left) => {
                while fs::File::create(name("filler", files.len())).is_ok() {
                    files.push(name("filler", files.len()));
                }
                for file in files.drain(..left) {
                    fs::remove_file(file).expect("the inode is given back");
                }
            }
        }
        files
    }
}

/// The helper's violation on a disk with this much space left, if any.
fn violation(subject: Subject, left: Left, size: usize, is_first: bool) -> Result<Option<String>, Missing> {
    let disk = Tmpfs::new("size=2m,nr_inodes=200,mode=700")?;
    let place = subject.place_below(disk.path());
    if !is_first {
        place.store("ghcr.io", &Login::new("user", "old"));
    }
    let fillers = left.fill(&disk);
    let new = "n".repeat(size);
    let request = json!({ "ServerURL": "ghcr.io", "Username": "user", "Secret": new });
    let stored = run(&place, "store", &request.to_string());
    let expected = match (stored, is_first) {
        (Some(0), _) => Some(new.clone()),
        (Some(1), false) => Some("old".to_owned()),
        (Some(1), true) => None,
        (code, _) => return Ok(Some(format!("exit {code:?}"))),
    };
    let now = answer(&place, "ghcr.io");
    if now != Answer::Is(expected) {
        return Ok(Some(format!("after exit {stored:?}, get says {now:?}")));
    }
    // Logging out frees space.
    if run(&place, "erase", "ghcr.io") != Some(0) || answer(&place, "ghcr.io") != Answer::Is(None) {
        return Ok(Some("a full disk keeps a credential from being erased".into()));
    }
    for filler in fillers {
        fs::remove_file(filler).expect("room is made");
    }
    let stored = run(&place, "store", &request.to_string());
    if stored != Some(0) || answer(&place, "ghcr.io") != Answer::Is(Some(new)) {
        return Ok(Some("the login does not work after room was made".into()));
    }
    Ok(None)
}

fn run(place: &Sandbox, verb: &str, stdin: &str) -> Option<i32> {
    // Its output must not need space on the full disk; the sandbox's own runner keeps it elsewhere.
    place.verb(verb, stdin).code
}

#[test]
fn a_full_disk_costs_no_credential() {
    let mut cases = 0;
    for left in (0..10).map(Left::Pages).chain((0..8).map(Left::Inodes)) {
        for size in [100, 3_000, 9_000] {
            for is_first in [false, true] {
                let violation = require!(violation(Subject::Sound, left, size, is_first));
                assert_eq!(violation, None, "{left:?} left, {size} bytes, first: {is_first}");
                cases += 1;
            }
        }
    }
    report(
        "4 full disk",
        &format!("{cases} cases of blocks or inodes left: 0 credentials lost"),
    );
}

#[test]
fn control_a_helper_that_writes_in_place_is_caught_on_a_full_disk() {
    let violation = require!(violation(
        Subject::Broken("writes-in-place"),
        Left::Pages(0),
        9_000,
        false
    ));
    assert!(violation.is_some());
}
