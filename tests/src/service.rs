//! A server that a test starts, and that ends with it.

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// The timeout for a service to start, and to end.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// A running server; dropping it ends only that process.
pub struct Service {
    name: &'static str,
    child: Child,
}

impl Service {
    /// Starts `command`.
    pub fn start(name: &'static str, command: &mut Command) -> Self {
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        Self { name, child }
    }

    /// Waits until `ready` returns a value; `None` if the process ended first.
    pub fn ready<T>(&mut self, mut ready: impl FnMut() -> Option<T>) -> Option<T> {
        wait_for(self.name, || match ready() {
            Some(value) => Some(Some(value)),
            None if self.has_ended() => Some(None),
            None => None,
        })
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let _ = kill_process(Pid::from_child(&self.child), signal);
    }

    fn has_ended(&mut self) -> bool {
        self.child
            .try_wait()
            .expect("the state of a child can be read")
            .is_some()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // SIGTERM first: an engine then unmounts its data root and ends its containerd.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if self.has_ended() {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("name", &self.name)
            .field("pid", &self.child.id())
            .finish()
    }
}

/// Polls until `condition` returns a value.
pub fn wait_for<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(
            Instant::now() < deadline,
            "{what} is not ready after {PATIENCE:?}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The end of a service's log, for a failing test's message.
pub fn last_lines(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let mut lines: Vec<_> = text.lines().rev().take(10).collect();
    lines.reverse();
    lines.join("\n")
}
