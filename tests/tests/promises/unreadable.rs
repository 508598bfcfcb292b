//! Unreadable files are never destroyed: not by another login, a logout or a read.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

use docker_credential_tests::login::Login;
use docker_credential_tests::refusal::{Snapshot, snapshot};
use docker_credential_tests::sandbox::Sandbox;
use docker_credential_tests::{program, require, requirement};
use rustix::fs::{CWD, Mode, mkfifoat};

use crate::broken::Subject;
use crate::scale::report;

const STORE: &str = "data/docker-credential-age";
const MINE: &str = "ghcr.io";

/// A store with one readable entry among many unreadable files.
fn place() -> Sandbox {
    let place = Subject::Sound.place();
    place.store(MINE, &Login::new("user", "secret"));
    let path = |name: &str| place.path(STORE).join(name);
    let entry = fs::read(path("ghcr.io.age")).expect("an entry");
    for (name, content) in [
        ("empty.example.age", &b""[..]),
        ("junk.example.age", b"junk"),
        ("header.example.age", b"age-encryption.org/v1\n"),
        ("cut.example.age", &entry[..entry.len() - 1]),
        ("other.example.age", &entry),
        ("binary.example.age", &[0; 5000]),
        (
            "plain.example.age",
            br#"{"ServerURL":"plain.example","Username":"u","Secret":"s"}"#,
        ),
        ("UPPER.example.age", &entry),
        ("%zz.age", &entry),
        ("no-extension", &entry),
        ("README.md", b"read me"),
        (".hidden.age", b"hidden"),
        (".gitattributes", b"* -text"),
    ] {
        fs::write(path(name), content).expect("a file in the store");
    }
    let newer = r#"{"v":2,"ServerURL":"newer.example","More":[]}"#;
    let recipient = fs::read_to_string(place.path("config/docker-credential-age/identity.txt"))
        .expect("an identity")
        .lines()
        .find_map(|line| line.strip_prefix("# public key: ").map(str::to_owned))
        .expect("a public key");
    for (name, recipient) in [
        ("newer.example.age", &recipient[..]),
        // Someone else's.
        (
            "stranger.example.age",
            "age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg",
        ),
    ] {
        let encrypted = place
            .run("age")
            .args(["-e", "-r", recipient])
            .stdin(newer)
            .outcome();
        encrypted.assert_success("age -e");
        fs::write(path(name), encrypted.stdout).expect("a file in the store");
    }
    fs::write(path("closed.example.age"), &entry).expect("a file in the store");
    fs::set_permissions(path("closed.example.age"), fs::Permissions::from_mode(0o000)).expect("a mode");
    fs::create_dir(path("directory.example.age")).expect("a directory in the store");
    symlink("ghcr.io.age", path("link.example.age")).expect("a link in the store");
    symlink("nowhere", path("dangling.example.age")).expect("a link in the store");
    mkfifoat(CWD, path("pipe.example.age"), Mode::RWXU).expect("a pipe in the store");
    place
}

/// All files except the entry that the verbs change.
fn others(place: &Sandbox) -> Snapshot {
    let mine: PathBuf = place.path(STORE).join("ghcr.io.age");
    let own: PathBuf = place.path(STORE).join("quay.io.age");
    let mut found = snapshot(&place.path(""));
    found.retain(|(path, _, _)| *path != mine && *path != own);
    found
}

#[test]
fn what_cannot_be_read_survives_everything_that_is_done_elsewhere() {
    // Only root reads the files to compare them.
    require!(requirement::root());
    require!(program::find("age"));
    let place = place();
    let before = others(&place);
    let mut runs = 0;
    for _ in 0..3 {
        for (verb, stdin) in [
            (
                "store",
                r#"{"ServerURL":"ghcr.io","Username":"user","Secret":"new"}"#,
            ),
            (
                "store",
                r#"{"ServerURL":"quay.io","Username":"user","Secret":"new"}"#,
            ),
            ("get", "ghcr.io"),
            ("get", "junk.example"),
            ("get", "other.example"),
            ("get", "newer.example"),
            ("get", "pipe.example"),
            ("list", ""),
            ("erase", "quay.io"),
            ("erase", "not.there.example"),
            // Even a login to the same server doesn't overwrite a newer version's entry.
            (
                "store",
                r#"{"ServerURL":"newer.example","Username":"user","Secret":"new"}"#,
            ),
        ] {
            place.verb(verb, stdin);
            runs += 1;
            assert_eq!(before, others(&place), "{verb} {stdin}");
        }
        place.verb("erase", MINE).assert_success("erase");
        assert_eq!(before, others(&place), "erase {MINE}");
    }
    report(
        "16 what cannot be read",
        &format!("{} other files, {runs} runs: all byte-identical", before.len()),
    );
}
