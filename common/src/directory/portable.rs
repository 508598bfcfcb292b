//! Windows: by path. The system doesn't offer fsync of a directory, modes or owners.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

pub(super) type Handle = PathBuf;

pub(super) fn open(path: &Path) -> io::Result<Handle> {
    if fs::metadata(path)?.is_dir() {
        Ok(path.to_owned())
    } else {
        Err(io::ErrorKind::NotADirectory.into())
    }
}

pub(super) fn make_directory(parent: &Handle, name: &OsStr) -> io::Result<()> {
    match fs::create_dir(parent.join(name)) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}

pub(super) fn open_for_reading(directory: &Handle, name: &str) -> io::Result<File> {
    let path = directory.join(name);
    if fs::symlink_metadata(&path)?.is_symlink() {
        return Err(super::regular::a_symbolic_link());
    }
    open_path(&path)
}

/// Report a directory as such, because the system only reports that access is denied.
pub(crate) fn open_path(path: &Path) -> io::Result<File> {
    if fs::metadata(path)?.is_dir() {
        return Err(super::regular::not_a_regular_file());
    }
    File::open(path)
}

/// Doesn't follow a link.
pub(crate) fn open_path_itself(path: &Path) -> io::Result<File> {
    if fs::symlink_metadata(path)?.is_symlink() {
        return Err(super::regular::a_symbolic_link());
    }
    open_path(path)
}

/// New files inherit the access list of their directory.
#[derive(Debug)]
pub(super) struct Ownership;

impl Ownership {
    pub(super) fn of_mode(_mode: u32) -> Self {
        Self
    }
}

pub(super) fn ownership(directory: &Handle, name: &str) -> io::Result<Ownership> {
    fs::symlink_metadata(directory.join(name)).map(|_| Ownership)
}

#[expect(clippy::unnecessary_wraps, reason = "the signature that Unix needs")]
pub(super) fn give_to(_file: &File, _ownership: &Ownership) -> io::Result<()> {
    Ok(())
}

pub(super) fn create_exclusively(directory: &Handle, name: &str) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(directory.join(name))
}

pub(super) fn close(file: File) -> io::Result<()> {
    drop(file);
    Ok(())
}

pub(super) fn rename(directory: &Handle, from: &str, to: &str) -> io::Result<()> {
    fs::rename(directory.join(from), directory.join(to))
}

pub(super) fn link(directory: &Handle, from: &str, to: &str) -> io::Result<()> {
    fs::hard_link(directory.join(from), directory.join(to))
}

/// `ERROR_INVALID_FUNCTION` and `ERROR_NOT_SUPPORTED`, on FAT and some network drives.
pub(super) fn has_no_links(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(1 | 50))
}

pub(super) fn rename_exclusively(_: &Handle, _: &str, _: &str) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(super) fn has_no_exclusive_rename(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported
}

pub(super) fn remove(directory: &Handle, name: &str) -> io::Result<()> {
    fs::remove_file(directory.join(name))
}

#[expect(clippy::unnecessary_wraps, reason = "the signature that Unix needs")]
pub(super) fn sync(_directory: &Handle) -> io::Result<()> {
    Ok(())
}

/// Windows can't lock a directory.
pub(super) const LOCK: &str = ".docker-credential-lock";

pub(super) fn lock_file(directory: &Handle) -> io::Result<File> {
    open_lock(directory, LOCK)
}

pub(super) fn open_lock(directory: &Handle, name: &str) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(directory.join(name))
}

pub(super) fn has_no_locks(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported
}

/// Iterates lazily. Hides the lock file.
pub(super) fn names(directory: &Handle) -> io::Result<impl Iterator<Item = io::Result<String>>> {
    let name = |entry: fs::DirEntry| {
        let is_directory = entry.file_type()?.is_dir();
        let name = entry.file_name().into_string().ok();
        Ok(name.filter(|name| !is_directory && name != LOCK))
    };
    Ok(fs::read_dir(directory)?.filter_map(move |entry| entry.and_then(name).transpose()))
}

#[expect(clippy::unnecessary_wraps, reason = "the signature that Unix needs")]
pub(super) fn check_writable(_directory: &Path) -> io::Result<()> {
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "the signature that Unix needs")]
pub(super) fn is_ours(_directory: &Handle) -> io::Result<bool> {
    Ok(true)
}

#[expect(clippy::unnecessary_wraps, reason = "the signature that Unix needs")]
pub(super) fn is_world_writable(_directory: &Handle) -> io::Result<bool> {
    Ok(false)
}
