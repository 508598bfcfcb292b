//! docker-credential-age with SSH keys as identities and as recipients.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a part of a test says that it fails"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use docker_credential_tests::age::entry::stanzas;
use docker_credential_tests::age::member::Member;
use docker_credential_tests::age::ssh::{COMMENT, SshKey, use_key};
use docker_credential_tests::helper::AGE;
use docker_credential_tests::keyrings::kernel as keyring;
use docker_credential_tests::login::Login;
use docker_credential_tests::program::{self, Outcome};
use docker_credential_tests::refusal::{MARKER, assert_error, snapshot};
use docker_credential_tests::require;
use docker_credential_tests::sandbox::Sandbox;
use docker_credential_tests::terminal::run_on_terminal;
use serde_json::json;

const PASSPHRASE: &str = "correct horse 100% staple";
const STORE: &str = "data/docker-credential-age";
const ED25519: &[&str] = &["-t", "ed25519"];
const RSA: &[&str] = &["-t", "rsa", "-b", "3072"];

fn login() -> Login {
    Login::new("user", MARKER)
}

/// A sandbox whose identity is such a key, and the key.
fn place_with(passphrase: &str, arguments: &[&str]) -> (Sandbox, SshKey) {
    let mut place = Sandbox::new(AGE);
    let key = SshKey::make(&place, "id", passphrase, arguments);
    use_key(&mut place, &key);
    (place, key)
}

fn write_private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// Writes this passphrase to a file, so that nobody has to type it.
fn set_passphrase_file(place: &mut Sandbox, passphrase: &str) {
    let file = place.path("passphrase");
    write_private(&file, &format!("{passphrase}\n"));
    place.set("DOCKER_CREDENTIAL_AGE_PASSPHRASE_FILE", file);
}

/// A get without a controlling terminal, even if the tests have one.
fn get_without_terminal(place: &Sandbox, server: &str) -> Outcome {
    let run = place.run("setsid").arg("--wait").arg(AGE.program()).arg("get");
    run.stdin(server).outcome()
}

/// The result of one get with these answers, and the number of prompts.
fn get_on_terminal(place: &Sandbox, server: &str, answers: &[&str]) -> (String, usize) {
    let script = format!("printf {server} | {} get >reply", AGE.program().display());
    let session = run_on_terminal(place, &script, answers);
    let reply = fs::read_to_string(place.path("reply")).unwrap();
    (reply, session.count("Passphrase for the identity"))
}

fn answer_for(server: &str) -> String {
    format!("{{\"ServerURL\":\"{server}\",\"Username\":\"user\",\"Secret\":\"{MARKER}\"}}\n")
}

#[test]
fn a_key_stores_reads_lists_and_erases() {
    let _keyring = keyring::shared();
    require!(program::find("ssh-keygen"));
    let pem: &[&str] = &["-t", "rsa", "-m", "PEM"];
    for (arguments, passphrase) in [
        (ED25519, ""),
        (ED25519, PASSPHRASE),
        (RSA, ""),
        (RSA, PASSPHRASE),
        (pem, ""),
    ] {
        let (mut place, _) = place_with(passphrase, arguments);
        set_passphrase_file(&mut place, PASSPHRASE);
        place.store("ghcr.io", &login());
        place.assert_answers("ghcr.io", &login());
        place.assert_lists(&json!({ "ghcr.io": "user" }));
        place.verb("erase", "ghcr.io").assert_success("erase");
        place.assert_not_found("ghcr.io");
    }
}

#[test]
fn a_cipher_that_age_reads_opens() {
    let _keyring = keyring::shared();
    require!(program::find("ssh-keygen"));
    for cipher in ["aes128-ctr", "aes192-ctr", "aes256-cbc", "aes256-gcm@openssh.com"] {
        let (mut place, _) = place_with(PASSPHRASE, &["-t", "ed25519", "-Z", cipher]);
        set_passphrase_file(&mut place, PASSPHRASE);
        place.store("ghcr.io", &login());
        place.assert_answers("ghcr.io", &login());
    }
}

