//! Runs programs in turn, and computes medians.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::say;

/// Calls a helper as a client does: sends the request on a pipe, and reads the reply to its end.
#[derive(Debug)]
pub(crate) struct Call {
    command: Command,
    stdin: Vec<u8>,
    expected: Expected,
}

/// The check that the work was done; otherwise, a program that fails at once would win.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Exit code 0, and a reply with this text.
    Reply(String),
    /// Exit code 1, and clients' text for "not found".
    NotFound,
}

impl Call {
    pub(crate) fn new(command: Command, stdin: impl Into<Vec<u8>>, expected: Expected) -> Self {
        Self {
            command,
            stdin: stdin.into(),
            expected,
        }
    }

    fn start(&mut self) -> Child {
        self.command
            .spawn()
            .unwrap_or_else(|error| panic!("{:?} cannot be run: {error}", self.command))
    }

    /// Writes the request to the pipe; requests are smaller than a pipe's buffer.
    fn prepare(&mut self) {
        let (reader, mut writer) = std::io::pipe().expect("a pipe");
        writer.write_all(&self.stdin).expect("a request fits into a pipe");
        self.command
            .stdin(reader)
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
    }

    fn check(&self, finished: &Finished) -> Result<(), String> {
        let reply = String::from_utf8_lossy(&finished.reply);
        let met = match &self.expected {
            Expected::Reply(part) => finished.code == Some(0) && reply.contains(part),
            Expected::NotFound => finished.code == Some(1) && reply.contains("credentials not found"),
        };
        if met {
            return Ok(());
        }
        let program = Path::new(self.command.get_program());
        Err(format!(
            "{} did not do the timed work; exit code {:?}, reply: {:.200}",
            program.file_name().unwrap_or_default().display(),
            finished.code,
            reply.trim_end()
        ))
    }

    /// The same call, as the last arguments of another program.
    fn below(self, mut runner: Command) -> Self {
        runner
            .arg(self.command.get_program())
            .args(self.command.get_args())
            .env_clear();
        let variables = self.command.get_envs();
        runner.envs(variables.filter_map(|(name, value)| Some((name, value?))));
        Self {
            command: runner,
            ..self
        }
    }

    /// Once, not timed.
    pub(crate) fn carry_out(mut self) {
        self.attempt().unwrap_or_else(|failure| panic!("{failure}"));
    }

    fn attempt(&mut self) -> Result<(), String> {
        self.prepare();
        let finished = finish(self.start());
        self.check(&finished)
    }
}

struct Finished {
    code: Option<i32>,
    reply: Vec<u8>,
}

fn finish(mut child: Child) -> Finished {
    let mut reply = Vec::new();
    let mut stdout = child.stdout.take().expect("stdout is a pipe");
    stdout.read_to_end(&mut reply).expect("a reply can be read");
    let status = child.wait().expect("a child can be waited for");
    Finished {
        code: status.code(),
        reply,
    }
}

/// One contender's work in one round.
#[derive(Debug)]
pub(crate) enum Work {
    /// One call after the other.
    InTurn(Vec<Call>),
    /// All at once.
    AtOnce(Vec<Call>),
}

impl Work {
    pub(crate) fn one(call: Call) -> Self {
        Self::InTurn(vec![call])
    }

    /// The time from the first start to the last end, or the error.
    ///
    /// Before a single call, makes an untimed one, so that the previous program's effect on the processor's
    /// caches doesn't count. With many calls, each does that for the next.
    fn time(&mut self) -> Result<Duration, String> {
        if let Self::InTurn(calls) = self
            && let [call] = &mut calls[..]
        {
            call.attempt()?;
        }
        let (Self::InTurn(calls) | Self::AtOnce(calls)) = self;
        for call in calls.iter_mut() {
            call.prepare();
        }
        let start = Instant::now();
        let finished: Vec<Finished> = match self {
            Self::InTurn(calls) => calls.iter_mut().map(|call| finish(call.start())).collect(),
            Self::AtOnce(calls) => {
                let started: Vec<Child> = calls.iter_mut().map(Call::start).collect();
                started.into_iter().map(finish).collect()
            }
        };
        let elapsed = start.elapsed();
        let (Self::InTurn(calls) | Self::AtOnce(calls)) = self;
        for (call, finished) in calls.iter().zip(&finished) {
            call.check(finished)?;
        }
        Ok(elapsed)
    }
}

