use std::io;
use std::path::Path;

use serde::{Serialize, Serializer};

use crate::Error;
use crate::show::ShellCommand;

/// The severity of a [`Finding`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Logins work, but something about them may surprise the user.
    Warning,
    /// Logins fail, or are about to.
    Error,
}

/// The result of one check of `doctor`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    level: Level,
    check: &'static str,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<Fix>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

/// A command that makes a finding go away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fix {
    pub(crate) command: ShellCommand,
    /// Whether `doctor --fix` offers to run it.
    pub(crate) is_offered: bool,
}

impl Finding {
    /// `check` names the check, in one lower-case word for programs; `text` is the result, without a full
    /// stop and never with a secret.
    pub fn ok(check: &'static str, text: impl Into<String>) -> Self {
        Self::new(Level::Ok, check, text)
    }

    /// As [`ok`](Self::ok), for a problem that doesn't keep logins from working.
    pub fn warning(check: &'static str, text: impl Into<String>) -> Self {
        Self::new(Level::Warning, check, text)
    }

    /// As [`ok`](Self::ok), for a problem that does. It makes `doctor` exit with 1.
    pub fn error(check: &'static str, text: impl Into<String>) -> Self {
        Self::new(Level::Error, check, text)
    }

    /// An [`error`](Self::error), as a verb reports it. If its text ends with a command to run, that is the
    /// fix; if a mode keeps its owner out, `chmod` is.
    pub fn of_error(check: &'static str, error: &Error) -> Self {
        let text = error.to_string();
        if let Error::File { path, source, .. } = error
            && source.kind() == io::ErrorKind::PermissionDenied
            && let Some(fix) = opened_to_owner(path)
        {
            return Self::error(check, text).safely_fixed_by(fix);
        }
        match text.rsplit_once("; run: ") {
            // Not with more text behind it.
            Some((problem, command)) if !command.contains(" (") => {
                Self::error(check, problem).fixed_by(ShellCommand::new(command))
            }
            _ => Self::error(check, text),
        }
    }

    /// The command that fixes it, for the user to run.
    #[must_use]
    pub fn fixed_by(mut self, command: impl Into<ShellCommand>) -> Self {
        let command = command.into();
        self.fix = Some(Fix {
            command,
            is_offered: false,
        });
        self
    }

    /// The same, for a command that can't lose or approve anything: `doctor --fix` offers to run it.
    #[must_use]
    pub fn safely_fixed_by(mut self, command: impl Into<ShellCommand>) -> Self {
        let command = command.into();
        self.fix = Some(Fix {
            command,
            is_offered: true,
        });
        self
    }

    /// Advice if no single command fixes it, as a sentence without a full stop.
    #[must_use]
    pub fn advice(mut self, text: impl Into<String>) -> Self {
        self.advice = Some(text.into());
        self
    }

    /// The same with another text.
    #[must_use]
    pub(crate) fn with_text(self, text: String) -> Self {
        Self { text, ..self }
    }

    /// Its severity.
    pub fn level(&self) -> Level {
        self.level
    }

    /// The name of the check.
    pub fn check(&self) -> &str {
        self.check
    }

    /// The result.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn fix(&self) -> Option<&Fix> {
        self.fix.as_ref()
    }

    pub(crate) fn advice_text(&self) -> Option<&str> {
        self.advice.as_deref()
    }

    /// Whether the other repeats this cause: its text contains this one's.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.level >= other.level && self.level > Level::Ok && other.text.contains(&self.text)
    }

    fn new(level: Level, check: &'static str, text: impl Into<String>) -> Self {
        Self {
            level,
            check,
            text: text.into(),
            fix: None,
            advice: None,
        }
    }
}

/// The command that gives this user access to their own file or its directory.
#[cfg(unix)]
fn opened_to_owner(path: &Path) -> Option<ShellCommand> {
    use std::os::unix::fs::MetadataExt;
    let user = rustix::process::geteuid().as_raw();
    let closed = |path: &Path| {
        let found = std::fs::metadata(path).ok()?;
        let (bits, mode) = if found.is_dir() {
            (0o700, "u+rwx")
        } else {
            (0o600, "u+rw")
        };
        let is_closed = found.uid() == user && found.mode() & bits != bits;
        is_closed.then(|| ShellCommand::new("chmod").literal(mode).word(path))
    };
    closed(path).or_else(|| closed(path.parent()?))
}

#[cfg(not(unix))]
fn opened_to_owner(_: &Path) -> Option<ShellCommand> {
    None
}

impl Serialize for Fix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.command)
    }
}
