//! A secret goes only to the server, as the client names it, for which it was stored.

use std::sync::atomic::{AtomicUsize, Ordering};

use docker_credential_helper::ServerUrl;
use docker_credential_tests::helper::{ENV, KEYRING};
use docker_credential_tests::keyrings::gnome::GnomeKeyring;
use docker_credential_tests::require;
use docker_credential_tests::sandbox::Sandbox;
use serde_json::json;

use crate::broken::Subject;
use crate::model::{Answer, answer};
use crate::oracle::answering;
use crate::released::released;
use crate::scale::{report, scale, share};

/// Names that a careless comparison confuses.
const NEAR: &[&str] = &[
    "ghcr.io",
    "GHCR.IO",
    "https://ghcr.io",
    "https://ghcr.io/",
    "https://ghcr.io/v1/",
    "https://ghcr.io/v2",
    "https://ghcr.io/v3",
    "http://ghcr.io",
    "ghcr.io:443",
    "ghcr.io:80",
    "ghcr.io:4430",
    "http://ghcr.io:80",
    "http://ghcr.io:443",
    "ghcr.io:0443",
    "ghcr.io:+443",
    "ghcr.io.",
    "ghcr.io/org",
    "ghcr.io/org/",
    "ghcr.io/org/repository",
    "ghcr.io/organisation",
    "ghcr.io/Org",
    "https://ghcr.io/org/repository",
    "ghcr.io/org/../other",
    "ghcr.io//org",
    "ghcr.io/v2/org",
    "www.ghcr.io",
    "io",
    "ghcr.io.evil.example",
    "evil-ghcr.io",
    "evilghcr.io",
    "ghcr.i",
    "ghcr.ioo",
    "ghcr.io@evil.example",
    "evil.example@ghcr.io",
    "https://user:pw@ghcr.io",
    "ghcr.io#evil.example",
    "ghcr.io?evil.example",
    "ghcr.io\\.evil.example",
    "%67hcr.io",
    "ｇhcr.io",
    "gһcr.io",
    "xn--ghcr-5cd.io",
    "localhost",
    "localhost:5000",
    "localhost:5001",
    "127.0.0.1:5000",
    "[::1]:5000",
    "[::1]",
    "::1",
    "[0:0:0:0:0:0:0:1]:5000",
    "docker.io",
    "index.docker.io",
    "https://index.docker.io/v1/",
    "registry-1.docker.io",
    "registry-1.docker.io:443",
    "registry.hub.docker.com",
    "hub.docker.com",
    "http://docker.io",
    "docker.io:5000",
    "docker.io/library/x",
    "https://index.docker.io/v1/access-token",
    "index.docker.io/v1/access-token",
    "https://index.docker.io/v1/refresh-token",
    "index.docker.io/v1/access-token/x",
    "ftp://ghcr.io",
    "nerdctl-experimental://ghcr.io:443",
];

/// Requests every similar name while only `stored` is stored; returns the number of requests and the wrong
/// answers.
fn ask_all(place: &Sandbox, stored: &str, wrong: &mut Vec<String>) -> usize {
    for query in NEAR {
        let expected = answering(&[stored.to_owned()], query).map(|_| "secret".to_owned());
        let answer = answer(place, query);
        if answer != Answer::Is(expected) {
            wrong.push(format!("{stored} stored, {query} asked: {answer:?}"));
        }
    }
    NEAR.len()
}

/// Stores each similar name alone, and requests every one; returns the number of requests and the wrong
/// answers. `place` creates the sandbox.
fn matrix(place: impl Fn() -> Sandbox + Sync) -> (usize, Vec<String>) {
    let next = AtomicUsize::new(0);
    let results = share(0, |_| {
        let place = place();
        let (mut asked, mut wrong) = (0, Vec::new());
        while let Some(stored) = NEAR.get(next.fetch_add(1, Ordering::Relaxed)) {
            let request = json!({ "ServerURL": stored, "Username": "user", "Secret": "secret" });
            // Names that aren't registries are refused.
            if place.verb("store", &request.to_string()).code == Some(0) {
                asked += ask_all(&place, stored, &mut wrong);
                place.verb("erase", stored).assert_success("erase");
            }
        }
        (asked, wrong)
    });
    let asked = results.iter().map(|(asked, _)| asked).sum();
    (asked, results.into_iter().flat_map(|(_, wrong)| wrong).collect())
}

