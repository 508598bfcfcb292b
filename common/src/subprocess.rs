//! The programs that a helper runs (plugins, pinentry, other helpers): which file is run, what it learns, and how long
//! and how much it may talk.

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

/// What a program may know: where its user, screen, terminal and card reader are. It is a list of what is let through,
/// because nobody can list all the names under which an environment holds secrets.
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

/// The program that a name stands for in `PATH`, or that an absolute path names, if it may be
/// [believed](crate::trust). A name is looked for in one directory after the other; what is not believed is left out.
///
/// Fails with [`Error::Unavailable`], with the reasons for what was left out. A name with a slash or a leading dot is
/// no name.
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
                // A directory of `PATH` that is not ours is nobody's fault, unless it holds what is looked for.
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

/// The command that runs the program, with its streams as pipes and the few variables that it needs. `is_needed` names
/// those that this program needs besides.
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

/// The absolute directories of `PATH`: a relative one is whatever directory docker happens to run in.
fn directories(environment: &Environment) -> impl Iterator<Item = PathBuf> {
    let path = environment.variable("PATH").unwrap_or_default();
    let directories: Vec<PathBuf> = std::env::split_paths(&path).collect();
    directories
        .into_iter()
        .filter(|directory| directory.is_absolute())
}

fn is_passed_on(name: &str) -> bool {
    // Windows keeps the case of a name and does not look at it; most programs there do not start without `SystemRoot`.
    let is_same = |listed: &&str| *listed == name || cfg!(windows) && listed.eq_ignore_ascii_case(name);
    PASSED_ON.iter().any(is_same) || name.starts_with("LC_")
}

/// How long and how much a program may talk, from its start to its end.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The whole conversation. What a person needs to answer us is [added](Conversation::extend).
    pub time: Duration,
    /// One line of an answer, in bytes.
    pub line: usize,
    /// All answers together, in bytes.
    pub total: usize,
}

/// Why a conversation came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Breakdown {
    /// It cannot be started.
    NotStarted(io::ErrorKind),
    /// Its time is over.
    Late,
    /// The program ended, or closed its streams.
    Ended,
    /// A line, or all together, is longer than the limit.
    TooLong,
}

/// Goes on where the program's name ends.
impl fmt::Display for Breakdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted(kind) => write!(f, "cannot be started: {kind}"),
            Self::Late => f.write_str("doesn't answer in time"),
            Self::Ended => f.write_str("ended without an answer"),
            Self::TooLong => f.write_str("answers more than it may"),
        }
    }
}

/// How many lines wait to be read. A program that floods us is held up by its own pipe.
const WAITING_LINES: usize = 16;

/// A program that is spoken to line by line. It is killed when this is dropped.
#[derive(Debug)]
pub struct Conversation {
    child: Child,
    requests: Sender<Zeroizing<Vec<u8>>>,
    lines: Receiver<Result<Zeroizing<Vec<u8>>, Breakdown>>,
    deadline: Instant,
}

impl Conversation {
    /// Starts the program. Its time runs from now on.
    pub fn start(command: Command, limits: Limits) -> Result<Self, Breakdown> {
        let (child, requests, answers) = spawn(command)?;
        Ok(Self {
            child,
            requests: write_in_background(requests),
            lines: read_in_background(answers, limits),
            deadline: Instant::now() + limits.time,
        })
    }

    /// Sends these bytes. It doesn't wait until they are read: the answer is what is waited for.
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

    /// Gives the program more time: as much as a person took to answer a question of ours.
    pub fn extend(&mut self, by: Duration) {
        self.deadline += by;
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        // A program that was not asked to end, or does not.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a program that ran to its end leaves behind.
#[derive(Debug)]
pub struct Outcome {
    /// How it ended.
    pub status: ExitStatus,
    /// Its whole output.
    pub output: Zeroizing<Vec<u8>>,
}

/// Runs a program to its end: it gets all of `input`, and its whole output is the answer. [`Limits::line`] doesn't
/// matter here. A program that is late or says too much is killed.
pub fn run(command: Command, input: Zeroizing<Vec<u8>>, limits: Limits) -> Result<Outcome, Breakdown> {
    let deadline = Instant::now() + limits.time;
    let (mut child, requests, answers) = spawn(command)?;
    // Dropped at once, so that the program reads an end after the input.
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
        // A command of the caller's own, without pipes.
        _ => Err(Breakdown::NotStarted(io::ErrorKind::BrokenPipe)),
    }
}

/// The end of a program that has closed its output: nearly always it is there already.
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

/// Nor can a pipe be written with a deadline, and a program that reads nothing would hold up for ever who writes more
/// than it takes. This way it is the answer that does not come in time; the program's end then ends the writing.
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
