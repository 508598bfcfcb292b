//! Many processes don't lose updates, and a killed writer doesn't leave a lock behind.

use std::process::{Command, ExitStatus, Stdio};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use docker_credential_tests::login::Login;
use docker_credential_tests::sandbox::Sandbox;
use docker_credential_tests::{program, require};

use crate::broken::Subject;
use crate::model::{Answer, answer};
use crate::scale::{report, scale};

const WORKERS: usize = 64;
const SHARED: &str = "shared.example.com";

#[derive(Debug, Default)]
struct Seen {
    operations: usize,
    killed: usize,
    missing: usize,
    failed: usize,
}

/// The work of one of many processes: logs in and out at its own server and at a shared one, and requests
/// both.
#[expect(
    clippy::option_option,
    reason = "what was stored last, if anything was, as `answer` tells what is stored"
)]
fn work(
    place: &Sandbox,
    worker: usize,
    operations: usize,
    start: &Barrier,
) -> (Seen, Option<Option<String>>) {
    let mut random = fastrand::Rng::new();
    let mut seen = Seen::default();
    let own = format!("r{worker}.example.com");
    // The possible values for its own server: two after a killed run.
    let mut possible = vec![None];
    let mut last_shared = None;
    start.wait();
    for operation in 0..operations {
        seen.operations += 1;
        let value = format!("{worker}.{operation}");
        match random.u8(..10) {
            0..4 => match store(place, &own, &value, None) {
                Some(0) => possible = vec![Some(value)],
                _ => seen.failed += 1,
            },
            4 => {
                // With the lock held, most likely.
                let limit = Duration::from_micros(random.u64(500..3_000));
                match store(place, &own, &value, Some(limit)) {
                    Some(0) => possible = vec![Some(value)],
                    None => {
                        seen.killed += 1;
                        possible.push(Some(value));
                    }
                    Some(_) => seen.failed += 1,
                }
            }
            5 => match run(place, "erase", &own, None).code() {
                Some(0) => possible = vec![None],
                _ => seen.failed += 1,
            },
            6..8 => match store(place, SHARED, &value, None) {
                Some(0) => last_shared = Some(Some(value)),
                _ => seen.failed += 1,
            },
            _ => match answer(place, &own) {
                Answer::Is(value) if possible.contains(&value) => possible = vec![value],
                Answer::Is(_) => seen.missing += 1,
                Answer::Trouble(_) => seen.failed += 1,
            },
        }
    }
    match answer(place, &own) {
        Answer::Is(value) if possible.contains(&value) => {}
        _ => seen.missing += 1,
    }
    (seen, last_shared)
}

fn store(place: &Sandbox, server: &str, secret: &str, limit: Option<Duration>) -> Option<i32> {
    let request = format!(r#"{{"ServerURL":"{server}","Username":"user","Secret":"{secret}"}}"#);
    run(place, "store", &request, limit).code()
}

fn run(place: &Sandbox, verb: &str, stdin: &str, limit: Option<Duration>) -> ExitStatus {
    let mut command: Command = place.run(place.program()).into_command();
    let mut child = command
        .arg(verb)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the helper can be run");
    let mut pipe = child.stdin.take().expect("stdin is a pipe");
    let _ = std::io::Write::write_all(&mut pipe, stdin.as_bytes());
    drop(pipe);
    if let Some(limit) = limit {
        thread::sleep(limit);
        let _ = child.kill();
    }
    child.wait().expect("a child can be waited for")
}

fn work_at_once(subject: Subject, workers: usize, operations: usize) -> Seen {
    let place = subject.place();
    place.store("first.example.com", &Login::new("user", "first"));
    let start = Barrier::new(workers);
    let results: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..workers)
            .map(|worker| {
                let (place, start) = (&place, &start);
                scope.spawn(move || work(place, worker, operations, start))
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a worker that does not panic"))
            .collect()
    });
    let mut sum = Seen::default();
    for (seen, _) in &results {
        sum.operations += seen.operations;
        sum.killed += seen.killed;
        sum.missing += seen.missing;
        sum.failed += seen.failed;
    }
    // Each worker's last login at the shared server replaced its earlier ones, so one of these must remain.
    let last: Vec<_> = results.into_iter().filter_map(|(_, last)| last).collect();
    match answer(&place, SHARED) {
        Answer::Is(value) if last.contains(&value) || last.is_empty() => {}
        _ => sum.missing += 1,
    }
    if answer(&place, "first.example.com") != Answer::Is(Some("first".into())) {
        sum.missing += 1;
    }
    sum
}

#[test]
fn no_update_is_lost_among_64_processes() {
    let seen = work_at_once(Subject::Sound, WORKERS, scale(12, 200));
    report("7 64 processes at once", &format!("{seen:?}"));
    assert_eq!((seen.missing, seen.failed), (0, 0), "{seen:?}");
}

#[test]
fn control_a_helper_without_a_lock_is_caught() {
    let caught = (0..10).any(|_| {
        let seen = work_at_once(Subject::Broken("no-lock"), 16, 20);
        seen.missing + seen.failed > 0
    });
    assert!(caught);
}

/// The duration of the next login after a writer was killed with the lock held; nothing if it fails.
fn next_login_after_a_death(subject: Subject) -> Option<Duration> {
    let place = subject.place();
    place.store("ghcr.io", &Login::new("user", "old"));
    let request =
        |secret: &str| format!(r#"{{"ServerURL":"ghcr.io","Username":"user","Secret":"{secret}"}}"#);
    let killed = place
        .run("strace")
        .args([
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            "inject=?rename,?renameat,?renameat2:signal=KILL",
        ])
        .arg(place.program())
        .arg("store")
        .stdin(request("killed"))
        .outcome();
    assert_eq!(killed.code, None, "{killed:?}");
    let started = Instant::now();
    // docker doesn't have a timeout, but people don't wait forever.
    let next = place
        .run("timeout")
        .arg("5")
        .arg(place.program())
        .arg("store")
        .stdin(request("next"))
        .outcome();
    let waited = started.elapsed();
    (next.code == Some(0) && answer(&place, "ghcr.io") == Answer::Is(Some("next".into()))).then_some(waited)
}

#[test]
fn a_writer_that_dies_keeps_nobody_waiting() {
    require!(program::find("strace"));
    let waited = next_login_after_a_death(Subject::Sound);
    report("7 the next login after a dead writer", &format!("{waited:?}"));
    assert!(waited.is_some());
}

#[test]
fn control_a_helper_with_a_lock_file_is_caught() {
    require!(program::find("strace"));
    assert_eq!(next_login_after_a_death(Subject::Broken("lock-file")), None);
}
