//! docker-credential-age with an identity that is encrypted with a passphrase: when and how it asks.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a part of a test says that it fails"
)]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use docker_credential_tests::age::encrypt_with_passphrase;
use docker_credential_tests::helper::AGE;
use docker_credential_tests::keyrings::kernel as keyring;
use docker_credential_tests::login::Login;
use docker_credential_tests::program::{self, Outcome};
use docker_credential_tests::refusal::MARKER;
use docker_credential_tests::registries::basic::Registry;
use docker_credential_tests::require;
use docker_credential_tests::sandbox::{NOT_FOUND, Sandbox};
use docker_credential_tests::terminal::{Session, run_on_terminal};

const PASSPHRASE: &str = "correct horse 100% staple";
const IDENTITY: &str = "config/docker-credential-age/identity.txt";
const QUESTION: &str = "Passphrase for the identity";

fn login() -> Login {
    Login::new("user", MARKER)
}

/// A sandbox with logins for these servers, whose identity is then encrypted with a passphrase and locked.
fn place(servers: &[&str]) -> Sandbox {
    let place = Sandbox::new(AGE);
    for server in servers {
        place.store(server, &login());
    }
    seal(&place);
    place
}

/// Encrypts the identity with the passphrase.
fn seal(place: &Sandbox) {
    encrypt_with_passphrase(place, IDENTITY, "sealed", PASSPHRASE);
    fs::rename(place.path("sealed"), place.path(IDENTITY)).unwrap();
}

/// Runs a verb with a controlling terminal; stdout and stderr go to files, as for a client.
fn on_terminal(place: &Sandbox, verb: &str, request: &str, answers: &[&str]) -> (Session, String) {
    fs::write(place.path("request"), request).unwrap();
    let script = format!("{} {verb} <request >reply 2>complaint", AGE.program().display());
    let session = run_on_terminal(place, &script, answers);
    assert_eq!(
        fs::read_to_string(place.path("complaint")).unwrap(),
        "",
        "{verb} says nothing on stderr"
    );
    let reply = fs::read_to_string(place.path("reply")).unwrap();
    (session, reply)
}

fn answer_for(server: &str) -> String {
    format!("{{\"ServerURL\":\"{server}\",\"Username\":\"user\",\"Secret\":\"{MARKER}\"}}\n")
}

fn typed(text: &str) -> String {
    format!("{text}\n")
}

/// Without a controlling terminal, even if the tests have one.
fn without_terminal(place: &Sandbox, verb: &str, stdin: &str, settings: &[(&str, &str)]) -> Outcome {
    let mut run = place.run("setsid").arg("--wait").arg(AGE.program()).arg(verb);
    for (name, value) in settings {
        run = run.env(name, value);
    }
    run.stdin(stdin).outcome()
}

fn assert_locked(outcome: &Outcome, hint: &str) {
    let said = String::from_utf8_lossy(&outcome.stdout);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(said.contains(hint) && said.lines().count() == 1, "{outcome:?}");
    assert!(outcome.stderr.is_empty(), "{outcome:?}");
    assert_ne!(outcome.stdout, NOT_FOUND);
}

fn write_private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// A pinentry, named by a setting, which answers with `answer`, or cancels.
fn add_pinentry(place: &mut Sandbox, answer: Option<&str>) {
    fs::create_dir(place.path("home/pinentry")).unwrap();
    if let Some(answer) = answer {
        fs::write(place.path("home/pinentry/answer"), answer).unwrap();
    }
    symlink(
        env!("CARGO_BIN_EXE_pinentry-test"),
        place.path("bin/pinentry-here"),
    )
    .unwrap();
    place.set("PINENTRY_PROGRAM", "pinentry-here");
}

fn pinentry_note(place: &Sandbox, name: &str) -> String {
    fs::read_to_string(place.path("home/pinentry").join(name)).unwrap_or_default()
}

