//! Requirements of a test that this machine may lack.
//!
//! A test with a missing requirement reports it and counts as skipped; with `CI=true` it fails instead, so
//! that a missing package doesn't look like a green run.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write as _};

/// Why a test can't run here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing(String);

impl Missing {
    /// `what` completes the sentence "this test needs …".
    pub fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Requires root, because only root can create files of other users.
pub fn root() -> Result<(), Missing> {
    if rustix::process::geteuid().is_root() {
        Ok(())
    } else {
        Err(Missing::new("to run as root"))
    }
}

/// Returns the value, or ends the calling test as skipped.
#[macro_export]
macro_rules! require {
    ($requirement:expr) => {
        match $requirement {
            Ok(met) => met,
            Err(missing) => {
                // A closure is named after its function; libtest's thread name is lost with one thread.
                let here = || ();
                $crate::requirement::skip(std::any::type_name_of_val(&here), &missing);
                return;
            }
        }
    };
}

/// Reports that the test `test` is skipped; with `CI=true`, that is a failure.
pub fn skip(test: &str, missing: &Missing) {
    let in_ci = environment("CI").is_some_and(|ci| ci == "true");
    let line = skipped(test.trim_end_matches("::{{closure}}"), missing, in_ci);
    // Not `eprintln!`, which libtest captures in passing tests.
    let _ = io::stderr().lock().write_all(line.as_bytes());
}

fn skipped(test: &str, missing: &Missing, in_ci: bool) -> String {
    assert!(!in_ci, "{test} needs {missing}, and in CI nothing may be skipped");
    format!("skipped: {test}: {missing}\n")
}

/// The only place where the tests read their environment.
#[expect(
    clippy::disallowed_methods,
    reason = "tests are told by it what to test, and set none of it"
)]
pub fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

#[cfg(test)]
mod tests {
    use super::{Missing, skipped};

    #[test]
    fn a_skip_is_one_line() {
        assert_eq!(
            skipped("engine::pull", &Missing::new("root"), false),
            "skipped: engine::pull: root\n"
        );
    }

    #[test]
    #[should_panic(expected = "engine::pull needs root, and in CI nothing may be skipped")]
    fn in_ci_a_skip_is_a_failure() {
        skipped("engine::pull", &Missing::new("root"), true);
    }
}
