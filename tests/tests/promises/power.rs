//! Exit 0 survives a power cut: shuts down file systems on loop devices without flushing their log, and
//! mounts them again.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use docker_credential_tests::program::find;
use docker_credential_tests::requirement::Missing;
use docker_credential_tests::sandbox::Sandbox;
use docker_credential_tests::{require, requirement};
use tempfile::TempDir;

use crate::broken::Subject;
use crate::model::{Model, Step, Tally};
use crate::scale::{report, scale};

#[derive(Clone, Copy, Debug)]
enum Kind {
    Ext4,
    Xfs,
}

/// A separate file system, mounted from an image.
struct Disk {
    kind: Kind,
    directory: TempDir,
    device: String,
}

impl Disk {
    fn new(kind: Kind) -> Result<Self, Missing> {
        requirement::root()?;
        let (make, size, options) = match kind {
            Kind::Ext4 => ("mkfs.ext4", 64 << 20, "-q"),
            // The minimum for mkfs.xfs.
            Kind::Xfs => ("mkfs.xfs", 300 << 20, "-q"),
        };
        find(make)?;
        find("xfs_io")?;
        // In memory if possible, because this simulates a power cut, not the disk.
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() {
            memory.to_owned()
        } else {
            std::env::temp_dir()
        };
        let directory = tempfile::Builder::new()
            .prefix("disk-")
            .tempdir_in(base)
            .expect("a temporary directory");
        let image = directory.path().join("image");
        let file = std::fs::File::create(&image).expect("an image");
        file.set_len(size).expect("an image");
        std::fs::create_dir(directory.path().join("mount")).expect("a mount point");
        run(make, &[options, &image.to_string_lossy()]).map_err(Missing::new)?;
        let device = run("losetup", &["--find", "--show", &image.to_string_lossy()])
            .map_err(|error| Missing::new(format!("loop devices ({error})")))?;
        let disk = Self {
            kind,
            directory,
            device: device.trim().to_owned(),
        };
        disk.mount().map_err(Missing::new)?;
        Ok(disk)
    }

    fn root(&self) -> PathBuf {
        self.directory.path().join("mount")
    }

    fn mount(&self) -> Result<String, String> {
        run("mount", &[&self.device, &self.root().to_string_lossy()])
    }

    /// Writes everything to the medium.
    fn sync(&self) {
        run("sync", &["--file-system", &self.root().to_string_lossy()]).expect("sync");
    }

    /// Loses everything that isn't on the medium.
    fn cut_power(&self) {
        // FS_IOC_SHUTDOWN with "no log flush"; `-x` because ext4 takes the same request.
        run(
            "xfs_io",
            &["-x", "-c", "shutdown", &self.root().to_string_lossy()],
        )
        .expect("a shutdown");
        run("umount", &[&self.root().to_string_lossy()]).expect("an unmount after the shutdown");
        self.mount().expect("a file system that recovers");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = run("umount", &[&self.root().to_string_lossy()]);
        let _ = run("losetup", &["--detach", &self.device]);
    }
}

fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!(
            "{program}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        ))
    }
}

/// Cuts the power this many times, after a few logins and logouts each, some of them killed.
fn cut_at_random(subject: Subject, disk: &Disk, cycles: usize) -> Tally {
    let mut random = fastrand::Rng::new();
    let mut tallies = Vec::new();
    let mut model = Model::new(new_place(subject, disk), 4);
    for cycle in 0..cycles {
        // Occasionally a new store, whose directories and identity are also new.
        if cycle % 10 == 9 {
            tallies.push(model.tally);
            model = Model::new(new_place(subject, disk), 4);
        }
        for _ in 0..random.usize(1..4) {
            let step = model.random_step(&mut random);
            let is_killed = random.u8(..4) == 0;
            let limit = is_killed.then(|| Duration::from_micros(random.u64(..3_000)));
            model.carry_out(&step, limit);
        }
        disk.cut_power();
        model.check_all();
        // A checked value may be lost again unless it is on the medium.
        disk.sync();
    }
    tallies.push(model.tally);
    Tally::sum(tallies)
}

fn new_place(subject: Subject, disk: &Disk) -> Sandbox {
    let place = subject.place_below(&disk.root());
    disk.sync();
    place
}