#[test]
fn the_terminal_is_asked_and_stdin_and_stdout_are_not_touched() {
    let _keyring = keyring::shared();
    require!(program::find("age"));
    let place = place(&["ghcr.io"]);
    let (session, reply) = on_terminal(&place, "get", "ghcr.io", &[&typed(PASSPHRASE)]);
    assert_eq!(reply, answer_for("ghcr.io"));
    assert_eq!(session.count(QUESTION), 1);
    assert!(
        !session.screen.contains(PASSPHRASE),
        "the passphrase is not shown"
    );
}

#[test]
fn an_answer_counts_for_what_follows() {
    let _keyring = keyring::shared();
    require!(program::find("age"));
    let place = place(&["ghcr.io", "quay.io"]);
    on_terminal(&place, "get", "ghcr.io", &[&typed(PASSPHRASE)]);
    let second = without_terminal(&place, "get", "quay.io", &[]);
    assert_eq!(String::from_utf8_lossy(&second.stdout), answer_for("quay.io"));
    let stored = without_terminal(&place, "store", &answer_for("x.example"), &[]);
    assert_eq!(stored.code, Some(0), "{stored:?}");
}

#[test]
fn with_no_time_to_stay_open_every_use_asks() {
    let _keyring = keyring::shared();
    require!(program::find("age"));
    let mut place = place(&["ghcr.io"]);
    place.set("DOCKER_CREDENTIAL_AGE_UNLOCK_SECONDS", "0");
    for _ in 0..2 {
        let (session, reply) = on_terminal(&place, "get", "ghcr.io", &[&typed(PASSPHRASE)]);
        assert_eq!(reply, answer_for("ghcr.io"));
        assert_eq!(session.count(QUESTION), 1);
    }
}

#[test]
fn a_wrong_passphrase_is_asked_for_again_three_times_in_all() {
    let _keyring = keyring::shared();
    require!(program::find("age"));
    let place = place(&["ghcr.io"]);
    let (session, reply) = on_terminal(&place, "get", "ghcr.io", &["no\n", &typed(PASSPHRASE)]);
    assert_eq!(reply, answer_for("ghcr.io"));
    assert_eq!(session.count("That passphrase is wrong"), 1);

    let place = self::place(&["ghcr.io"]);
    let (session, reply) = on_terminal(&place, "get", "ghcr.io", &["no\n", "no\n", "no\n"]);
    assert!(reply.starts_with("3 wrong passphrases for "), "{reply}");
    assert_eq!((session.count(QUESTION), session.code), (3, Some(1)));
}

#[test]
fn an_interrupt_cancels_and_leaves_the_terminal_as_it_was() {
    let _keyring = keyring::shared();
    require!(program::find("age"));
    let place = place(&["ghcr.io"]);
    let script = format!(
        "stty -g >before; printf ghcr.io | {} get >reply; echo $? >code; stty -g >after",
        AGE.program().display()
    );
    run_on_terminal(&place, &script, &["abc\u{3}"]);
    let read = |name: &str| fs::read_to_string(place.path(name)).unwrap();
    assert!(read("reply").starts_with("the question for the passphrase was cancelled; "));
    assert_eq!((read("code").as_str(), read("before")), ("1\n", read("after")));
}

#[test]
fn twenty_at_once_ask_once() {
    let _keyring = keyring::shared();
    require!(program::find("age"));
    let place = place(&["ghcr.io"]);
    let script = format!(
        "for n in $(seq 20); do printf ghcr.io | {} get >reply$n 2>&1 & done; wait",
        AGE.program().display()
    );
    let session = run_on_terminal(&place, &script, &[&typed(PASSPHRASE)]);
    assert_eq!(session.count(QUESTION), 1, "{session:?}");
    for n in 1..=20 {
        let reply = fs::read_to_string(place.path(&format!("reply{n}"))).unwrap();
        assert_eq!(reply, answer_for("ghcr.io"), "reply {n}");
    }
}

#[test]
fn a_list_of_many_asks_once() {
    let _keyring = keyring::shared();
    require!(program::find("age"));
    let servers: Vec<String> = (0..100).map(|n| format!("r{n}.example")).collect();
    let mut place = place(&servers.iter().map(String::as_str).collect::<Vec<_>>());
    place.set("DOCKER_CREDENTIAL_AGE_UNLOCK_SECONDS", "0");
    let (session, reply) = on_terminal(&place, "list", "", &[&typed(PASSPHRASE)]);
    assert_eq!(session.count(QUESTION), 1);
    assert_eq!(reply.matches("example").count(), 100);
}

