//! A shared store of docker-credential-age: its recipients, their approval, and changes.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a part of a test says that it fails"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use docker_credential_tests::age::member::Member;
use docker_credential_tests::login::Login;
use docker_credential_tests::program::{self, Outcome, files_under};
use docker_credential_tests::refusal::MARKER;
use docker_credential_tests::require;
use docker_credential_tests::sandbox::Sandbox;

fn login() -> Login {
    Login::new("user", MARKER)
}

/// The directory of a shared store.
fn shared() -> (tempfile::TempDir, std::path::PathBuf) {
    let directory = tempfile::Builder::new().prefix("shared-").tempdir().unwrap();
    let store = directory.path().join("store");
    (directory, store)
}

/// Two members of one store, with one login in it.
fn team(store: &Path) -> (Member, Member, String) {
    let (ann, _) = Member::with_identity(store);
    ann.place().store("ghcr.io", &login());
    let (bob, public) = Member::with_identity(store);
    ann.command(&["recipients", "add", "--name", "bob", &public])
        .assert_success("recipients add");
    approve(&bob);
    (ann, bob, public)
}

/// Approves the recipients, as after asking the others.
fn approve(member: &Member) {
    let approved = member.command(&["recipients", "approve", "--yes"]);
    approved.assert_success("recipients approve");
}

/// The key of a stranger.
fn stranger() -> String {
    Member::with_identity("/nonexistent/store").1
}

fn add_line(member: &Member, line: &str) {
    let text = fs::read_to_string(member.recipients_file()).unwrap_or_default();
    fs::write(member.recipients_file(), format!("{text}{line}\n")).unwrap();
}

#[track_caller]
fn assert_refused(outcome: &Outcome, hints: &[&str]) {
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    for hint in hints {
        assert!(outcome.text().contains(hint), "{hint}: {outcome:?}");
    }
}

fn entries(store: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut files = files_under(store);
    files.sort();
    files
}

#[test]
fn who_is_added_reads_what_was_stored_before_and_after() {
    let (_directory, store) = shared();
    let (ann, bob, _) = team(&store);
    bob.place().assert_answers("ghcr.io", &login());
    bob.place().store("quay.io", &login());
    ann.place().assert_answers("quay.io", &login());
}

#[test]
fn who_is_removed_reads_nothing_that_is_there_and_the_passwords_to_change_are_named() {
    let (_directory, store) = shared();
    let (ann, bob, public) = team(&store);
    let removed = ann.command(&["recipients", "remove", &public]);
    removed.assert_success("recipients remove");
    let said = String::from_utf8_lossy(&removed.stderr).into_owned();
    assert!(
        said.contains("they still know the passwords that they could read") && said.contains("ghcr.io"),
        "{said}"
    );
    let answer = bob.place().verb("get", "ghcr.io");
    assert_refused(&answer, &["your identity does not open"]);
    ann.place().assert_answers("ghcr.io", &login());
}

#[test]
fn a_recipient_who_appears_gets_nothing_until_approved() {
    let (_directory, store) = shared();
    let (ann, _bob, _) = team(&store);
    let stranger = stranger();
    add_line(&ann, &stranger);
    let before = entries(&store);
    let added = format!("+{stranger}");
    let hints = [added.as_str(), "docker-credential-age recipients approve"];
    assert_refused(&ann.try_store("quay.io", &login()), &hints);
    assert_refused(&ann.command(&["rekey"]), &hints);
    assert_refused(&ann.command(&["recipients", "add", &self::stranger()]), &hints);
    assert_eq!(entries(&store), before, "nothing has changed");
    ann.place().assert_answers("ghcr.io", &login());

    assert_refused(&ann.command(&["recipients", "approve"]), &["--yes"]);
    let approved = ann.command(&["recipients", "approve", "--yes"]);
    assert!(approved.text().contains(&format!("+ {stranger}")), "{approved:?}");
    ann.try_store("quay.io", &login()).assert_success("store");
}

