//! docker-credential-age with keys that only a plugin holds. This plugin uses the `age-plugin` crate, and
//! hides the keys of files with a constant.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a part of a test says that it fails"
)]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use docker_credential_tests::age::encrypt_with_passphrase;
use docker_credential_tests::age::member::Member;
use docker_credential_tests::helper::AGE;
use docker_credential_tests::keyrings::kernel as keyring;
use docker_credential_tests::login::Login;
use docker_credential_tests::program;
use docker_credential_tests::refusal::MARKER;
use docker_credential_tests::require;
use docker_credential_tests::sandbox::{NOT_FOUND, Sandbox};
use docker_credential_tests::terminal::run_on_terminal;

const RECIPIENT: &str = "age1test1qpzry9x8gf2tvdw0s3jn54khcqyk9kr9";
const IDENTITY: &str = "AGE-PLUGIN-TEST-1QPZRY9X8GF2TVDW0S3JN54KHCQH4XSN2";
const STORE: &str = "data/docker-credential-age";

fn login() -> Login {
    Login::new("user", MARKER)
}

/// A sandbox with the plugin on its PATH, as `age-plugin-test`, and its identity.
fn place() -> Sandbox {
    place_of(IDENTITY)
}

/// As [`place`]. Tests of the kept keys have their own identities, because all share one keyring.
fn place_of(identity_text: &str) -> Sandbox {
    let place = Sandbox::new(AGE);
    fs::create_dir(place.path("home/plugin")).unwrap();
    symlink(
        env!("CARGO_BIN_EXE_age-plugin-test"),
        place.path("bin/age-plugin-test"),
    )
    .unwrap();
    let directory = place.path("config/docker-credential-age");
    fs::create_dir(&directory).unwrap();
    let identity = directory.join("identity.txt");
    fs::write(&identity, format!("{identity_text}\n")).unwrap();
    fs::set_permissions(&identity, fs::Permissions::from_mode(0o600)).unwrap();
    place
}

/// A file with only a header for the plugin's key: enough to open, but without content.
fn write_header(place: &Sandbox, server: &str, body: &[u8]) {
    let mut file = b"age-encryption.org/v1\n-> test\n".to_vec();
    for line in BASE64_STANDARD_NO_PAD.encode(body).as_bytes().chunks(64) {
        file.extend(line);
        file.push(b'\n');
    }
    file.extend(format!("--- {}\n", BASE64_STANDARD_NO_PAD.encode([0; 32])).bytes());
    file.extend([0; 32]);
    fs::write(place.path(STORE).join(format!("{server}.age")), file).unwrap();
}

/// A sandbox in which keys don't stay open.
fn closing_place() -> Sandbox {
    let mut place = place();
    place.set("DOCKER_CREDENTIAL_AGE_UNLOCK_SECONDS", "0");
    place
}

fn runs(place: &Sandbox) -> Vec<String> {
    fs::read_to_string(place.path("home/plugin/runs"))
        .unwrap_or_default()
        .lines()
        .map(str::to_owned)
        .collect()
}

fn forget_runs(place: &Sandbox) {
    let _ = fs::remove_file(place.path("home/plugin/runs"));
}

fn fail(place: &Sandbox, how: &str) {
    fs::write(place.path("home/plugin/failure"), how).unwrap();
}

#[test]
fn what_a_plugin_encrypts_it_decrypts() {
    let _keyring = keyring::shared();
    let place = closing_place();
    place.store("ghcr.io", &login());
    place.assert_answers("ghcr.io", &login());
    assert_eq!(runs(&place), ["recipient-v1", "identity-v1"]);
    assert_eq!(place.traces_of(&login()).len(), 0);
}

#[test]
fn age_reads_what_a_plugins_identity_stored_and_the_other_way_round() {
    let _keyring = keyring::shared();
    require!(program::find("age"));
    let place = closing_place();
    place.store("ghcr.io", &login());
    let identity = place.path("config/docker-credential-age/identity.txt");
    let shown = place
        .run("age")
        .args(["--decrypt", "--identity"])
        .arg(&identity)
        .arg(place.path(STORE).join("ghcr.io.age"))
        .outcome();
    shown.assert_success("age --decrypt");
    let encrypted = place
        .run("age")
        .args(["--encrypt", "--recipient", RECIPIENT])
        .stdin(shown.stdout)
        .outcome();
    encrypted.assert_success("age --encrypt");
    fs::write(place.path(STORE).join("ghcr.io.age"), encrypted.stdout).unwrap();
    place.assert_answers("ghcr.io", &login());
}

