use serde::Serialize;

/// How much a [`Finding`] matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Logins work, and something about them is not as its user may think.
    Warning,
    /// Logins fail, or are about to.
    Error,
}

/// One thing that `doctor` looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    level: Level,
    check: &'static str,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

impl Finding {
    /// `check` names what was looked at, in one lower-case word for programs; `text` says what was found, without a
    /// final stop and never with a secret.
    pub fn ok(check: &'static str, text: impl Into<String>) -> Self {
        Self::new(Level::Ok, check, text)
    }

    /// As [`ok`](Self::ok), for something that does not keep logins from working.
    pub fn warning(check: &'static str, text: impl Into<String>) -> Self {
        Self::new(Level::Warning, check, text)
    }

    /// As [`ok`](Self::ok), for something that does. It makes `doctor` exit with 1.
    pub fn error(check: &'static str, text: impl Into<String>) -> Self {
        Self::new(Level::Error, check, text)
    }

    /// The command that puts it right, as it is typed.
    #[must_use]
    pub fn mended_by(mut self, command: impl Into<String>) -> Self {
        self.mend = Some(command.into());
        self
    }

    /// How much it matters.
    pub fn level(&self) -> Level {
        self.level
    }

    /// What was looked at.
    pub fn check(&self) -> &str {
        self.check
    }

    /// What was found.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The command that puts it right.
    pub fn mend(&self) -> Option<&str> {
        self.mend.as_deref()
    }

    fn new(level: Level, check: &'static str, text: impl Into<String>) -> Self {
        Self {
            level,
            check,
            text: text.into(),
            mend: None,
        }
    }
}