#[test]
fn a_recipients_file_that_vanishes_or_appears_is_refused() {
    let (_directory, store) = shared();
    let (ann, _bob, _) = team(&store);
    let text = fs::read(ann.recipients_file()).unwrap();
    fs::remove_file(ann.recipients_file()).unwrap();
    assert_refused(&ann.try_store("quay.io", &login()), &[".age-recipients is gone"]);
    fs::write(ann.recipients_file(), text).unwrap();
    ann.try_store("quay.io", &login()).assert_success("store");

    let (_directory, store) = shared();
    let (alone, public) = Member::with_identity(&store);
    alone.place().store("ghcr.io", &login());
    add_line(&alone, &public);
    alone
        .try_store("quay.io", &login())
        .assert_success("a list of one's own key needs no approval");
    add_line(&alone, &stranger());
    assert_refused(
        &alone.try_store("quay.io", &login()),
        &["names recipients that you have not approved"],
    );
}

#[test]
fn nothing_is_approved_for_being_seen_first() {
    let (_directory, store) = shared();
    let (ann, _bob, public) = team(&store);
    let (carl, key) = Member::with_identity(&store);
    ann.command(&["recipients", "add", &key])
        .assert_success("recipients add");
    let before = entries(&store);
    let hints = [
        public.as_str(),
        "(called \"bob\" there)",
        "docker-credential-age recipients approve",
    ];
    assert_refused(&carl.try_store("quay.io", &login()), &hints);
    assert_refused(&carl.command(&["rekey"]), &hints);
    assert_refused(&carl.command(&["recipients", "add", &stranger()]), &hints);
    assert_refused(&carl.command(&["recipients", "remove", &public]), &hints);
    assert_refused(
        &carl.command(&["doctor"]),
        &["ask your team whose keys these are"],
    );
    assert_eq!(entries(&store), before, "nothing has changed");
    carl.place().assert_answers("ghcr.io", &login());
    approve(&carl);
    carl.place().store("quay.io", &login());
}

#[test]
fn a_job_approves_the_one_list_whose_sum_it_is_given() {
    let (_directory, store) = shared();
    let (ann, _bob, _) = team(&store);
    let (mut job, key) = Member::with_identity(&store);
    job.place_mut().set("DOCKER_CREDENTIAL_NONINTERACTIVE", "1");
    ann.command(&["recipients", "add", &key])
        .assert_success("recipients add");
    let listed = ann.command(&["recipients", "list"]).text();
    let sum = listed
        .split_whitespace()
        .find(|word| word.starts_with("sha256:"))
        .unwrap();
    let refused = job.try_store("quay.io", &login());
    assert_refused(&refused, &["recipients approve --only", sum]);
    let other = format!("sha256:{}", "0".repeat(64));
    assert_refused(&job.command(&["recipients", "approve", "--only", &other]), &[sum]);
    assert_refused(&job.try_store("quay.io", &login()), &["recipients approve"]);
    job.command(&["recipients", "approve", "--only", sum])
        .assert_success("approve --only");
    job.place().store("quay.io", &login());
}

#[test]
fn a_clone_with_the_same_list_is_mentioned_and_not_trusted() {
    let (directory, store) = shared();
    let (mut ann, _bob, _) = team(&store);
    let moved = directory.path().join("moved");
    fs::rename(&store, &moved).unwrap();
    ann.place_mut().set("DOCKER_CREDENTIAL_AGE_DIR", &moved);
    assert_refused(&ann.try_store("quay.io", &login()), &["recipients approve"]);
    let approved = ann.command(&["recipients", "approve", "--yes"]);
    approved.assert_success("recipients approve");
    let said = String::from_utf8_lossy(&approved.stderr).into_owned();
    assert!(said.contains("you approved the same recipients for"), "{said}");
    ann.try_store("quay.io", &login()).assert_success("store");
}

#[test]
fn somebody_who_left_and_is_back_is_refused_with_the_date() {
    let (_directory, store) = shared();
    let (ann, bob, _) = team(&store);
    let key = stranger();
    ann.command(&["recipients", "add", "--name", "mallory", &key])
        .assert_success("recipients add");
    approve(&bob);
    ann.command(&["recipients", "remove", &key])
        .assert_success("recipients remove");
    let list = fs::read_to_string(ann.recipients_file()).unwrap();
    assert!(!list.contains("mallory"), "{list}");
    // Bob only reads before she adds herself again.
    bob.place().assert_answers("ghcr.io", &login());
    add_line(&ann, &key);
    for member in [&ann, &bob] {
        assert_refused(
            &member.try_store("quay.io", &login()),
            &[&key, "was removed, last missing on 20", "is back"],
        );
    }
    let listed = bob.command(&["recipients", "list"]);
    assert!(listed.text().contains("is back"), "{listed:?}");
}

