//! One run of a helper, with limits on its time and output.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

mod input;
mod memory;
mod output;

pub use self::input::Input;
use self::input::{Feed, is_nonblocking, send, stdin_for};
use self::memory::note_peak;
pub use self::output::Output;
use self::output::{Ends, collect, output_for};

/// The time limit of one run. A client such as testcontainers gives up after 30 s, docker never does.
pub const TIME_LIMIT: Duration = Duration::from_secs(10);

/// How long to check that a helper waits for its input.
const WATCH: Duration = Duration::from_millis(250);

/// The command under test, and its variables besides the runner's environment.
#[derive(Debug, Clone)]
pub struct Helper {
    program: OsString,
    variables: Vec<(String, String)>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With this exit code.
    Exit(i32),
    /// By a signal.
    Signal,
    /// Not within [`TIME_LIMIT`]; the runner killed it.
    TimedOut,
    /// It printed more than the limit; the runner killed it.
    Flooded,
}

/// The result of one run.
#[derive(Debug)]
pub struct Run {
    /// The verb and its input, for messages.
    pub call: String,
    /// Its exit status.
    pub end: End,
    /// Standard output, including standard error for [`Output::Merged`].
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
    /// Whether the helper read its whole input, and waited for it with [`Input::Late`].
    pub took_input: bool,
    /// Its peak memory, in KiB, if the system reports it.
    pub peak_kib: Option<u64>,
    /// Whether its output may contain a real secret, and must not appear in messages.
    pub private: bool,
    /// Whether the helper left its standard input switched to non-blocking.
    pub left_nonblocking: bool,
}

impl Helper {
    /// The helper that `program` names, a path or a name for `PATH`.
    pub fn new(program: impl Into<OsString>, variables: Vec<(String, String)>) -> Self {
        Self {
            program: program.into(),
            variables,
        }
    }

    /// The file name without `.exe`, which is the helper's own name.
    pub fn name(&self) -> String {
        let name = Path::new(&self.program)
            .file_name()
            .unwrap_or(&self.program)
            .to_string_lossy();
        name.strip_suffix(".exe").unwrap_or(&name).to_owned()
    }

    /// Runs the helper once.
    ///
    /// # Errors If it can't be started, or this system doesn't have such a stream.
    pub fn run(&self, arguments: &[&OsStr], input: Input, output: Output) -> io::Result<Run> {
        let call = describe(arguments, &input);
        let mut command = self.command(arguments, closed_descriptors(&input, output))?;
        let (stdin, feed) = stdin_for(input)?;
        let (ends, stdout, stderr) = output_for(output)?;
        command.stdin(stdin).stdout(stdout).stderr(stderr);
        let child = command.spawn()?;
        // The command holds our copies of the helper's ends; until it is dropped, pipes don't end.
        drop(command);
        watch(call, child, feed, ends)
    }

    fn command(&self, arguments: &[&OsStr], closed: Option<String>) -> io::Result<Command> {
        let mut command = match closed {
            None => Command::new(&self.program),
            Some(_) if cfg!(not(unix)) => return Err(io::ErrorKind::Unsupported.into()),
            // The standard library always opens all three; only a shell can leave a descriptor closed.
            Some(redirections) => {
                let mut shell = Command::new("/bin/sh");
                shell
                    .arg("-c")
                    .arg(format!("exec \"$0\" \"$@\" {redirections}"))
                    .arg(&self.program);
                shell
            }
        };
        command
            .args(arguments)
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        Ok(command)
    }
}

fn describe(arguments: &[&OsStr], input: &Input) -> String {
    let mut call = if arguments.is_empty() {
        "no argument".to_owned()
    } else {
        String::new()
    };
    for argument in arguments {
        if !call.is_empty() {
            call.push(' ');
        }
        call.push_str(&excerpt(argument.as_encoded_bytes(), 40));
    }
    match input {
        Input::Bytes(bytes) | Input::ByteByByte(bytes) | Input::Unended(bytes) | Input::Late(bytes) => {
            if !bytes.is_empty() {
                call.push_str(" of ");
                call.push_str(&excerpt(bytes, 120));
            }
        }
        Input::ZeroMebibytes(count) => call = format!("{call} of {count} MiB of zeros"),
        Input::Path(path) => call = format!("{call} of {path}"),
        Input::Closed => call.push_str(" without stdin"),
    }
    call
}

