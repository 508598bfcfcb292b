//! Exercises for any Secret Service: verbs, secrets of every kind, other programs, many calls at once.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::helper::KEYRING_ALONE;
use crate::keyrings::both::{Both, in_three_tries};
use crate::keyrings::bus::PrivateBus;
use crate::login::{Login, alice, bob};
use crate::program::{Outcome, find};
use crate::requirement::Missing;
use crate::sandbox::Sandbox;
use crate::service::wait_for;

const HUB: &str = "https://index.docker.io/v1/";

/// The helper on a service, and docker's own helper.
#[derive(Debug)]
pub struct Exercise {
    both: Both,
}

impl Exercise {
    /// A sandbox on this bus.
    pub fn on(bus: &PrivateBus) -> Result<Self, Missing> {
        find("secret-tool")?;
        let mut sandbox = Sandbox::new(KEYRING_ALONE);
        sandbox.set("DBUS_SESSION_BUS_ADDRESS", bus.address());
        let both = Both::in_sandbox(sandbox)?;
        Ok(Self { both })
    }

    /// Stores, replaces, finds under every spelling, misses, lists and erases.
    pub fn verbs(&self) {
        let place = &self.both.place;
        place.assert_lists(&json!({}));
        place.assert_not_found("ghcr.io");
        place.store("ghcr.io", &alice());
        place.assert_answers("ghcr.io", &alice());
        place.store("https://ghcr.io", &bob());
        place.assert_lists(&json!({ "https://ghcr.io": "bob" }));
        for asked in ["ghcr.io", "https://ghcr.io", "ghcr.io/v2/", "ghcr.io/org/image"] {
            place.assert_answers(asked, &bob());
        }
        for near_miss in ["http://ghcr.io", "ghcr.io:80", "hcr.io", "a.ghcr.io"] {
            place.assert_not_found(near_miss);
        }
        place.store("docker.io", &alice());
        place.assert_answers(HUB, &alice());
        place.assert_answers("registry-1.docker.io", &alice());
        for server in ["ghcr.io", "index.docker.io", "index.docker.io"] {
            place.verb("erase", server).assert_success("erase");
        }
        place.assert_lists(&json!({}));
    }

    /// Every secret comes back unchanged; those that versions of this service alter come back or are refused.
    pub fn secrets(&self, altered: &[&str]) {
        let place = &self.both.place;
        let long = "ü".repeat(100_000);
        let odd = [
            "",
            "pässwörd ☃ \u{1f512}",
            "a \"b\" \\ <c> & d 'e'",
            "line 1\nline 2\n",
            " lead and trail ",
            "one\0two\0",
            "\u{1}\u{2}\u{1b}",
            "\u{feff}abc",
            "a\r\nb\r",
            &long,
        ];
        for (number, secret) in odd.iter().enumerate() {
            let server = format!("r{number}.example");
            let login = Login::new("user", secret);
            let request = json!({ "ServerURL": server, "Username": "user", "Secret": secret });
            let stored = place.verb("store", &request.to_string());
            if stored.code == Some(1) && altered.contains(secret) {
                assert!(stored.text().contains("the keyring changes it"), "{stored:?}");
                place.assert_not_found(&server);
            } else {
                stored.assert_success("store");
                place.assert_answers(&server, &login);
                place.verb("erase", &server).assert_success("erase");
            }
        }
        place.assert_lists(&json!({}));
    }

    /// docker's own helper and ours find each other's logins.
    pub fn dockers_helper(&self) {
        let place = &self.both.place;
        for server in [HUB, "ghcr.io", "https://quay.io", "localhost:5000"] {
            self.both.official_store(server, &alice());
            place.assert_answers(server, &alice());
            place.store(server, &bob());
            self.both.assert_official_answers(server, &bob());
        }
        place.assert_lists(
            &json!({ HUB: "bob", "ghcr.io": "bob", "https://quay.io": "bob", "localhost:5000": "bob" }),
        );
        self.both
            .official("erase", "ghcr.io")
            .assert_success("docker's own helper erases it");
        place.assert_not_found("ghcr.io");
        for server in [HUB, "quay.io", "localhost:5000"] {
            place.verb("erase", server).assert_success("erase");
        }
        place.assert_lists(&json!({}));
    }