#[test]
fn a_merge_an_old_tag_or_a_list_without_us_unapproves_nobody() {
    require!(program::find("git"));
    let (_directory, store) = shared();
    let (ann, bob, _) = team(&store);
    let full = fs::read_to_string(ann.recipients_file()).unwrap();
    let own = String::from_utf8(bob.command(&["identity", "show"]).stdout).unwrap();
    let initial = ann
        .place()
        .run("git")
        .args(["init", "-q", "-b", "main"])
        .arg(&store);
    initial.outcome().assert_success("git init");
    let read_without_ann = || {
        fs::write(bob.recipients_file(), own.trim()).unwrap();
        bob.place().assert_answers("ghcr.io", &login());
        let listed = bob.place().verb("list", "");
        assert_eq!(listed.code, Some(0), "{listed:?}");
        fs::write(bob.recipients_file(), &full).unwrap();
    };
    fs::write(store.join(".git/MERGE_HEAD"), "x").unwrap();
    read_without_ann();
    fs::remove_file(store.join(".git/MERGE_HEAD")).unwrap();
    fs::write(store.join(".git/HEAD"), "0123456789\n").unwrap();
    read_without_ann();
    fs::remove_dir_all(store.join(".git")).unwrap();
    fs::write(bob.recipients_file(), format!("{}\n", stranger())).unwrap();
    bob.place().assert_answers("ghcr.io", &login());
    fs::write(bob.recipients_file(), &full).unwrap();
    bob.place().store("quay.io", &login());
    // The control: without git, the same read does.
    read_without_ann();
    assert_refused(&bob.try_store("quay.io", &login()), &["last missing on"]);
}

#[test]
fn who_was_approved_and_left_is_not_approved_when_they_come_back() {
    let (_directory, store) = shared();
    let (ann, _bob, public) = team(&store);
    let full = fs::read_to_string(ann.recipients_file()).unwrap();
    fs::write(ann.recipients_file(), full.replace(&public, "# gone")).unwrap();
    ann.try_store("quay.io", &login()).assert_success("store");
    fs::write(ann.recipients_file(), full).unwrap();
    assert_refused(&ann.try_store("quay.io", &login()), &["recipients approve"]);
}

#[test]
fn a_list_without_oneself_is_refused_unless_one_only_writes() {
    let (_directory, store) = shared();
    let (ann, public) = Member::with_identity(&store);
    let (mut robot, _) = Member::with_identity(&store);
    fs::create_dir_all(&store).unwrap();
    add_line(&ann, &public);
    approve(&robot);
    assert_refused(
        &robot.try_store("ghcr.io", &login()),
        &["none of your identities"],
    );
    robot.place_mut().set("DOCKER_CREDENTIAL_AGE_WRITE_ONLY", "1");
    robot.try_store("ghcr.io", &login()).assert_success("store");
    ann.place().assert_answers("ghcr.io", &login());
    assert_refused(
        &robot.place().verb("get", "ghcr.io"),
        &["your identity does not open"],
    );
}

#[test]
fn a_setting_replaces_the_list_and_its_approval() {
    let (_directory, store) = shared();
    let (ann, public) = Member::with_identity(&store);
    ann.place().store("ghcr.io", &login());
    add_line(&ann, &stranger());
    let mut ann = ann;
    ann.place_mut().set("DOCKER_CREDENTIAL_AGE_RECIPIENTS", &public);
    ann.try_store("quay.io", &login()).assert_success("store");
    assert_refused(
        &ann.command(&["recipients", "add", &public]),
        &["DOCKER_CREDENTIAL_AGE_RECIPIENTS"],
    );
}

#[test]
fn comments_and_order_of_the_list_stay() {
    let (_directory, store) = shared();
    let (ann, _bob, _) = team(&store);
    let text = fs::read_to_string(ann.recipients_file()).unwrap();
    fs::write(ann.recipients_file(), format!("# Ann and Bob\n{text}")).unwrap();
    let third = stranger();
    ann.command(&["recipients", "add", &third])
        .assert_success("recipients add");
    let expected = format!("# Ann and Bob\n{text}{third}\n");
    assert_eq!(fs::read_to_string(ann.recipients_file()).unwrap(), expected);
    let listed = ann.command(&["recipients", "list"]);
    assert_eq!(
        listed.stdout.split(|byte| *byte == b'\n').count(),
        5,
        "{listed:?}"
    );
}

