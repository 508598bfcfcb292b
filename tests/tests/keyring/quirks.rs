//! docker-credential-keyring and the quirks of each Secret Service, with a mock.

use docker_credential_tests::keyrings::mock::{Agreement, Attributes, Fault, Script, Second};
use docker_credential_tests::keyrings::mocked::{Mocked, VERBS, alice, trouble};
use docker_credential_tests::login::Login;
use docker_credential_tests::require;
use serde_json::json;

fn agrees(zeros: usize, is_kwallet: bool) -> Script {
    Script {
        agreement: Some(Agreement { zeros, is_kwallet }),
        ..Script::default()
    }
}

#[test]
fn secrets_cross_the_bus_encrypted_where_that_is_offered() {
    for is_kwallet in [false, true] {
        for verb in VERBS {
            require!(Mocked::start(agrees(0, is_kwallet))).assert_works(verb);
        }
    }
}

#[test]
fn a_key_that_kwallet_derives_otherwise_is_not_used() {
    for (zeros, is_kwallet) in [(1, true), (2, true), (1, false)] {
        let mocked = require!(Mocked::start(agrees(zeros, is_kwallet)));
        mocked.sandbox.assert_answers("ghcr.io", &alice());
        let mocked = require!(Mocked::start(agrees(zeros, is_kwallet)));
        mocked.assert_works("store");
        assert_eq!(mocked.mock.secrets(), [b"MARKER"], "no empty item is left");
    }
}

#[test]
fn a_service_that_no_key_can_be_agreed_on_with_is_given_up() {
    for verb in ["get", "store"] {
        let mocked = require!(Mocked::start(agrees(usize::MAX, true)));
        let text = trouble(&mocked.verb(verb));
        assert!(text.contains("unusable keys"), "{text}");
        assert_eq!(mocked.mock.usernames(), ["alice"]);
    }
}

#[test]
fn an_empty_secret_of_a_replaced_item_is_not_believed() {
    let mocked = require!(Mocked::start(Script::fault(
        "GetSecret",
        Fault::EmptyAsReplaced,
        1
    )));
    mocked.sandbox.assert_answers("ghcr.io", &alice());
}

/// As `KWallet` does, which finds secrets by the item's label.
#[test]
fn a_secret_is_never_answered_with_another_user() {
    for script in [Script::default(), agrees(1, true)] {
        let mocked = require!(Mocked::start(Script {
            fault: Some(("GetSecret", Fault::Reused, 1)),
            ..script
        }));
        mocked
            .sandbox
            .assert_answers("ghcr.io", &Login::new("carol", "carol's"));
    }
}

#[test]
fn an_empty_secret_of_a_keyring_just_locked_is_not_believed() {
    let mocked = require!(Mocked::start(Script::fault("GetSecret", Fault::EmptyAsLocked, 1)));
    mocked.sandbox.assert_answers("ghcr.io", &alice());
    let mut mocked = require!(Mocked::start(Script::fault("GetSecret", Fault::EmptyAsLocked, 1)));
    mocked.sandbox.set("DOCKER_CREDENTIAL_NONINTERACTIVE", "1");
    let text = trouble(&mocked.verb("get"));
    assert!(text.contains("locked"), "{text}");
}

#[test]
fn a_keyring_locked_during_a_verb_is_unlocked_again() {
    for (verb, method) in [
        ("get", "Attributes"),
        ("get", "GetSecret"),
        ("list", "Attributes"),
        ("erase", "Delete"),
        ("store", "CreateItem"),
    ] {
        let mut mocked = require!(Mocked::start(Script::fault(method, Fault::FailsAsLocked, 1)));
        mocked.assert_works(verb);
        mocked = require!(Mocked::start(Script::fault(method, Fault::FailsAsLocked, 1)));
        mocked.sandbox.set("DOCKER_CREDENTIAL_NONINTERACTIVE", "1");
        let text = trouble(&mocked.verb(verb));
        assert!(text.contains("locked"), "{verb}, {method}: {text}");
        assert_eq!(mocked.mock.usernames(), ["alice"]);
    }
}

#[test]
fn a_secret_that_is_empty_by_accident_is_damaged() {
    let mocked = require!(Mocked::start(Script::fault(
        "GetSecret",
        Fault::Empty,
        usize::MAX
    )));
    let text = trouble(&mocked.verb("get"));
    assert!(
        text.contains("is empty") && text.contains("log in to it again"),
        "{text}"
    );
    mocked.assert_works("list");
    mocked.assert_works("store");
}

#[test]
fn a_secret_that_is_empty_on_purpose_is_answered() {
    for script in [Script::default(), agrees(0, false)] {
        let mocked = require!(Mocked::start(script));
        let empty = Login::new("carol", "");
        mocked.sandbox.store("quay.io", &empty);
        mocked.sandbox.assert_answers("quay.io", &empty);
    }
}

