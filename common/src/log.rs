//! The only log: what was looked up, where, and why it was not found. Never a secret.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::Error;
use crate::text::one_line;
use crate::trust::Trust;

/// Names the log file; without it nothing is logged.
pub(crate) const SETTING: &str = "DOCKER_CREDENTIAL_LOG";

#[derive(Debug)]
pub(crate) struct Log {
    file: File,
    /// Program, verb and process, so that the lines of parallel runs can be told apart.
    origin: String,
}

impl Log {
    /// Appends to the file, or makes it, if [nobody else reads or exchanges it](Trust::log).
    pub(crate) fn open(trust: &Trust, path: &Path, origin: &str) -> Result<Self, Error> {
        Ok(Self {
            file: trust.log(path)?,
            origin: format!("{origin} {}", std::process::id()),
        })
    }

    /// One line: seconds since 1970, origin, text. A full disk does not make a login fail.
    pub(crate) fn append(&self, text: &str) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let line = format!(
            "{}.{:03} {}: {}\n",
            now.as_secs(),
            now.subsec_millis(),
            self.origin,
            one_line(text)
        );
        let _ = (&self.file).write_all(line.as_bytes());
    }
}
