//! docker-credential-keyring with a real gnome-keyring, on its own bus.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::ScopedJoinHandle;

use docker_credential_tests::helper::{KEYRING, KEYRING_ALONE};
use docker_credential_tests::keyrings::bus::PrivateBus;
use docker_credential_tests::keyrings::exercise::next_second;
use docker_credential_tests::keyrings::gnome::{GnomeKeyring, PASSWORD};
use docker_credential_tests::login::{Login, alice, bob};
use docker_credential_tests::program::{Outcome, find};
use docker_credential_tests::require;
use docker_credential_tests::requirement::environment;
use docker_credential_tests::sandbox::{NOT_FOUND, Sandbox};
use docker_credential_tests::service::{Service, wait_for};
use serde_json::json;

const HUB: &str = "https://index.docker.io/v1/";

fn request(server: &str, login: &Login) -> String {
    login.credential(server).to_string()
}

/// A sandbox with a keyring; skips the test if that is missing.
macro_rules! place {
    () => {{
        require!(GnomeKeyring::available());
        Sandbox::new(KEYRING)
    }};
}

/// The message of a verb that failed, but not with "not found".
#[track_caller]
fn trouble(outcome: &Outcome) -> String {
    let text = String::from_utf8(outcome.stdout.clone()).expect("UTF-8");
    assert!(
        outcome.code == Some(1) && text.ends_with('\n') && text.lines().count() == 1,
        "an error is one line on stdout and exit 1\n{outcome:?}"
    );
    assert!(
        !text.contains("not found in native"),
        "only an open keyring says \"not found\"\n{outcome:?}"
    );
    text
}

/// Each verb's message for an unusable keyring.
#[track_caller]
fn troubles(place: &Sandbox) -> Vec<String> {
    let store = request("ghcr.io", &bob());
    [
        ("get", "ghcr.io"),
        ("get", "stored.nowhere"),
        ("list", "unused"),
        ("erase", "ghcr.io"),
        ("store", &store),
    ]
    .map(|(verb, stdin)| trouble(&place.verb(verb, stdin)))
    .to_vec()
}

#[test]
fn every_secret_comes_back_byte_for_byte_also_after_a_restart() {
    let mut place = place!();
    let mut logins = Login::every();
    logins.push(Login::new("empty", ""));
    logins.push(Login::new("nul", "one\0two\0"));
    logins.push(Login::new("<token>", &"jwt.".repeat(1500)));
    logins.push(Login::new("spaces at the end  ", "  and here \n"));
    logins.push(Login::new("large", &"ü".repeat(100_000)));
    for (number, login) in logins.iter().enumerate() {
        place.store(&format!("r{number}.example"), login);
    }
    place.keyring().restart(true);
    for (number, login) in logins.iter().enumerate() {
        place.assert_answers(&format!("r{number}.example"), login);
    }
}

#[test]
fn storing_as_another_user_leaves_one_item() {
    let mut place = place!();
    for (server, login) in [
        ("ghcr.io", alice()),
        ("https://ghcr.io", bob()),
        ("GHCR.io:443", alice()),
        ("https://ghcr.io/v2/", bob()),
    ] {
        place.store(server, &login);
        place.assert_answers("ghcr.io", &login);
        assert_eq!(place.keyring().items("docker_cli", "1").len(), 1);
    }
    place.assert_lists(&json!({ "https://ghcr.io/v2/": "bob" }));
}

#[test]
fn the_hub_is_found_by_every_name_and_kept_under_its_url() {
    let mut place = place!();
    for name in ["docker.io", "index.docker.io", "registry-1.docker.io:443", HUB] {
        place.store(name, &alice());
        assert_eq!(place.keyring().items("server", HUB).len(), 1);
        assert_eq!(place.keyring().items("docker_cli", "1").len(), 1);
        for asked in [
            "docker.io",
            "https://index.docker.io/v1",
            HUB,
            "registry.hub.docker.com",
        ] {
            place.assert_answers(asked, &alice());
        }
    }
    place.assert_lists(&json!({ HUB: "alice" }));
}