#[test]
fn an_entry_that_cannot_be_read_stops_a_rekey_before_anything_changes() {
    let (_directory, store) = shared();
    let (ann, _bob, public) = team(&store);
    fs::write(store.join("quay.io.age"), "age-encryption.org/v1\n").unwrap();
    let before = entries(&store);
    let refused = ann.command(&["recipients", "remove", &public]);
    assert_refused(&refused, &["quay.io.age", "docker-credential-age reset"]);
    assert_eq!(entries(&store), before);
    ann.try_store("x.example", &login())
        .assert_success("the approval is as before");

    ann.command(&["reset", "--yes"]).assert_success("reset");
    assert!(store.join("quay.io.age.unreadable").exists());
    ann.command(&["recipients", "remove", &public])
        .assert_success("recipients remove");
}

#[test]
fn age_and_rage_read_what_is_stored_for_several_and_the_other_way_round() {
    require!(program::find("age"));
    require!(program::find("rage"));
    let (_directory, store) = shared();
    let (ann, bob, _) = team(&store);
    for peer in ["age", "rage"] {
        for member in [&ann, &bob] {
            let identity = member.place().path("config/docker-credential-age/identity.txt");
            let shown = member
                .place()
                .run_peer(peer)
                .args(["--decrypt", "--identity"])
                .arg(&identity)
                .arg(store.join("ghcr.io.age"))
                .outcome();
            shown.assert_success("decrypting what we wrote");
            assert!(shown.text().contains(MARKER), "{shown:?}");
        }
        let plaintext =
            format!("{{\"ServerURL\":\"quay.io\",\"Username\":\"user\",\"Secret\":\"{MARKER}\"}}");
        let encrypted = ann
            .place()
            .run_peer(peer)
            .args(["--encrypt", "--recipients-file"])
            .arg(ann.recipients_file())
            .stdin(plaintext)
            .outcome();
        encrypted.assert_success("encrypting for the team");
        fs::write(store.join("quay.io.age"), encrypted.stdout).unwrap();
        ann.place().assert_answers("quay.io", &login());
        bob.place().assert_answers("quay.io", &login());
    }
}

#[test]
fn a_lost_identity_is_replaced_and_logins_work_again() {
    let (_directory, store) = shared();
    let (ann, before) = Member::with_identity(&store);
    ann.place().store("ghcr.io", &login());
    ann.command(&["identity", "new", "--replace", "--yes"])
        .assert_success("identity new");
    // Reset wouldn't set these aside, because the previous identity opens them.
    let (old, lost) = (
        ann.place().path("config/docker-credential-age/identity.txt.old"),
        ann.place().path("lost"),
    );
    fs::rename(old, &lost).unwrap();
    assert_refused(
        &ann.place().verb("get", "ghcr.io"),
        &["your identity does not open"],
    );
    assert_refused(&ann.command(&["doctor"]), &["docker-credential-age reset"]);
    assert_refused(&ann.command(&["reset"]), &["ghcr.io.age", "--yes"]);
    ann.command(&["reset", "--yes"]).assert_success("reset");
    ann.place().assert_not_found("ghcr.io");
    ann.place().store("ghcr.io", &login());
    ann.place().assert_answers("ghcr.io", &login());

    assert!(fs::read_to_string(lost).unwrap().contains(&before));
    assert!(store.join("ghcr.io.age.unreadable").exists());
}

#[test]
fn a_rotated_identity_takes_the_place_of_the_old_one_among_the_recipients() {
    let (_directory, store) = shared();
    let (ann, bob, _) = team(&store);
    let old = ann.identity_text();
    ann.command(&["identity", "rotate"])
        .assert_success("identity rotate");
    ann.place().assert_answers("ghcr.io", &login());
    bob.place().assert_answers("ghcr.io", &login());
    let mut thief = Member::new(&store);
    thief.place_mut().set("DOCKER_CREDENTIAL_AGE_IDENTITY", old);
    assert_refused(
        &thief.place().verb("get", "ghcr.io"),
        &["your identity does not open"],
    );
    let named = fs::read_to_string(ann.recipients_file()).unwrap();
    assert_eq!(
        named.lines().filter(|line| line.starts_with("age1")).count(),
        2,
        "{named}"
    );
    ann.try_store("quay.io", &login())
        .assert_success("the new list is approved by its author");
}