#[test]
fn where_nobody_can_be_asked_it_is_locked_and_not_missing() {
    let _keyring = keyring::shared();
    require!(program::find("age"));
    let place = place(&["ghcr.io"]);
    for verb in ["get", "list", "store"] {
        let stdin = if verb == "store" {
            answer_for("x.example")
        } else {
            "ghcr.io".to_owned()
        };
        let outcome = without_terminal(&place, verb, &stdin, &[]);
        assert_locked(&outcome, "docker-credential-age unlock");
    }
    assert!(!place.path("data/docker-credential-age/x.example.age").exists());
}

#[test]
fn a_prompt_that_is_forbidden_does_not_appear() {
    let _keyring = keyring::shared();
    require!(program::find("age"));
    let mut place = place(&["ghcr.io"]);
    add_pinentry(&mut place, Some(PASSPHRASE));
    place.set("DOCKER_CREDENTIAL_NONINTERACTIVE", "1");
    let (session, reply) = on_terminal(&place, "get", "ghcr.io", &[]);
    assert!(reply.contains("DOCKER_CREDENTIAL_NONINTERACTIVE"), "{reply}");
    assert_eq!((session.screen.as_str(), session.code), ("", Some(1)));
    assert_eq!(pinentry_note(&place, "requests"), "");
}

#[test]
fn a_process_in_the_background_does_not_stop_at_the_terminal() {
    let _keyring = keyring::shared();
    require!(program::find("age"));
    let place = place(&["ghcr.io"]);
    let script = format!(
        "set -m; (printf ghcr.io | {} get >reply) & wait $!",
        AGE.program().display()
    );
    let session = run_on_terminal(&place, &script, &[]);
    assert_eq!(session.count(QUESTION), 0, "{session:?}");
    let reply = fs::read_to_string(place.path("reply")).unwrap();
    assert!(reply.contains("needs a passphrase"), "{reply}");
}

#[test]
fn a_passphrase_file_opens_without_a_question() {
    let _keyring = keyring::shared();
    require!(program::find("age"));
    let place = place(&["ghcr.io"]);
    let file = place.path("passphrase");
    let setting = [("DOCKER_CREDENTIAL_AGE_PASSPHRASE_FILE", file.to_str().unwrap())];
    write_private(&file, "wrong\n");
    let outcome = without_terminal(&place, "get", "ghcr.io", &setting);
    assert_locked(
        &outcome,
        "DOCKER_CREDENTIAL_AGE_PASSPHRASE_FILE does not hold the passphrase",
    );
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let outcome = without_terminal(&place, "get", "ghcr.io", &setting);
    assert_locked(&outcome, "chmod go-rwx");
    write_private(&file, &typed(PASSPHRASE));
    let outcome = without_terminal(&place, "get", "ghcr.io", &setting);
    assert_eq!(String::from_utf8_lossy(&outcome.stdout), answer_for("ghcr.io"));
}

#[test]
fn a_pinentry_is_asked_in_its_own_language() {
    let _keyring = keyring::shared();
    require!(program::find("age"));
    let mut place = place(&["ghcr.io"]);
    add_pinentry(&mut place, Some(PASSPHRASE));
    let outcome = without_terminal(&place, "get", "ghcr.io", &[]);
    assert_eq!(String::from_utf8_lossy(&outcome.stdout), answer_for("ghcr.io"));
    let requests = pinentry_note(&place, "requests");
    assert_eq!(requests.matches("GETPIN").count(), 1, "{requests}");
    assert!(requests.contains("SETDESC the identity ") && requests.contains("SETPROMPT Passphrase:"));
}

#[test]
fn a_pinentry_that_is_cancelled_is_no_missing_credential() {
    let _keyring = keyring::shared();
    require!(program::find("age"));
    let mut place = place(&["ghcr.io"]);
    add_pinentry(&mut place, None);
    assert_locked(&without_terminal(&place, "get", "ghcr.io", &[]), "cancelled");
}