#[test]
fn lines_of_another_length_or_ending_do_not_matter() {
    let _keyring = keyring::shared();
    require!(program::find("ssh-keygen"));
    let (mut place, key) = place_with(PASSPHRASE, ED25519);
    set_passphrase_file(&mut place, PASSPHRASE);
    let text = fs::read_to_string(&key.path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let (base64, ends) = (
        lines[1..lines.len() - 1].concat(),
        [lines[0], lines[lines.len() - 1]],
    );
    let (first, rest) = base64.split_at(64);
    for newline in ["\n", "\r\n"] {
        let rest = rest
            .as_bytes()
            .chunks(64)
            .map(|line| std::str::from_utf8(line).unwrap());
        let rest: Vec<&str> = rest.collect();
        let all = [&[ends[0], first], &rest[..], &[ends[1], ""]].concat();
        write_private(&key.path, &all.join(newline));
        place.store("ghcr.io", &login());
        place.assert_answers("ghcr.io", &login());
    }
}

#[test]
fn another_key_does_not_open_what_one_stored() {
    let _keyring = keyring::shared();
    require!(program::find("ssh-keygen"));
    let (mut place, _) = place_with("", ED25519);
    place.store("ghcr.io", &login());
    let other = SshKey::make(&place, "other", "", ED25519);
    use_key(&mut place, &other);
    assert_error(&place.verb("get", "ghcr.io"), "your identity does not open");
}

#[test]
fn age_reads_what_a_key_stored_and_the_other_way_round() {
    let _keyring = keyring::shared();
    require!(program::find("ssh-keygen"));
    require!(program::find("age"));
    for arguments in [ED25519, RSA] {
        let (place, key) = place_with("", arguments);
        place.store("ghcr.io", &login());
        let entry = place.path(STORE).join("ghcr.io.age");
        let shown = place
            .run("age")
            .arg("--decrypt")
            .arg("--identity")
            .arg(&key.path)
            .arg(&entry)
            .outcome();
        shown.assert_success("age --decrypt");
        assert!(shown.text().contains(MARKER), "{shown:?}");
        let encrypted = place
            .run("age")
            .arg("--recipients-file")
            .arg(key.path.with_extension("pub"))
            .stdin(shown.stdout)
            .outcome();
        encrypted.assert_success("age --recipients-file");
        fs::write(&entry, encrypted.stdout).unwrap();
        place.assert_answers("ghcr.io", &login());
    }
}

#[test]
fn an_entry_for_a_key_has_one_stanza() {
    let _keyring = keyring::shared();
    require!(program::find("ssh-keygen"));
    for (arguments, kind) in [(ED25519, "ssh-ed25519"), (RSA, "ssh-rsa")] {
        let (place, _) = place_with("", arguments);
        place.store("ghcr.io", &login());
        assert_eq!(stanzas(&place.path(STORE).join("ghcr.io.age")), [kind]);
    }
    // The control: the identity of a writer has two.
    let place = Sandbox::new(AGE);
    place.store("ghcr.io", &login());
    let entry = place.path(STORE).join("ghcr.io.age");
    assert_eq!(stanzas(&entry), ["X25519", "docker-credential-age"]);
}

#[test]
fn the_home_is_not_searched_for_keys() {
    let _keyring = keyring::shared();
    require!(program::find("ssh-keygen"));
    require!(program::find("strace"));
    let mut place = Sandbox::new(AGE);
    let key = SshKey::ed25519(&place, "");
    let is_opened = |place: &Sandbox| {
        let store = place
            .run("strace")
            .args(["-f", "-e", "trace=file", "-o"])
            .arg(place.path("trace"))
            .arg(AGE.program())
            .arg("store")
            .stdin(answer_for("ghcr.io"));
        store.outcome().assert_success("store");
        let trace = fs::read_to_string(place.path("trace")).unwrap();
        assert!(trace.contains("ghcr.io.age"), "{trace}");
        trace.contains("/.ssh")
    };
    assert!(!is_opened(&place));
    assert!(place.path("config/docker-credential-age/identity.txt").exists());
    // The control: a key that a setting names is opened.
    use_key(&mut place, &key);
    assert!(is_opened(&place));
}

#[test]
fn the_terminal_is_asked_once_for_what_follows() {
    let _keyring = keyring::shared();
    require!(program::find("ssh-keygen"));
    for arguments in [ED25519, RSA] {
        let mut place = sealed_place(arguments);
        let typed = format!("{PASSPHRASE}\n");
        assert_eq!(
            get_on_terminal(&place, "ghcr.io", &["no\n", &typed]),
            (answer_for("ghcr.io"), 2)
        );
        // The key itself is kept: it opens even with a wrong passphrase.
        set_passphrase_file(&mut place, "wrong");
        place.assert_answers("ghcr.io", &login());
        place.command(&["lock"]).assert_success("lock");
        assert_error(
            &place.verb("get", "ghcr.io"),
            "DOCKER_CREDENTIAL_AGE_PASSPHRASE_FILE does not hold the passphrase",
        );
    }
}

#[test]
fn three_wrong_passphrases_are_an_error() {
    let _keyring = keyring::shared();
    require!(program::find("ssh-keygen"));
    let place = sealed_place(ED25519);
    let (reply, questions) = get_on_terminal(&place, "ghcr.io", &["no\n", "no\n", "no\n"]);
    assert!(reply.starts_with("3 wrong passphrases for "), "{reply}");
    assert_eq!(questions, 3);
}

#[test]
fn a_key_is_unlocked_for_a_time_and_locked_again() {
    let _keyring = keyring::shared();
    require!(program::find("ssh-keygen"));
    let place = sealed_place(ED25519);
    assert_error(
        &get_without_terminal(&place, "ghcr.io"),
        "run docker-credential-age unlock in a terminal first",
    );
    let script = format!("{} unlock", AGE.program().display());
    let session = run_on_terminal(&place, &script, &[&format!("{PASSPHRASE}\n")]);
    assert!(session.screen.contains("unlocked for 15 min"), "{session:?}");
    let reply = get_without_terminal(&place, "ghcr.io");
    assert_eq!(String::from_utf8_lossy(&reply.stdout), answer_for("ghcr.io"));
    place.command(&["lock"]).assert_success("lock");
    assert_error(&get_without_terminal(&place, "ghcr.io"), "needs a passphrase");
}

/// A sandbox with one login, whose key has a passphrase and is locked.
fn sealed_place(arguments: &[&str]) -> Sandbox {
    let (mut place, key) = place_with(PASSPHRASE, arguments);
    place.set("DOCKER_CREDENTIAL_AGE_RECIPIENTS", &key.public);
    place.set("DOCKER_CREDENTIAL_AGE_WRITE_ONLY", "1");
    place.store("ghcr.io", &login());
    place
}

#[test]
fn nobody_is_asked_for_a_key_that_opens_nothing() {
    let _keyring = keyring::shared();
    require!(program::find("ssh-keygen"));
    for arguments in [ED25519, RSA] {
        let mut place = sealed_place(arguments);
        let other = SshKey::make(&place, "other", PASSPHRASE, arguments);
        use_key(&mut place, &other);
        assert_error(
            &get_without_terminal(&place, "ghcr.io"),
            "your identity does not open",
        );
    }
}

#[test]
fn the_public_half_is_shown_without_the_passphrase() {
    let _keyring = keyring::shared();
    require!(program::find("ssh-keygen"));
    let (place, key) = place_with(PASSPHRASE, RSA);
    let shown = place.command(&["identity", "show"]);
    assert_eq!(
        String::from_utf8_lossy(&shown.stdout),
        format!("{}\n", key.public)
    );
}

#[test]
fn status_and_doctor_call_it_an_ssh_key() {
    let _keyring = keyring::shared();
    require!(program::find("ssh-keygen"));
    let (place, _) = place_with("", ED25519);
    place.store("ghcr.io", &login());
    let status = place.command(&["status"]).text();
    assert!(
        status.contains("id, an SSH key, without a passphrase"),
        "{status}"
    );
    let doctor = place.command(&["doctor"]).text();
    assert!(doctor.contains("your identity opens 1 entry"), "{doctor}");
    assert!(doctor.contains("(ssh-keygen -p)"), "{doctor}");
    let (place, _) = place_with(PASSPHRASE, ED25519);
    let status = place.command(&["status"]).text();
    assert!(
        status.contains("id, an SSH key, encrypted with a passphrase, locked"),
        "{status}"
    );
}

#[test]
fn a_key_that_age_does_not_take_is_called_by_its_kind() {
    let _keyring = keyring::shared();
    require!(program::find("ssh-keygen"));
    for (arguments, passphrase, problem) in [
        (
            &["-t", "ecdsa"][..],
            "",
            "an ECDSA key, which age can't encrypt to; use an ed25519 or RSA key",
        ),
        (&["-t", "ecdsa"], PASSPHRASE, "an ECDSA key, "),
        (
            &["-t", "rsa", "-b", "1024"],
            "",
            "an RSA key of less than 2048 bits, ",
        ),
        (
            &["-t", "rsa", "-b", "4608"],
            "",
            "an RSA key of more than 4096 bits, ",
        ),
        (
            &["-t", "rsa", "-m", "PEM"],
            PASSPHRASE,
            "an SSH key that is encrypted in the old PEM form; run: ssh-keygen -p -f ",
        ),
        (
            &["-t", "rsa", "-m", "PKCS8"],
            "",
            "a private key that is damaged or not in OpenSSH's form; run: ssh-keygen -p -f ",
        ),
        (
            &["-t", "ed25519", "-Z", "chacha20-poly1305@openssh.com"],
            PASSPHRASE,
            "an SSH key with a cipher that age doesn't read; run: ssh-keygen -p -Z aes256-ctr -f ",
        ),
    ] {
        let (place, key) = place_with(passphrase, arguments);
        let request = json!({ "ServerURL": "ghcr.io", "Username": "user", "Secret": MARKER });
        let outcome = place.verb("store", &request.to_string());
        let expected = format!("cannot use the identity {}: it is {problem}", key.path.display());
        assert_error(&outcome, &expected);
    }
}

#[test]
fn the_command_in_the_message_makes_the_key_usable() {
    let _keyring = keyring::shared();
    require!(program::find("ssh-keygen"));
    let (place, _) = place_with("", &["-t", "rsa", "-m", "PKCS8"]);
    let problem = place.command(&["identity", "show"]);
    let text = problem.text();
    let (_, command) = text.trim().split_once("run: ").unwrap();
    let script = format!("{command} -N '' -P '' -q");
    let converted = place.run("sh").args(["-c", &script]).outcome();
    converted.assert_success(&script);
    place.store("ghcr.io", &login());
    place.assert_answers("ghcr.io", &login());
}

#[test]
fn a_public_key_is_no_identity() {
    let _keyring = keyring::shared();
    require!(program::find("ssh-keygen"));
    let (mut place, key) = place_with("", ED25519);
    place.set(
        "DOCKER_CREDENTIAL_AGE_IDENTITY_FILE",
        key.path.with_extension("pub"),
    );
    let outcome = place.command(&["identity", "show"]);
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.text().contains("which has no .pub"), "{outcome:?}");
}