#[track_caller]
fn assert_none_wrong(backend: &str, (asked, wrong): (usize, Vec<String>)) {
    report(
        &format!("5 near-miss matrix, {backend}"),
        &format!("{asked} pairs: {} wrong answers", wrong.len()),
    );
    assert!(asked > 1_000);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn age_answers_only_for_the_server_itself_among_names_that_are_near() {
    assert_none_wrong("age", matrix(|| Subject::Sound.place()));
}

#[test]
fn the_secret_service_answers_only_for_the_server_itself_among_names_that_are_near() {
    require!(GnomeKeyring::available());
    assert_none_wrong("Secret Service", matrix(|| Sandbox::new(KEYRING)));
}

#[test]
fn env_answers_only_for_the_server_itself_among_names_that_are_near() {
    let (mut asked, mut wrong) = (0, Vec::new());
    for stored in NEAR {
        if ServerUrl::parse(stored)
            .and_then(|server| server.for_storing())
            .is_err()
        {
            continue;
        }
        let mut place = Sandbox::new(ENV);
        place.set("DOCKER_CREDENTIAL_NEAR_SERVER", *stored);
        place.set("DOCKER_CREDENTIAL_NEAR_USERNAME", "user");
        place.set("DOCKER_CREDENTIAL_NEAR_PASSWORD", "secret");
        asked += ask_all(&place, stored, &mut wrong);
    }
    assert_none_wrong("env", (asked, wrong));
}

#[test]
fn control_a_helper_that_ignores_ports_is_caught() {
    assert!(!matrix(|| Subject::Broken("any-port").place()).1.is_empty());
}

fn server(random: &mut fastrand::Rng) -> String {
    const SCHEMES: &[&str] = &[
        "", "", "", "https://", "http://", "HTTPS://", "ftp://", "//", "https:/",
    ];
    const HOSTS: &[&str] = &[
        "a.b",
        "A.b",
        "a.b.",
        ".a.b",
        "a..b",
        "c.a.b",
        "a.b.c",
        "b",
        "docker.io",
        "index.docker.io",
        "Index.Docker.io",
        "registry-1.docker.io",
        "registry.hub.docker.com",
        "[::1]",
        "[::1",
        "[]",
        "1.2.3.4",
        "a_b",
        "-",
        "",
        "ä.b",
    ];
    const PORTS: &[&str] = &[
        "", "", "", ":443", ":80", ":5000", ":0", ":0443", ":+443", ":65535", ":65536", ":", ":a",
    ];
    const SEGMENTS: &[&str] = &[
        "",
        "/",
        "/v1",
        "/v2",
        "/v3",
        "/access-token",
        "/refresh-token",
        "/org",
        "/Org",
        "/repo",
        "/.",
        "/..",
        "/%2e",
        "/a?b",
        "/a#b",
        "/a@b",
        "/a\\b",
        "/a b",
    ];
    fn one<'a>(random: &mut fastrand::Rng, of: &[&'a str]) -> &'a str {
        of[random.usize(..of.len())]
    }
    let mut server = String::new();
    server += one(random, SCHEMES);
    if random.u8(..20) == 0 {
        server += "user:pw@";
    }
    server += one(random, HOSTS);
    server += one(random, PORTS);
    for _ in 0..random.usize(..4) {
        server += one(random, SEGMENTS);
    }
    if random.u8(..8) == 0 {
        let at = random.usize(..=server.len());
        if server.is_char_boundary(at) {
            server.insert(at, random.char('!'..='~'));
        }
    }
    server
}

/// A random server, or one similar to the stored one.
fn question(random: &mut fastrand::Rng, stored: &str) -> String {
    let plain = stored.split_once("://").map_or(stored, |(_, rest)| rest);
    match random.u8(..8) {
        0 => stored.to_owned(),
        1 => plain.to_owned(),
        2 => format!("https://{plain}"),
        3 => stored.to_ascii_uppercase(),
        4 => format!("{plain}/org"),
        5 => format!("{stored}/"),
        6 => format!("{plain}:443"),
        _ => server(random),
    }
}

/// The number of these requests, each to a new store, whose answer differs from the oracle's.
fn compare(questions: usize, answer: impl Fn(&[String], &str) -> Option<String>) -> (usize, Vec<String>) {
    let mut random = fastrand::Rng::new();
    let mut answered = 0;
    let mut wrong = Vec::new();
    for _ in 0..questions {
        let count = random.usize(1..4);
        let mut stored: Vec<String> = Vec::new();
        while stored.len() < count {
            let server = server(&mut random);
            if ServerUrl::parse(&server).is_ok() && !stored.contains(&server) {
                stored.push(server);
            }
        }
        let query = question(&mut random, &stored[0]);
        let expected = answering(&stored, &query)
            .filter(|_| ServerUrl::parse(&query).is_ok())
            .cloned();
        answered += usize::from(expected.is_some());
        let answer = answer(&stored, &query);
        if answer != expected {
            wrong.push(format!(
                "{stored:?} stored, {query} asked: {answer:?} instead of {expected:?}"
            ));
        }
    }
    (answered, wrong)
}

#[test]
fn the_rule_answers_as_the_oracle_does() {
    let questions = scale(200_000, 100_000_000);
    let results = share(questions, |questions| compare(questions, released));
    let answered: usize = results.iter().map(|(answered, _)| answered).sum();
    let wrong: Vec<String> = results.into_iter().flat_map(|(_, wrong)| wrong).collect();
    report(
        "5 the rule against an oracle",
        &format!(
            "{questions} questions, {answered} answered: {} wrong",
            wrong.len()
        ),
    );
    assert!(
        answered * 100 > questions,
        "the questions are not so far off that nothing is answered"
    );
    assert!(wrong.is_empty(), "{}", wrong[..wrong.len().min(20)].join("\n"));
}

#[test]
fn control_a_rule_that_compares_the_ends_of_hosts_is_caught() {
    let (_, wrong) = compare(2_000, |stored, query| {
        stored
            .iter()
            .find(|server| query.ends_with(server.as_str()))
            .cloned()
    });
    assert!(!wrong.is_empty());
}