/// Bytes for a message: printable, on one line, and at most `limit` of them.
pub fn excerpt(bytes: &[u8], limit: usize) -> String {
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(limit)]);
    let more = if bytes.len() > limit {
        format!("… ({} bytes)", bytes.len())
    } else {
        String::new()
    };
    format!(
        "`{}{more}`",
        shown
            .escape_debug()
            .to_string()
            .replace("\\\"", "\"")
            .replace("\\'", "'")
    )
}

fn closed_descriptors(input: &Input, output: Output) -> Option<String> {
    let mut closed = Vec::new();
    if matches!(input, Input::Closed) {
        closed.push("<&-");
    }
    if matches!(output, Output::NoStdout | Output::Neither) {
        closed.push(">&-");
    }
    if matches!(output, Output::NoStderr | Output::Neither) {
        closed.push("2>&-");
    }
    (!closed.is_empty()).then(|| closed.join(" "))
}

fn watch(call: String, mut child: Child, feed: Feed, ends: Ends) -> io::Result<Run> {
    let deadline = Instant::now() + TIME_LIMIT;
    let peak = Arc::new(AtomicU64::new(0));
    let waited = match feed.plan {
        Input::Late(_) => still_there(&mut child, Instant::now() + WATCH)?,
        _ => true,
    };
    let far_end = feed.far_end;
    let [stdout, stderr] = ends.map(collect);
    let (running, gone) = mpsc::channel();
    let taken = send(feed.pipe, feed.plan, child.id(), Arc::clone(&peak), gone);

    let overflowed = [Arc::clone(&stdout.overflowed), Arc::clone(&stderr.overflowed)];
    let flooded = || {
        overflowed
            .iter()
            .any(|overflowed| overflowed.load(Ordering::Acquire))
    };
    let mut pause = Duration::from_micros(200);
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if flooded() || Instant::now() >= deadline {
            break None;
        }
        note_peak(child.id(), &peak);
        thread::sleep(pause);
        pause = (pause * 3 / 2).min(Duration::from_millis(10));
    };
    if status.is_none() {
        kill(&mut child);
        child.wait()?;
    }
    drop::<mpsc::Sender<()>>(running);
    let left_nonblocking = far_end.as_ref().is_some_and(is_nonblocking);
    drop(far_end);
    // A helper's child (an agent that it started) may outlive it and hold its streams open, so don't wait for
    // it.
    let grace = Instant::now() + Duration::from_secs(1);
    let (stdout, stderr) = (stdout.take(grace), stderr.take(grace));
    let taken = taken
        .recv_timeout(grace.saturating_duration_since(Instant::now()))
        .unwrap_or(false);
    let end = match status {
        // Also if the broken pipe ended it before the runner did.
        _ if flooded() => End::Flooded,
        Some(status) => status.code().map_or(End::Signal, End::Exit),
        None => End::TimedOut,
    };
    Ok(Run {
        call,
        end,
        stdout,
        stderr,
        took_input: waited && taken,
        peak_kib: Some(peak.load(Ordering::Relaxed)).filter(|kib| *kib > 0),
        private: false,
        left_nonblocking,
    })
}

fn still_there(child: &mut Child, until: Instant) -> io::Result<bool> {
    while Instant::now() < until {
        if child.try_wait()?.is_some() {
            return Ok(false);
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(true)
}

/// Kills the helper and, on Unix, its children, because a pinentry or a `gpg` would stay.
fn kill(child: &mut Child) {
    #[cfg(unix)]
    {
        let group = i32::try_from(child.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        if let Some(group) = group {
            // It may just have ended; then there is nothing to kill.
            let _gone = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
    let _gone = child.kill();
}
