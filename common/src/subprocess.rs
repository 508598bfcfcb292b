//! Runs other programs (plugins, pinentry, other helpers): finds a trusted file, filters its environment, and
//! limits its time and output.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::{Environment, Error};

/// The variables that a program gets: those for its user, display, terminal and card reader. This is an
/// allow-list, because we can't list all the variables that may hold secrets.
const PASSED_ON: &[&str] = &[
    "COLORTERM",
    "DBUS_SESSION_BUS_ADDRESS",
    "DISPLAY",
    "GPG_TTY",
    "HOME",
    "LANG",
    "LANGUAGE",
    "LOGNAME",
    "PCSCLITE_CSOCK_NAME",
    "TERM",
    "TMPDIR",
    "USER",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_CURRENT_DESKTOP",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    "XDG_SESSION_TYPE",
    // Windows.
    "APPDATA",
    "LOCALAPPDATA",
    "SystemRoot",
    "TEMP",
    "TMP",
    "USERPROFILE",
    "windir",
];

/// The program of this name in `PATH`, or at an absolute path, if it is [trusted](crate::trust). Searches the
/// directories in order, and skips untrusted programs.
///
/// Fails with [`Error::Unavailable`], which gives the reasons for skipped programs. A name must not have a
/// slash or a leading dot.
pub fn find(name: &str, environment: &Environment) -> Result<PathBuf, Error> {
    let trust = environment.trust();
    let path = Path::new(name);
    let is_name = !name.is_empty() && !name.contains(['/', '\\']) && !name.starts_with('.');
    let candidates: Vec<PathBuf> = if path.is_absolute() {
        vec![path.to_owned()]
    } else if is_name {
        directories(environment)
            .map(|directory| directory.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
            .collect()
    } else {
        Vec::new()
    };
    let mut left_out = String::new();
    for program in candidates {
        match trust.program(&program) {
            Ok(true) => return Ok(program),
            Ok(false) => {}
            Err(doubt) => {
                // An untrusted directory of `PATH` only matters if it has a program of this name.
                if program.exists() {
                    environment.log(|| format!("{} is not run: {doubt}", program.display()));
                    left_out = format!(" ({} is not run: {doubt})", program.display());
                }
            }
        }
    }
    Err(Error::unavailable(if path.is_absolute() {
        format!("cannot run {name}: it isn't a program{left_out}; name another")
    } else {
        format!("cannot find {name} in a trusted directory of PATH{left_out}; install it")
    }))
}

/// The command that runs the program, with pipes as its streams and only the variables that it needs.
/// `is_needed` selects additional ones.
pub fn command(program: &Path, environment: &Environment, is_needed: impl Fn(&str) -> bool) -> Command {
    let mut variables: BTreeMap<OsString, OsString> = environment
        .variables()
        .into_iter()
        .filter(|(name, _)| {
            name.to_str()
                .is_some_and(|name| is_passed_on(name) || is_needed(name))
        })
        .collect();
    let trust = environment.trust();
    let trusted = directories(environment).filter(|directory| trust.program_directory(directory) == Ok(true));
    if let Ok(path) = std::env::join_paths(trusted) {
        variables.insert("PATH".into(), path);
    }
    let mut command = Command::new(program);
    command
        .env_clear()
        .envs(variables)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

/// The absolute directories of `PATH`: a relative one depends on docker's working directory.
fn directories(environment: &Environment) -> impl Iterator<Item = PathBuf> {
    let path = environment.variable("PATH").unwrap_or_default();
    let directories: Vec<PathBuf> = std::env::split_paths(&path).collect();
    directories
        .into_iter()
        .filter(|directory| directory.is_absolute())
}

fn is_passed_on(name: &str) -> bool {
    // Windows ignores the case of names; most programs there don't start without `SystemRoot`.
    let is_same = |listed: &&str| *listed == name || cfg!(windows) && listed.eq_ignore_ascii_case(name);
    PASSED_ON.iter().any(is_same) || name.starts_with("LC_")
}

/// The limits on a program's time and output, from its start to its end.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The time of the whole conversation. The time that a person takes to answer us is
    /// [added](Conversation::extend).
    pub time: Duration,
    /// The length of one line of output, in bytes.
    pub line: usize,
    /// The length of the whole output, in bytes.
    pub total: usize,
}

/// Why a conversation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Breakdown {
    /// The program can't be started.
    NotStarted(io::ErrorKind),
    /// It timed out.
    Late,
    /// It ended, or closed its streams.
    Ended,
    /// A line, or the whole output, exceeds the limit.
    TooLong,
}

/// Continues the sentence after the program's name.
impl fmt::Display for Breakdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted(kind) => write!(f, "cannot be started: {kind}"),
            Self::Late => f.write_str("doesn't answer in time"),
            Self::Ended => f.write_str("ended without an answer"),
            Self::TooLong => f.write_str("exceeds the limit on its output"),
        }
    }
}

/// The number of buffered lines. A program that floods us then blocks on its own pipe.
const WAITING_LINES: usize = 16;

/// A conversation with a program, line by line. Dropping it kills the program.
#[derive(Debug)]
pub struct Conversation {
    child: Child,
    requests: Sender<Zeroizing<Vec<u8>>>,
    lines: Receiver<Result<Zeroizing<Vec<u8>>, Breakdown>>,
    deadline: Instant,
}

