//! Runs a program as a person or a client would, and checks the result.

use std::ffi::OsStr;
use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::helper::target_directory;
use crate::requirement::{Missing, environment};

/// The timeout of any client, so that an unanswered prompt fails the test and doesn't block the run.
const DEADLINE: Duration = Duration::from_mins(2);

/// The program of that name: on `PATH`, or among the peers that `tests/run` fetched. An absolute path names
/// itself, and `DOCKER_CREDENTIAL_TEST_DOCKER` the docker to test.
pub fn find(name: &str) -> Result<PathBuf, Missing> {
    if let ("docker", Some(docker)) = (name, environment("DOCKER_CREDENTIAL_TEST_DOCKER")) {
        return Ok(docker.into());
    }
    let path = environment("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["peers/usr/bin", "clients-node/bin"].map(|below| target_directory().join(below)))
        .filter(|directory| directory.is_absolute())
        .map(|directory| directory.join(name))
        .find(|program| program.is_file())
        .ok_or_else(|| Missing::new(format!("the program `{name}` (tests/run installs it)")))
}

/// Copies a program to where other users reach it: the directory of the build may be closed to them.
///
/// Another process copies it. A program that this process has open for writing cannot be run ("Text file busy"), not even
/// after it is closed here, if another test's thread forked in the meantime.
pub fn copy(program: &Path, to: &Path) {
    let copied = Command::new("cp").arg(program).arg(to).status();
    assert!(
        copied.is_ok_and(|status| status.success()),
        "{} is copied",
        program.display()
    );
}

/// docker's client plugin of that name, from the peers: a program of that name on `PATH` may be an older one
/// that isn't a plugin.
pub fn find_plugin(name: &str) -> Result<PathBuf, Missing> {
    let plugin = target_directory()
        .join("peers/usr/libexec/docker/cli-plugins")
        .join(name);
    if !plugin.is_file() {
        return Err(Missing::new(format!(
            "docker's plugin `{name}` (tests/run fetches it)"
        )));
    }
    Ok(plugin)
}

/// A program to run.
pub struct Run {
    command: Command,
    stdin: Vec<u8>,
    redacted: Vec<String>,
}

impl Run {
    /// `redacted` are secrets that a failing test must not show.
    pub fn new(command: Command, redacted: Vec<String>) -> Self {
        Self {
            command,
            stdin: Vec::new(),
            redacted,
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets a variable for this run only.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// The program's input; always a pipe, as clients use it, even if it is empty.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// The program and its environment, for a test that watches, kills or talks to it.
    pub fn into_command(self) -> Command {
        self.command
    }

    /// Runs it to its end.
    pub fn outcome(mut self) -> Outcome {
        let mut called = self.command.get_program().to_string_lossy().into_owned();
        for arg in self.command.get_args() {
            let _ = write!(called, " {}", arg.to_string_lossy());
        }
        // Files, not pipes: a grandchild that keeps a pipe open would block the test.
        let mut stdout = tempfile::tempfile().expect("a temporary file");
        let mut stderr = tempfile::tempfile().expect("a temporary file");
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(stdout.try_clone().expect("a second descriptor"))
            .stderr(stderr.try_clone().expect("a second descriptor"))
            .spawn()
            .unwrap_or_else(|error| panic!("`{called}` cannot be run: {error}"));
        let mut pipe = child.stdin.take().expect("stdin is a pipe");
        let input = self.stdin;
        // In a thread, because a program may exit without reading; ignore the broken pipe.
        let writer = thread::spawn(move || drop(pipe.write_all(&input)));

        let deadline = Instant::now() + DEADLINE;
        let status = loop {
            if let Some(status) = child.try_wait().expect("the state of a child can be read") {
                break status;
            }
            if Instant::now() > deadline {
                let _ = child.kill();
                let _ = child.wait();
                panic!(
                    "`{}` has not ended after {DEADLINE:?}",
                    redact(&called, &self.redacted)
                );
            }
            thread::sleep(Duration::from_millis(1));
        };
        let _ = writer.join();
        Outcome {
            called,
            code: status.code(),
            stdout: read_back(&mut stdout),
            stderr: read_back(&mut stderr),
            redacted: self.redacted,
        }
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("program", &self.command.get_program())
            .finish_non_exhaustive()
    }
}

fn read_back(file: &mut File) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.rewind().expect("a file can be rewound");
    file.read_to_end(&mut bytes).expect("a file can be read");
    bytes
}

/// The outcome of a program.
pub struct Outcome {
    called: String,
    /// The exit code; `None` after a signal.
    pub code: Option<i32>,
    /// The whole standard output.
    pub stdout: Vec<u8>,
    /// The whole standard error.
    pub stderr: Vec<u8>,
    redacted: Vec<String>,
}

impl Outcome {
    /// Fails the test unless the program succeeded.
    #[track_caller]
    pub fn assert_success(&self, why: &str) {
        assert!(
            self.code == Some(0),
            "{why}: this should have succeeded\n{self:?}"
        );
    }

    /// Fails the test unless the program exited with an error; a death by signal doesn't count.
    #[track_caller]
    pub fn assert_failure(&self, why: &str) {
        assert!(
            self.code.is_some_and(|code| code != 0),
            "{why}: this should have failed\n{self:?}"
        );
    }

    /// Both streams as text, for a client's messages.
    pub fn text(&self) -> String {
        format!(
            "{}{}",
            String::from_utf8_lossy(&self.stdout),
            String::from_utf8_lossy(&self.stderr)
        )
    }
}

/// The whole outcome, without the secrets.
impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |bytes: &[u8]| redact(&String::from_utf8_lossy(bytes), &self.redacted);
        writeln!(f, "command: {}", redact(&self.called, &self.redacted))?;
        writeln!(f, "exit code: {:?}", self.code)?;
        writeln!(f, "stdout: {}", show(&self.stdout))?;
        write!(f, "stderr: {}", show(&self.stderr))
    }
}

fn redact(text: &str, secrets: &[String]) -> String {
    secrets
        .iter()
        .fold(text.to_owned(), |text, secret| text.replace(secret, "[redacted]"))
}

/// Every regular file under `directory`, with its content.
pub fn files_under(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut pending = vec![directory.to_owned()];
    while let Some(directory) = pending.pop() {
        for entry in directory
            .read_dir()
            .expect("a directory of the test can be listed")
        {
            let path = entry.expect("a directory of the test can be listed").path();
            let kind = path
                .symlink_metadata()
                .expect("a file of the test has metadata")
                .file_type();
            if kind.is_dir() {
                pending.push(path);
            } else if kind.is_file() {
                let bytes = std::fs::read(&path).expect("a file of the test can be read");
                found.push((path, bytes));
            }
        }
    }
    found
}
