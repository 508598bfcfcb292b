//! No secret in a message, in the log, in an argument, in a plain-text file, whatever is wrong with the request.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use docker_credential_tests::login::Login;
use docker_credential_tests::refusal::MARKER;
use docker_credential_tests::sandbox::Sandbox;
use docker_credential_tests::{program, require};

use crate::broken::Subject;
use crate::scale::report;

/// The part of the marker that stays unchanged in a file name, where capitals are escaped.
const IN_A_NAME: &str = "5up3r-s3cr3t";

/// Requests that carry the marker where a secret stands, and something wrong around it.
fn requests() -> Vec<(&'static str, Vec<u8>)> {
    let mut requests: Vec<(&str, Vec<u8>)> = Vec::new();
    let m = MARKER;
    let whole = format!(r#"{{"ServerURL":"ghcr.io","Username":"user","Secret":"{m}"}}"#);
    // Well-formed, and then cut at every byte.
    for length in 0..=whole.len() {
        requests.push(("store", whole.as_bytes()[..length].to_vec()));
    }
    for request in [
        format!(r#"{{"ServerURL":"","Username":"user","Secret":"{m}"}}"#),
        format!(r#"{{"ServerURL":"ghcr.io","Username":"","Secret":"{m}"}}"#),
        format!(r#"{{"ServerURL":"ghcr.io","Secret":"{m}"}}"#),
        format!(r#"{{"ServerURL":"https://user:{m}@ghcr.io","Username":"user","Secret":"s"}}"#),
        format!(r#"{{"ServerURL":"user:{m}@ghcr.io","Username":"user","Secret":"{m}"}}"#),
        format!(r#"{{"ServerURL":"x://user:{m}@ghcr.io/a@b","Username":"user","Secret":"{m}"}}"#),
        format!(r#"{{"ServerURL":"user:{m}@https://ghcr.io","Username":"user","Secret":"{m}"}}"#),
        format!(r#"{{"ServerURL":"a b","Username":"user","Secret":"{m}"}}"#),
        format!("{{\"ServerURL\":\"a\\nb\",\"Username\":\"user\",\"Secret\":\"{m}\"}}"),
        format!(r#"{{"ServerURL":"ghcr.io","Username":"u\u0000","Secret":"{m}"}}"#),
        format!(r#"{{"ServerURL":"ghcr.io","Username":"user","Secret":"{m}","Secret":"{m}"}}"#),
        format!(r#"{{"ServerURL":"ghcr.io","Username":"user","Secret":"{m}","\u0053ecret":"x"}}"#),
        format!(r#"{{"ServerURL":"ghcr.io","Username":"user","Secret":["{m}"]}}"#),
        format!(r#"{{"ServerURL":"ghcr.io","Username":"user","Secret":{{"{m}":1}}}}"#),
        format!(r#"{{"ServerURL":"ghcr.io","Username":["{m}"],"Secret":"{m}"}}"#),
        format!(r#"{{"ServerURL":"ghcr.io","Username":"user","Secret":{m}}}"#),
        format!(r#"{{"ServerURL":"ghcr.io","Username":"user","Secret":"{m}\ud800"}}"#),
        format!("{{\"ServerURL\":\"ghcr.io\",\"Username\":\"user\",\"Secret\":\"{m}\n\"}}"),
        format!(r#"["ghcr.io","user","{m}"]"#),
        format!(r#""{m}""#),
        m.to_owned(),
        format!("{whole}{whole}"),
        format!("{whole}{m}"),
        format!("{{\"{m}\":\"{m}\"}}"),
        format!("{}{m}", "[".repeat(100_000)),
    ] {
        requests.push(("store", request.into_bytes()));
    }
    let mut invalid = whole.clone().into_bytes();
    invalid.insert(whole.len() - 2, 0xff);
    requests.push(("store", invalid));
    requests.push(("store", whole.encode_utf16().flat_map(u16::to_le_bytes).collect()));
    requests.push(("store", [whole.as_bytes(), &vec![b' '; 1 << 20]].concat()));
    for server in [
        format!("https://user:{m}@ghcr.io"),
        format!("https://user:{m}@ghcr.io/path@more"),
        format!("user:{m}@ghcr.io:5000"),
        format!("//user:{m}@ghcr.io"),
        format!("user:{m}@https://ghcr.io"),
        format!("user:a://{m}@ghcr.io"),
        format!("ftp://{m}@ghcr.io"),
    ] {
        requests.push(("get", server.clone().into_bytes()));
        requests.push(("erase", server.into_bytes()));
    }
    requests
}

/// The places that show the marker but shouldn't; nothing if nowhere.
fn leak(place: &Sandbox, verb: &str, stdin: &[u8]) -> Option<String> {
    let outcome = place.run(place.program()).arg(verb).stdin(stdin).outcome();
    if outcome.text().contains(IN_A_NAME) {
        return Some(format!("{verb} says {}", outcome.text()));
    }
    if outcome.text().contains("panicked") || outcome.code.is_none() {
        return Some(format!("{verb} dies: {}", outcome.text()));
    }
    let mut traces = place.traces_of(&Login::new("user", MARKER));
    traces.extend(place.traces_of(&Login::new("user", IN_A_NAME)));
    (!traces.is_empty()).then(|| format!("{verb} leaves it in {traces:?}"))
}

fn place(subject: Subject) -> Sandbox {
    let mut place = subject.place();
    let log = place.path("home/log");
    place.set("DOCKER_CREDENTIAL_LOG", log);
    place.set("RUST_BACKTRACE", "full");
    // Without a store there is nothing to look into, and to say that it is not there.
    place.store("other.example", &Login::new("user", "another secret"));
    place
}

#[test]
fn no_message_log_or_file_shows_a_secret() {
    let place = place(Subject::Sound);
    let requests = requests();
    for (verb, stdin) in &requests {
        if let Some(leak) = leak(&place, verb, stdin) {
            panic!(
                "{leak}, of {}",
                String::from_utf8_lossy(&stdin[..stdin.len().min(300)])
            );
        }
    }
    let log = place.path("home/log");
    assert_eq!(
        fs::metadata(&log).expect("the log was written").mode() & 0o777,
        0o600
    );
    let lines = fs::read_to_string(&log).expect("the log is text").lines().count();
    report(
        "9 markers",
        &format!("{} requests, {lines} lines of log: 0 markers", requests.len()),
    );
}

#[test]
fn control_a_helper_that_logs_secrets_is_caught() {
    let place = place(Subject::Broken("logs-secrets"));
    assert!(
        requests()
            .iter()
            .any(|(verb, stdin)| leak(&place, verb, stdin).is_some())
    );
}

#[test]
fn no_argument_of_a_process_shows_a_secret() {
    require!(program::find("strace"));
    let place = Subject::Sound.place();
    let trace = place.path("tmp/trace");
    place
        .run("strace")
        .args([
            "-f",
            "-qq",
            "-v",
            "-s",
            "100000",
            "-e",
            "trace=execve,execveat",
            "-o",
        ])
        .arg(&trace)
        .arg(place.program())
        .arg("store")
        .stdin(format!(
            r#"{{"ServerURL":"ghcr.io","Username":"user","Secret":"{MARKER}"}}"#
        ))
        .outcome()
        .assert_success("store");
    let text = fs::read_to_string(trace).expect("strace wrote its trace");
    assert!(text.contains("execve(") && !text.contains(MARKER));
}