#[test]
fn a_pinentry_that_was_chosen_and_cannot_ask_is_named() {
    let _keyring = keyring::shared();
    require!(program::find("age"));
    let place = place(&["ghcr.io"]);
    let program = program::find("false").unwrap();
    let setting = [("PINENTRY_PROGRAM", program.to_str().unwrap())];
    let outcome = without_terminal(&place, "get", "ghcr.io", &setting);
    assert_locked(
        &outcome,
        &format!("PINENTRY_PROGRAM names {}, ", program.display()),
    );
}

#[test]
fn a_pinentry_learns_no_secret_and_no_path_of_others() {
    let _keyring = keyring::shared();
    require!(program::find("age"));
    let mut place = place(&["ghcr.io"]);
    add_pinentry(&mut place, Some(PASSPHRASE));
    let secrets = [
        ("SOPS_AGE_KEY", MARKER),
        ("CI_JOB_TOKEN", MARKER),
        ("DOCKER_AUTH_CONFIG", MARKER),
    ];
    without_terminal(&place, "get", "ghcr.io", &secrets).assert_success("get");
    let known = pinentry_note(&place, "environment");
    assert!(known.contains("HOME=") && !known.contains(MARKER), "{known}");
}

#[test]
fn a_pinentry_that_others_could_have_put_there_is_not_run() {
    let _keyring = keyring::shared();
    require!(program::find("age"));
    let mut place = place(&["ghcr.io"]);
    add_pinentry(&mut place, Some(PASSPHRASE));
    fs::set_permissions(place.path("bin"), fs::Permissions::from_mode(0o777)).unwrap();
    let outcome = without_terminal(&place, "get", "ghcr.io", &[]);
    assert_locked(&outcome, "PINENTRY_PROGRAM");
    assert_eq!(pinentry_note(&place, "requests"), "");
}

#[test]
fn an_identity_that_is_no_passphrases_or_asks_too_much_work_is_told_so() {
    let _keyring = keyring::shared();
    require!(program::find("age"));
    let other = Sandbox::new(AGE);
    other.store("ghcr.io", &login());
    let key = fs::read_to_string(other.path(IDENTITY)).unwrap();
    let public = key
        .lines()
        .find_map(|line| line.strip_prefix("# public key: "))
        .unwrap();
    let place = place(&["ghcr.io"]);
    let sealed = fs::read(place.path(IDENTITY)).unwrap();
    let file = place.path("passphrase");
    write_private(&file, &typed(PASSPHRASE));
    let setting = [("DOCKER_CREDENTIAL_AGE_PASSPHRASE_FILE", file.to_str().unwrap())];

    let to_another = place
        .run("age")
        .args(["-r", public])
        .stdin(key.as_bytes())
        .outcome();
    fs::write(place.path(IDENTITY), &to_another.stdout).unwrap();
    assert_locked(
        &without_terminal(&place, "get", "ghcr.io", &setting),
        "not with a passphrase",
    );

    let text = String::from_utf8_lossy(&sealed).into_owned();
    let header = text.lines().nth(1).unwrap();
    let greedy = header.rsplit_once(' ').unwrap().0.to_owned() + " 63";
    let position = sealed
        .windows(header.len())
        .position(|window| window == header.as_bytes())
        .unwrap();
    let mut changed = sealed;
    changed.splice(position..position + header.len(), greedy.bytes());
    fs::write(place.path(IDENTITY), changed).unwrap();
    assert_locked(
        &without_terminal(&place, "get", "ghcr.io", &setting),
        "work factor",
    );
}

