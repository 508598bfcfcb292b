//! Another user of the machine, who reads a store and changes its surroundings.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use docker_credential_tests::login::Login;
use docker_credential_tests::{require, requirement};
use tempfile::TempDir;

use crate::broken::Subject;
use crate::model::{Answer, answer};
use crate::scale::{report, scale};

const OTHER: u32 = 4321;

/// The program `other-user`, running as another user.
struct Other {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Other {
    /// `arena` is a directory to run the program from, because others may not be able to enter the build
    /// directory.
    fn start(arena: &Path, arguments: &[&Path]) -> Self {
        let program = arena.join("other-user");
        if !program.exists() {
            // Copied by a separate process: another test's fork could hold this one's open file, and then the
            // copy couldn't run.
            let copied = Command::new("cp")
                .arg(env!("CARGO_BIN_EXE_other-user"))
                .arg(&program)
                .status();
            assert!(
                copied.is_ok_and(|status| status.success()),
                "the other user's program"
            );
        }
        let mut child = Command::new(program)
            .args(arguments)
            .uid(OTHER)
            .gid(OTHER)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("another user's program can be run");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("it says that it is ready");
        assert_eq!(line, "ready\n");
        Self { child, stdout }
    }

    /// The numbers of attempts and of successes.
    fn stop(mut self) -> (u64, u64) {
        drop(self.child.stdin.take());
        let mut text = String::new();
        self.stdout
            .read_to_string(&mut text)
            .expect("it tells its figures");
        assert!(self.child.wait().expect("it ends").success());
        let mut numbers = text
            .split_whitespace()
            .map(|number| number.parse().expect("a figure"));
        let mut next = || numbers.next().expect("two figures");
        (next(), next())
    }
}

/// A directory that everybody can list.
fn arena() -> TempDir {
    let arena = tempfile::tempdir().expect("a temporary directory");
    open_to(arena.path(), 0o755);
    arena
}

fn open_to(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode can be set");
}

/// Stores this often, with each umask in turn, in a directory whose names everybody can read; returns the
/// figures of a user who tries to open every new file.
fn stores_under_watch(subject: Subject, stores: usize) -> (u64, u64) {
    let arena = arena();
    let mut place = subject.place();
    let store = arena.path().join("store");
    fs::create_dir(&store).expect("a store");
    open_to(&store, 0o755);
    place.set("DOCKER_CREDENTIAL_AGE_DIR", &store);
    let request = place.path("request");
    fs::write(
        &request,
        r#"{"ServerURL":"ghcr.io","Username":"user","Secret":"secret"}"#,
    )
    .expect("a request");
    let other = Other::start(arena.path(), &[Path::new("open"), &store]);
    let masks = ["000", "002", "022", "077", "777"];
    for mask in masks {
        let script = format!(
            "umask {mask}; for i in $(seq {}); do \"$0\" store <\"$1\" || exit 1; done",
            stores / masks.len()
        );
        place
            .run("sh")
            .args(["-c", &script])
            .arg(place.program())
            .arg(&request)
            .outcome()
            .assert_success("stores");
    }
    other.stop()
}

#[test]
fn files_are_private_from_their_creation() {
    require!(requirement::root());
    let stores = scale(500, 10_000);
    let (tries, successes) = stores_under_watch(Subject::Sound, stores);
    report(
        "11 another user opening all that appears in the store",
        &format!("{stores} stores under 5 masks, {tries} tries: {successes} successes"),
    );
    assert!(tries > 0);
    assert_eq!(successes, 0);
}

#[test]
fn control_a_helper_that_makes_files_private_later_is_caught() {
    require!(requirement::root());
    let (_, successes) = stores_under_watch(Subject::Broken("private-later"), 500);
    assert!(successes > 0);
}

/// The store is in a directory of another user, who exchanges it with their own; returns the number of
/// exchanges, and the files that they got.
fn stores_beside_a_decoy(subject: Subject, stores: usize) -> (u64, usize) {
    let arena = arena();
    let shared = arena.path().join("shared");
    fs::create_dir(&shared).expect("a directory of another user");
    let (store, decoy) = (shared.join("store"), shared.join("decoy"));
    for directory in [&store, &decoy] {
        fs::create_dir(directory).expect("a directory");
    }
    open_to(&store, 0o700);
    for directory in [&shared, &decoy] {
        chown(directory, Some(OTHER), Some(OTHER)).expect("root gives it away");
    }
    let link = shared.join("link");
    symlink(&decoy, &link).expect("a link");
    let mut place = subject.place();
    place.set("DOCKER_CREDENTIAL_AGE_DIR", &store);
    let mut flips = 0;
    // Once with the directory itself, once with a link to it.
    for other in [&decoy, &link] {
        let flipper = Other::start(arena.path(), &[Path::new("flip"), &store, other]);
        for number in 0..stores {
            let request =
                format!(r#"{{"ServerURL":"r{number}.example.com","Username":"user","Secret":"secret"}}"#);
            let outcome = place.verb("store", &request);
            assert!(outcome.code == Some(0) || outcome.code == Some(1), "{outcome:?}");
        }
        flips += flipper.stop().1;
        // An odd number of exchanges must be undone.
        if !store.join("r0.example.com.age").exists() && is_of_other(&store) {
            let aside = shared.join("aside");
            fs::rename(&store, &aside).expect("it is put back");
            fs::rename(other, &store).expect("it is put back");
            fs::rename(&aside, other).expect("it is put back");
        }
    }
    let caught = decoy.read_dir().expect("the decoy is there").count();
    (flips, caught)
}

fn is_of_other(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.uid() == OTHER || metadata.is_symlink())
}

#[test]
fn a_store_that_is_exchanged_while_it_is_written_to_is_not_missed() {
    require!(requirement::root());
    let (flips, caught) = stores_beside_a_decoy(Subject::Sound, scale(150, 10_000));
    report(
        "12 a store and a decoy flipped by another user",
        &format!("{flips} flips: {caught} files in the decoy"),
    );
    assert!(flips > 0);
    assert_eq!(caught, 0);
}

#[test]
fn control_a_helper_that_goes_by_path_twice_is_caught() {
    require!(requirement::root());
    let caught = (0..20).any(|_| stores_beside_a_decoy(Subject::Broken("reopens-by-path"), 100).1 > 0);
    assert!(caught);
}

/// Exchanges an entry with a link to somebody else's file while the entry is read and written. Returns the
/// number of exchanges, and the violations.
fn entries_beside_a_link(subject: Subject, runs: usize) -> (u64, usize) {
    let arena = arena();
    let mut place = subject.place();
    let store = arena.path().join("store");
    fs::create_dir(&store).expect("a store");
    place.set("DOCKER_CREDENTIAL_AGE_DIR", &store);
    place.store("ghcr.io", &Login::new("user", "precious"));
    let precious: PathBuf = arena.path().join("precious");
    fs::rename(store.join("ghcr.io.age"), &precious).expect("a file that is not to be read or written");
    let content = fs::read(&precious).expect("it can be read");
    symlink(&precious, store.join("link")).expect("a link");
    place.store("ghcr.io", &Login::new("user", "0"));
    // A store of a group whose members don't trust each other.
    chown(&store, None, Some(OTHER)).expect("root gives it away");
    open_to(&store, 0o770);
    let flipper = Other::start(
        arena.path(),
        &[Path::new("flip"), &store.join("ghcr.io.age"), &store.join("link")],
    );
    let mut escapes = 0;
    for number in 0..runs {
        let read = answer(&place, "ghcr.io");
        escapes += usize::from(read == Answer::Is(Some("precious".into())));
        if number % 4 == 0 {
            let request = format!(r#"{{"ServerURL":"ghcr.io","Username":"user","Secret":"{number}"}}"#);
            let _ = place.verb("store", &request);
        }
        escapes += usize::from(fs::read(&precious).expect("it can be read") != content);
        // A store has correctly replaced the link; create it again for the next run.
        let (entry, link) = (store.join("ghcr.io.age"), store.join("link"));
        if !entry.is_symlink() && !link.is_symlink() {
            let fresh = store.join("fresh");
            let _ = symlink(&precious, &fresh);
            let _ = fs::rename(&fresh, &link);
        }
    }
    (flipper.stop().1, escapes)
}

#[test]
fn a_link_in_place_of_an_entry_is_neither_read_nor_written_through() {
    require!(requirement::root());
    let (flips, escapes) = entries_beside_a_link(Subject::Sound, scale(300, 20_000));
    report(
        "12 an entry and a link flipped by another user",
        &format!("{flips} flips: {escapes} escapes"),
    );
    assert!(flips > 0);
    assert_eq!(escapes, 0);
}

#[test]
fn control_a_helper_that_follows_links_is_caught() {
    require!(requirement::root());
    let caught = (0..10).any(|_| entries_beside_a_link(Subject::Broken("follows-links"), 50).1 > 0);
    assert!(caught);
}
