//! docker-credential-keyring and a Secret Service that misbehaves.

use std::time::Duration;

use docker_credential_tests::keyrings::bus::SECRETS;
use docker_credential_tests::keyrings::mock::{Fault, Prompt, Script};
use docker_credential_tests::keyrings::mocked::{Mocked, VERBS, alice, trouble};
use docker_credential_tests::require;
use docker_credential_tests::service::wait_for;
use serde_json::json;
use zbus::Variant;

const ROOT: &str = "/org/freedesktop/secrets";

fn prompts(prompt: Prompt) -> Script {
    Script {
        prompt: Some(prompt),
        ..Script::default()
    }
}

#[test]
fn a_service_without_encryption_is_used_in_plain_text() {
    for verb in VERBS {
        require!(Mocked::start(Script::default())).assert_works(verb);
    }
}

#[test]
fn a_prompt_that_is_answered_late_is_waited_for() {
    for hides in [false, true] {
        for verb in VERBS {
            let script = Script {
                hides,
                ..prompts(Prompt::Answered)
            };
            let mocked = require!(Mocked::start(script));
            mocked.assert_works(verb);
            let calls = mocked.mock.calls();
            assert_eq!(
                calls.iter().filter(|call| *call == "Prompt").count(),
                1,
                "{calls:?}"
            );
        }
    }
}

#[test]
fn a_failed_prompt_names_its_cause() {
    for (prompt, cause) in [
        (Prompt::Dismissed, "dismissed"),
        (Prompt::Vanishes, "vanished"),
        (Prompt::Refused, "cannot ask for its password here"),
    ] {
        for verb in VERBS {
            let mocked = require!(Mocked::start(prompts(prompt)));
            let text = trouble(&mocked.verb(verb));
            assert!(text.contains("locked") && text.contains(cause), "{verb}: {text}");
        }
    }
}

#[test]
fn a_prompt_that_nobody_answers_is_taken_away_after_a_minute() {
    let mocked = require!(Mocked::start(prompts(Prompt::Ignored)));
    let text = trouble(&mocked.verb("get"));
    assert!(text.contains("60 seconds"), "{text}");
    assert_eq!(mocked.mock.calls().last().map(String::as_str), Some("Dismiss"));
}

#[test]
fn no_prompt_is_made_where_none_may_be_shown() {
    for hides in [false, true] {
        for verb in VERBS {
            let mut mocked = require!(Mocked::start(Script {
                hides,
                ..prompts(Prompt::Answered)
            }));
            mocked.sandbox.set("DOCKER_CREDENTIAL_NONINTERACTIVE", "1");
            let text = trouble(&mocked.verb(verb));
            assert!(text.contains("DOCKER_CREDENTIAL_NONINTERACTIVE"), "{text}");
            let calls = mocked.mock.calls();
            // KeePassXC shows one on a search if everything is locked.
            assert!(
                !["Prompt", "SearchItems"]
                    .iter()
                    .any(|prompting| calls.iter().any(|call| call == prompting)),
                "{calls:?}"
            );
        }
    }
}

#[test]
fn no_database_is_opened_where_no_prompt_may_be_shown() {
    for verb in VERBS {
        let mut mocked = require!(Mocked::start(Script {
            program: Some("org.keepassxc.KeePassXC.MainWindow"),
            ..Script::fault("Collections", Fault::NoObjects, usize::MAX)
        }));
        mocked.sandbox.set("DOCKER_CREDENTIAL_NONINTERACTIVE", "1");
        let text = trouble(&mocked.verb(verb));
        assert!(text.contains("DOCKER_CREDENTIAL_NONINTERACTIVE"), "{text}");
        let calls = mocked.mock.calls();
        assert!(!calls.iter().any(|call| call == "SearchItems"), "{calls:?}");
    }
}

#[test]
fn a_search_before_the_service_knows_us_is_repeated() {
    for verb in VERBS {
        let unknown = Fault::Error("org.freedesktop.DBus.Error.UnknownMethod");
        require!(Mocked::start(Script::fault("SearchItems", unknown, 1))).assert_works(verb);
    }
}

#[test]
fn a_search_that_waits_for_a_person_is_waited_for() {
    for verb in ["get", "store"] {
        let held = Fault::Held { for_good: false };
        require!(Mocked::start(Script::fault("SearchItems", held, usize::MAX))).assert_works(verb);
    }
}

#[test]
fn an_unanswered_search_is_given_up_after_a_minute() {
    let held = Fault::Held { for_good: true };
    let mocked = require!(Mocked::start(Script::fault("SearchItems", held, usize::MAX)));
    let text = trouble(&mocked.verb("get"));
    assert!(text.contains("locked") && text.contains("60 seconds"), "{text}");
}