#[test]
fn unlock_opens_and_lock_closes() {
    let _keyring = keyring::alone();
    require!(program::find("age"));
    let place = place(&["ghcr.io"]);
    let program = AGE.program();
    let unlock = format!("{} unlock --for 5m", program.display());
    let session = run_on_terminal(&place, &unlock, &[&typed(PASSPHRASE)]);
    assert!(
        session.code == Some(0) && session.screen.contains("unlocked for 5 min"),
        "{session:?}"
    );
    without_terminal(&place, "get", "ghcr.io", &[]).assert_success("get after unlock");
    let locked = place.run(&program).arg("lock").outcome();
    assert_eq!(String::from_utf8_lossy(&locked.stdout), "locked\n");
    assert_locked(&without_terminal(&place, "get", "ghcr.io", &[]), "unlock");
}

#[test]
fn what_is_opened_is_nowhere_on_the_disk() {
    let _keyring = keyring::shared();
    require!(program::find("age"));
    let place = Sandbox::new(AGE);
    place.store("ghcr.io", &login());
    let text = fs::read_to_string(place.path(IDENTITY)).unwrap();
    let key = text
        .lines()
        .find(|line| line.starts_with("AGE-SECRET-KEY-1"))
        .unwrap();
    seal(&place);
    on_terminal(&place, "get", "ghcr.io", &[&typed(PASSPHRASE)]);
    let showing: Vec<PathBuf> = program::files_under(&place.path(""))
        .into_iter()
        .filter(|(_, bytes)| bytes.windows(key.len()).any(|window| window == key.as_bytes()))
        .map(|(path, _)| path)
        .collect();
    assert_eq!(showing, Vec::<PathBuf>::new());
}

#[test]
fn a_new_identity_can_have_a_passphrase_from_the_start() {
    let _keyring = keyring::shared();
    let place = Sandbox::new(AGE);
    let script = format!("{} identity new --passphrase >public", AGE.program().display());
    let answers = ["a\n", "b\n", &typed(PASSPHRASE), &typed(PASSPHRASE)];
    let session = run_on_terminal(&place, &script, &answers);
    assert_eq!(session.code, Some(0), "{session:?}");
    assert_eq!(session.count("Passphrases don't match"), 1);
    let (session, _) = on_terminal(&place, "store", &answer_for("ghcr.io"), &[&typed(PASSPHRASE)]);
    assert_eq!(session.code, Some(0), "{session:?}");
    assert!(
        fs::read(place.path(IDENTITY))
            .unwrap()
            .starts_with(b"age-encryption.org/v1\n-> scrypt")
    );
}

#[test]
fn who_only_writes_is_not_asked() {
    let _keyring = keyring::shared();
    require!(program::find("age"));
    let mut place = place(&["ghcr.io"]);
    place.set("DOCKER_CREDENTIAL_NONINTERACTIVE", "1");
    place.set(
        "DOCKER_CREDENTIAL_AGE_RECIPIENTS",
        "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa",
    );
    place.set("DOCKER_CREDENTIAL_AGE_WRITE_ONLY", "1");
    place.store("quay.io", &login());
}

#[test]
fn a_rotated_identity_keeps_its_passphrase_and_asks_once() {
    let _keyring = keyring::alone();
    require!(program::find("age"));
    let place = place(&["ghcr.io"]);
    let script = format!("{} identity rotate >public", AGE.program().display());
    let session = run_on_terminal(&place, &script, &[&typed(PASSPHRASE)]);
    assert_eq!(
        (session.code, session.count(QUESTION)),
        (Some(0), 1),
        "{session:?}"
    );
    let (_, reply) = on_terminal(&place, "get", "ghcr.io", &[&typed(PASSPHRASE)]);
    assert_eq!(reply, answer_for("ghcr.io"));
}

#[test]
fn docker_logs_in_and_pulls_with_a_passphrase_typed_on_its_terminal() {
    let _keyring = keyring::shared();
    require!(program::find("age"));
    require!(program::find("docker"));
    let alice = Login::new("alice", "a \"quoted\" secret");
    let registry = require!(Registry::private(std::slice::from_ref(&alice)));
    let place = Sandbox::with_creds_store(AGE);
    place.store("x.example", &login());
    seal(&place);
    fs::write(place.path("secret"), format!("{}\n", alice.secret)).unwrap();
    let script = format!(
        "docker login -u alice --password-stdin {host} <secret && docker manifest inspect --insecure {host}/absent",
        host = registry.host()
    );
    let session = run_on_terminal(&place, &script, &[&typed(PASSPHRASE)]);
    assert!(session.screen.contains("Login Succeeded"), "{session:?}");
    assert_eq!(session.count(QUESTION), 1, "{session:?}");
    // The registry accepts the login, but doesn't have the image.
    assert!(
        !session.screen.contains("unauthorized") && !session.screen.contains("no basic auth"),
        "{session:?}"
    );
}