#[test]
fn a_team_can_have_a_key_on_hardware() {
    let _keyring = keyring::shared();
    let directory = tempfile::Builder::new().prefix("shared-").tempdir().unwrap();
    let store = directory.path().join("store");
    let (ann, _) = Member::with_identity(&store);
    fs::create_dir(ann.place().path("home/plugin")).unwrap();
    symlink(
        env!("CARGO_BIN_EXE_age-plugin-test"),
        ann.place().path("bin/age-plugin-test"),
    )
    .unwrap();
    ann.place().store("ghcr.io", &login());
    ann.command(&["recipients", "add", RECIPIENT])
        .assert_success("recipients add");
    ann.place().assert_answers("ghcr.io", &login());
    assert_eq!(
        runs(ann.place()),
        ["recipient-v1"],
        "Ann's own key needs no plugin"
    );
    let mut bob = closing_place();
    bob.set("DOCKER_CREDENTIAL_AGE_DIR", &store);
    bob.assert_answers("ghcr.io", &login());
}

#[test]
fn a_list_of_many_runs_the_plugin_once() {
    let _keyring = keyring::shared();
    let place = closing_place();
    for number in 0..20 {
        place.store(&format!("r{number}.example"), &login());
    }
    forget_runs(&place);
    place.verb("list", "").assert_success("list");
    assert_eq!(runs(&place), ["identity-v1"]);
}

#[test]
fn what_was_opened_stays_open_until_it_is_locked() {
    let _keyring = keyring::alone();
    let place = place();
    place.store("ghcr.io", &login());
    forget_runs(&place);
    place.assert_answers("ghcr.io", &login());
    place.assert_answers("ghcr.io", &login());
    assert_eq!(runs(&place), ["identity-v1"]);
    let outcome = place.run(AGE.program()).arg("lock").outcome();
    outcome.assert_success("lock");
}

#[test]
fn opening_one_more_file_does_not_cut_the_time_of_an_unlock() {
    let _keyring = keyring::alone();
    let identity = "AGE-PLUGIN-TEST-1ZPZRY9X8GF2TVDW0S3JN54KHCQ3NR9JU";
    let place = place_of(identity);
    place.store("ghcr.io", &login());
    let unlock = place.run(AGE.program()).args(["unlock", "--for", "8h"]).outcome();
    unlock.assert_success("unlock");
    place.store("quay.io", &login());
    place.assert_answers("quay.io", &login());
    assert_eq!(
        runs(&place),
        ["recipient-v1", "identity-v1", "recipient-v1", "identity-v1"]
    );
    let keys = fs::read_to_string("/proc/keys").unwrap();
    // Replaced keys are still listed until the kernel's collector runs.
    let keys: Vec<&str> = keys
        .lines()
        .filter(|line| line.contains("docker-credential-age:"))
        .collect();
    // The remaining time, rounded as in the kernel; and salt, tag, expiry and the keys of two files.
    let is_kept = keys.iter().any(|key| {
        let left = key.split_whitespace().nth(3);
        (left == Some("8h") || left == Some("7h")) && key.ends_with(": 120")
    });
    assert!(is_kept, "{keys:?}");
    place
        .run(AGE.program())
        .arg("lock")
        .outcome()
        .assert_success("lock");
}

#[test]
fn an_unlock_that_the_keyring_has_no_room_for_says_so() {
    let _keyring = keyring::shared();
    let place = place_of("AGE-PLUGIN-TEST-1RPZRY9X8GF2TVDW0S3JN54KHCQJS4MXH");
    place.store("ghcr.io", &login());
    // More than the kernel allows in one key, even for root.
    for number in 0..1100_u128 {
        write_header(&place, &format!("r{number}.example"), &number.to_be_bytes());
    }
    let outcome = place.run(AGE.program()).arg("unlock").outcome();
    outcome.assert_failure("unlock");
    assert!(outcome.text().contains("keyring is full"), "{outcome:?}");
}

#[test]
fn lock_closes_what_an_identity_opened_that_is_gone() {
    let _keyring = keyring::alone();
    require!(program::find("age"));
    let mut place = place();
    place.store("ghcr.io", &login());
    let file = "config/docker-credential-age/identity.txt";
    encrypt_with_passphrase(&place, file, "sealed", "passphrase");
    let identity = place.path(file);
    fs::rename(place.path("sealed"), &identity).unwrap();
    let passphrase = place.path("passphrase");
    fs::write(&passphrase, "passphrase\n").unwrap();
    fs::set_permissions(&passphrase, fs::Permissions::from_mode(0o600)).unwrap();
    place.set("DOCKER_CREDENTIAL_AGE_PASSPHRASE_FILE", passphrase);
    place.assert_answers("ghcr.io", &login());

    let elsewhere = place.path("elsewhere");
    fs::rename(&identity, &elsewhere).unwrap();
    let locked = place.run(AGE.program()).arg("lock").outcome();
    assert_eq!(locked.text(), "locked\n");
    fs::rename(elsewhere, identity).unwrap();
    forget_runs(&place);
    place.assert_answers("ghcr.io", &login());
    assert_eq!(runs(&place), ["identity-v1"]);
}

