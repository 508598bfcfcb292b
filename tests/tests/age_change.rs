//! Changes of docker-credential-age's keys while others use them: no acknowledged login is lost.

#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use docker_credential_tests::age::encrypt_with_passphrase;
use docker_credential_tests::age::member::Member;
use docker_credential_tests::helper::AGE;
use docker_credential_tests::login::Login;
use docker_credential_tests::program;
use docker_credential_tests::refusal::MARKER;
use docker_credential_tests::require;
use docker_credential_tests::sandbox::Sandbox;
use docker_credential_tests::service::wait_for;
use serde_json::json;

const STORE: &str = "data/docker-credential-age";
const CONFIGURATION: &str = "config/docker-credential-age";
const IDENTITY: &str = "config/docker-credential-age/identity.txt";
/// Without locks, each of them fails in nine of ten.
const ROUNDS: usize = 10;

fn login() -> Login {
    Login::new("user", MARKER)
}

/// A sandbox with one login, for ghcr.io.
fn place() -> Sandbox {
    let place = Sandbox::new(AGE);
    place.store("ghcr.io", &login());
    place
}

fn entry(place: &Sandbox) -> PathBuf {
    place.path(STORE).join("ghcr.io.age")
}

#[test]
fn rotations_at_once_leave_a_store_that_opens() {
    let place = place();
    for _ in 0..ROUNDS {
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    place
                        .command(&["identity", "rotate"])
                        .assert_success("identity rotate");
                });
            }
        });
        place.assert_answers("ghcr.io", &login());
    }
}

#[test]
fn rotations_of_an_identity_with_two_stores_change_it_one_after_the_other() {
    let place = place();
    let mut other = Member::new(place.path("other"));
    let identity = place.path(IDENTITY);
    other
        .place_mut()
        .set("DOCKER_CREDENTIAL_AGE_IDENTITY_FILE", &identity);
    for _ in 0..ROUNDS {
        thread::scope(|scope| {
            scope.spawn(|| place.command(&["identity", "rotate"]));
            scope.spawn(|| other.command(&["identity", "rotate"]));
        });
        // The last writer didn't know of the store, which is encrypted to the previous identity.
        let kept = fs::read_dir(place.path(CONFIGURATION))
            .unwrap()
            .map(|file| file.unwrap().path())
            .filter(|path| {
                path.file_name()
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .starts_with("identity")
            });
        let mut keys = String::new();
        for path in kept {
            keys.push_str(&fs::read_to_string(path).unwrap());
        }
        let mut reader = Member::new(place.path(STORE));
        reader.place_mut().set("DOCKER_CREDENTIAL_AGE_IDENTITY", keys);
        reader.place().assert_answers("ghcr.io", &login());
    }
}

#[test]
fn a_login_during_a_rotation_can_be_read_afterwards() {
    let place = place();
    for round in 0..ROUNDS {
        let server = format!("r{round}.example");
        thread::scope(|scope| {
            scope.spawn(|| {
                place
                    .command(&["identity", "rotate"])
                    .assert_success("identity rotate");
            });
            scope.spawn(|| place.store(&server, &login()));
        });
        place.assert_answers(&server, &login());
        place.assert_answers("ghcr.io", &login());
    }
}

#[test]
fn what_is_stored_is_answered_and_listed_during_rotations() {
    let place = place();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                place.assert_answers("ghcr.io", &login());
            }
        });
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                place.assert_lists(&json!({ "ghcr.io": "user" }));
            }
        });
        let rotated: Vec<_> = (0..2 * ROUNDS)
            .map(|_| place.command(&["identity", "rotate"]))
            .collect();
        is_over.store(true, Ordering::Relaxed);
        for rotation in rotated {
            rotation.assert_success("identity rotate");
        }
    });
}

