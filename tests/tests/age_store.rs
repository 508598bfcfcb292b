//! docker-credential-age's store: files that age itself can read, bound to their servers. Other files are
//! ignored.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use docker_credential_tests::helper::AGE;
use docker_credential_tests::login::Login;
use docker_credential_tests::program::Outcome;
use docker_credential_tests::refusal::{MARKER, assert_error, assert_refused};
use docker_credential_tests::require;
use docker_credential_tests::sandbox::Sandbox;
use docker_credential_tests::{program, requirement};

const STORE: &str = "data/docker-credential-age";
const IDENTITY: &str = "config/docker-credential-age/identity.txt";

fn login() -> Login {
    Login::new("user", MARKER)
}

/// A sandbox with one login, for ghcr.io.
fn place() -> Sandbox {
    let place = Sandbox::new(AGE);
    place.store("ghcr.io", &login());
    place
}

fn entry(place: &Sandbox, name: &str) -> PathBuf {
    place.path(STORE).join(name)
}

fn public_key(place: &Sandbox) -> String {
    let text = fs::read_to_string(place.path(IDENTITY)).expect("the place has it");
    text.lines()
        .find_map(|line| line.strip_prefix("# public key: "))
        .expect("the place has it")
        .to_owned()
}

/// Encrypts with age itself, as a person would.
fn encrypt(place: &Sandbox, plaintext: &str, arguments: &[&str]) -> Vec<u8> {
    let outcome = place
        .run("age")
        .args(["-e", "-r", &public_key(place)])
        .args(arguments)
        .stdin(plaintext)
        .outcome();
    outcome.assert_success("age -e");
    outcome.stdout
}

fn plaintext(server: &str) -> String {
    format!("{{\"ServerURL\":\"{server}\",\"Username\":\"user\",\"Secret\":\"{MARKER}\"}}\n")
}

fn store_request(server: &str) -> String {
    plaintext(server)
}

#[test]
fn age_shows_what_get_answers() {
    require!(program::find("age"));
    let place = place();
    let shown = place
        .run("age")
        .arg("-d")
        .arg("-i")
        .arg(place.path(IDENTITY))
        .arg(entry(&place, "ghcr.io.age"))
        .outcome();
    shown.assert_success("age -d");
    assert_eq!(shown.stdout, place.verb("get", "ghcr.io").stdout);
    assert_eq!(shown.stdout, plaintext("ghcr.io").as_bytes());
}

#[test]
fn what_age_encrypts_is_answered_armored_or_not() {
    require!(program::find("age"));
    for arguments in [&[][..], &["--armor"]] {
        let place = place();
        fs::write(
            entry(&place, "quay.io.age"),
            encrypt(&place, &plaintext("quay.io"), arguments),
        )
        .unwrap();
        place.assert_answers("https://quay.io", &login());
    }
}

#[test]
fn what_is_kept_shows_no_user_name_and_no_secret() {
    let place = place();
    assert_eq!(place.traces_of(&login()), Vec::<PathBuf>::new());
    let file = fs::read(entry(&place, "ghcr.io.age")).unwrap();
    assert!(file.starts_with(b"age-encryption.org/v1\n"));
    assert!(!file.windows(4).any(|bytes| bytes == b"user"));
}

#[test]
fn files_and_directories_are_private_under_any_umask() {
    for umask in ["000", "022", "777"] {
        let place = Sandbox::new(AGE);
        let script = format!("umask {umask}; exec {} store", AGE.program().display());
        place
            .run("sh")
            .args(["-c", &script])
            .stdin(store_request("ghcr.io"))
            .outcome()
            .assert_success("store");
        for (path, mode) in [
            (STORE, 0o700),
            ("data/docker-credential-age/ghcr.io.age", 0o600),
            ("config/docker-credential-age", 0o700),
            (IDENTITY, 0o600),
        ] {
            assert_eq!(
                fs::metadata(place.path(path)).unwrap().mode() & 0o777,
                mode,
                "{path}, umask {umask}"
            );
        }
        place.assert_answers("ghcr.io", &login());
    }
}

