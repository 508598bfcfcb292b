use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Document, Problem};
use crate::Error;
use crate::directory::{self, Directory};
use crate::show::ShellCommand;
use crate::trust::Trust;

/// The largest configuration file that is read, in bytes. One with a thousand logins has 0.2 MB.
pub const SIZE_MAX: u64 = 64 << 20;

const LOCK_WAIT: Duration = Duration::from_secs(10);
/// How often to retry a change because another program, which doesn't lock the file, was faster.
const ATTEMPTS: usize = 10;

/// A configuration file as it was read.
#[derive(Clone, Debug)]
pub struct ConfigFile {
    path: PathBuf,
    document: Document,
    exists: bool,
}

/// Why a change was not made.
#[derive(Debug)]
pub enum EditError {
    /// The file's text forbids it.
    Problem(Problem),
    /// Another error.
    Other(Error),
}

impl ConfigFile {
    /// Reads the file. A missing file counts as empty.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes = match directory::read_file(path, SIZE_MAX) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(Error::file("read", path)(error)),
        };
        Ok(Self {
            path: path.to_owned(),
            exists: bytes.is_some(),
            document: parse(path, &bytes.unwrap_or_default())?,
        })
    }

    /// Changes the file, and returns whether that changed anything: an unchanged file isn't written, and a
    /// missing one is created, readable by its owner only.
    ///
    /// At any moment the file has the old text or the new one, and after `Ok` the new one survives a power
    /// cut. Follows and keeps a link, and keeps mode and owner. A lock keeps out other processes that use
    /// this function. docker doesn't lock the file: if it writes at the same time, this notices and repeats
    /// the change on the new text, so `change` may be called several times.
    ///
    /// Fails with [`Error::Refused`] for a file that others can replace, or that belongs to another user.
    pub fn edit(
        trust: &Trust,
        path: &Path,
        mut change: impl FnMut(&Document) -> Result<Document, EditError>,
    ) -> Result<bool, Error> {
        let mut change = |document: &Document| change(document).map_err(|error| error.about(path));
        // Without a change, don't create anything, not even a directory.
        let file = Self::read(path)?;
        if change(&file.document)? == file.document {
            return Ok(false);
        }
        let target = trust.file_to_change(path)?.path;
        let (Some(parent), Some(name)) = (
            directory::parent(&target),
            target.file_name().and_then(|name| name.to_str()),
        ) else {
            return Err(Error::file("write to", path)(
                io::ErrorKind::InvalidFilename.into(),
            ));
        };
        let directory = Directory::create(parent).map_err(|error| uncreatable(parent, error))?;
        let lock = directory.lock(LOCK_WAIT).map_err(Error::file("lock", parent))?;
        let read = || {
            directory
                .read(name, SIZE_MAX)
                .map_err(Error::file("read", &target))
        };
        for _ in 0..ATTEMPTS {
            let old = read()?;
            let document = parse(path, old.as_deref().unwrap_or_default())?;
            let new = change(&document)?;
            if new == document {
                return Ok(false);
            }
            if read()? != old {
                continue;
            }
            directory
                .replace_alike(&lock, name, new.as_str().as_bytes(), 0o600)
                .map_err(|error| unwritable(path, error))?;
            return Ok(true);
        }
        Err(Error::unavailable(format!(
            "cannot write to {}: another program keeps changing it; try again when it has finished",
            path.display()
        )))
    }

    /// Whether [`edit`](Self::edit) could create a missing file, and its error if not. Changes nothing.
    #[cfg(feature = "commands")]
    pub(crate) fn check_creation(trust: &Trust, path: &Path) -> Result<(), Error> {
        let target = trust.file_to_change(path)?.path;
        let parent = directory::parent(&target).unwrap_or(&target);
        Directory::check_creation(parent).map_err(|error| uncreatable(parent, error))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its text.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// Whether the file exists.
    pub fn exists(&self) -> bool {
        self.exists
    }
}

impl EditError {
    /// Adds the file's path to a problem.
    pub(crate) fn about(self, path: &Path) -> Error {
        match self {
            Self::Problem(problem) => Error::Config {
                path: path.to_owned(),
                problem: problem.to_string().into(),
            },
            Self::Other(error) => error,
        }
    }
}

impl From<Problem> for EditError {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Error> for EditError {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// Containers and services often have a home that they can't write to.
fn uncreatable(directory: &Path, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Error::unavailable(format!(
            "cannot create {}: {}; set HOME or DOCKER_CONFIG to a directory that you can write to",
            directory.display(),
            Error::system_text(&error)
        )),
        _ => Error::file("create", directory)(error),
    }
}

/// A file that is a mount point can't be replaced, and writing in place could lose both the old and the new
/// text.
fn unwritable(path: &Path, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::ResourceBusy => Error::unavailable(format!(
            "cannot replace {}: it is mounted as a single file; mount its directory instead",
            path.display()
        )),
        _ if is_immutable(&error) => Error::unavailable(format!(
            "cannot replace {}: it may be immutable (lsattr shows an i); run: {}",
            path.display(),
            ShellCommand::new("sudo chattr -i").word(path)
        )),
        _ => Error::file("write to", path)(error),
    }
}

/// Without the right to write to the directory, it would be another error.
#[cfg(target_os = "linux")]
fn is_immutable(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::PERM.raw_os_error())
}

#[cfg(not(target_os = "linux"))]
fn is_immutable(_error: &io::Error) -> bool {
    false
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Document, Error> {
    let document = match std::str::from_utf8(bytes) {
        Ok(text) => Document::parse(text),
        Err(error) => {
            let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            let problem = Problem::at(&valid, valid.len(), "is not valid UTF-8; save it as UTF-8");
            // docker also replaces these bytes, and reads the rest.
            match Document::parse(&String::from_utf8_lossy(bytes)) {
                Ok(document) => Ok(document.blocked_by(problem)),
                Err(_) => Err(problem),
            }
        }
    };
    document.map_err(|problem| Error::Config {
        path: path.to_owned(),
        problem: problem.to_string().into(),
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn an_immutable_file_is_named_as_such() {
        let text = |number| {
            let error = io::Error::from_raw_os_error(number);
            unwritable(Path::new("/a b"), error).to_string()
        };
        let permission = rustix::io::Errno::PERM.raw_os_error();
        assert!(text(permission).ends_with("run: sudo chattr -i '/a b'"));
        let access = rustix::io::Errno::ACCESS.raw_os_error();
        assert_eq!(text(access), "cannot write to /a b: Permission denied");
    }
}