#[test]
fn a_pin_is_asked_for_on_the_terminal() {
    let _keyring = keyring::shared();
    let place = closing_place();
    place.store("ghcr.io", &login());
    fs::write(place.path("home/plugin/pin"), "123456").unwrap();
    let script = format!(
        "printf ghcr.io | {} get >reply 2>complaint",
        AGE.program().display()
    );
    let session = run_on_terminal(&place, &script, &["123456\n"]);
    let read = |name: &str| fs::read_to_string(place.path(name)).unwrap();
    assert!(read("reply").contains(MARKER), "{session:?}");
    assert_eq!(read("complaint"), "");
    assert!(session.screen.contains("please touch the key") && session.screen.contains("PIN of the key"));

    let session = run_on_terminal(&place, &script, &["000000\n"]);
    assert_eq!(session.code, Some(1));
    assert_eq!(read("reply"), "age-plugin-test says: the PIN is wrong\n");
}

#[test]
fn a_plugin_that_is_missing_dies_talks_nonsense_or_hangs_is_an_error_that_names_it() {
    let _keyring = keyring::shared();
    let mut place = closing_place();
    place.store("ghcr.io", &login());
    place.set("DOCKER_CREDENTIAL_NONINTERACTIVE", "1");
    let refusal = |place: &Sandbox| {
        let outcome = place.verb("get", "ghcr.io");
        assert!(
            outcome.code == Some(1) && outcome.stdout != NOT_FOUND,
            "{outcome:?}"
        );
        let said = String::from_utf8(outcome.stdout).unwrap();
        assert!(
            said.contains("age-plugin-test") && said.lines().count() == 1,
            "{said}"
        );
        assert!(!said.contains('\u{1b}'), "{said}");
        said
    };
    for (failure, hint) in [
        ("exit", "ended without an answer"),
        ("junk", "violates age's plugin protocol"),
        ("hang", "doesn't answer in time"),
    ] {
        fail(&place, failure);
        assert!(refusal(&place).contains(hint), "{failure}");
    }
    fs::remove_file(place.path("bin/age-plugin-test")).unwrap();
    symlink(place.path("nowhere"), place.path("bin/age-plugin-test")).unwrap();
    place.set("PATH", place.path("bin"));
    assert!(refusal(&place).contains("install it"));
}

#[test]
fn a_plugin_that_is_missing_does_not_keep_another_from_opening() {
    let _keyring = keyring::shared();
    let place = closing_place();
    place.store("ghcr.io", &login());
    let identity = place.path("config/docker-credential-age/identity.txt");
    fs::write(
        &identity,
        format!("AGE-PLUGIN-ABSENT-1QPZRY9X8GF2TVDW0S3JN54KHCQSNL0GK\n{IDENTITY}\n"),
    )
    .unwrap();
    place.assert_answers("ghcr.io", &login());

    fail(&place, "exit");
    let outcome = place.verb("get", "ghcr.io");
    assert!(
        outcome.text().starts_with("age-plugin-test ended"),
        "what a plugin that is there does counts for more: {outcome:?}"
    );
    fail(&place, "");
    fs::write(&identity, "AGE-PLUGIN-ABSENT-1QPZRY9X8GF2TVDW0S3JN54KHCQSNL0GK\n").unwrap();
    let outcome = place.verb("get", "ghcr.io");
    assert!(
        outcome
            .text()
            .starts_with("cannot find age-plugin-absent in a trusted directory of PATH"),
        "{outcome:?}"
    );
}

#[test]
fn a_plugin_that_reads_nothing_does_not_hold_up_who_writes_more_than_a_pipe_takes() {
    let _keyring = keyring::shared();
    let mut place = closing_place();
    place.store("ghcr.io", &login());
    place.set("DOCKER_CREDENTIAL_NONINTERACTIVE", "1");
    // A header is smaller than a pipe, but a list sends all of them.
    for server in ["ghcr.io", "a.example", "b.example", "c.example"] {
        place.store(server, &login());
        write_header(&place, server, &vec![0; 40 << 10]);
    }
    fail(&place, "hang");
    let outcome = place.verb("list", "");
    assert!(
        outcome.code == Some(1) && outcome.text().contains("doesn't answer in time"),
        "{outcome:?}"
    );
}