#[test]
fn an_unlocked_item_without_attributes_is_gone() {
    let mocked = require!(Mocked::start(Script::default()));
    mocked.mock.add("quay.io", "alice", b"secret");
    for verb in VERBS {
        let gone = Script::fault(
            "Attributes",
            Fault::Error("org.freedesktop.Secret.Error.NoSuchObject"),
            1,
        );
        require!(Mocked::start(gone)).assert_works(verb);
    }
}

/// An item of another program that uses docker's library.
fn porters() -> Attributes {
    [
        ("xdg:schema", "io.docker.Credentials"),
        ("label", "Porter Credentials"),
        ("docker_cli", "1"),
        ("server", "ghcr.io"),
        ("username", "porter"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

#[test]
fn items_of_other_programs_are_neither_answered_nor_deleted() {
    let mocked = require!(Mocked::start(Script::default()));
    mocked.mock.add_item(porters(), b"porter's");
    mocked.assert_works_among("get", &["alice", "porter"]);
    mocked.assert_works_among("list", &["alice", "porter"]);
    mocked.verb("erase").assert_success("erase");
    assert_eq!(mocked.mock.usernames(), ["porter"]);
    mocked.sandbox.assert_not_found("ghcr.io");
    mocked.sandbox.assert_lists(&json!({}));
    mocked.verb("store").assert_success("store");
    assert_eq!(mocked.mock.usernames(), ["porter", "bob"]);
    assert_eq!(mocked.mock.secrets()[0], b"porter's");
}

#[test]
fn an_item_without_a_label_is_dockers_by_its_schema() {
    let mocked = require!(Mocked::start(Script::default()));
    let mut attributes = porters();
    attributes.remove("label");
    attributes.insert("server".to_owned(), "quay.io".to_owned());
    mocked.mock.add_item(attributes, b"theirs");
    let login = Login::new("porter", "theirs");
    mocked.sandbox.assert_answers("quay.io", &login);
}

#[test]
fn a_second_keyring_that_is_locked_for_good_hides_nothing() {
    let mocked = require!(Mocked::start(second(Second::OtherItems)));
    mocked.sandbox.assert_not_found("quay.io");
    for verb in ["get", "list"] {
        mocked.assert_works(verb);
    }
    mocked.assert_works("erase");
    let calls = mocked.mock.calls();
    assert!(!calls.iter().any(|call| call == "Unlock"), "{calls:?}");
}

#[test]
fn a_locked_keyring_that_may_hide_a_login_is_never_not_found() {
    for shown in [Second::HiddenItem, Second::Nothing] {
        let mut mocked = require!(Mocked::start(second(shown)));
        mocked.sandbox.set("DOCKER_CREDENTIAL_NONINTERACTIVE", "1");
        mocked.assert_works("get");
        let missed = mocked.sandbox.verb("get", "quay.io");
        assert!(trouble(&missed).contains("locked"), "{missed:?}");
        for verb in ["list", "erase"] {
            let outcome = mocked.verb(verb);
            assert!(trouble(&outcome).contains("locked"), "{verb}: {outcome:?}");
        }
    }
}

#[test]
fn an_empty_keyring_of_a_service_that_shows_items_hides_nothing() {
    for program in [
        "org.gnome.keyring",
        "org.kde.ksecretd",
        "org.kde.kwalletd6",
        "org.kde.kwalletd5",
    ] {
        let started = |shown| {
            Mocked::start(Script {
                program: Some(program),
                ..second(shown)
            })
        };
        let mocked = require!(started(Second::Nothing));
        mocked.sandbox.assert_not_found("quay.io");
        mocked.assert_works("list");
        mocked.assert_works("erase");
        let mut mocked = require!(started(Second::HiddenItem));
        mocked.sandbox.set("DOCKER_CREDENTIAL_NONINTERACTIVE", "1");
        let missed = mocked.sandbox.verb("get", "quay.io");
        assert!(trouble(&missed).contains("locked"), "{missed:?}");
    }
}

fn second(second: Second) -> Script {
    Script {
        second: Some(second),
        ..Script::default()
    }
}

/// As gnome-keyring 42 does after it couldn't save a deletion on a full disk.
#[test]
fn an_item_that_is_found_for_good_and_is_gone_is_ignored() {
    let mocked = require!(Mocked::start(Script::default()));
    mocked.mock.add_ghost("ghcr.io");
    mocked.sandbox.assert_answers("ghcr.io", &alice());
    mocked.sandbox.assert_lists(&json!({ "ghcr.io": "alice" }));
    mocked.verb("store").assert_success("store");
    assert_eq!(mocked.mock.usernames(), ["ghost", "bob"]);
    mocked.verb("erase").assert_success("erase");
    let text = trouble(&mocked.verb("get"));
    assert!(
        text.contains("kept changing"),
        "it may have been the login: {text}"
    );
    mocked.verb("store").assert_success("a login is still possible");
}

#[test]
fn an_old_item_that_another_program_deletes_does_not_fail_a_login() {
    let mocked = require!(Mocked::start(Script::fault("Delete", Fault::FailsAsGone, 1)));
    mocked.assert_works("store");
    let failed = Fault::Error("org.freedesktop.DBus.Error.Failed");
    let mocked = require!(Mocked::start(Script::fault("Delete", failed, usize::MAX)));
    trouble(&mocked.verb("store"));
    assert_eq!(mocked.mock.usernames(), ["alice", "bob"]);
}

#[test]
fn a_refused_deletion_fails_a_logout_and_not_a_login() {
    let script = || Script::fault("Delete", Fault::Refused, usize::MAX);
    let mocked = require!(Mocked::start(script()));
    mocked.verb("store").assert_success("store");
    assert_eq!(mocked.mock.usernames(), ["alice", "bob"]);
    let mocked = require!(Mocked::start(script()));
    let text = trouble(&mocked.verb("erase"));
    assert!(text.contains("dismissed") && !text.contains("locked"), "{text}");
}

#[test]
fn a_login_without_a_new_item_keeps_the_old_one() {
    let mocked = require!(Mocked::start(Script::fault(
        "CreateItem",
        Fault::NoObject,
        usize::MAX
    )));
    let text = trouble(&mocked.verb("store"));
    assert!(text.contains("no new item"), "{text}");
    assert_eq!(mocked.mock.usernames(), ["alice"]);
}

#[test]
fn a_login_that_the_service_stores_in_the_old_item_stays() {
    let mocked = require!(Mocked::start(Script::fault("CreateItem", Fault::InPlace, 1)));
    mocked.assert_works("store");
    assert_eq!(mocked.mock.secrets(), [b"MARKER"]);
}

#[test]
fn a_secret_that_the_service_would_alter_is_refused() {
    let mocked = require!(Mocked::start(Script {
        alters: true,
        ..Script::default()
    }));
    for secret in ["\u{feff}marked", "cut\0here"] {
        let request = json!({ "ServerURL": "ghcr.io", "Username": "bob", "Secret": secret });
        let text = trouble(&mocked.sandbox.verb("store", &request.to_string()));
        assert!(text.contains("the keyring changes it"), "{text}");
        assert_eq!(mocked.mock.usernames(), ["alice"], "what was there stays");
    }
    mocked.assert_works("store");
}

#[test]
fn a_secret_that_some_alter_is_stored_where_it_is_kept() {
    for script in [Script::default(), agrees(0, true)] {
        let mocked = require!(Mocked::start(script));
        for secret in ["\u{feff}marked", "cut\0here"] {
            let login = Login::new("bob", secret);
            mocked.sandbox.store("ghcr.io", &login);
            mocked.sandbox.assert_answers("ghcr.io", &login);
        }
    }
}

#[test]
fn a_service_that_can_exchange_no_secrets_says_why() {
    let missing = Fault::Error("org.freedesktop.DBus.Error.NotSupported");
    for verb in ["get", "store"] {
        let mocked = require!(Mocked::start(Script::fault("OpenSession", missing, usize::MAX)));
        let text = trouble(&mocked.verb(verb));
        assert!(text.contains("(for the test)"), "its words are shown: {text}");
    }
}

#[test]
fn a_miss_in_a_small_keyring_is_one_round_of_questions() {
    let mocked = require!(Mocked::start(Script::default()));
    mocked.sandbox.assert_not_found("quay.io");
    let calls = mocked.mock.calls();
    let searches = calls.iter().filter(|call| *call == "SearchItems").count();
    assert!(searches <= 4, "{calls:?}");
    assert!(!calls.iter().any(|call| call == "OpenSession"), "{calls:?}");
}

#[test]
fn a_miss_asks_gnome_keyring_for_no_locks() {
    let mocked = require!(Mocked::start(Script {
        program: Some("org.gnome.keyring"),
        ..Script::default()
    }));
    mocked.sandbox.assert_not_found("quay.io");
    let calls = mocked.mock.calls();
    assert!(
        !["Collections", "Locked"]
            .iter()
            .any(|lock| calls.iter().any(|call| call == lock)),
        "{calls:?}"
    );
}

#[test]
fn odd_spellings_are_found_in_small_and_large_keyrings() {
    for others in [0, 30] {
        let mocked = require!(Mocked::start(Script::default()));
        for number in 0..others {
            mocked.mock.add(&format!("r{number}.example"), "x", b"x");
        }
        mocked.mock.add("https://quay.io/v1/", "alice", b"secret");
        mocked.sandbox.assert_answers("quay.io", &alice());
        mocked.sandbox.assert_not_found("a.quay.io");
    }
}