#[test]
fn a_terminal_has_its_echo_back_after_each_signal() {
    let _keyring = keyring::shared();
    require!(program::find("age"));
    let place = place(&["ghcr.io"]);
    fs::write(place.path("request"), "ghcr.io").unwrap();
    for (signal, code) in [("TERM", "143"), ("INT", "130"), ("HUP", "129"), ("QUIT", "131")] {
        // A shell without job control starts background children with INT and QUIT ignored, so restore them.
        let script = format!(
            "stty -g >before; env --default-signal=INT,QUIT {} get <request >reply & \
             while stty -a | grep -q ' echo '; do sleep 0.05; done; \
             kill -{signal} $!; wait $!; echo $? >code; stty -g >after",
            AGE.program().display()
        );
        let session = run_on_terminal(&place, &script, &[]);
        let read = |name: &str| fs::read_to_string(place.path(name)).unwrap();
        assert_eq!(read("before"), read("after"), "{signal}: {session:?}");
        assert_eq!(read("code").trim(), code, "{signal}");
        assert_eq!(read("reply"), "", "{signal}");
    }
}

#[test]
fn every_prompt_fits_into_a_line_of_80_columns() {
    let _keyring = keyring::shared();
    let place = Sandbox::new(AGE);
    let script = format!(
        "{} identity new --passphrase >public 2>&1",
        AGE.program().display()
    );
    let session = run_on_terminal(
        &place,
        &script,
        &["a\n", "b\n", &typed(PASSPHRASE), &typed(PASSPHRASE)],
    );
    for line in session.screen.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(session.screen.contains("New passphrase") && session.screen.contains("Again: "));
}

#[test]
fn an_empty_answer_gets_a_generated_passphrase() {
    let _keyring = keyring::shared();
    let place = Sandbox::new(AGE);
    place.store("ghcr.io", &login());
    let script = format!("{} identity passphrase >said 2>&1", AGE.program().display());
    let session = run_on_terminal(&place, &script, &["\n"]);
    assert_eq!(session.code, Some(0), "{session:?}");
    let generated = session
        .screen
        .lines()
        .find_map(|line| line.strip_prefix("Generated passphrase: "))
        .expect("it is shown on the terminal")
        .trim()
        .to_owned();
    // Nowhere else.
    assert!(
        !fs::read_to_string(place.path("said"))
            .unwrap()
            .contains(&generated)
    );
    let (session, reply) = on_terminal(&place, "get", "ghcr.io", &[&typed(&generated)]);
    assert_eq!((session.code, reply), (Some(0), answer_for("ghcr.io")));
}

#[test]
fn a_short_passphrase_is_called_short() {
    let _keyring = keyring::shared();
    for (passphrase, is_short) in [("x", true), ("elevenchars", true), ("twelve chars", false)] {
        let place = Sandbox::new(AGE);
        let script = format!("{} identity new --passphrase >said 2>&1", AGE.program().display());
        let session = run_on_terminal(&place, &script, &[&typed(passphrase), &typed(passphrase)]);
        assert_eq!(session.code, Some(0), "{session:?}");
        let said = fs::read_to_string(place.path("said")).unwrap();
        assert_eq!(
            said.contains("the passphrase is short"),
            is_short,
            "{passphrase}: {said}"
        );
    }
}

/// A sandbox with a login, whose passphrase, if any, is in a file that a setting names.
fn place_with_file() -> Sandbox {
    let mut place = Sandbox::new(AGE);
    place.store("ghcr.io", &login());
    write_private(&place.path("passphrase"), &typed(PASSPHRASE));
    let file = place.path("passphrase");
    place.set("DOCKER_CREDENTIAL_AGE_PASSPHRASE_FILE", file);
    place.set("DOCKER_CREDENTIAL_AGE_UNLOCK_SECONDS", "0");
    place
}