/// Removals need no approval, so nothing notices a colleague's before the rotation.
#[test]
fn an_identity_that_is_not_in_the_list_is_not_rotated() {
    let (_directory, store) = shared();
    let (ann, bob, public) = team(&store);
    let own = ann.command(&["identity", "show"]);
    let before = (ann.identity_text(), entries(&store));
    let list = fs::read_to_string(ann.recipients_file()).unwrap();
    fs::write(ann.recipients_file(), format!("{public}\n")).unwrap();
    let refused = ann.command(&["identity", "rotate"]);
    let add = format!("recipients add {}", String::from_utf8_lossy(&own.stdout).trim());
    assert_refused(&refused, &["isn't among the recipients in .age-recipients", &add]);
    assert_eq!(ann.identity_text(), before.0);
    ann.place().assert_answers("ghcr.io", &login());
    fs::write(ann.recipients_file(), list).unwrap();
    assert_eq!(entries(&store), before.1, "nothing has changed");
    ann.command(&["identity", "rotate"])
        .assert_success("identity rotate");
    ann.place().assert_answers("ghcr.io", &login());
    bob.place().assert_answers("ghcr.io", &login());
}

#[test]
fn a_key_in_upper_case_is_rotated_like_any_other() {
    let (_directory, store) = shared();
    let (ann, _bob, _) = team(&store);
    let own = ann.command(&["identity", "show"]);
    let own = String::from_utf8_lossy(&own.stdout).trim().to_owned();
    let list = fs::read_to_string(ann.recipients_file()).unwrap();
    fs::write(
        ann.recipients_file(),
        list.replace(&own, &own.to_ascii_uppercase()),
    )
    .unwrap();
    approve(&ann);
    ann.command(&["identity", "rotate"])
        .assert_success("identity rotate");
    ann.place().assert_answers("ghcr.io", &login());
    let list = fs::read_to_string(ann.recipients_file()).unwrap();
    assert!(!list.contains(&own.to_ascii_uppercase()), "{list}");
}

/// Two homes only share the directory's lock, which any reader can hold.
#[test]
fn a_writer_without_the_lock_leaves_the_files_of_others_alone() {
    let (_directory, store) = shared();
    let (_ann, bob, _) = team(&store);
    fs::set_permissions(&store, fs::Permissions::from_mode(0o755)).unwrap();
    let lock = fs::File::open(&store).unwrap();
    lock.lock().unwrap();
    let temporary = store.join(".docker-credential-temporary-1");
    fs::write(&temporary, "another writer's").unwrap();
    bob.try_store("quay.io", &login()).assert_success("store");
    assert_refused(
        &bob.command(&["rekey"]),
        &["another process holds the lock of the store"],
    );
    assert!(temporary.exists());
    // Now it encrypts the entries again, and would overwrite the new login.
    let staged = store.join(".docker-credential-temporary-staged-quay.io.age");
    fs::write(&staged, "another writer's").unwrap();
    assert_refused(&bob.try_store("quay.io", &login()), &["cannot lock the store"]);
    assert!(temporary.exists() && staged.exists());
    drop(lock);
    bob.command(&["rekey"]).assert_success("rekey");
    assert!(!staged.exists());
    bob.place().assert_answers("quay.io", &login());
}

