//! What was judged, open, so that it is what is read.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use super::doubt::Doubt;
use crate::directory::{self, Directory};

/// A file that is open, so that what was judged is what is read.
#[derive(Debug)]
pub struct Opened {
    pub(super) file: File,
    pub(super) doubt: Option<Doubt>,
    pub(super) mild: Option<Doubt>,
}

impl Opened {
    /// What speaks against the file without forbidding this purpose; each method of [`Trust`](super::Trust) says which that is.
    pub fn doubt(&self) -> Option<&Doubt> {
        self.doubt.as_ref()
    }

    /// What `doctor` warns of: [`doubt`](Self::doubt), or a file system [without modes](super::Reason::NoModes).
    pub fn warning(&self) -> Option<&Doubt> {
        self.doubt.as_ref().or(self.mild.as_ref())
    }

    /// The content, under the terms of [`Directory::read`].
    pub fn content(&self, limit: u64) -> io::Result<Vec<u8>> {
        directory::read_regular(&self.file, limit)
    }

    /// The open file.
    pub fn into_file(self) -> File {
        self.file
    }
}

/// A store whose directory is open, so that what was judged is what is read.
#[derive(Debug)]
pub struct OpenedStore {
    /// Where the entries are.
    pub directory: Directory,
    /// Why it could not be written to, or would not be read if no setting named it: a warning for `doctor`.
    pub doubt: Option<Doubt>,
}

/// The file that a change will replace, behind all links.
#[derive(Debug)]
pub struct Target {
    /// Where it is, or will be.
    pub path: PathBuf,
    /// Others may change it as well: a warning for `doctor`.
    pub doubt: Option<Doubt>,
}