#[test]
fn recipients_that_age_does_not_take_are_called_by_their_kind() {
    let _keyring = keyring::shared();
    require!(program::find("ssh-keygen"));
    let mut place = Sandbox::new(AGE);
    let key = SshKey::ed25519(&place, "");
    let ecdsa = SshKey::make(&place, "id_ecdsa", "", &["-t", "ecdsa"]).public;
    let short = SshKey::make(&place, "short", "", &["-t", "rsa", "-b", "1024"]).public;
    let certify = ["-q", "-s", "id_ed25519", "-I", "ann", "id_ed25519.pub"];
    let signed = place
        .run("sh")
        .args(["-c", "cd home/.ssh && exec ssh-keygen \"$@\"", "sh"]);
    signed.args(certify).outcome().assert_success("ssh-keygen -s");
    let certificate = fs::read_to_string(place.path("home/.ssh/id_ed25519-cert.pub")).unwrap();
    // Written by hand, because a real one needs a security key.
    let security_key = "sk-ssh-ed25519@openssh.com \
                        AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABHNzaDo=";
    let dsa = "ssh-dss AAAAB3NzaC1kc3MAAAABAQ==";
    let cut = &key.public[..key.public.len() - 3];
    for (recipient, problem) in [
        (ecdsa.as_str(), "an ECDSA key, which age can't encrypt to"),
        (&short, "an RSA key of less than 2048 bits"),
        (
            certificate.trim(),
            "an SSH certificate; use the key that it certifies",
        ),
        (security_key, "an SSH key on a security key, which only signs"),
        (dsa, "a DSA key, which age can't encrypt to"),
        (cut, "a mistyped or cut SSH key"),
    ] {
        let added = place.command(&["recipients", "add", recipient]);
        assert_eq!(added.code, Some(1), "{added:?}");
        assert!(added.text().contains(&format!("it is {problem}")), "{added:?}");
        place.set("DOCKER_CREDENTIAL_AGE_RECIPIENTS", recipient);
        assert_error(
            &place.verb("store", &answer_for("ghcr.io")),
            &format!("DOCKER_CREDENTIAL_AGE_RECIPIENTS holds an entry that is {problem}"),
        );
        place.set("DOCKER_CREDENTIAL_AGE_RECIPIENTS", &key.public);
    }
}