/// The limits on rounds and time for a row of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    pub(crate) at_least: usize,
    pub(crate) at_most: usize,
    pub(crate) budget: Duration,
}

/// The median of each work's times, in seconds, and the number of rounds. Doesn't repeat or time work that
/// fails once, because unreliable work isn't comparable.
///
/// A round runs each work once, so that other load affects all equally. Each round has its own order, so that
/// none always runs after the same one.
pub(crate) fn medians(works: &mut [Work], patience: Patience) -> (Vec<Result<f64, String>>, usize) {
    let warm_up = |work: &mut Work| work.time().map(|_| Vec::new());
    let mut times: Vec<Result<Vec<f64>, String>> = works.iter_mut().map(warm_up).collect();
    let start = Instant::now();
    let mut rounds = 0;
    let mut order: Vec<usize> = (0..works.len()).collect();
    // The same orders in every run.
    let mut random = fastrand::Rng::with_seed(1);
    while rounds < patience.at_least || (rounds < patience.at_most && start.elapsed() < patience.budget) {
        random.shuffle(&mut order);
        for &place in &order {
            let Ok(earlier) = &mut times[place] else { continue };
            match works[place].time() {
                Ok(time) => earlier.push(time.as_secs_f64()),
                Err(failure) => times[place] = Err(failure),
            }
        }
        rounds += 1;
    }
    let median = |times: Vec<f64>| {
        let scatter = scatter(&times);
        if scatter > SCATTER_MAX {
            say(&format!(
                "these times scatter: half of them are further than {:.0} % from their median; measure again on a quiet \
                 machine",
                scatter * 100.0
            ));
        }
        median(times)
    };
    (times.into_iter().map(|times| times.map(median)).collect(), rounds)
}

/// From here on a median says more about what else ran than about what was measured. Rounds in turn keep the ratios of
/// such a run, not its milliseconds.
const SCATTER_MAX: f64 = 0.25;

/// The median distance from the median, as a part of it. Unlike a standard deviation, a few slow rounds don't move it.
fn scatter(values: &[f64]) -> f64 {
    let middle = median(values.to_vec());
    median(values.iter().map(|value| (value - middle).abs()).collect()) / middle
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) {
        f64::midpoint(values[middle - 1], values[middle])
    } else {
        values[middle]
    }
}

/// GNU time's report of a call in one of its formats: `%M`, the peak memory of the program or one of its
/// children, in kilobytes; `%R`, the page faults without disk access.
///
/// Uses a separate program, because the kernel also counts a child's memory before exec, and this program is
/// large.
pub(crate) fn resource(time: &Path, format: &str, call: Call) -> Option<f64> {
    let report = tempfile::NamedTempFile::new().expect("a temporary file");
    let mut command = Command::new(time);
    command
        .arg(format!("--format={format}"))
        .arg("--output")
        .arg(report.path());
    call.below(command).carry_out();
    let text = std::fs::read_to_string(report.path()).ok()?;
    text.trim().parse().ok()
}

/// The user-space instructions of a call, counted by valgrind.
pub(crate) fn instructions(valgrind: &Path, call: Call) -> Option<f64> {
    let report = tempfile::NamedTempFile::new().expect("a temporary file");
    let mut command = Command::new(valgrind);
    command
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(format!("--log-file={}", report.path().display()));
    // It may fail if valgrind doesn't support the processor; then there is no figure.
    call.below(command).attempt().ok()?;
    let text = std::fs::read_to_string(report.path()).ok()?;
    let (_, collected) = text.split_once("Collected : ")?;
    collected.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{SCATTER_MAX, median, scatter};

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        assert!((median(vec![4.0, 1.0, 3.0, 2.0]) - 2.5).abs() < f64::EPSILON);
    }

    #[test]
    fn one_slow_round_does_not_move_the_median() {
        assert!((median(vec![1.0, 900.0, 1.0]) - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn one_slow_round_is_no_scatter_and_a_busy_machine_is() {
        assert!(scatter(&[1.0, 1.1, 900.0, 0.9, 1.0]) < SCATTER_MAX);
        assert!(scatter(&[1.0, 2.0, 9.0, 0.5, 3.0]) > SCATTER_MAX);
    }
}
