//! Judges a run: each judgement compares exact bytes and reports the expected and the actual result.

use crate::json;
use crate::probe::{Credential, Stop};
use crate::run::{End, Run, excerpt};

/// A helper's answer if there is no credential for a server. docker compares for equality.
pub(super) const NOT_FOUND: &str = "credentials not found in native keychain";
/// Its answer to a request without a server.
pub(super) const NO_SERVER: &str = "no credentials server URL";
/// Its answer to a `store` without a user.
pub(super) const NO_USERNAME: &str = "no credentials username";

type Judgement = Result<(), Stop>;

impl Run {
    /// The failure of a case that expected another result.
    pub fn failed(&self, expected: &str) -> Stop {
        let end = match self.end {
            End::Exit(code) => format!("exit {code}"),
            End::Signal => "death by a signal".into(),
            End::TimedOut => "no end within 10 s".into(),
            End::Flooded => "endless output".into(),
        };
        let shown = |bytes: &[u8]| match bytes.len() {
            0 => "nothing".to_owned(),
            count if self.private => format!("{count} bytes, which are not shown"),
            _ => excerpt(bytes, 200),
        };
        let seen = format!(
            "{end}, {} on stdout, {} on stderr",
            shown(&self.stdout),
            shown(&self.stderr)
        );
        Stop::Failed(format!("{}: expected {expected}; saw {seen}", self.call))
    }

    fn expect(&self, met: bool, expected: &str) -> Judgement {
        if met { Ok(()) } else { Err(self.failed(expected)) }
    }

    /// The exit code is this one.
    pub fn exits(&self, code: i32) -> Judgement {
        self.expect(self.end == End::Exit(code), &format!("exit {code}"))
    }

    /// It exited with any code, not by a signal.
    pub fn exits_somehow(&self) -> Judgement {
        self.expect(matches!(self.end, End::Exit(0 | 1)), "exit 0 or 1")
    }

    /// It failed, according to its exit code.
    pub fn fails(&self) -> Judgement {
        self.expect(
            matches!(self.end, End::Exit(code) if code != 0),
            "an exit code other than 0",
        )
    }

    /// The exit code and standard output are these.
    pub fn prints(&self, code: i32, stdout: &str) -> Judgement {
        let met = self.end == End::Exit(code) && self.stdout == stdout.as_bytes();
        let expected = match stdout {
            "" => "nothing".to_owned(),
            _ if self.private => format!("another text of {} bytes", stdout.len()),
            _ => excerpt(stdout.as_bytes(), 200),
        };
        self.expect(met, &format!("exit {code}, {expected} on stdout"))
    }

    /// It succeeded and printed nothing.
    pub fn worked_in_silence(&self) -> Judgement {
        self.prints(0, "")
    }

    /// No credential, according to docker: a failure, and only the text on standard output.
    pub fn not_found(&self) -> Judgement {
        let met = matches!(self.end, End::Exit(code) if code != 0)
            && self.stdout.trim_ascii() == NOT_FOUND.as_bytes();
        self.expect(met, &format!("a failure with `{NOT_FOUND}` on stdout"))
    }

    /// The credential came back, every byte of it.
    pub fn answers(&self, credential: &Credential) -> Judgement {
        self.exits(0)?;
        let members = self.members()?;
        let value = |key: &str| {
            members
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value.as_str())
        };
        let same =
            value("Username") == Some(&credential.username) && value("Secret") == Some(&credential.secret);
        let username = excerpt(credential.username.as_bytes(), 80);
        let secret = if self.private {
            "as before".into()
        } else {
            excerpt(credential.secret.as_bytes(), 80)
        };
        self.expect(same, &format!("Username {username} and Secret {secret}"))
    }

    /// The members of the answer, which is one object of strings.
    pub fn members(&self) -> Result<Vec<(String, String)>, Stop> {
        json::strings(&self.stdout)
            .map_err(|problem| self.failed(&format!("one JSON object of strings ({problem})")))
    }

    /// Standard error is empty.
    pub fn quiet(&self) -> Judgement {
        self.expect(self.stderr.is_empty(), "nothing on stderr")
    }

    /// One line on standard output, exit 1, without characters that could harm a terminal or a log.
    pub fn one_line_error(&self) -> Judgement {
        self.exits(1)?;
        let text = self
            .stdout
            .strip_suffix(b"\n")
            .and_then(|line| std::str::from_utf8(line).ok());
        let clean = text.is_some_and(|line| !line.trim().is_empty() && !line.chars().any(is_unprintable));
        self.expect(clean, "one line of printable text on stdout")
    }

    /// Refused: one line, without the secret, a stack trace, or the text for "not found".
    pub fn refused(&self, secret: &str) -> Judgement {
        self.one_line_error()?;
        self.without(secret)?;
        self.no_panic()?;
        let mistaken = contains(&self.stdout, NOT_FOUND);
        self.expect(!mistaken, &format!("an error other than `{NOT_FOUND}`"))
    }

    /// Not found, or refused as an invalid server; neither reveals anything.
    pub fn finds_nothing(&self, secret: &str) -> Judgement {
        self.one_line_error()?;
        self.without(secret)?;
        self.no_panic()
    }

    /// Neither stream contains the secret.
    pub fn without(&self, secret: &str) -> Judgement {
        let leaked = !secret.is_empty() && (contains(&self.stdout, secret) || contains(&self.stderr, secret));
        self.expect(!leaked, "no secret on any stream")
    }

    fn no_panic(&self) -> Judgement {
        let traces = [
            "panicked",
            "panic:",
            "goroutine ",
            "Traceback",
            "stack overflow",
            "stack backtrace",
        ];
        let crashed = traces
            .iter()
            .any(|trace| contains(&self.stdout, trace) || contains(&self.stderr, trace));
        self.expect(!crashed, "an error and not a crash")
    }
}

fn contains(text: &[u8], part: &str) -> bool {
    text.windows(part.len()).any(|window| window == part.as_bytes())
}

/// Control characters, and those that change the direction or the look of following text.
fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Fails the case unless `met`.
pub(super) fn ensure(met: bool, problem: impl FnOnce() -> String) -> Judgement {
    if met { Ok(()) } else { Err(Stop::Failed(problem())) }
}