#[test]
fn a_setting_holds_keys_with_their_comments() {
    let _keyring = keyring::shared();
    require!(program::find("ssh-keygen"));
    let (mut place, key) = place_with("", ED25519);
    let other = SshKey::make(&place, "other", "", RSA);
    let (_, age) = Member::with_identity("/nonexistent");
    for (setting, kinds) in [
        (key.public.clone(), &["ssh-ed25519"][..]),
        (
            format!("{}\n{}\n", key.line(), other.line()),
            &["ssh-ed25519", "ssh-rsa"],
        ),
        (
            format!("{age} {}, {}", key.line(), other.public),
            &["X25519", "ssh-ed25519", "ssh-rsa"],
        ),
    ] {
        place.set("DOCKER_CREDENTIAL_AGE_RECIPIENTS", &setting);
        place.store("ghcr.io", &login());
        assert_eq!(
            stanzas(&place.path(STORE).join("ghcr.io.age")),
            kinds,
            "{setting}"
        );
        place.assert_answers("ghcr.io", &login());
    }
    // A recipient must not be mistaken for a comment.
    place.set(
        "DOCKER_CREDENTIAL_AGE_RECIPIENTS",
        format!("{} {age}", key.public),
    );
    assert_error(
        &place.verb("store", &answer_for("ghcr.io")),
        "holds an entry that is an SSH key with another recipient behind it; put a comma",
    );
}