#[test]
fn a_rotation_that_fails_leaves_the_identity_as_it_was() {
    let place = place();
    let before = fs::read(place.path(IDENTITY)).unwrap();
    fs::write(place.path(STORE).join("quay.io.age"), "junk").unwrap();
    let refused = place.command(&["identity", "rotate"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(said.contains("nothing was changed"), "{refused:?}");
    assert_eq!(fs::read(place.path(IDENTITY)).unwrap(), before);
    assert!(
        !place
            .path("config/docker-credential-age/identity.txt.old")
            .exists()
    );
    place.assert_answers("ghcr.io", &login());
}

#[test]
fn what_an_interrupted_rekey_staged_does_not_come_back_after_it_was_erased() {
    let place = place();
    place.store("quay.io", &login());
    // As after a rekey that was killed before everything was staged.
    let staged = |name: &str| {
        place
            .path(STORE)
            .join(format!(".docker-credential-temporary-staged-{name}"))
    };
    fs::copy(place.path(STORE).join("quay.io.age"), staged("quay.io.age")).unwrap();
    place.verb("erase", "quay.io").assert_success("erase");
    place.command(&["rekey"]).assert_success("rekey");
    place.assert_not_found("quay.io");
    assert!(!staged("quay.io.age").exists());
}

/// A list with only our own key needs no approval, but after the rotation it isn't our key.
#[test]
fn a_rotation_killed_before_its_mark_is_completed_by_the_next_writer() {
    require!(program::find("strace"));
    let killed = |place: &Sandbox, link: usize| {
        let public = place.command(&["identity", "show"]);
        fs::write(place.path(STORE).join(".age-recipients"), &public.stdout).unwrap();
        let inject = format!("inject=?link,?linkat:signal=KILL:when={link}");
        place
            .run("strace")
            .args(["-f", "-qq", "-o", "/dev/null", "-e", &inject])
            .arg(AGE.program())
            .args(["identity", "rotate"])
            .outcome()
    };
    for writer in ["store", "rekey"] {
        let place = place();
        // The attributes of the store for git, the copy of the identity, the outgoing one, the mark.
        assert_eq!(killed(&place, 4).code, None, "it is killed");
        assert!(place.path(&format!("{IDENTITY}.outgoing")).exists());
        assert!(!place.path(STORE).join(".rekey-commit").exists());
        match writer {
            "store" => place.store("quay.io", &login()),
            _ => place.command(&["rekey"]).assert_success("rekey"),
        }
        assert!(!place.path(&format!("{IDENTITY}.outgoing")).exists());
        place.assert_answers("ghcr.io", &login());
    }
    let place = place();
    killed(&place, 5).assert_success("there are four links");
}

#[test]
fn an_identity_behind_a_link_is_rotated_there() {
    let place = place();
    let volume = place.path("volume");
    fs::create_dir(&volume).unwrap();
    fs::rename(place.path(IDENTITY), volume.join("key")).unwrap();
    symlink(volume.join("key"), place.path(IDENTITY)).unwrap();
    let before = fs::read(volume.join("key")).unwrap();

    place
        .command(&["identity", "rotate"])
        .assert_success("identity rotate");
    assert!(place.path(IDENTITY).is_symlink());
    assert_ne!(fs::read(volume.join("key")).unwrap(), before);
    assert_eq!(fs::read(volume.join("key.old")).unwrap(), before);
    place.assert_answers("ghcr.io", &login());
}

#[test]
fn an_identity_in_the_directory_of_the_store_is_not_rotated() {
    let mut place = place();
    place.set("DOCKER_CREDENTIAL_AGE_DIR", place.path(CONFIGURATION));
    place.store("quay.io", &login());
    let before = fs::read(place.path(IDENTITY)).unwrap();
    let refused = place.command(&["identity", "rotate"]);
    refused.assert_failure("it would wait for its own lock");
    assert!(
        refused
            .text()
            .contains("cannot rotate an identity in the directory of the store"),
        "{refused:?}"
    );
    assert_eq!(fs::read(place.path(IDENTITY)).unwrap(), before);
    place.assert_answers("quay.io", &login());
}

#[test]
fn an_identity_elsewhere_does_not_hide_its_directory_from_git() {
    let mut place = Sandbox::new(AGE);
    let project = place.path("project");
    fs::create_dir(&project).unwrap();
    place.set("DOCKER_CREDENTIAL_AGE_IDENTITY_FILE", project.join("key.txt"));
    place.command(&["identity", "new"]).assert_success("identity new");
    assert!(!project.join(".gitignore").exists());
}

#[test]
fn reset_leaves_alone_what_was_repaired_while_it_asked() {
    let place = place();
    let good = fs::read(entry(&place)).unwrap();
    fs::write(entry(&place), "junk").unwrap();
    // With the lock held, it has reached the point where it must wait.
    let lock = File::open(place.path(STORE)).unwrap();
    lock.lock().unwrap();
    let mut reset = place
        .run(AGE.program())
        .args(["reset", "--yes"])
        .into_command()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(reset.stdout.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert_eq!(line, "ghcr.io.age\n");
    fs::write(entry(&place), good).unwrap();
    drop(lock);
    assert!(reset.wait().unwrap().success());
    place.assert_answers("ghcr.io", &login());
}

#[test]
fn nobody_waits_for_the_lock_while_a_person_is_asked_for_another_programs_passphrase() {
    require!(program::find("age"));
    let mut place = place();
    // passage's usual identity, and a store with a list of recipients.
    let public = place.command(&["identity", "show"]);
    fs::write(place.path(STORE).join(".age-recipients"), &public.stdout).unwrap();
    place
        .command(&["recipients", "approve", "--yes"])
        .assert_success("recipients approve");
    encrypt_with_passphrase(&place, IDENTITY, "sealed", "passphrase");
    fs::remove_file(place.path(IDENTITY)).unwrap();
    place.set("PASSAGE_IDENTITIES_FILE", place.path("sealed"));
    let (asks, asked, answer) = (place.path("asks"), place.path("asked"), place.path("answer"));
    let script = format!(
        "#!/bin/sh\nmkfifo {answer}\n: >{asked}\nread -r _ <{answer}\n",
        asked = asked.display(),
        answer = answer.display()
    );
    fs::write(&asks, script).unwrap();
    fs::set_permissions(&asks, fs::Permissions::from_mode(0o755)).unwrap();
    place.add_program("pinentry-asks", &asks);
    place.set("PINENTRY_PROGRAM", "pinentry-asks");

    let mut store = place
        .run("setsid")
        .arg("--wait")
        .arg(AGE.program())
        .arg("store")
        .into_command()
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let request = format!(r#"{{"ServerURL":"quay.io","Username":"user","Secret":"{MARKER}"}}"#);
    let mut stdin = store.stdin.take().unwrap();
    stdin.write_all(request.as_bytes()).unwrap();
    drop(stdin);
    wait_for("the question", || asked.exists().then_some(()));
    place.verb("erase", "ghcr.io").assert_success("erase");
    assert!(store.try_wait().unwrap().is_none(), "nobody has answered");
    // Open it for reading too: then opening doesn't wait for the other end.
    let mut answer = File::options().read(true).write(true).open(answer).unwrap();
    answer.write_all(b"\n").unwrap();
    assert!(!store.wait().unwrap().success(), "that was no answer");
}