#[test]
fn a_team_shares_logins_through_git() {
    require!(program::find("git"));
    let (_directory, remote) = shared();
    let ann = Sandbox::new(docker_credential_tests::helper::AGE);
    let script = format!(
        r#"
        set -eu
        remote={remote} age=docker-credential-age
        export GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x@example GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x@example
        export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
        who() {{ mkdir -p "$PWD/$1"; export HOME="$PWD/$1" XDG_CONFIG_HOME="$PWD/$1/config" DOCKER_CREDENTIAL_AGE_DIR="$PWD/$1/logins"; }}
        login() {{ printf '{{"ServerURL":"%s","Username":"team","Secret":"%s"}}' "$1" "$2" | $age store; }}
        secret() {{ printf %s "$1" | $age get | sed 's/.*"Secret":"\([^"]*\)".*/\1/'; }}
        publish() {{ git -C "$DOCKER_CREDENTIAL_AGE_DIR" add -A; git -C "$DOCKER_CREDENTIAL_AGE_DIR" commit -qm x; git -C "$DOCKER_CREDENTIAL_AGE_DIR" push -q origin HEAD:main; }}
        fetch() {{ git -C "$DOCKER_CREDENTIAL_AGE_DIR" pull -q --ff-only origin main; }}
        git init -q --bare -b main "$remote"

        # Ann begins, Bob joins.
        who ann; git clone -q "$remote" "$DOCKER_CREDENTIAL_AGE_DIR" 2>/dev/null
        login registry.example first 2>/dev/null
        who bob; bob=$($age identity new 2>/dev/null)
        who ci; ci=$($age identity new 2>/dev/null); key=$(cat "$XDG_CONFIG_HOME/docker-credential-age/identity.txt")
        who ann; $age recipients add "$bob" "$ci" 2>/dev/null; publish
        who bob; git clone -q "$remote" "$DOCKER_CREDENTIAL_AGE_DIR"
        ! login other.example second >refusal; grep -q 'recipients approve' refusal
        $age recipients approve --yes >/dev/null 2>&1
        test "$(secret registry.example)" = first
        login other.example second 2>/dev/null; publish

        # CI has the store and one secret, and no home.
        git clone -q "$remote" checkout
        test "$(printf other.example | env -u HOME -u XDG_CONFIG_HOME DOCKER_CREDENTIAL_AGE_IDENTITY="$key" DOCKER_CREDENTIAL_AGE_DIR="$PWD/checkout" $age get | grep -c second)" = 1

        # Somebody slips a key of theirs into the list.
        who eve; eve=$($age identity new 2>/dev/null)
        git clone -q "$remote" tampered; echo "$eve" >>tampered/.age-recipients
        git -C tampered commit -qam x; git -C tampered push -q origin HEAD:main
        who ann; fetch
        ! login third.example third >refusal
        grep -q "+$eve" refusal
        git -C "$DOCKER_CREDENTIAL_AGE_DIR" revert --no-edit -n HEAD
        login third.example third; publish

        # Bob leaves, and the passwords change.
        $age recipients remove "$bob" >/dev/null 2>left
        grep -q 'other.example registry.example third.example' left
        login registry.example changed; publish
        who bob; fetch
        ! secret_of=$(printf registry.example | $age get)
        who ci; git -C "$PWD/checkout" pull -q --ff-only origin main
        test "$(printf registry.example | env -u HOME DOCKER_CREDENTIAL_AGE_IDENTITY="$key" DOCKER_CREDENTIAL_AGE_DIR="$PWD/checkout" $age get | grep -c changed)" = 1
        "#,
        remote = remote.display()
    );
    ann.run("sh")
        .args(["-c", &script])
        .outcome()
        .assert_success("the team's script");
}

#[test]
fn entries_that_colleagues_can_open_are_never_set_aside() {
    let (_directory, store) = shared();
    let (ann, _bob, _) = team(&store);
    let (carl, key) = Member::with_identity(&store);
    let before = entries(&store).len();
    let ask = "ask a colleague to run: docker-credential-age";
    // Not in the list yet.
    assert_refused(
        &carl.place().verb("get", "ghcr.io"),
        &[ask, "recipients add", &key],
    );
    carl.command(&["reset", "--yes"]).assert_success("reset");

    add_line(&ann, &key);
    let approved = ann.command(&["recipients", "approve", "--yes"]);
    assert!(
        String::from_utf8_lossy(&approved.stderr).contains("docker-credential-age rekey"),
        "{approved:?}"
    );
    let doctor = ann.command(&["doctor"]);
    assert!(
        doctor.text().contains("not encrypted to every recipient"),
        "{doctor:?}"
    );
    // In the list, and the entries are not encrypted to him yet.
    let approved = carl.command(&["recipients", "approve", "--yes"]);
    let said = String::from_utf8_lossy(&approved.stderr).into_owned();
    assert!(
        said.contains("ask a colleague to run: docker-credential-age rekey"),
        "{said}"
    );
    for words in [&["doctor"][..], &["rekey"]] {
        let outcome = carl.command(words);
        assert_refused(&outcome, &["ask a colleague to run: docker-credential-age rekey"]);
        assert!(
            !outcome.text().contains("docker-credential-age reset"),
            "{outcome:?}"
        );
    }
    assert_refused(&carl.place().verb("get", "ghcr.io"), &[ask]);
    let reset = carl.command(&["reset", "--yes"]);
    reset.assert_success("reset");
    assert!(reset.text().contains("nothing was set aside"), "{reset:?}");
    assert_eq!(entries(&store).len(), before, "nothing is gone");

    ann.command(&["rekey"]).assert_success("rekey");
    carl.place().assert_answers("ghcr.io", &login());
    let doctor = ann.command(&["doctor"]);
    assert!(!doctor.text().contains("recipient:"), "{doctor:?}");
}