/// Ann with an age identity, and a store with one login that Bob reads by his SSH key.
fn team(store: &Path) -> (Member, Member, SshKey) {
    let (ann, _) = Member::with_identity(store);
    ann.place().store("ghcr.io", &login());
    let mut bob = Member::new(store);
    let key = SshKey::ed25519(bob.place(), "");
    use_key(bob.place_mut(), &key);
    ann.command(&["recipients", "add", &key.line()])
        .assert_success("recipients add");
    bob.command(&["recipients", "approve", "--yes"])
        .assert_success("recipients approve");
    (ann, bob, key)
}

#[test]
fn a_colleague_with_an_ssh_key_shares_a_store() {
    let _keyring = keyring::shared();
    require!(program::find("ssh-keygen"));
    let directory = tempfile::Builder::new().prefix("shared-").tempdir().unwrap();
    let (ann, bob, key) = team(&directory.path().join("store"));
    bob.place().assert_answers("ghcr.io", &login());
    bob.place().store("quay.io", &login());
    ann.place().assert_answers("quay.io", &login());
    bob.place()
        .assert_lists(&json!({ "ghcr.io": "user", "quay.io": "user" }));
    let list = bob.command(&["recipients", "list"]).text();
    assert!(
        list.contains(&format!("{}  # {COMMENT}, yours\n", key.public)),
        "{list}"
    );
    bob.command(&["rekey"]).assert_success("rekey");
    ann.place().assert_answers("quay.io", &login());
    let findings = ann.command(&["doctor"]).text();
    assert!(findings.contains("the store has 2 recipients"), "{findings}");

    ann.command(&["recipients", "remove", &key.line()])
        .assert_success("recipients remove");
    assert_error(&bob.place().verb("get", "ghcr.io"), "your identity does not open");
    ann.place().assert_answers("ghcr.io", &login());
}

