//! How docker-credential-age finds its identity, and creates the first one.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use docker_credential_tests::helper::AGE;
use docker_credential_tests::login::Login;
use docker_credential_tests::program::{self, Run};
use docker_credential_tests::refusal::{MARKER, assert_error, assert_refused};
use docker_credential_tests::sandbox::Sandbox;
use docker_credential_tests::{require, requirement};

const IDENTITY: &str = "config/docker-credential-age/identity.txt";
const STORE: &str = "data/docker-credential-age";

fn login() -> Login {
    Login::new("user", MARKER)
}

fn store_request(server: &str) -> String {
    format!(r#"{{"ServerURL":"{server}","Username":"user","Secret":"{MARKER}"}}"#)
}

/// The text of another sandbox's identity file.
fn identity() -> String {
    let place = Sandbox::new(AGE);
    place.store("x.example", &login());
    fs::read_to_string(place.path(IDENTITY)).expect("the place has it")
}

fn key(identity: &str) -> &str {
    identity
        .lines()
        .find(|line| line.starts_with("AGE-SECRET-KEY-1"))
        .expect("the place has it")
}

fn public_key(identity: &str) -> &str {
    identity
        .lines()
        .find_map(|line| line.strip_prefix("# public key: "))
        .expect("the place has it")
}

#[test]
fn the_first_login_makes_the_identity_and_says_so_once() {
    let place = Sandbox::new(AGE);
    let first = place.verb("store", &store_request("ghcr.io"));
    first.assert_success("store");
    assert!(first.stdout.is_empty());
    let said = String::from_utf8(first.stderr).unwrap();
    assert!(
        said.contains(place.path(IDENTITY).to_str().unwrap()) && said.contains("back it up"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1);
    assert_eq!(
        fs::read(place.path("config/docker-credential-age/.gitignore")).unwrap(),
        b"*\n"
    );
    assert!(place.verb("store", &store_request("quay.io")).stderr.is_empty());
}

#[test]
fn twenty_first_logins_at_once_agree_on_one_identity() {
    let place = Sandbox::new(AGE);
    let servers: Vec<String> = (0..20).map(|index| format!("r{index}.example")).collect();
    std::thread::scope(|scope| {
        for server in &servers {
            scope.spawn(|| place.store(server, &login()));
        }
    });
    for server in &servers {
        place.assert_answers(server, &login());
    }
}

/// FAT, SMB and many FUSE file systems don't have hard links, and some can't rename without overwriting.
#[test]
fn a_file_system_without_hard_links_gets_an_identity_too() {
    require!(program::find("strace"));
    for renaming in ["error=EIO:when=1000", "error=EINVAL"] {
        let place = Sandbox::new(AGE);
        let renaming = format!("inject=renameat2:{renaming}");
        let run = |arguments: &[&str], stdin: String| {
            let options = ["-f", "-qq", "-o", "/dev/null", "-e", "trace=linkat,renameat2"];
            place
                .run("strace")
                .args(options)
                .args(["-e", "inject=linkat:error=EPERM", "-e", &renaming])
                .arg(place.program())
                .args(arguments)
                .stdin(stdin)
                .outcome()
                .assert_success("without hard links");
        };
        run(&["store"], store_request("ghcr.io"));
        for command in [&["rekey"][..], &["identity", "rotate"]] {
            run(command, String::new());
            place.assert_answers("ghcr.io", &login());
        }
    }
}

#[test]
fn a_store_with_entries_never_gets_a_new_identity() {
    let place = Sandbox::new(AGE);
    place.store("ghcr.io", &login());
    fs::remove_file(place.path(IDENTITY)).unwrap();
    assert_refused(&place, "there is no identity of yours", || {
        place.verb("store", &store_request("quay.io"))
    });
    assert_refused(&place, "there is no identity to decrypt with", || {
        place.verb("get", "ghcr.io")
    });
    assert_refused(&place, "there is no identity to decrypt with", || {
        place.verb("list", "")
    });
    place.assert_not_found("quay.io");
}

#[test]
fn an_identity_comes_from_a_variable_before_a_file_before_the_default() {
    let identity = identity();
    let mut place = Sandbox::new(AGE);
    place.set("DOCKER_CREDENTIAL_AGE_IDENTITY", key(&identity));
    place.set("DOCKER_CREDENTIAL_AGE_IDENTITY_FILE", "/nonexistent");
    place.store("ghcr.io", &login());
    place.assert_answers("ghcr.io", &login());
    assert!(!place.path(IDENTITY).exists());

    let mut by_file = Sandbox::new(AGE);
    fs::write(by_file.path("key"), &identity).unwrap();
    by_file.set("DOCKER_CREDENTIAL_AGE_IDENTITY_FILE", by_file.path("key"));
    by_file.set("DOCKER_CREDENTIAL_AGE_DIR", place.path(STORE));
    by_file.assert_answers("ghcr.io", &login());
}

#[test]
fn an_identity_setting_that_cannot_be_used_never_falls_through() {
    let identity = identity();
    for (name, value, problem) in [
        (
            "DOCKER_CREDENTIAL_AGE_IDENTITY",
            "",
            "DOCKER_CREDENTIAL_AGE_IDENTITY is set but empty",
        ),
        (
            "DOCKER_CREDENTIAL_AGE_IDENTITY",
            "# nothing",
            "DOCKER_CREDENTIAL_AGE_IDENTITY does not contain an age identity",
        ),
        (
            "DOCKER_CREDENTIAL_AGE_IDENTITY",
            MARKER,
            "contains an invalid age identity on line 1",
        ),
        (
            "DOCKER_CREDENTIAL_AGE_IDENTITY",
            "AGE-SECRET-KEY-PQ-1QQ",
            "post-quantum",
        ),
        (
            "DOCKER_CREDENTIAL_AGE_IDENTITY_FILE",
            "",
            "DOCKER_CREDENTIAL_AGE_IDENTITY_FILE is set but empty",
        ),
        (
            "DOCKER_CREDENTIAL_AGE_IDENTITY_FILE",
            "key.txt",
            "must be an absolute path",
        ),
        (
            "DOCKER_CREDENTIAL_AGE_IDENTITY_FILE",
            "-",
            "must be an absolute path",
        ),
        (
            "DOCKER_CREDENTIAL_AGE_IDENTITY_FILE",
            "/nonexistent/key",
            "No such file",
        ),
        (
            "DOCKER_CREDENTIAL_AGE_IDENTITY_FILE",
            "/dev/null",
            "not a regular file",
        ),
        ("DOCKER_CREDENTIAL_AGE_IDENTITY_FILE", "/", "not a regular file"),
    ] {
        let mut place = Sandbox::new(AGE);
        place.store("ghcr.io", &login());
        place.set("PASSAGE_IDENTITIES_FILE", place.path(IDENTITY));
        place.set("SOPS_AGE_KEY", key(&identity));
        place.set(name, value);
        assert_refused(&place, problem, || place.verb("get", "ghcr.io"));
        assert_refused(&place, problem, || place.verb("store", &store_request("quay.io")));
        assert_refused(&place, problem, || place.verb("list", ""));
    }
}

#[test]
fn another_programs_identity_decrypts() {
    for name in ["PASSAGE_IDENTITIES_FILE", "SOPS_AGE_KEY", "SOPS_AGE_KEY_FILE"] {
        let mut place = Sandbox::new(AGE);
        place.store("ghcr.io", &login());
        fs::rename(place.path(IDENTITY), place.path("moved")).unwrap();
        let text = fs::read_to_string(place.path("moved")).unwrap();
        let value = if name == "SOPS_AGE_KEY" {
            text.into()
        } else {
            place.path("moved").into_os_string()
        };
        place.set(name, value);
        place.assert_answers("ghcr.io", &login());
    }
}

#[test]
fn another_programs_identity_is_never_encrypted_to() {
    let identity = identity();
    let mut place = Sandbox::new(AGE);
    place.set("SOPS_AGE_KEY", key(&identity));
    place.store("ghcr.io", &login());
    assert!(place.path(IDENTITY).exists(), "an identity of ours is made");
    fs::remove_file(place.path(IDENTITY)).unwrap();
    assert_error(&place.verb("get", "ghcr.io"), "your identity does not open");
}

#[test]
fn encrypting_again_for_another_programs_identity_is_refused() {
    let team = identity();
    let mut place = Sandbox::new(AGE);
    place.set("DOCKER_CREDENTIAL_AGE_RECIPIENTS", public_key(&team));
    place.set("DOCKER_CREDENTIAL_AGE_WRITE_ONLY", "1");
    place.store("ghcr.io", &login());

    let mut elsewhere = Sandbox::new(AGE);
    elsewhere.set("DOCKER_CREDENTIAL_AGE_DIR", place.path(STORE));
    elsewhere.set("SOPS_AGE_KEY", key(&team));
    elsewhere.assert_answers("ghcr.io", &login());
    let refused = elsewhere.command(&["rekey"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        said.contains("there is no identity of yours to encrypt to"),
        "{refused:?}"
    );
}

#[test]
fn recipients_in_a_variable_are_encrypted_to() {
    let identity = identity();
    let mut place = Sandbox::new(AGE);
    place.set("DOCKER_CREDENTIAL_AGE_IDENTITY", key(&identity));
    place.set("DOCKER_CREDENTIAL_AGE_RECIPIENTS", public_key(&identity));
    place.store("ghcr.io", &login());
    place.assert_answers("ghcr.io", &login());
}

#[test]
fn recipients_without_one_of_ours_are_refused_unless_that_is_meant() {
    let (ours, theirs) = (identity(), identity());
    let mut place = Sandbox::new(AGE);
    place.set("DOCKER_CREDENTIAL_AGE_IDENTITY", key(&ours));
    place.set("DOCKER_CREDENTIAL_AGE_RECIPIENTS", public_key(&theirs));
    let refused = place.verb("store", &store_request("ghcr.io"));
    assert_error(&refused, "none of your identities is a recipient");
    assert_eq!(place.stored_files(), Some(0));
    place.set("DOCKER_CREDENTIAL_AGE_WRITE_ONLY", "1");
    place.store("ghcr.io", &login());
    place.set("DOCKER_CREDENTIAL_AGE_IDENTITY", key(&theirs));
    place.assert_answers("ghcr.io", &login());
}

#[test]
fn write_only_needs_no_identity() {
    let theirs = identity();
    let mut place = Sandbox::new(AGE);
    place.set("DOCKER_CREDENTIAL_AGE_RECIPIENTS", public_key(&theirs));
    place.set("DOCKER_CREDENTIAL_AGE_WRITE_ONLY", "1");
    place.store("ghcr.io", &login());
    assert!(!place.path(IDENTITY).exists());
}

#[test]
fn an_identity_that_others_can_write_is_refused() {
    let place = Sandbox::new(AGE);
    place.store("ghcr.io", &login());
    for mode in [0o602, 0o666] {
        fs::set_permissions(place.path(IDENTITY), fs::Permissions::from_mode(mode)).unwrap();
        assert_refused(&place, "everybody can change", || place.verb("get", "ghcr.io"));
    }
    fs::set_permissions(place.path(IDENTITY), fs::Permissions::from_mode(0o644)).unwrap();
    place.assert_answers("ghcr.io", &login());
}

/// A run without its program and arguments.
fn without_a_home(place: &Sandbox) -> Run {
    place
        .run("env")
        .args(["-u", "HOME", "-u", "XDG_DATA_HOME", "-u", "XDG_CONFIG_HOME"])
}

/// As [`without_a_home`], with settings for a store and an identity.
fn with_settings_alone(place: &Sandbox, identity: &str) -> Run {
    without_a_home(place)
        .arg(format!(
            "DOCKER_CREDENTIAL_AGE_DIR={}",
            place.path("store").display()
        ))
        .arg(format!("DOCKER_CREDENTIAL_AGE_IDENTITY={}", key(identity)))
}

#[test]
fn a_relative_home_is_an_error_and_no_guess() {
    let place = Sandbox::new(AGE);
    for (verb, stdin) in [("get", "a"), ("list", ""), ("store", &store_request("a"))] {
        let outcome = without_a_home(&place)
            .arg("HOME=relative")
            .arg(AGE.program())
            .arg(verb)
            .stdin(stdin)
            .outcome();
        assert_error(&outcome, "HOME must be an absolute path");
    }
}

#[test]
fn without_a_home_nobody_approves_the_recipients_that_a_store_names() {
    let identity = identity();
    let place = Sandbox::new(AGE);
    fs::create_dir(place.path("store")).expect("it is new");
    let recipients = place.path("store/.age-recipients");
    let other = self::identity();
    let stranger = public_key(&other);
    fs::write(recipients, format!("{}\n{stranger}\n", public_key(&identity))).expect("it is new");
    let outcome = with_settings_alone(&place, &identity)
        .arg(AGE.program())
        .arg("store")
        .stdin(store_request("a.example"))
        .outcome();
    assert_error(&outcome, "recipients approve");
}

#[test]
fn without_a_home_settings_are_enough() {
    let identity = identity();
    let place = Sandbox::new(AGE);
    for (verb, stdin) in [
        ("store", store_request("a.example")),
        ("get", "a.example".to_owned()),
        ("list", String::new()),
    ] {
        let outcome = with_settings_alone(&place, &identity)
            .arg(AGE.program())
            .arg(verb)
            .stdin(stdin)
            .outcome();
        outcome.assert_success(verb);
    }
}

fn public_key_shown(place: &Sandbox) -> String {
    let shown = place.command(&["identity", "show"]);
    shown.assert_success("identity show");
    String::from_utf8(shown.stdout).expect("a key is text")
}

/// A change to a file.
type Change = Box<dyn Fn(&Path)>;

#[test]
fn a_new_identity_beside_logins_is_refused_and_rotate_is_named() {
    let place = Sandbox::new(AGE);
    place.store("ghcr.io", &login());
    let before = fs::read(place.path(IDENTITY)).unwrap();
    let refused = place.command(&["identity", "new", "--replace"]);
    refused.assert_failure("nobody is there to ask");
    assert!(
        refused.text().contains("identity rotate") && refused.text().contains("1 login"),
        "{refused:?}"
    );
    assert_eq!(fs::read(place.path(IDENTITY)).unwrap(), before);
    // The valid counterparts: an empty store, or a confirmation.
    place
        .command(&["identity", "new", "--replace", "--yes"])
        .assert_success("--yes");
    assert_eq!(fs::read(place.path(&format!("{IDENTITY}.old"))).unwrap(), before);
    let empty = Sandbox::new(AGE);
    empty.command(&["identity", "new"]).assert_success("identity new");
    empty
        .command(&["identity", "new", "--replace"])
        .assert_success("there are no logins");
}

/// As a mounted one may be. Modes apply to root without these capabilities.
#[test]
fn an_identity_in_a_directory_that_can_only_be_searched_is_used() {
    require!(requirement::root());
    require!(program::find("setpriv"));
    let mut place = Sandbox::new(AGE);
    fs::create_dir(place.path("mounted")).unwrap();
    let key = place.path("mounted/key");
    fs::write(&key, identity()).unwrap();
    place.set("DOCKER_CREDENTIAL_AGE_IDENTITY_FILE", &key);
    fs::set_permissions(place.path("mounted"), fs::Permissions::from_mode(0o111)).unwrap();
    let bounded = "--bounding-set=-dac_override,-dac_read_search";
    let listed = place
        .run("setpriv")
        .args([bounded, "ls"])
        .arg(place.path("mounted"))
        .outcome();
    listed.assert_failure("the directory can't be read");
    place
        .run("setpriv")
        .arg(bounded)
        .arg(AGE.program())
        .arg("store")
        .stdin(store_request("ghcr.io"))
        .outcome()
        .assert_success("store");
    place.assert_answers("ghcr.io", &login());
}

/// For a store that others can read, our own lock is in the configuration.
#[test]
fn a_configuration_that_takes_no_lock_file_is_no_reason_not_to_store() {
    let place = Sandbox::new(AGE);
    place.store("ghcr.io", &login());
    fs::set_permissions(place.path(STORE), fs::Permissions::from_mode(0o755)).unwrap();
    // Not even root can create a file in /proc.
    std::os::unix::fs::symlink("/proc", place.path("config/docker-credential-age/locks")).unwrap();
    place.store("quay.io", &login());
    place.assert_answers("quay.io", &login());
}

#[test]
fn a_replaced_identity_is_restored_from_its_copy() {
    let place = Sandbox::new(AGE);
    place.store("ghcr.io", &login());
    let key = public_key_shown(&place);
    place
        .command(&["identity", "new", "--replace", "--yes"])
        .assert_success("new");
    assert!(place.verb("get", "ghcr.io").code != Some(0));
    let copy = place.path(&format!("{IDENTITY}.old"));
    place
        .command(&["identity", "restore", copy.to_str().unwrap()])
        .assert_success("restore");
    assert_eq!(public_key_shown(&place), key);
    place.assert_answers("ghcr.io", &login());
}

#[test]
fn an_identity_that_opens_less_is_not_restored_unasked() {
    let place = Sandbox::new(AGE);
    place.store("ghcr.io", &login());
    let other = place.path("other");
    fs::write(&other, identity()).unwrap();
    let words = ["identity", "restore", other.to_str().unwrap()];
    let refused = place.command(&words);
    refused.assert_failure("it doesn't open the login");
    assert!(
        refused.text().contains("doesn't open 1 of the 1 login"),
        "{refused:?}"
    );
    place.assert_answers("ghcr.io", &login());
    place
        .command(&[&words[..], &["--yes"]].concat())
        .assert_success("somebody is sure");
}

/// The default identity and one that a setting names, changed so that others could have planted them.
#[test]
fn an_identity_that_others_can_change_is_not_encrypted_to() {
    require!(requirement::root());
    let other_user = |path: &Path| std::os::unix::fs::chown(path, Some(4242), None).unwrap();
    let mode = |mode| move |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let cases: [(&str, Change); 3] = [
        ("another user", Box::new(other_user)),
        ("everybody can change", Box::new(mode(0o666))),
        ("everybody can change", Box::new(mode(0o602))),
    ];
    for (problem, change) in cases {
        let mut place = Sandbox::new(AGE);
        place.store("ghcr.io", &login());
        let key = place.path("key");
        fs::copy(place.path(IDENTITY), &key).unwrap();
        place.set("DOCKER_CREDENTIAL_AGE_IDENTITY_FILE", &key);
        place.store("quay.io", &login());
        change(&key);
        // It decrypts, as mounted secrets must, but isn't a recipient.
        place.assert_answers("ghcr.io", &login());
        let stranger = public_key(&identity()).to_owned();
        for words in [&["rekey"][..], &["recipients", "add", &stranger]] {
            let outcome = place.command(words);
            outcome.assert_failure("it would encrypt to it");
        }
        let refused = place.verb("store", &store_request("x.example"));
        assert_error(&refused, problem);
        assert_error(&refused, "DOCKER_CREDENTIAL_AGE_RECIPIENTS");
        place.set(
            "DOCKER_CREDENTIAL_AGE_RECIPIENTS",
            public_key(&fs::read_to_string(&key).unwrap()),
        );
        place.store("x.example", &login());
    }
}

#[test]
fn a_configuration_that_everybody_can_change_is_refused() {
    let place = Sandbox::new(AGE);
    let directory = place.path("config/docker-credential-age");
    fs::create_dir_all(&directory).unwrap();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).unwrap();
    assert_error(
        &place.verb("store", &store_request("ghcr.io")),
        "everybody can change",
    );
    assert!(!place.path(IDENTITY).exists());
    // The valid counterpart.
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
    place.store("ghcr.io", &login());
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).unwrap();
    assert_error(&place.verb("get", "ghcr.io"), "everybody can change");
}

#[test]
fn doctor_and_reset_keep_what_a_previous_identity_opens() {
    let place = Sandbox::new(AGE);
    place.store("ghcr.io", &login());
    place
        .command(&["identity", "new", "--replace", "--yes"])
        .assert_success("new");
    let doctor = place.command(&["doctor"]);
    let advice = "docker-credential-age identity restore";
    assert!(
        doctor.text().contains(advice) && !doctor.text().contains("docker-credential-age reset"),
        "{doctor:?}"
    );
    let reset = place.command(&["reset", "--yes"]);
    assert!(reset.text().contains("nothing was set aside"), "{reset:?}");

    // The new one already has logins, so it stays and gets those of the old one.
    place.store("quay.io", &login());
    let doctor = place.command(&["doctor"]);
    assert!(
        doctor.text().contains("docker-credential-age rekey"),
        "{doctor:?}"
    );
    place.command(&["rekey"]).assert_success("rekey");
    place.assert_answers("ghcr.io", &login());
    place.assert_answers("quay.io", &login());

    // The control: without the old one, only reset helps.
    fs::remove_file(place.path(&format!("{IDENTITY}.old"))).unwrap();
    place
        .command(&["identity", "new", "--replace", "--yes"])
        .assert_success("new");
    fs::remove_file(place.path(&format!("{IDENTITY}.old"))).unwrap();
    assert!(
        place
            .command(&["doctor"])
            .text()
            .contains("docker-credential-age reset")
    );
}