#[test]
fn only_the_server_that_was_asked_for_answers() {
    let place = place!();
    place.store("ghcr.io", &alice());
    for near_miss in [
        "http://ghcr.io",
        "ghcr.io:80",
        "ghcr.io.",
        "a.ghcr.io",
        "hcr.io",
        "ghcr.io.example",
        "https://ghcr.io/v3",
        "docker.io",
    ] {
        place.assert_not_found(near_miss);
        let erased = place.verb("erase", near_miss);
        erased.assert_success("erase of what is not there");
        assert!(erased.stdout.is_empty() && erased.stderr.is_empty(), "{erased:?}");
    }
    place.assert_answers("ghcr.io/org/image", &alice());
}

#[test]
fn list_names_servers_and_is_an_object_when_empty() {
    let place = place!();
    place.assert_lists(&json!({}));
    for server in ["b.example", "http://a.example:5000", "docker.io"] {
        place.store(server, &alice());
    }
    let listed = place.verb("list", "unused");
    assert_eq!(
        String::from_utf8_lossy(&listed.stdout),
        "{\"b.example\":\"alice\",\"http://a.example:5000\":\"alice\",\"https://index.docker.io/v1/\":\"alice\"}\n"
    );
}

#[test]
fn erase_removes_every_spelling_of_the_server_and_nothing_else() {
    let mut place = place!();
    require!(find("secret-tool"));
    for server in ["ghcr.io", "https://ghcr.io", "HTTPS://GHCR.IO/v1/"] {
        add_item(
            &place,
            server,
            "carol",
            &["docker_cli", "1", "label", "Docker Credentials"],
        );
    }
    add_item(&place, "ghcr.io", "mallory", &["application", "another"]);
    place.store("other.example", &bob());
    let erased = place.verb("erase", "ghcr.io");
    erased.assert_success("erase");
    assert!(erased.stdout.is_empty() && erased.stderr.is_empty(), "{erased:?}");
    place.assert_not_found("ghcr.io");
    place.assert_answers("other.example", &bob());
    assert_eq!(place.keyring().items("username", "mallory").len(), 1);
    assert_eq!(place.keyring().items("username", "carol").len(), 0);
}

#[test]
fn items_of_other_programs_are_not_answered_with() {
    let place = place!();
    require!(find("secret-tool"));
    add_item(&place, "ghcr.io", "mallory", &["application", "another"]);
    add_item(
        &place,
        "ghcr.io",
        "mallory",
        &["docker_cli", "1", "label", "Other Credentials"],
    );
    place.assert_not_found("ghcr.io");
    place.assert_lists(&json!({}));
}

#[test]
fn what_docker_of_old_stored_is_found() {
    let place = place!();
    require!(find("secret-tool"));
    let mark = ["docker_cli", "1", "label", "Docker Credentials"];
    for (stored, asked) in [
        ("https://ghcr.io/v1/", "ghcr.io"),
        ("https://quay.io/v2/", "https://quay.io"),
        ("https://a.example:5000/v1/", "a.example:5000"),
        ("registry-1.docker.io:443", HUB),
    ] {
        place.assert_not_found(asked);
        add_item(&place, stored, "carol", &mark);
        place.assert_answers(asked, &Login::new("carol", "a secret"));
        place.store(asked, &bob());
        place.assert_answers(stored, &bob());
    }
}

#[test]
fn the_newest_of_several_items_answers_and_is_listed() {
    let place = place!();
    require!(find("secret-tool"));
    let mark = ["docker_cli", "1", "label", "Docker Credentials"];
    for (server, user) in [
        ("https://ghcr.io", "zoe"),
        ("ghcr.io/", "adam"),
        ("ghcr.io", "mike"),
    ] {
        add_item(&place, server, user, &mark);
        next_second();
    }
    for asked in ["ghcr.io", "https://ghcr.io", "ghcr.io/v2/"] {
        let answer = place.verb("get", asked);
        assert!(answer.text().contains("\"Username\":\"mike\""), "{answer:?}");
    }
    place.assert_lists(&json!({ "ghcr.io": "mike" }));
    place.store("https://ghcr.io/v1/", &bob());
    place.assert_lists(&json!({ "https://ghcr.io/v1/": "bob" }));
}

