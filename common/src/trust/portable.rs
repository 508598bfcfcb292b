//! Windows: no checks, because owners and modes don't mean anything there. A user's directories have access
//! lists that keep others out; SECURITY.md describes the limits.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use super::{Access, Doubt, Step, Way};
use crate::directory::Directory;

#[derive(Clone, Debug)]
pub(super) struct User;

impl User {
    pub(super) fn of_process(_sudo: Option<u32>) -> Self {
        Self
    }

    pub(super) fn for_sudo(&self) -> Option<Self> {
        None
    }
}

pub(super) fn way(_user: &User, _home: Option<&Path>, path: &Path, _step: Step) -> io::Result<Way> {
    let (path, exists) = match std::fs::canonicalize(path) {
        Ok(path) => (path, true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => (path.to_owned(), false),
        Err(error) => return Err(error),
    };
    Ok(Way {
        path,
        exists,
        doubt: None,
        mild: None,
    })
}

#[expect(clippy::unnecessary_wraps, reason = "the signature that Unix needs")]
pub(super) fn judge_file(_: &User, _: &File, _: &Path, _: Access) -> io::Result<Option<Doubt>> {
    Ok(None)
}

#[expect(clippy::unnecessary_wraps, reason = "the signature that Unix needs")]
pub(super) fn judge_change(_: &User, _: &File, _: &Path) -> io::Result<Option<Doubt>> {
    Ok(None)
}

#[expect(clippy::unnecessary_wraps, reason = "the signature that Unix needs")]
pub(super) fn judge_directory(_: &User, _: &Directory) -> io::Result<Option<Doubt>> {
    Ok(None)
}

#[expect(clippy::unnecessary_wraps, reason = "the signature that Unix needs")]
pub(super) fn judge_program(_: &User, path: &Path) -> Result<bool, Doubt> {
    Ok(path.is_file())
}

pub(super) fn open_log(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

#[expect(clippy::unnecessary_wraps, reason = "the signature that Unix needs")]
pub(super) fn judge_log(_: &User, _: &File, _: &Path) -> io::Result<Option<Doubt>> {
    Ok(None)
}