#[test]
fn doctor_says_when_more_people_can_read_an_entry_than_are_listed() {
    let (_directory, store) = shared();
    let (ann, _bob, public) = team(&store);
    let list = fs::read_to_string(ann.recipients_file()).unwrap();
    fs::write(ann.recipients_file(), list.replace(&public, "")).unwrap();
    let doctor = ann.command(&["doctor"]);
    assert!(
        doctor
            .text()
            .contains("1 entry may have more recipients than the store's list: ghcr.io.age"),
        "{doctor:?}"
    );
    ann.command(&["rekey"]).assert_success("rekey");
    let doctor = ann.command(&["doctor"]);
    assert!(!doctor.text().contains("more recipients"), "{doctor:?}");
}

#[test]
fn a_file_that_is_no_entry_is_reported_and_never_in_the_way() {
    let (_directory, store) = shared();
    let (ann, _bob, public) = team(&store);
    let long = format!("{}.age", "a".repeat(251));
    for name in [long.as_str(), "GHCR.IO.age", "docker.io.age", "%61.age"] {
        fs::write(store.join(name), "garbage").unwrap();
    }
    let doctor = ann.command(&["doctor"]);
    assert!(
        doctor
            .text()
            .contains("4 files are no server's entry and ignored")
            && doctor.text().contains("GHCR.IO.age"),
        "{doctor:?}"
    );
    ann.command(&["rekey"]).assert_success("rekey");
    ann.command(&["recipients", "remove", &public])
        .assert_success("recipients remove");
    let reset = ann.command(&["reset", "--yes"]);
    reset.assert_success("reset");
    assert!(store.join(&long).exists(), "{reset:?}");
    ann.place()
        .assert_lists(&serde_json::json!({ "ghcr.io": "user" }));
}

#[test]
fn a_store_in_a_work_tree_tells_git_not_to_merge_entries() {
    require!(program::find("git"));
    let (_directory, store) = shared();
    let (ann, _) = Member::with_identity(&store);
    let made = ann.place().run("git").args(["init", "-q"]).arg(&store);
    made.outcome().assert_success("git init");
    let attributes = store.join(".gitattributes");
    ann.place().store("ghcr.io", &login());
    assert_eq!(fs::read_to_string(&attributes).unwrap(), "*.age binary\n");
    // Somebody's own attributes stay, and doctor says what they lack.
    fs::write(&attributes, "*.png binary\n").unwrap();
    ann.command(&["rekey"]).assert_success("rekey");
    let doctor = ann.command(&["doctor"]);
    assert!(doctor.text().contains("echo '*.age binary' >>"), "{doctor:?}");
    assert_eq!(fs::read_to_string(&attributes).unwrap(), "*.png binary\n");
    fs::write(&attributes, "*.png binary\n*.age binary\n").unwrap();
    let doctor = ann.command(&["doctor"]);
    assert!(!doctor.text().contains("gitattributes"), "{doctor:?}");
}

#[test]
fn an_entry_that_git_has_is_restored_and_not_reset() {
    require!(program::find("git"));
    let (_directory, store) = shared();
    let (ann, _) = Member::with_identity(&store);
    let made = ann.place().run("git").args(["init", "-q"]).arg(&store);
    made.outcome().assert_success("git init");
    ann.place().store("ghcr.io", &login());
    fs::write(store.join("ghcr.io.age"), "<<<<<<< HEAD\n").unwrap();
    let doctor = ann.command(&["doctor"]);
    assert!(doctor.text().contains("checkout -- ghcr.io.age"), "{doctor:?}");
    assert_refused(&ann.place().verb("get", "ghcr.io"), &["checkout -- ghcr.io.age"]);
    fs::write(store.join(".git/MERGE_HEAD"), "x").unwrap();
    assert_refused(
        &ann.place().verb("get", "ghcr.io"),
        &["--ours -- ghcr.io.age", "--theirs"],
    );
}