#[test]
fn two_swapped_files_answer_for_neither_server() {
    let place = place();
    place.store("quay.io", &login());
    let (one, other, aside) = (
        entry(&place, "ghcr.io.age"),
        entry(&place, "quay.io.age"),
        place.path("aside"),
    );
    fs::rename(&one, &aside).unwrap();
    fs::rename(&other, &one).unwrap();
    fs::rename(&aside, &other).unwrap();
    for server in ["ghcr.io", "quay.io"] {
        assert_refused(&place, "holds the credential of another server", || {
            place.verb("get", server)
        });
    }
    assert_error(&place.verb("list", ""), "holds the credential of another server");
}

#[test]
fn an_entry_that_is_cut_or_changed_anywhere_is_damaged() {
    let place = place();
    let path = entry(&place, "ghcr.io.age");
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        assert_error(&place.verb("get", "ghcr.io"), "");
        assert_ne!(
            place.verb("get", "ghcr.io").stdout,
            docker_credential_tests::sandbox::NOT_FOUND,
            "{length}"
        );
    }
    for index in 0..whole.len() {
        let mut changed = whole.clone();
        changed[index] ^= 1 << (index % 8);
        fs::write(&path, changed).unwrap();
        let outcome = place.verb("get", "ghcr.io");
        assert_error(&outcome, "ghcr.io.age");
    }
}

#[test]
fn a_login_replaces_what_cannot_be_read_and_touches_nothing_else() {
    let place = place();
    for (name, content) in [
        ("quay.io.age", &b"junk"[..]),
        ("a.example.age", b""),
        ("README.md", b"read me"),
    ] {
        fs::write(entry(&place, name), content).unwrap();
    }
    place.store("quay.io", &login());
    place.assert_answers("quay.io", &login());
    assert_eq!(fs::read(entry(&place, "a.example.age")).unwrap(), b"");
    assert_eq!(fs::read(entry(&place, "README.md")).unwrap(), b"read me");
    place.assert_answers("ghcr.io", &login());
}

#[test]
fn list_leaves_out_what_is_foreign_or_damaged() {
    let place = place();
    fs::write(entry(&place, "quay.io.age"), "junk").unwrap();
    fs::write(entry(&place, "notes.txt"), "notes").unwrap();
    fs::create_dir(entry(&place, "directory.age")).unwrap();
    symlink("ghcr.io.age", entry(&place, "link.example.age")).unwrap();
    rustix::fs::mkfifoat(
        rustix::fs::CWD,
        entry(&place, "pipe.example.age"),
        rustix::fs::Mode::RWXU,
    )
    .unwrap();
    place.assert_lists(&serde_json::json!({ "ghcr.io": "user" }));
}

#[test]
fn list_of_a_store_that_no_identity_opens_is_an_error() {
    let mut place = place();
    let other = Sandbox::new(AGE);
    other.store("x.example", &login());
    place.set("DOCKER_CREDENTIAL_AGE_IDENTITY_FILE", other.path(IDENTITY));
    assert_refused(&place, "your identity does not open", || place.verb("list", ""));
    assert_refused(&place, "your identity does not open", || {
        place.verb("get", "ghcr.io")
    });
}

#[test]
fn what_is_no_regular_file_is_not_read() {
    let place = place();
    fs::rename(entry(&place, "ghcr.io.age"), place.path("elsewhere.age")).unwrap();
    symlink(place.path("elsewhere.age"), entry(&place, "ghcr.io.age")).unwrap();
    fs::create_dir(entry(&place, "quay.io.age")).unwrap();
    rustix::fs::mkfifoat(
        rustix::fs::CWD,
        entry(&place, "pipe.example.age"),
        rustix::fs::Mode::RWXU,
    )
    .unwrap();
    for server in ["ghcr.io", "quay.io", "pipe.example"] {
        assert_refused(&place, "is not one of our entries", || place.verb("get", server));
    }
}

#[test]
fn an_error_about_a_file_names_no_password() {
    let place = place();
    // With its name as an entry.
    let name = "https%3A%2F%2Falice%3Ahunter2%40ghcr.io.age";
    fs::create_dir(entry(&place, name)).unwrap();
    for verb in ["get", "erase"] {
        let failed = place.verb(verb, "https://alice:hunter2@ghcr.io");
        assert_eq!(failed.code, Some(1), "{verb}: {failed:?}");
        assert!(!failed.text().contains("hunter2"), "{verb}: {failed:?}");
    }
}