fn survives(kind: Kind) {
    let disk = require!(Disk::new(kind));
    let cycles = scale(12, 2_000);
    let tally = cut_at_random(Subject::Sound, &disk, cycles);
    report(
        &format!("2 power cuts on {:?}", disk.kind),
        &format!("{cycles} cycles; {tally}"),
    );
    assert_eq!(tally.violations(), 0, "{tally}");
}

fn without_the_directory_it_is_lost(kind: Kind) {
    let disk = require!(Disk::new(kind));
    let tally = cut_at_random(Subject::Broken("no-directory-sync"), &disk, 4);
    report(
        &format!("2 control on {kind:?}: no directory fsync"),
        &tally.to_string(),
    );
    assert!(tally.violations() > 0, "{tally}");
}

#[test]
fn what_is_acknowledged_survives_a_power_cut_on_ext4() {
    survives(Kind::Ext4);
}

#[test]
fn what_is_acknowledged_survives_a_power_cut_on_xfs() {
    survives(Kind::Xfs);
}

#[test]
fn control_a_helper_that_does_not_sync_the_directory_is_caught_on_ext4() {
    without_the_directory_it_is_lost(Kind::Ext4);
}

#[test]
fn control_a_helper_that_does_not_sync_the_directory_is_caught_on_xfs() {
    without_the_directory_it_is_lost(Kind::Xfs);
}

/// The first logout can't write to the medium and fails; the second one succeeds.
fn an_erase_that_is_repeated(kind: Kind) {
    require!(find("strace"));
    let disk = require!(Disk::new(kind));
    let mut model = Model::new(new_place(Subject::Sound, &disk), 1);
    model.carry_out(&Step::Store(0, "secret".into()), None);
    disk.sync();
    let failing = model
        .place
        .run("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "-e", "inject=fsync:error=EIO"])
        .arg(model.place.program())
        .arg("erase")
        .stdin(model.server(0))
        .outcome();
    assert_eq!(failing.code, Some(1), "{failing:?}");
    model.carry_out(&Step::Erase(0), None);
    disk.cut_power();
    model.check(0);
    assert_eq!(model.tally.violations(), 0, "{}", model.tally);
}

#[test]
fn a_logout_that_is_repeated_after_a_failed_one_survives_a_power_cut_on_ext4() {
    an_erase_that_is_repeated(Kind::Ext4);
}

#[test]
fn a_logout_that_is_repeated_after_a_failed_one_survives_a_power_cut_on_xfs() {
    an_erase_that_is_repeated(Kind::Xfs);
}

/// The first login is killed before its new names are on the medium; the second one finds them and succeeds.
/// On two file systems, because on a single one the second login's own fsync would flush both.
fn a_first_login_that_is_killed(kind: Kind) {
    require!(find("strace"));
    let (data, config) = (require!(Disk::new(kind)), require!(Disk::new(kind)));
    // The first fsync is that of `data`, which has the new store's directory; the last is that of the entry's
    // name.
    for count in 1..=40 {
        let mut place = new_place(Subject::Sound, &data);
        let home = config.root().join(format!("config-{count}"));
        std::fs::create_dir(&home).expect("a directory");
        config.sync();
        place.set("XDG_CONFIG_HOME", &home);
        let mut model = Model::new(place, 1);
        let killed = model
            .place
            .run("strace")
            .args(["-f", "-qq", "-o", "/dev/null", "-e"])
            .arg(format!("inject=fsync:signal=KILL:when={count}"))
            .arg(model.place.program())
            .arg("store")
            .stdin(model.request(&Step::Store(0, "killed".into())).1)
            .outcome();
        if killed.code == Some(0) {
            report(
                &format!("2 first logins on {kind:?}, killed at an fsync"),
                &format!("{}: 0 identities lost", count - 1),
            );
            assert!(count > 4, "a first login makes more names durable than that");
            return;
        }
        model.carry_out(&Step::Store(0, "second".into()), None);
        config.cut_power();
        data.cut_power();
        model.check(0);
        assert_eq!(
            model.tally.violations(),
            0,
            "killed at fsync {count}: {}",
            model.tally
        );
    }
    panic!("a first login fsyncs less often than that");
}

#[test]
fn a_login_after_a_first_one_that_was_killed_survives_a_power_cut_on_ext4() {
    a_first_login_that_is_killed(Kind::Ext4);
}

#[test]
fn a_login_after_a_first_one_that_was_killed_survives_a_power_cut_on_xfs() {
    a_first_login_that_is_killed(Kind::Xfs);
}