#[test]
fn a_keyring_that_is_locked_is_never_empty() {
    let mut place = place!();
    place.store("ghcr.io", &alice());
    place.keyring().lock();
    for text in troubles(&place) {
        assert!(text.contains("locked") && text.contains("unlock"), "{text}");
    }
    place.keyring().restart(true);
    place.assert_answers("ghcr.io", &alice());
}

#[test]
fn a_keyring_that_was_locked_from_the_start_is_never_empty() {
    let mut place = place!();
    place.store("ghcr.io", &alice());
    place.keyring().restart(false);
    for text in troubles(&place) {
        assert!(text.contains("locked") && text.contains("unlock"), "{text}");
    }
    place.keyring().restart(true);
    place.assert_answers("ghcr.io", &alice());
}

/// Only with the keyring of this system: the command isn't one of another root.
#[test]
fn the_command_in_the_message_unlocks_the_keyring() {
    require!(find("gnome-keyring-daemon"));
    require!(find("bash"));
    let mut place = place!();
    place.store("ghcr.io", &alice());
    place.keyring().lock();
    let text = trouble(&place.verb("get", "ghcr.io"));
    let command = text.split('`').nth(1).expect("a command").to_owned();
    let [home, data, run] = place.keyring().session();
    place
        .run("bash")
        .args(["-c", &command])
        .env(home.0, home.1)
        .env(data.0, data.1)
        .env(run.0, run.1)
        .stdin(format!("{PASSWORD}\n"))
        .outcome()
        .assert_success(&command);
    wait_for("the unlocked keyring", || {
        (place.verb("get", "ghcr.io").code == Some(0)).then_some(())
    });
    place.assert_answers("ghcr.io", &alice());
}

#[test]
fn a_missing_keyring_differs_from_a_missing_bus() {
    let mut place = place!();
    place.keyring().end();
    let no_service = troubles(&place);
    place.set("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/bus");
    let no_bus = troubles(&place);
    for (no_service, no_bus) in no_service.iter().zip(&no_bus) {
        assert!(
            no_service.contains("no keyring runs on the session bus"),
            "{no_service}"
        );
        assert!(no_bus.contains("there is no session bus"), "{no_bus}");
        for text in [no_service, no_bus] {
            assert!(
                text.contains("docker-credential-age"),
                "it says what to do: {text}"
            );
        }
    }
}

#[test]
fn without_an_address_there_is_no_bus() {
    let mut place = place!();
    for (address, cause) in [
        ("", "there is no session bus"),
        ("tcp:host=127.0.0.1,port=1", "doesn't name a Unix socket"),
        ("autolaunch:", "doesn't name a Unix socket"),
        ("unix:", "doesn't name a Unix socket"),
        (";;", "doesn't name a Unix socket"),
    ] {
        place.set("DBUS_SESSION_BUS_ADDRESS", address);
        for text in troubles(&place) {
            assert!(text.contains(cause), "{address}: {text}");
        }
    }
}

#[test]
fn a_bus_that_hangs_up_differs_from_a_missing_one() {
    let mut place = place!();
    place.store("ghcr.io", &alice());
    let good = place.keyring().bus().address().to_owned();
    let socket = place.path("closing");
    let listener = UnixListener::bind(&socket).expect("a socket");
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let _ = client.expect("a client").read(&mut [0]);
        }
    });
    let closing = format!("unix:path={}", socket.display());
    place.set("DBUS_SESSION_BUS_ADDRESS", closing.as_str());
    for text in troubles(&place) {
        assert!(text.contains("it closes the connection"), "{text}");
    }
    place.set("DBUS_SESSION_BUS_ADDRESS", format!("{closing};{good}"));
    place.assert_answers("ghcr.io", &alice());
}