#[test]
fn a_plugin_learns_no_secret() {
    let _keyring = keyring::shared();
    let mut place = closing_place();
    place.store("ghcr.io", &login());
    place.set("CI_JOB_TOKEN", MARKER);
    place.set("SOPS_AGE_KEY", MARKER);
    place.set("DOCKER_CREDENTIAL_AGE_IDENTITY", IDENTITY);
    place.assert_answers("ghcr.io", &login());
    let known = fs::read_to_string(place.path("home/plugin/environment")).unwrap();
    assert!(
        known.contains("HOME=") && !known.contains(MARKER) && !known.contains(IDENTITY),
        "{known}"
    );
    assert!(!known.contains("DOCKER_CREDENTIAL"), "{known}");
}

#[test]
fn a_plugin_where_others_could_have_put_it_is_not_run() {
    let _keyring = keyring::shared();
    let mut place = closing_place();
    place.store("ghcr.io", &login());
    forget_runs(&place);
    let bin = place.path("bin");
    fs::set_permissions(&bin, fs::Permissions::from_mode(0o777)).unwrap();
    place.set("PATH", &bin);
    assert_eq!(place.verb("get", "ghcr.io").code, Some(1));
    fs::set_permissions(&bin, fs::Permissions::from_mode(0o755)).unwrap();
    for path in [".", "bin", "", ":"] {
        place.set("PATH", path);
        assert_eq!(place.verb("get", "ghcr.io").code, Some(1), "{path:?}");
    }
    assert_eq!(runs(&place), Vec::<String>::new());
    place.set("PATH", &bin);
    place.assert_answers("ghcr.io", &login());
}

#[test]
fn a_recipient_that_is_not_approved_runs_no_plugin() {
    let _keyring = keyring::shared();
    let directory = tempfile::Builder::new().prefix("shared-").tempdir().unwrap();
    let store = directory.path().join("store");
    let (ann, public) = Member::with_identity(&store);
    fs::create_dir(ann.place().path("home/plugin")).unwrap();
    symlink(
        env!("CARGO_BIN_EXE_age-plugin-test"),
        ann.place().path("bin/age-plugin-test"),
    )
    .unwrap();
    ann.place().store("ghcr.io", &login());
    fs::write(ann.recipients_file(), format!("{public}\n{RECIPIENT}\n")).unwrap();
    for outcome in [ann.try_store("quay.io", &login()), ann.command(&["rekey"])] {
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        assert!(outcome.text().contains("recipients approve"), "{outcome:?}");
    }
    assert_eq!(runs(ann.place()), Vec::<String>::new());
}

#[test]
fn a_plugin_that_floods_is_ended_within_64_mb() {
    require!(program::find("python3"));
    let _keyring = keyring::shared();
    let mut place = closing_place();
    place.store("ghcr.io", &login());
    place.set("DOCKER_CREDENTIAL_NONINTERACTIVE", "1");
    for failure in ["flood", "line"] {
        fail(&place, failure);
        // The limit is on address space, most of which is for threads and the allocator.
        let script = format!("ulimit -v {}; exec {} get", 1 << 18, AGE.program().display());
        let outcome = place.run("sh").args(["-c", &script]).stdin("ghcr.io").outcome();
        assert_eq!(outcome.code, Some(1), "{failure}: {outcome:?}");
        let said = outcome.text();
        assert!(
            said.contains("age-plugin-test exceeds the limit on its output"),
            "{failure}: {said}"
        );
        let peak = peak_of_get(&place);
        assert!(peak < 64 << 10, "{failure}: {peak} KiB");
    }
}

/// The peak memory of a get, in KiB.
fn peak_of_get(place: &Sandbox) -> u64 {
    let script = "import resource, subprocess, sys\n\
                  subprocess.run(sys.argv[1:], input=b'ghcr.io', stdout=subprocess.DEVNULL)\n\
                  print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";
    let outcome = place
        .run("python3")
        .args(["-c", script])
        .arg(AGE.program())
        .arg("get")
        .outcome();
    outcome.assert_success("python3");
    outcome.text().trim().parse().expect("a number")
}

#[test]
fn a_plugin_that_goes_on_talking_is_ended_in_time() {
    let _keyring = keyring::shared();
    let mut place = closing_place();
    place.store("ghcr.io", &login());
    place.set("DOCKER_CREDENTIAL_NONINTERACTIVE", "1");
    fail(&place, "chat");
    let outcome = place.verb("get", "ghcr.io");
    assert!(
        outcome.code == Some(1) && outcome.text().contains("doesn't answer in time"),
        "{outcome:?}"
    );
}

#[test]
fn a_post_quantum_identity_is_named_with_its_way() {
    let mut place = closing_place();
    place.store("ghcr.io", &login());
    place.set("DOCKER_CREDENTIAL_AGE_IDENTITY", "AGE-SECRET-KEY-PQ-1QQQ");
    let outcome = place.verb("get", "ghcr.io");
    assert!(
        outcome.code == Some(1) && outcome.text().contains("age-plugin-pq -identity"),
        "{outcome:?}"
    );
}