#[test]
fn a_passphrase_is_set_and_removed_and_the_logins_stay() {
    let _keyring = keyring::alone();
    let place = place_with_file();
    let plain = fs::read(place.path(IDENTITY)).unwrap();
    let entry = fs::read(place.path("data/docker-credential-age/ghcr.io.age")).unwrap();
    let set = place.command(&["identity", "passphrase"]);
    set.assert_success("identity passphrase");
    let is_sealed = |place: &Sandbox| {
        fs::read(place.path(IDENTITY))
            .unwrap()
            .starts_with(b"age-encryption.org/v1\n-> scrypt")
    };
    assert!(is_sealed(&place));
    place.assert_answers("ghcr.io", &login());
    let removed = place.command(&["identity", "passphrase", "--remove"]);
    removed.assert_success("identity passphrase --remove");
    assert!(String::from_utf8_lossy(&removed.stderr).contains("without a passphrase, anyone who reads"));
    assert_eq!(fs::read(place.path(IDENTITY)).unwrap(), plain);
    assert_eq!(
        fs::read(place.path("data/docker-credential-age/ghcr.io.age")).unwrap(),
        entry
    );
}

#[test]
fn setting_a_passphrase_leaves_no_copy_without_one() {
    let _keyring = keyring::alone();
    let place = place_with_file();
    let text = fs::read_to_string(place.path(IDENTITY)).unwrap();
    let key = text
        .lines()
        .find(|line| line.starts_with("AGE-SECRET-KEY-1"))
        .unwrap()
        .to_owned();
    // The state after a rotation that was killed early.
    fs::copy(place.path(IDENTITY), place.path(&format!("{IDENTITY}.old"))).unwrap();
    place
        .command(&["identity", "passphrase"])
        .assert_success("identity passphrase");
    let showing: Vec<PathBuf> = program::files_under(&place.path(""))
        .into_iter()
        .filter(|(_, bytes)| bytes.windows(key.len()).any(|window| window == key.as_bytes()))
        .map(|(path, _)| path)
        .collect();
    assert_eq!(showing, Vec::<PathBuf>::new());
}

#[test]
fn a_passphrase_is_changed_by_the_old_one_and_a_new_one() {
    let _keyring = keyring::alone();
    require!(program::find("age"));
    let place = place(&["ghcr.io"]);
    let change = format!("{} identity passphrase >said", AGE.program().display());
    let answers = [
        &typed(PASSPHRASE),
        &typed("another passphrase"),
        &typed("another passphrase"),
    ];
    let session = run_on_terminal(&place, &change, &answers.map(String::as_str));
    assert_eq!(session.code, Some(0), "{session:?}");
    let (session, reply) = on_terminal(&place, "get", "ghcr.io", &["another passphrase\n"]);
    assert_eq!((session.code, reply), (Some(0), answer_for("ghcr.io")));
}

#[test]
fn a_change_of_the_passphrase_ends_an_unlock() {
    let _keyring = keyring::alone();
    let mut place = place_with_file();
    place
        .command(&["identity", "passphrase"])
        .assert_success("it is set");
    place.set("DOCKER_CREDENTIAL_AGE_UNLOCK_SECONDS", "600");
    place.assert_answers("ghcr.io", &login());
    place
        .command(&["identity", "passphrase", "--remove"])
        .assert_success("it is removed");
    let locked = place.run(AGE.program()).arg("lock").outcome();
    assert_eq!(locked.text(), "it was not unlocked\n");
}

