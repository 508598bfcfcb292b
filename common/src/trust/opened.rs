//! Open files that were checked, so that exactly those are read.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use super::doubt::Doubt;
use crate::directory::{self, Directory};

/// An open file that was checked.
#[derive(Debug)]
pub struct Opened {
    pub(super) file: File,
    pub(super) doubt: Option<Doubt>,
    pub(super) mild: Option<Doubt>,
}

impl Opened {
    /// A doubt that doesn't forbid this purpose; each method of [`Trust`](super::Trust) documents it.
    pub fn doubt(&self) -> Option<&Doubt> {
        self.doubt.as_ref()
    }

    /// A warning for `doctor`: [`doubt`](Self::doubt), or a file system [without
    /// modes](super::Reason::NoModes).
    pub fn warning(&self) -> Option<&Doubt> {
        self.doubt.as_ref().or(self.mild.as_ref())
    }

    /// The content, as in [`Directory::read`].
    pub fn content(&self, limit: u64) -> io::Result<Vec<u8>> {
        directory::read_regular(&self.file, limit)
    }

    /// The open file.
    pub fn into_file(self) -> File {
        self.file
    }
}

/// A store whose directory is open and was checked.
#[derive(Debug)]
pub struct OpenedStore {
    /// The directory of the entries.
    pub directory: Directory,
    /// Why we can't write to it, or wouldn't read it unless a setting named it: a warning for `doctor`.
    pub doubt: Option<Doubt>,
}

/// The file that a change will replace, behind all links.
#[derive(Debug)]
pub struct Target {
    /// Its directory, which may not exist yet.
    pub path: PathBuf,
    /// Others can also change it: a warning for `doctor`.
    pub doubt: Option<Doubt>,
}
