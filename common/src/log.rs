//! The only log: records each look-up, its place, and why there was no login. Never a secret.

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
    /// Program, verb and process, to distinguish the lines of parallel runs.
    origin: String,
}

impl Log {
    /// Appends to the file, or creates it, if [nobody else can read or replace it](Trust::log).
    pub(crate) fn open(trust: &Trust, path: &Path, origin: &str) -> Result<Self, Error> {
        Ok(Self {
            file: trust.log(path)?,
            origin: format!("{origin} {}", std::process::id()),
        })
    }

    /// One line: seconds since 1970, origin, text. A full disk doesn't make a login fail.
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
