//! A model of a store, to check it after a run that may have been interrupted: each credential is the old or
//! the new one, and acknowledged ones stay.

use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use docker_credential_tests::sandbox::{NOT_FOUND, Sandbox};
use serde_json::{Value, json};

/// The counted violations. Everything except `cut_short` must stay zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Runs that ended before they answered.
    pub(crate) cut_short: usize,
    /// Acknowledged credentials that are gone.
    pub(crate) lost: usize,
    /// Credentials that are unreadable, or were never stored.
    pub(crate) torn: usize,
    /// Credentials that came back after they were erased or replaced.
    pub(crate) resurrected: usize,
    /// Runs that failed without a reason.
    pub(crate) refused: usize,
}

impl Tally {
    pub(crate) fn violations(self) -> usize {
        self.lost + self.torn + self.resurrected + self.refused
    }

    pub(crate) fn sum(tallies: impl IntoIterator<Item = Self>) -> Self {
        tallies.into_iter().fold(Self::default(), |sum, tally| Self {
            cut_short: sum.cut_short + tally.cut_short,
            lost: sum.lost + tally.lost,
            torn: sum.torn + tally.torn,
            resurrected: sum.resurrected + tally.resurrected,
            refused: sum.refused + tally.refused,
        })
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} cut short: {} lost, {} torn, {} back from the dead, {} refused",
            self.cut_short, self.lost, self.torn, self.resurrected, self.refused
        )
    }
}

/// The action of one run of the helper.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Store(usize, String),
    Erase(usize),
}

/// A sandbox, and its possible content.
pub(crate) struct Model {
    pub(crate) place: Sandbox,
    pub(crate) tally: Tally,
    servers: Vec<Server>,
    steps: usize,
}

struct Server {
    name: String,
    /// The possible answers of `get`: one value, or several after an interrupted run.
    possible: Vec<Option<String>>,
    /// All values that were ever stored, to distinguish stale from torn ones.
    past: Vec<String>,
}

impl Model {
    /// An empty sandbox and this many servers.
    pub(crate) fn new(place: Sandbox, servers: usize) -> Self {
        let servers = (0..servers).map(|index| Server {
            name: format!("r{index}.example.com"),
            possible: vec![None],
            past: Vec::new(),
        });
        Self {
            place,
            tally: Tally::default(),
            servers: servers.collect(),
            steps: 0,
        }
    }

    pub(crate) fn server(&self, index: usize) -> &str {
        &self.servers[index].name
    }

    /// A random step: mostly stores, of secrets of different lengths.
    pub(crate) fn random_step(&mut self, random: &mut fastrand::Rng) -> Step {
        let server = random.usize(..self.servers.len());
        self.steps += 1;
        if random.u8(..4) == 0 {
            Step::Erase(server)
        } else {
            Step::Store(
                server,
                format!("{}-{}", self.steps, "x".repeat(random.usize(..600))),
            )
        }
    }

    /// Runs a step to its end, or kills it after `limit`.
    pub(crate) fn carry_out(&mut self, step: &Step, limit: Option<Duration>) {
        let (verb, input) = self.request(step);
        let mut command = self.place.run(self.place.program()).into_command();
        let mut child = command
            .arg(verb)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the helper can be run");
        let started = Instant::now();
        let mut stdin = child.stdin.take().expect("stdin is a pipe");
        // Smaller than a pipe, so it doesn't wait for the reader. A broken helper may not read.
        let _ = std::io::Write::write_all(&mut stdin, input.as_bytes());
        drop(stdin);
        if let Some(limit) = limit {
            if let Some(rest) = limit.checked_sub(started.elapsed()) {
                // Sleeping overshoots by more than the duration of a system call, so spin for the last part.
                thread::sleep(rest.saturating_sub(Duration::from_micros(200)));
            }
            while started.elapsed() < limit {
                std::hint::spin_loop();
            }
            let _ = child.kill();
        }
        let status = child.wait().expect("a child can be waited for");
        self.conclude(step, status);
    }