    /// An item by secret-tool is found, the newest of two answers, and ours is found by secret-tool.
    pub fn secret_tool(&self) {
        let place = &self.both.place;
        let mark = ["docker_cli", "1", "label", "Docker Credentials"];
        for (server, secret) in [("ghcr.io", "old"), ("https://ghcr.io", "new")] {
            let store = || {
                place
                    .run("secret-tool")
                    .args(["store", "--label", server, "server", server, "username", "carol"])
                    .args(mark)
                    .stdin(secret)
                    .outcome()
            };
            in_three_tries(store).assert_success("secret-tool stores");
            place.assert_answers("ghcr.io", &Login::new("carol", secret));
            next_second();
        }
        place.store("ghcr.io", &alice());
        place.assert_lists(&json!({ "ghcr.io": "alice" }));
        let found = in_three_tries(|| {
            place
                .run("secret-tool")
                .args([
                    "lookup",
                    "xdg:schema",
                    "io.docker.Credentials",
                    "server",
                    "ghcr.io",
                ])
                .outcome()
        });
        assert_eq!(String::from_utf8_lossy(&found.stdout), alice().secret);
        place.verb("erase", "ghcr.io").assert_success("erase");
    }

    /// Many gets and stores in a row, none of which may fail.
    pub fn in_a_row(&self, gets: usize, stores: usize) {
        for number in 0..stores {
            self.both
                .place
                .store("ghcr.io", &Login::new("alice", &format!("secret {number}")));
        }
        let last = Login::new("alice", &format!("secret {}", stores - 1));
        for _ in 0..gets {
            self.both.place.assert_answers("ghcr.io", &last);
        }
        self.both.place.verb("erase", "ghcr.io").assert_success("erase");
    }

    /// Gets at once, and gets while others log in again and again: each is answered, with a login of one of them.
    pub fn at_once(&self, readers: usize, writers: usize) {
        let place = &self.both.place;
        place.store("ghcr.io", &alice());
        std::thread::scope(|scope| {
            for _ in 0..readers {
                scope.spawn(|| place.assert_answers("ghcr.io", &alice()));
            }
        });
        let is_done = AtomicBool::new(false);
        let wrong = std::thread::scope(|scope| {
            for login in [alice(), bob()].into_iter().take(writers) {
                let is_done = &is_done;
                scope.spawn(move || {
                    while !is_done.load(Ordering::Relaxed) {
                        place.store("ghcr.io", &login);
                    }
                });
            }
            let reader = scope.spawn(|| {
                let answers = (0..60).map(|_| place.verb("get", "ghcr.io"));
                answers.filter(|answer| !is_whole(answer)).collect::<Vec<_>>()
            });
            let wrong = reader.join();
            is_done.store(true, Ordering::Relaxed);
            wrong.expect("a reader does not panic")
        });
        assert!(wrong.is_empty(), "{wrong:?}");
        place.store("ghcr.io", &bob());
        place.assert_lists(&json!({ "ghcr.io": "bob" }));
        place.verb("erase", "ghcr.io").assert_success("erase");
    }
}

/// Whether it is the login of one of the two.
fn is_whole(answer: &Outcome) -> bool {
    answer.code == Some(0)
        && [alice(), bob()].iter().any(|login| {
            serde_json::from_slice::<serde_json::Value>(&answer.stdout)
                .is_ok_and(|answer| answer["Username"] == login.username && answer["Secret"] == login.secret)
        })
}

/// Waits for the next second, the resolution of a keyring's times.
pub fn next_second() {
    let second = || {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .expect("it is later than 1970")
            .as_secs()
    };
    let now = second();
    wait_for("the next second", || (second() > now).then_some(()));
}