#[test]
fn a_backup_opens_with_its_passphrase_and_is_restored_elsewhere() {
    let _keyring = keyring::alone();
    for is_sealed in [false, true] {
        let place = place_with_file();
        if is_sealed {
            place
                .command(&["identity", "passphrase"])
                .assert_success("it is set");
        }
        let file = place.path("backup");
        let words = ["identity", "backup", file.to_str().unwrap()];
        place.command(&words).assert_success("identity backup");
        let refused = place.command(&words);
        refused.assert_failure("a file that exists is not overwritten");
        assert!(
            fs::read(&file)
                .unwrap()
                .starts_with(b"age-encryption.org/v1\n-> scrypt")
        );

        // Another machine: the store comes from git, the identity from the backup.
        let mut other = place_with_file();
        fs::remove_file(other.path(IDENTITY)).unwrap();
        other.set(
            "DOCKER_CREDENTIAL_AGE_DIR",
            place.path("data/docker-credential-age"),
        );
        other
            .command(&["identity", "restore", file.to_str().unwrap()])
            .assert_success("identity restore");
        assert_eq!(
            fs::read(other.path(IDENTITY)).unwrap(),
            fs::read(place.path(IDENTITY)).unwrap()
        );
        other.assert_answers("ghcr.io", &login());
    }
}

/// Run in another user namespace, by the same user: reads, changes and replaces the key of this name.
const ATTACK: &str = r"
import ctypes, platform, sys
add_key, keyctl = {'x86_64': (248, 250), 'aarch64': (217, 219)}[platform.machine()]
call = ctypes.CDLL(None, use_errno=True).syscall
name, payload = sys.argv[1].encode(), sys.argv[2].encode()
lines = open('/proc/keys').read().splitlines()
serials = lambda part: [int(line.split()[0], 16) for line in lines if part in line and ' expd ' not in line]
key = serials(sys.argv[1])[0]
content = ctypes.create_string_buffer(4096)
length = call(keyctl, 11, key, content, 4096)
print('read', b'AGE-SECRET-KEY' in content.raw[:max(length, 0)])
print('changed', call(keyctl, 2, key, payload, len(payload)) == 0)
added = [call(add_key, b'user', name, payload, len(payload), keyring) for keyring in serials(' _uid.')]
print('replaced', any(serial > 0 for serial in added), ctypes.get_errno())
";

fn kept_names() -> Vec<String> {
    let keys = fs::read_to_string("/proc/keys").expect("the kernel lists its keys");
    let ours = keys
        .lines()
        .filter(|line| line.contains("docker-credential-age:") && !line.contains(" expd "));
    ours.filter_map(|line| line.split_whitespace().nth(8))
        .map(|name| name.trim_end_matches(':').to_owned())
        .collect()
}

#[test]
fn another_user_namespace_neither_reads_nor_replaces_an_unlocked_key() {
    let _keyring = keyring::alone();
    require!(program::find("python3"));
    let mut place = place_with_file();
    place
        .command(&["identity", "passphrase"])
        .assert_success("it is set");
    place.set("DOCKER_CREDENTIAL_AGE_UNLOCK_SECONDS", "600");
    let before = kept_names();
    place.assert_answers("ghcr.io", &login());
    let name = kept_names()
        .into_iter()
        .find(|name| !before.contains(name))
        .expect("it stays open");

    let attacker = Sandbox::new(AGE);
    attacker
        .command(&["identity", "new"])
        .assert_success("identity new");
    let theirs = fs::read_to_string(attacker.path(IDENTITY)).unwrap();
    let attack = place
        .run("unshare")
        .args([
            "--user",
            "--map-root-user",
            "python3",
            "-c",
            ATTACK,
            &name,
            &theirs,
        ])
        .outcome();
    attack.assert_success("the attack can be run");
    let seen = attack.text();
    assert!(
        seen.contains("read False") && seen.contains("changed False"),
        "{seen}"
    );
    // Even if this kernel allows replacing it, nothing is encrypted to the planted key.
    place.store("quay.io", &login());
    place.set("DOCKER_CREDENTIAL_AGE_UNLOCK_SECONDS", "0");
    place.assert_answers("quay.io", &login());
    let mut reader = attacker;
    reader.set(
        "DOCKER_CREDENTIAL_AGE_DIR",
        place.path("data/docker-credential-age"),
    );
    assert_ne!(reader.verb("get", "quay.io").code, Some(0));
    place
        .run(AGE.program())
        .arg("lock")
        .outcome()
        .assert_success("lock");
}