/// As xdg-dbus-proxy 0.1.4.
#[test]
fn a_proxy_that_needs_the_greeting_in_turn_gets_it() {
    let mut place = place!();
    place.store("ghcr.io", &alice());
    let address = place.keyring().bus().address().to_owned();
    let bus = address.strip_prefix("unix:path=").expect("a path").to_owned();
    let socket = place.path("proxy");
    let listener = UnixListener::bind(&socket).expect("a socket");
    std::thread::spawn(move || {
        for client in listener.incoming() {
            relay_in_turn(client.expect("a client"), &bus);
        }
    });
    place.set(
        "DBUS_SESSION_BUS_ADDRESS",
        format!("unix:path={}", socket.display()),
    );
    place.assert_answers("ghcr.io", &alice());
    place.store("ghcr.io", &bob());
    place.assert_lists(&json!({ "ghcr.io": "bob" }));
}

/// Relays a connection, unless its first data already contain the last line of the greeting.
fn relay_in_turn(mut client: UnixStream, bus: &str) {
    let mut first = [0; 1024];
    let length = client.read(&mut first).expect("a greeting");
    if first[..length].windows(5).any(|word| word == b"BEGIN") {
        return;
    }
    let mut bus = UnixStream::connect(bus).expect("a bus");
    bus.write_all(&first[..length]).expect("the bus reads");
    let (mut from, mut to) = (
        client.try_clone().expect("a copy"),
        bus.try_clone().expect("a copy"),
    );
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut bus, &mut client);
        let _ = client.shutdown(Shutdown::Both);
    });
}

#[test]
fn a_bus_that_stalls_differs_from_a_stalled_keyring() {
    let mut place = place!();
    let socket = place.path("stalled");
    let _listener = UnixListener::bind(&socket).expect("a socket");
    place.set(
        "DBUS_SESSION_BUS_ADDRESS",
        format!("unix:path={}", socket.display()),
    );
    let text = trouble(&place.verb("get", "ghcr.io"));
    assert!(
        text.contains("session bus: it does not answer") && !text.contains("keyring"),
        "{text}"
    );
}

#[test]
fn a_keyring_that_the_bus_does_not_start_is_missing() {
    let mut place = Sandbox::new(KEYRING_ALONE);
    let denied = r#"<deny send_interface="org.freedesktop.DBus" send_member="StartServiceByName"/>"#;
    let bus = require!(PrivateBus::start_with_rules(&place.path("run"), denied));
    place.set("DBUS_SESSION_BUS_ADDRESS", bus.address());
    for text in troubles(&place) {
        assert!(
            text.contains("no keyring runs on the session bus (Rejected send message"),
            "in the bus's own words: {text}"
        );
    }
}

#[test]
fn a_keyring_that_stalls_is_given_up() {
    let mut place = place!();
    place.store("ghcr.io", &alice());
    place.keyring().stop();
    for (verb, stdin) in [("get", "ghcr.io"), ("list", "unused")] {
        // A generous limit: the promise is ten seconds, but the machine may be busy.
        let given_up = place
            .run("timeout")
            .arg("20")
            .arg(KEYRING.program())
            .arg(verb)
            .stdin(stdin)
            .outcome();
        let text = trouble(&given_up);
        assert!(text.contains("does not answer"), "{text}");
    }
}

#[test]
fn a_setting_turns_unavailable_into_not_found() {
    let mut place = place!();
    place.store("ghcr.io", &alice());
    place.keyring().lock();
    place.set("DOCKER_CREDENTIAL_WHEN_UNAVAILABLE", "not-found");
    place.assert_not_found("ghcr.io");
    place.assert_lists(&json!({}));
    place.keyring().end();
    place.assert_not_found("ghcr.io");
    trouble(&place.verb("store", &request("ghcr.io", &alice())));
}

#[test]
fn a_locked_keyring_without_items_holds_no_login() {
    let mut place = place!();
    place.keyring().lock();
    place.assert_not_found("ghcr.io");
    place.assert_lists(&json!({}));
    place.keyring().restart(false);
    place.assert_not_found("ghcr.io");
    let text = trouble(&place.verb("store", &request("ghcr.io", &alice())));
    assert!(text.contains("locked"), "{text}");
}

#[test]
fn without_a_prompt_a_locked_keyring_says_why() {
    let mut place = place!();
    place.store("ghcr.io", &alice());
    place.keyring().lock();
    place.set("DOCKER_CREDENTIAL_NONINTERACTIVE", "1");
    for text in troubles(&place) {
        assert!(text.contains("DOCKER_CREDENTIAL_NONINTERACTIVE"), "{text}");
    }
}