#[test]
fn a_comment_is_not_approved_and_a_key_is() {
    let _keyring = keyring::shared();
    require!(program::find("ssh-keygen"));
    let directory = tempfile::Builder::new().prefix("shared-").tempdir().unwrap();
    let (ann, bob, key) = team(&directory.path().join("store"));
    let list = fs::read_to_string(ann.recipients_file()).unwrap();
    assert!(list.contains(&key.line()), "{list}");
    fs::write(ann.recipients_file(), list.replace(COMMENT, "bob at home")).unwrap();
    ann.place().store("quay.io", &login());
    bob.place().store("quay.io", &login());
    let other = SshKey::make(ann.place(), "other", "", RSA);
    fs::write(ann.recipients_file(), format!("{list}{}\n", other.line())).unwrap();
    assert_error(
        &bob.try_store("quay.io", &login()),
        &format!("+{} (called \"{COMMENT}\" there)", other.public),
    );
}

#[test]
fn doctor_counts_the_stanzas_of_ssh_keys() {
    let _keyring = keyring::shared();
    require!(program::find("ssh-keygen"));
    let directory = tempfile::Builder::new().prefix("shared-").tempdir().unwrap();
    let (ann, bob, _) = team(&directory.path().join("store"));
    let in_step = |member: &Member| {
        let findings = member.command(&["doctor"]).text();
        !findings.contains("not encrypted to every recipient")
    };
    assert!(in_step(&ann) && in_step(&bob));
    let other = SshKey::make(ann.place(), "other", "", RSA);
    let list = fs::read_to_string(ann.recipients_file()).unwrap();
    fs::write(ann.recipients_file(), format!("{list}{}\n", other.line())).unwrap();
    for member in [&ann, &bob] {
        let words = ["recipients", "approve", "--yes"];
        member.command(&words).assert_success("recipients approve");
    }
    assert!(!in_step(&ann) && !in_step(&bob));
    bob.command(&["rekey"]).assert_success("rekey");
    assert!(in_step(&ann) && in_step(&bob));
}