#[test]
fn an_item_replaced_while_it_is_read_is_searched_again() {
    for method in ["Attributes", "Modified", "GetSecret"] {
        for name in [
            "org.freedesktop.Secret.Error.NoSuchObject",
            "org.freedesktop.DBus.Error.UnknownMethod",
        ] {
            for verb in VERBS {
                let mocked = require!(Mocked::start(Script::fault(method, Fault::Error(name), 1)));
                if method == "Modified" {
                    mocked.mock.add("https://ghcr.io", "alice", b"secret");
                }
                match verb {
                    "get" => mocked.sandbox.assert_answers("ghcr.io", &alice()),
                    "list" => assert_eq!(mocked.verb(verb).text().matches("alice").count(), 1),
                    _ => mocked.assert_works(verb),
                }
            }
        }
    }
}

#[test]
fn a_keyring_that_keeps_changing_is_reported() {
    let gone = Fault::Error("org.freedesktop.Secret.Error.NoSuchObject");
    for (verb, method) in [
        ("get", "Attributes"),
        ("get", "GetSecret"),
        ("list", "Attributes"),
        ("erase", "Attributes"),
    ] {
        let mocked = require!(Mocked::start(Script::fault(method, gone, usize::MAX)));
        let text = trouble(&mocked.verb(verb));
        assert!(
            text.contains("kept changing") && !text.contains("locked"),
            "{verb}: {text}"
        );
        assert_eq!(mocked.mock.usernames(), ["alice"]);
    }
}

#[test]
fn a_collection_that_is_gone_hides_nothing() {
    let gone = Fault::Error("org.freedesktop.Secret.Error.NoSuchObject");
    let mocked = require!(Mocked::start(Script::fault("Locked", gone, usize::MAX)));
    mocked.sandbox.assert_not_found("quay.io");
    mocked.assert_works("list");
}

#[test]
fn an_item_of_unknown_age_still_answers() {
    let failed = Fault::Error("org.freedesktop.DBus.Error.Failed");
    let mocked = require!(Mocked::start(Script::fault("Modified", failed, usize::MAX)));
    mocked.mock.add("https://ghcr.io", "alice", b"secret");
    mocked.sandbox.assert_answers("ghcr.io", &alice());
    assert_eq!(mocked.verb("list").text().matches("alice").count(), 1);
}

#[test]
fn old_items_locked_singly_are_deleted_with_consent() {
    for (prompt, left) in [
        (Prompt::Answered, &["bob"][..]),
        (Prompt::Dismissed, &["alice", "bob"]),
    ] {
        let script = Script {
            locks_items: true,
            ..prompts(prompt)
        };
        let mocked = require!(Mocked::start(script));
        mocked.verb("store").assert_success("store");
        assert_eq!(mocked.mock.usernames(), left);
    }
}

#[test]
fn a_default_known_a_moment_later_is_stored_in() {
    let mocked = require!(Mocked::start(Script::fault("ReadAlias", Fault::NoObject, 1)));
    mocked.assert_works("store");
    let calls = mocked.mock.calls();
    assert!(!calls.iter().any(|call| call == "CreateCollection"), "{calls:?}");
}

#[test]
fn a_service_without_a_search_is_given_up() {
    for verb in VERBS {
        let unknown = Fault::Error("org.freedesktop.DBus.Error.UnknownMethod");
        let mocked = require!(Mocked::start(Script::fault("SearchItems", unknown, usize::MAX)));
        trouble(&mocked.verb(verb));
    }
}

#[test]
fn a_service_that_ends_in_the_middle_is_asked_once_more() {
    for (verb, method) in [
        ("get", "SearchItems"),
        ("get", "OpenSession"),
        ("get", "GetSecret"),
        ("list", "SearchItems"),
        ("list", "Attributes"),
        ("erase", "Delete"),
        ("store", "ReadAlias"),
        ("store", "CreateItem"),
        ("store", "Delete"),
    ] {
        let mocked = require!(Mocked::start(Script::fault(method, Fault::Ends, 1)));
        mocked.assert_works(verb);
    }
}

#[test]
fn a_service_that_ends_twice_is_given_up() {
    for (verb, method) in [
        ("get", "GetSecret"),
        ("list", "SearchItems"),
        ("store", "CreateItem"),
    ] {
        let mocked = require!(Mocked::start(Script::fault(method, Fault::Ends, 2)));
        let text = trouble(&mocked.verb(verb));
        assert!(text.contains("ended before it answered"), "{text}");
    }
}