#[test]
fn status_shows_the_program_and_whether_it_is_locked() {
    let mut place = place!();
    let status = |place: &Sandbox| place.command(&["status"]).text();
    assert!(
        status(&place).contains("GNOME Keyring, unlocked"),
        "{}",
        status(&place)
    );
    place.keyring().lock();
    assert!(
        status(&place).contains("GNOME Keyring, locked"),
        "{}",
        status(&place)
    );
}

#[test]
fn another_collection_is_kept_apart_from_the_default() {
    let mut place = place!();
    place.store("ghcr.io", &alice());
    // gnome-keyring always has one that is never locked and never written to disk.
    place.set("DOCKER_CREDENTIAL_KEYRING_COLLECTION", "session");
    place.assert_not_found("ghcr.io");
    place.store("ghcr.io", &bob());
    place.store("quay.io", &bob());
    place.assert_answers("ghcr.io", &bob());
    place.assert_lists(&json!({ "ghcr.io": "bob", "quay.io": "bob" }));
    place.verb("erase", "ghcr.io").assert_success("erase");
    place.assert_not_found("ghcr.io");
    place.keyring().lock();
    place.assert_not_found("ghcr.io");
    place.keyring().restart(true);
    place.set("DOCKER_CREDENTIAL_KEYRING_COLLECTION", "login");
    place.assert_answers("ghcr.io", &alice());
}

#[test]
fn a_setting_that_cannot_be_followed_is_an_error() {
    let mut place = place!();
    for (name, value) in [
        ("DOCKER_CREDENTIAL_KEYRING_COLLECTION", "no such one"),
        ("DOCKER_CREDENTIAL_KEYRING_COLLECTION", ""),
        ("DOCKER_CREDENTIAL_KEYRING_BACKEND", "wincred"),
        ("DOCKER_CREDENTIAL_KEYRING_BACKEND", "pass"),
        ("DOCKER_CREDENTIAL_NONINTERACTIVE", "perhaps"),
    ] {
        let run = |verb: &str| {
            place
                .run(KEYRING.program())
                .arg(verb)
                .env(name, value)
                .stdin("ghcr.io")
                .outcome()
        };
        for verb in ["get", "list", "erase"] {
            let text = trouble(&run(verb));
            assert!(text.contains(name), "it names the setting: {text}");
        }
    }
    assert!(place.keyring().items("docker_cli", "1").is_empty());
}

#[test]
fn the_secret_is_not_on_the_bus_in_plain_text() {
    let mut place = place!();
    let monitor = require!(find("dbus-monitor"));
    let seen = place.path("monitor");
    let log = std::fs::File::create(&seen).expect("a file in the place");
    let address = place.keyring().bus().address().to_owned();
    let _monitor = Service::start(
        "dbus-monitor",
        std::process::Command::new(monitor)
            .args(["--address", &address])
            .stdout(log),
    );
    let read = || std::fs::read_to_string(&seen).expect("text");
    wait_for("the monitor", || read().contains("NameLost").then_some(()));
    let login = Login::new("alice", "a marker that nobody should see");
    place.store("ghcr.io", &login);
    place.assert_answers("ghcr.io", &login);
    wait_for("the call", || read().contains("member=GetSecret").then_some(()));
    place.verb("erase", "ghcr.io").assert_success("erase");
    wait_for("the last call", || read().contains("member=Delete").then_some(()));
    let seen = read();
    assert!(
        seen.contains("string \"ghcr.io\""),
        "the monitor shows plain text"
    );
    assert!(seen.contains("member=CreateItem"));
    assert!(!seen.contains("a marker that nobody should see"));
    let bytes: Vec<String> = login
        .secret
        .bytes()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert!(!seen.contains(&bytes.join(" ")));
}