#[test]
fn an_unquoted_public_key_is_one_recipient() {
    let _keyring = keyring::shared();
    require!(program::find("ssh-keygen"));
    let (place, key) = place_with("", ED25519);
    place.store("ghcr.io", &login());
    let other = SshKey::make(&place, "other", "", RSA);
    let line = other.line();
    let words: Vec<&str> = line.split(' ').collect();
    let added = place.command(&[&["recipients", "add"], &words[..]].concat());
    assert!(added.text().contains("added 1 recipient"), "{added:?}");
    let list = fs::read_to_string(place.path(STORE).join(".age-recipients")).unwrap();
    assert_eq!(list, format!("{}\n{line}\n", key.public));
    let (_, age) = Member::with_identity("/nonexistent");
    let ambiguous = place.command(&[&["recipients", "add"], &words[..], &[age.as_str()]].concat());
    assert_eq!(ambiguous.code, Some(1));
    assert!(
        ambiguous.text().contains("with another recipient behind it"),
        "{ambiguous:?}"
    );
}

#[test]
fn an_ssh_key_stays_as_it_is() {
    let _keyring = keyring::shared();
    require!(program::find("ssh-keygen"));
    for passphrase in ["", PASSPHRASE] {
        let (mut place, key) = place_with(passphrase, ED25519);
        set_passphrase_file(&mut place, PASSPHRASE);
        place.store("ghcr.io", &login());
        let before = snapshot(&place.path("home"));
        let file = key.path.display().to_string();
        for (words, problem) in [
            (&["rotate"][..], "cannot rotate"),
            (&["passphrase"], "cannot change the passphrase of"),
            (&["passphrase", "--remove"], "cannot change the passphrase of"),
            (&["new", "--replace", "--yes"], "cannot replace"),
            (&["backup", "copy"], "cannot back up"),
            (&["restore", &file], "cannot replace"),
        ] {
            let words = [&["identity"], words].concat();
            let outcome = place.command(&words);
            assert_eq!(outcome.code, Some(1), "{outcome:?}");
            let expected = format!("{problem} ~/.ssh/id: it is an SSH key, which ssh may need as it is; ");
            assert!(outcome.text().contains(&expected), "{expected}: {outcome:?}");
        }
        assert_eq!(snapshot(&place.path("home")), before);
        place.assert_answers("ghcr.io", &login());
    }
}

#[test]
fn an_ssh_key_is_not_restored_into_a_second_file() {
    let _keyring = keyring::shared();
    require!(program::find("ssh-keygen"));
    let place = Sandbox::new(AGE);
    SshKey::ed25519(&place, "");
    let outcome = place.command(&["identity", "restore", "home/.ssh/id_ed25519"]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(
        outcome
            .text()
            .contains("set DOCKER_CREDENTIAL_AGE_IDENTITY_FILE to it"),
        "{outcome:?}"
    );
    assert!(!place.path("config/docker-credential-age/identity.txt").exists());
}

#[test]
fn a_refused_rotation_shows_how_to_change_keys_by_hand() {
    let _keyring = keyring::shared();
    require!(program::find("ssh-keygen"));
    require!(program::find("age-keygen"));
    let (mut place, key) = place_with("", ED25519);
    place.store("ghcr.io", &login());
    let refused = place.command(&["identity", "rotate"]).text();
    let (_, remove) = refused.trim().split_once("then run: ").unwrap();
    assert_eq!(
        remove,
        format!("docker-credential-age recipients remove '{}'", key.public)
    );

    let made = place.run("age-keygen").args(["-o", "new.txt"]).outcome();
    made.assert_success("age-keygen");
    let shown = place.run("age-keygen").args(["-y", "new.txt"]).outcome();
    let public = String::from_utf8(shown.stdout).unwrap();
    place
        .command(&["recipients", "add", public.trim()])
        .assert_success("recipients add");
    place.set("DOCKER_CREDENTIAL_AGE_IDENTITY_FILE", place.path("new.txt"));
    let removed = place.run("sh").args(["-c", remove]).outcome();
    removed.assert_success(remove);
    place.assert_answers("ghcr.io", &login());
    assert_eq!(
        stanzas(&place.path(STORE).join("ghcr.io.age")),
        ["X25519", "docker-credential-age"]
    );
}