    /// The verb and the request of a step.
    pub(crate) fn request(&self, step: &Step) -> (&'static str, String) {
        match step {
            Step::Store(server, secret) => (
                "store",
                json!({ "ServerURL": self.server(*server), "Username": "user", "Secret": secret })
                    .to_string(),
            ),
            Step::Erase(server) => ("erase", self.server(*server).to_owned()),
        }
    }

    /// Records the result of a step.
    pub(crate) fn conclude(&mut self, step: &Step, status: ExitStatus) {
        let (server, value) = match step {
            Step::Store(server, secret) => (&mut self.servers[*server], Some(secret.clone())),
            Step::Erase(server) => (&mut self.servers[*server], None),
        };
        server.past.extend(value.clone());
        match status.code() {
            Some(0) => server.possible = vec![value],
            Some(_) => {
                self.tally.refused += 1;
                server.possible.push(value);
            }
            None => {
                self.tally.cut_short += 1;
                server.possible.push(value);
            }
        }
    }

    /// Requests one server and judges the answer. From now on, only this answer is valid.
    pub(crate) fn check(&mut self, index: usize) {
        let answer = answer(&self.place, &self.servers[index].name);
        let server = &mut self.servers[index];
        match answer {
            Answer::Is(value) if server.possible.contains(&value) => server.possible = vec![value],
            Answer::Is(None) => {
                self.tally.lost += 1;
                server.possible = vec![None];
            }
            Answer::Is(Some(value)) if server.past.contains(&value) => {
                self.tally.resurrected += 1;
                server.possible = vec![Some(value)];
            }
            Answer::Is(Some(_)) | Answer::Trouble(_) => {
                self.tally.torn += 1;
                // Count it only once: a login replaces it.
                self.carry_out(&Step::Store(index, "repaired".into()), None);
            }
        }
    }

    pub(crate) fn check_all(&mut self) {
        for server in 0..self.servers.len() {
            self.check(server);
        }
    }

    /// Whether a successful store leaves only complete files, after earlier kills.
    pub(crate) fn assert_tidy_after_a_store(&mut self) {
        self.carry_out(&Step::Store(0, "last".into()), None);
        let directory = self.place.path("data/docker-credential-age");
        for entry in directory.read_dir().expect("the store is there") {
            let name = entry.expect("the store can be listed").file_name();
            assert!(
                name.to_string_lossy().ends_with(".age"),
                "{} is left in the store",
                name.display()
            );
        }
    }
}

/// The answer of `get`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// This secret, or "not found".
    Is(Option<String>),
    /// An error or an invalid answer: the exit status and the output.
    Trouble(String),
}

/// Requests a server from the helper of a sandbox.
pub(crate) fn answer(place: &Sandbox, server: &str) -> Answer {
    answer_of(place.run(place.program()).into_command(), server)
}

/// Runs a prepared command with `get` and reads its answer.
pub(crate) fn answer_of(mut command: Command, server: &str) -> Answer {
    let mut child = command
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the helper can be run");
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    let _ = std::io::Write::write_all(&mut stdin, server.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().expect("a child can be waited for");
    judge(output.status.code(), &output.stdout, server)
}

/// Reads an answer of `get`.
pub(crate) fn judge(code: Option<i32>, stdout: &[u8], server: &str) -> Answer {
    let answer = match code {
        Some(0) => match serde_json::from_slice::<Value>(stdout) {
            Ok(reply) if reply["ServerURL"] == server && reply["Username"] == "user" => {
                reply["Secret"].as_str().map(|secret| Some(secret.to_owned()))
            }
            _ => None,
        },
        Some(1) if stdout == NOT_FOUND => Some(None),
        _ => None,
    };
    let trouble = || format!("exit code {code:?}: {}", String::from_utf8_lossy(stdout));
    answer.map_or_else(|| Answer::Trouble(trouble()), Answer::Is)
}