#[test]
fn two_logins_at_once_never_erase_each_other() {
    let mut place = place!();
    place.store("ghcr.io", &alice());
    for _ in 0..10 {
        std::thread::scope(|scope| {
            for login in [alice(), bob()] {
                let place = &place;
                scope.spawn(move || {
                    place
                        .verb("store", &request("ghcr.io", &login))
                        .assert_success("store");
                });
            }
        });
        let left = place.keyring().items("docker_cli", "1").len();
        assert!((1..=2).contains(&left), "{left} items are left");
        place.verb("get", "ghcr.io").assert_success("get");
    }
    place.store("ghcr.io", &bob());
    assert_eq!(place.keyring().items("docker_cli", "1").len(), 1);
}

#[test]
fn a_login_that_is_replaced_is_found_at_every_moment() {
    let place = place!();
    place.store("ghcr.io", &alice());
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for login in [alice(), bob()] {
            let (place, is_done) = (&place, &is_done);
            scope.spawn(move || {
                while !is_done.load(Ordering::Relaxed) {
                    place.store("ghcr.io", &login);
                }
            });
        }
        let readers = [
            ("get", "ghcr.io", 300),
            ("get", "https://ghcr.io", 150),
            ("list", "", 150),
        ]
        .map(|(verb, stdin, times)| {
            let place = &place;
            scope.spawn(move || {
                let wrong = |outcome: &Outcome| outcome.code != Some(0) || outcome.stdout == b"{}\n";
                (0..times)
                    .map(|_| place.verb(verb, stdin))
                    .filter(wrong)
                    .collect::<Vec<_>>()
            })
        });
        let wrong = readers.map(ScopedJoinHandle::join);
        // Even if a reader has panicked, because the scope waits for the logins.
        is_done.store(true, Ordering::Relaxed);
        for wrong in wrong {
            let wrong = wrong.expect("a reader does not panic");
            assert!(wrong.is_empty(), "{wrong:?}");
        }
    });
}

#[test]
fn many_gets_at_once_are_all_answered_and_the_keyring_lives() {
    let mut place = place!();
    place.store("ghcr.io", &alice());
    // The keyring answers one request at a time, so on a slow or busy machine the last of 500 correctly fails
    // after 10 seconds. DOCKER_CREDENTIAL_TEST_FULL=1 still sends 500 at once.
    let is_full = environment("DOCKER_CREDENTIAL_TEST_FULL").is_some_and(|value| value == "1");
    let (at_once, in_turn) = if is_full { (500, 1) } else { (50, 10) };
    std::thread::scope(|scope| {
        for number in 0..at_once {
            let place = &place;
            scope.spawn(move || {
                for _ in 0..in_turn {
                    match number % 2 {
                        0 => place.assert_answers("ghcr.io", &alice()),
                        _ => place.assert_not_found("quay.io"),
                    }
                }
            });
        }
    });
    assert!(place.keyring().is_alive());
}

#[test]
fn the_log_tells_what_was_looked_up_and_no_secret() {
    let mut place = place!();
    let log = place.path("log");
    place.set("DOCKER_CREDENTIAL_LOG", log.clone());
    place.store("ghcr.io", &alice());
    place.assert_answers("ghcr.io", &alice());
    let text = std::fs::read_to_string(log).expect("a log");
    assert!(
        text.contains("backend secret-service") && text.contains("found /org/freedesktop/secrets/"),
        "{text}"
    );
    assert!(!alice().forms().iter().any(|form| text.contains(form)));
}

#[test]
fn version_and_usage_need_no_bus() {
    let mut place = place!();
    place.set("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/bus");
    place.set("DOCKER_CREDENTIAL_KEYRING_BACKEND", "nonsense");
    let version = place.run(KEYRING.program()).arg("version").outcome();
    version.assert_success("version");
    assert!(
        version.stdout.starts_with(b"docker-credential-keyring ("),
        "{version:?}"
    );
    assert_ne!(version.stdout, NOT_FOUND);
}

/// An item of another program.
fn add_item(place: &Sandbox, server: &str, username: &str, attributes: &[&str]) {
    place
        .run("secret-tool")
        .args(["store", "--label", server, "server", server, "username", username])
        .args(attributes)
        .stdin("a secret")
        .outcome()
        .assert_success("secret-tool stores");
}