#[test]
fn what_cannot_be_read_is_not_called_damaged() {
    require!(program::find("strace"));
    let place = place();
    let strace = |what: &str| {
        place
            .run("strace")
            .args(["-qq", "-o", "trace", "-e", "trace=openat", "-e", what])
            .arg(AGE.program())
            .arg("get")
            .stdin("ghcr.io")
            .outcome()
    };
    strace("signal=none").assert_success("get");
    let trace = fs::read_to_string(place.path("trace")).expect("strace wrote its trace");
    let opening = trace.lines().position(|call| call.contains("\"ghcr.io.age\""));
    let number = opening.expect("it is opened") + 1;
    let outcome = strace(&format!("inject=openat:error=EIO:when={number}"));
    assert_error(&outcome, "cannot read");
}

#[test]
fn what_a_newer_version_wrote_is_told_and_kept() {
    require!(program::find("age"));
    let place = place();
    let newer = encrypt(&place, r#"{"v":2,"ServerURL":"quay.io","More":[]}"#, &[]);
    fs::write(entry(&place, "quay.io.age"), newer).unwrap();
    assert_refused(&place, "newer version", || place.verb("get", "quay.io"));
    assert_refused(&place, "newer version", || {
        place.verb("store", &store_request("quay.io"))
    });
}

#[test]
fn keys_that_are_not_known_stay_out_of_the_answer() {
    require!(program::find("age"));
    let place = place();
    let text =
        format!(r#"{{"ServerURL":"quay.io","Username":"user","Secret":"{MARKER}","note":"mine","v":1}}"#);
    fs::write(entry(&place, "quay.io.age"), encrypt(&place, &text, &[])).unwrap();
    place.assert_answers("quay.io", &login());
}

#[test]
fn erase_of_what_is_not_there_needs_no_store_of_ours() {
    let place = named_place();
    fs::set_permissions(place.path(STORE), fs::Permissions::from_mode(0o777)).unwrap();
    place.verb("erase", "quay.io").assert_success("erase");
    assert_refused(&place, "everybody can change", || place.verb("erase", "ghcr.io"));
}

#[test]
fn what_a_newer_version_wrote_is_nothing_to_reset() {
    require!(program::find("age"));
    let place = place();
    let newer = encrypt(&place, r#"{"v":2,"ServerURL":"quay.io","More":[]}"#, &[]);
    fs::write(entry(&place, "quay.io.age"), newer).unwrap();

    let doctor = place.command(&["doctor"]);
    let found = String::from_utf8_lossy(&doctor.stdout);
    assert_eq!(doctor.code, Some(1), "{doctor:?}");
    assert!(found.contains("written by a newer version"), "{doctor:?}");
    assert!(!found.contains("reset"), "{doctor:?}");

    let reset = place.command(&["reset", "--yes"]);
    reset.assert_success("reset");
    assert_eq!(String::from_utf8_lossy(&reset.stdout), "nothing was set aside\n");
    let said = String::from_utf8_lossy(&reset.stderr);
    assert!(said.contains("written by a newer version"), "{reset:?}");
}

#[test]
fn erase_removes_the_servers_file_and_no_other() {
    let place = place();
    place.store("ghcr.io:5000", &login());
    let erased = place.verb("erase", "https://GHCR.io/v2/");
    erased.assert_success("erase");
    assert!(erased.stdout.is_empty() && erased.stderr.is_empty(), "{erased:?}");
    assert!(!entry(&place, "ghcr.io.age").exists());
    place.assert_answers("ghcr.io:5000", &login());
}

#[test]
fn erase_of_what_is_not_there_is_silent_and_makes_nothing() {
    let place = Sandbox::new(AGE);
    let erased = place.verb("erase", "ghcr.io");
    erased.assert_success("erase");
    assert!(erased.stdout.is_empty() && erased.stderr.is_empty(), "{erased:?}");
    assert!(!place.path(STORE).exists());
}

#[test]
fn get_and_list_make_nothing() {
    let place = Sandbox::new(AGE);
    place.assert_not_found("ghcr.io");
    place.assert_lists(&serde_json::json!({}));
    assert!(!place.path(STORE).exists() && !place.path("config/docker-credential-age").exists());
}

/// A sandbox with a login in a store that a setting names.
fn named_place() -> Sandbox {
    let mut place = place();
    place.set("DOCKER_CREDENTIAL_AGE_DIR", place.path(STORE));
    place
}

/// The allowed uses of a store that others control.
fn assert_guarded(change: impl Fn(&Path), problem: &str) {
    // A store that a setting names is read, because CI systems check out as another user, and under umask 0.
    let place = named_place();
    change(&place.path(STORE));
    place.assert_answers("ghcr.io", &login());
    let listed = place.verb("list", "");
    assert_eq!(listed.code, Some(0), "{listed:?}");
    for verb in ["store", "erase"] {
        let request = if verb == "store" {
            store_request("quay.io")
        } else {
            "ghcr.io".to_owned()
        };
        assert_refused(&place, problem, || place.verb(verb, &request));
    }
    let doctor = place.run(AGE.program()).arg("doctor").outcome();
    assert!(doctor.text().contains(problem), "{doctor:?}");
    let rekey = place.run(AGE.program()).arg("rekey").outcome();
    assert!(
        rekey.code == Some(1) && rekey.text().contains(problem),
        "{rekey:?}"
    );

    // The default one isn't, because only its user should have written there.
    let place = self::place();
    change(&place.path(STORE));
    for (verb, request) in [("get", "ghcr.io"), ("list", "")] {
        assert_refused(&place, problem, || place.verb(verb, request));
    }
}

#[test]
fn a_store_that_everybody_can_change_is_not_written_to() {
    let set =
        |mode| move |store: &Path| fs::set_permissions(store, fs::Permissions::from_mode(mode)).unwrap();
    assert_guarded(set(0o777), "everybody can change");
    assert_guarded(set(0o1777), "everybody can change");
    // The valid counterpart.
    let place = place();
    set(0o755)(&place.path(STORE));
    place.assert_answers("ghcr.io", &login());
    place.store("quay.io", &login());
}

#[test]
fn another_users_store_is_not_written_to() {
    require!(requirement::root());
    let give = |store: &Path| std::os::unix::fs::chown(store, Some(4321), Some(4321)).unwrap();
    assert_guarded(give, "belongs to another user");
}

#[test]
fn a_checkout_under_umask_0_is_read_by_root_and_by_its_user() {
    require!(requirement::root());
    let place = named_place();
    let store = place.path(STORE);
    fs::set_permissions(&store, fs::Permissions::from_mode(0o777)).unwrap();
    fs::set_permissions(store.join("ghcr.io.age"), fs::Permissions::from_mode(0o666)).unwrap();
    for owner in [4321, 0] {
        std::os::unix::fs::chown(&store, Some(owner), Some(owner)).unwrap();
        std::os::unix::fs::chown(store.join("ghcr.io.age"), Some(owner), Some(owner)).unwrap();
        place.assert_answers("ghcr.io", &login());
        // doctor warns, and doesn't report the refused login as another problem.
        let doctor = place.command(&["doctor", "--json"]).text();
        assert_eq!(
            doctor.matches("can be read but not stored").count(),
            1,
            "{doctor}"
        );
        assert!(!doctor.contains("cannot be stored"), "{doctor}");
    }
}

#[test]
fn another_users_lock_keeps_nobody_from_storing() {
    let place = place();
    let store = place.path(STORE);
    fs::set_permissions(&store, fs::Permissions::from_mode(0o755)).unwrap();
    // The lock's owner isn't visible, so this process stands in for another user.
    let held = fs::File::open(&store).unwrap();
    held.lock().unwrap();
    place.store("quay.io", &login());
    assert_eq!(
        fs::read_dir(place.path("config/docker-credential-age/locks"))
            .unwrap()
            .count(),
        1
    );
    drop(held);
    place.store("quay.io", &login());
}

#[test]
fn something_under_the_name_of_the_mark_is_not_in_the_way() {
    for kind in ["directory", "link", "pipe"] {
        let place = place();
        let mark = place.path(STORE).join(".rekey-commit");
        match kind {
            "directory" => fs::create_dir(&mark).unwrap(),
            "link" => symlink("/nonexistent", &mark).unwrap(),
            _ => place.run("mkfifo").arg(&mark).outcome().assert_success("mkfifo"),
        }
        place.store("quay.io", &login());
        place.verb("erase", "quay.io").assert_success("erase");
        let rekey = place.run(AGE.program()).arg("rekey").outcome();
        assert!(
            rekey.code == Some(1) && rekey.text().contains("run: rm -r"),
            "{rekey:?}"
        );
        let doctor = place.run(AGE.program()).arg("doctor").outcome();
        assert!(doctor.text().contains("rm -r"), "{kind}: {doctor:?}");
        let removed = if mark.is_dir() {
            fs::remove_dir(&mark)
        } else {
            fs::remove_file(&mark)
        };
        removed.unwrap();
        let rekey = place.run(AGE.program()).arg("rekey").outcome();
        rekey.assert_success(kind);
    }
}

#[test]
fn nothing_is_made_in_another_users_home() {
    require!(requirement::root());
    let place = Sandbox::new(AGE);
    std::os::unix::fs::chown(place.path("data"), Some(4321), Some(4321)).unwrap();
    assert_refused(&place, "belongs to another user", || {
        place.verb("store", &store_request("quay.io"))
    });
    let place = Sandbox::new(AGE);
    std::os::unix::fs::chown(place.path("config"), Some(4321), Some(4321)).unwrap();
    let refused = place.verb("store", &store_request("quay.io"));
    assert_error(&refused, "belongs to another user");
    assert_eq!(place.stored_files(), Some(0));
}

#[test]
fn a_store_of_several_recipients_is_refused_and_not_ignored() {
    let place = place();
    let list = format!(
        "{}\nage1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa\n",
        public_key(&place).trim()
    );
    fs::write(place.path(STORE).join(".age-recipients"), list).unwrap();
    assert_refused(&place, ".age-recipients", || {
        place.verb("store", &store_request("quay.io"))
    });
}

#[test]
fn the_stores_directory_can_be_chosen() {
    let mut place = Sandbox::new(AGE);
    let directory = place.path("elsewhere/store");
    place.set("DOCKER_CREDENTIAL_AGE_DIR", &directory);
    place.store("ghcr.io", &login());
    assert!(directory.join("ghcr.io.age").is_file());
    place.assert_answers("ghcr.io", &login());
}

#[test]
fn a_chosen_directory_must_be_a_path_from_the_root_on() {
    for (value, problem) in [
        ("", "is set but empty"),
        ("store", "must be an absolute path"),
        ("./store", "must be an absolute path"),
    ] {
        let mut place = Sandbox::new(AGE);
        place.set("DOCKER_CREDENTIAL_AGE_DIR", value);
        for (verb, stdin) in [
            ("get", "a"),
            ("list", ""),
            ("erase", "a"),
            ("store", &store_request("a")),
        ] {
            let run = || -> Outcome { place.verb(verb, stdin) };
            assert_refused(&place, &format!("DOCKER_CREDENTIAL_AGE_DIR {problem}"), run);
        }
    }
}

#[test]
fn a_file_in_place_of_the_store_is_an_error_and_not_an_empty_store() {
    let place = Sandbox::new(AGE);
    fs::write(place.path(STORE), "").unwrap();
    for (verb, stdin) in [
        ("get", "a"),
        ("list", ""),
        ("erase", "a"),
        ("store", &store_request("a")),
    ] {
        assert_refused(&place, "Not a directory", || place.verb(verb, stdin));
    }
}

#[test]
fn a_login_beyond_the_limit_for_files_is_refused_and_keeps_the_old_one() {
    let place = place();
    let request = plaintext("ghcr.io").replace(MARKER, &"x".repeat(5000));
    // In blocks of 1024 bytes; the reply is shorter than one.
    let script = format!("ulimit -f 1; exec {} store", AGE.program().display());
    let store = || place.run("bash").args(["-c", &script]).stdin(request).outcome();
    assert_refused(&place, "File too large", store);
    place.assert_answers("ghcr.io", &login());
}