impl Conversation {
    /// Starts the program, and its time limit.
    pub fn start(command: Command, limits: Limits) -> Result<Self, Breakdown> {
        let (child, requests, answers) = spawn(command)?;
        Ok(Self {
            child,
            requests: write_in_background(requests),
            lines: read_in_background(answers, limits),
            deadline: Instant::now() + limits.time,
        })
    }

    /// Sends these bytes without waiting until the program reads them; [`line`](Self::line) waits for the
    /// answer.
    pub fn send(&mut self, bytes: Zeroizing<Vec<u8>>) -> Result<(), Breakdown> {
        self.requests.send(bytes).map_err(|_| Breakdown::Ended)
    }

    /// The next line, without its end.
    pub fn line(&mut self) -> Result<Zeroizing<Vec<u8>>, Breakdown> {
        match self
            .lines
            .recv_timeout(self.deadline.saturating_duration_since(Instant::now()))
        {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => Err(Breakdown::Late),
            Err(RecvTimeoutError::Disconnected) => Err(Breakdown::Ended),
        }
    }

    /// Extends the time limit by the time that a person took to answer our question.
    pub fn extend(&mut self, by: Duration) {
        self.deadline += by;
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        // The program wasn't asked to end, or doesn't.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The result of a program that ran to its end.
#[derive(Debug)]
pub struct Outcome {
    /// Its exit status.
    pub status: ExitStatus,
    /// Its whole output.
    pub output: Zeroizing<Vec<u8>>,
}

/// Runs a program to its end: sends it all of `input`, and returns its whole output. Ignores
/// [`Limits::line`]. Kills a program that exceeds the other limits.
pub fn run(command: Command, input: Zeroizing<Vec<u8>>, limits: Limits) -> Result<Outcome, Breakdown> {
    let deadline = Instant::now() + limits.time;
    let (mut child, requests, answers) = spawn(command)?;
    // Dropped at once, so that the program reads end of file after the input.
    let _ = write_in_background(requests).send(input);
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut answer = Zeroizing::new(Vec::new());
        let read = answers
            .take(limits.total as u64 + 1)
            .read_to_end(&mut answer)
            .map(|_| answer);
        let _ = sender.send(read);
    });
    let answer = receiver.recv_timeout(deadline.saturating_duration_since(Instant::now()));
    let outcome = match answer {
        Ok(Ok(answer)) if answer.len() > limits.total => Err(Breakdown::TooLong),
        Ok(Ok(answer)) => wait(&mut child, deadline).map(|status| Outcome {
            status,
            output: answer,
        }),
        Ok(Err(_)) => Err(Breakdown::Ended),
        Err(_) => Err(Breakdown::Late),
    };
    if outcome.is_err() {
        let _ = child.kill();
        let _ = child.wait();
    }
    outcome
}

fn spawn(mut command: Command) -> Result<(Child, ChildStdin, ChildStdout), Breakdown> {
    let mut child = command
        .spawn()
        .map_err(|error| Breakdown::NotStarted(error.kind()))?;
    match (child.stdin.take(), child.stdout.take()) {
        (Some(requests), Some(answers)) => Ok((child, requests, answers)),
        // The caller's own command, without pipes.
        _ => Err(Breakdown::NotStarted(io::ErrorKind::BrokenPipe)),
    }
}

/// Waits for a program that has closed its output: nearly always it has ended already.
fn wait(child: &mut Child, deadline: Instant) -> Result<ExitStatus, Breakdown> {
    const PAUSE: Duration = Duration::from_millis(2);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if Instant::now() < deadline => thread::sleep(PAUSE),
            Ok(None) => return Err(Breakdown::Late),
            Err(_) => return Err(Breakdown::Ended),
        }
    }
}

/// A pipe cannot be read with a deadline, a channel can.
fn read_in_background(
    answers: ChildStdout,
    limits: Limits,
) -> Receiver<Result<Zeroizing<Vec<u8>>, Breakdown>> {
    let (sender, receiver) = mpsc::sync_channel(WAITING_LINES);
    thread::spawn(move || {
        let mut answers = BufReader::new(answers);
        let mut left = limits.total as u64;
        loop {
            let mut line = Zeroizing::new(Vec::with_capacity(256));
            let most = left.min(limits.line as u64 + 1);
            let count = match answers.by_ref().take(most).read_until(b'\n', &mut line) {
                Ok(count) if line.last() == Some(&b'\n') => count as u64,
                Ok(count) if count as u64 == most => {
                    let _ = sender.send(Err(Breakdown::TooLong));
                    return;
                }
                _ => return,
            };
            left -= count;
            line.pop();
            if sender.send(Ok(line)).is_err() {
                return;
            }
        }
    });
    receiver
}

/// A write to a pipe can't have a deadline either: if the program doesn't read, a write of more than the
/// pipe's buffer would block forever. In a thread, the answer times out instead, and the program's end then
/// ends the write.
fn write_in_background(mut requests: ChildStdin) -> Sender<Zeroizing<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel::<Zeroizing<Vec<u8>>>();
    thread::spawn(move || {
        for bytes in receiver {
            if requests.write_all(&bytes).is_err() {
                return;
            }
        }
    });
    sender
}

#[cfg(all(test, unix))]
mod tests;

#[cfg(all(test, windows))]
mod windows_tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_in_any_case() {
        for name in ["SystemRoot", "SYSTEMROOT", "windir", "Temp"] {
            assert!(is_passed_on(name), "{name}");
        }
        assert!(!is_passed_on("REGISTRY_TOKEN"));
    }
}