#[test]
fn an_answer_of_the_wrong_type_is_an_error_and_not_a_miss() {
    for (verb, method) in [
        ("get", "SearchItems"),
        ("get", "OpenSession"),
        ("get", "GetSecret"),
        ("list", "SearchItems"),
        ("list", "Collections"),
        ("erase", "SearchItems"),
        ("store", "ReadAlias"),
        ("store", "CreateItem"),
    ] {
        let mocked = require!(Mocked::start(Script::fault(method, Fault::WrongType, usize::MAX)));
        let text = trouble(&mocked.verb(verb));
        assert!(text.contains("wrong type"), "{verb}, {method}: {text}");
    }
}

#[test]
fn an_error_is_shown_by_its_name_and_the_services_own_words() {
    for (verb, method) in [
        ("get", "SearchItems"),
        ("get", "Attributes"),
        ("get", "GetSecret"),
        ("list", "SearchItems"),
        ("list", "Attributes"),
        ("list", "Collections"),
        ("list", "Locked"),
        ("erase", "Attributes"),
        ("erase", "Locked"),
        ("store", "Attributes"),
        ("store", "CreateItem"),
    ] {
        let name = "org.example.Error.Surprise";
        let mocked = require!(Mocked::start(Script::fault(
            method,
            Fault::Error(name),
            usize::MAX
        )));
        let text = trouble(&mocked.verb(verb));
        assert!(text.contains(name) && text.contains("(for the test)"), "{text}");
    }
    let name = "org.example.Error.Surprise";
    let mocked = require!(Mocked::start(Script::fault(
        "Locked",
        Fault::Error(name),
        usize::MAX
    )));
    let text = trouble(&mocked.sandbox.verb("get", "quay.io"));
    assert!(text.contains(name), "nothing may be hidden: {text}");
}

#[test]
fn a_secret_that_is_not_text_is_damaged() {
    let mocked = require!(Mocked::start(Script::default()));
    mocked.mock.add("bytes.example", "alice", b"\xff\xfe");
    let text = trouble(&mocked.sandbox.verb("get", "bytes.example"));
    assert!(text.contains("log in to it again"), "{text}");
    mocked
        .sandbox
        .assert_lists(&json!({ "bytes.example": "alice", "ghcr.io": "alice" }));
}

#[test]
fn a_failed_store_leaves_what_was_there() {
    for method in ["OpenSession", "CreateItem"] {
        let name = "org.example.Error.Surprise";
        let mocked = require!(Mocked::start(Script::fault(
            method,
            Fault::Error(name),
            usize::MAX
        )));
        trouble(&mocked.verb("store"));
        assert_eq!(mocked.mock.usernames(), ["alice"]);
    }
}

#[test]
fn nothing_makes_a_keyring_of_version_50_abort() {
    let script = || Script {
        delay: Duration::from_millis(5),
        ..Script::default()
    };
    for verb in VERBS {
        let mocked = require!(Mocked::start(script()));
        mocked.verb(verb);
        trouble_free(&mocked);
    }
    let mocked = require!(Mocked::start(script()));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| mocked.sandbox.assert_answers("ghcr.io", &alice()));
        }
    });
    mocked.sandbox.assert_not_found("quay.io");
    // Also disconnects after errors.
    let mocked = require!(Mocked::start(Script {
        fault: Some((
            "GetSecret",
            Fault::Error("org.example.Error.Surprise"),
            usize::MAX
        )),
        ..script()
    }));
    mocked.verb("get");
    trouble_free(&mocked);
}

#[test]
fn the_mock_notices_what_would_make_it_abort() {
    let mocked = require!(Mocked::start(Script {
        delay: Duration::from_millis(50),
        ..Script::default()
    }));
    let interface = "org.freedesktop.Secret.Service";
    let arguments = ("plain", Variant::from(""));
    let connection = mocked.bus.connect();
    let call = connection.call_method(Some(SECRETS), ROOT, Some(interface), "OpenSession", &arguments);
    zbus::block_on(call).expect("it does not abort");
    assert_eq!(mocked.mock.offences(), ["OpenSession was the first call"]);
    let message = zbus::Message::method_call(ROOT, "ReadAlias")
        .destination(SECRETS)
        .interface(interface)
        .build(&("default",))
        .expect("a message");
    zbus::block_on(connection.send(&message)).expect("the bus takes it");
    zbus::block_on(connection.close()).expect("the bus is left");
    wait_for("the next offence", || {
        (mocked.mock.offences().len() == 2).then_some(())
    });
    assert_eq!(mocked.mock.offences()[1], "hung up before ReadAlias was answered");
}

/// The mock was called, without a violation.
#[track_caller]
fn trouble_free(mocked: &Mocked) {
    assert!(!mocked.mock.calls().is_empty());
    assert_eq!(mocked.mock.offences(), Vec::<String>::new());
}
