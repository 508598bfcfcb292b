//! Unix: everything relative to a descriptor.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, RawMode, Uid};
use rustix::io::Errno;

pub(super) use crate::sys::close;

pub(super) type Handle = File;

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

pub(super) fn open(path: &Path) -> io::Result<Handle> {
    Ok(rustix::fs::open(path, DIRECTORY, Mode::empty())?.into())
}

pub(super) fn make_directory(parent: &Handle, name: &OsStr) -> io::Result<()> {
    match rustix::fs::mkdirat(parent, name, Mode::RWXU) {
        // Another process was faster.
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Don't wait for a controlling terminal or for a pipe's writer.
const READING: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

fn reading_no_link() -> OFlags {
    READING.union(OFlags::NOFOLLOW)
}

pub(super) fn open_for_reading(directory: &Handle, name: &str) -> io::Result<File> {
    match rustix::fs::openat(directory, name, reading_no_link(), Mode::empty()) {
        Ok(file) => Ok(file.into()),
        Err(Errno::LOOP | Errno::MLINK) => Err(super::regular::a_symbolic_link()),
        // A socket.
        Err(Errno::NXIO) => Err(super::regular::not_a_regular_file()),
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn open_path(path: &Path) -> io::Result<File> {
    Ok(rustix::fs::openat(CWD, path, READING, Mode::empty())?.into())
}

/// Doesn't follow a link.
pub(crate) fn open_path_itself(path: &Path) -> io::Result<File> {
    Ok(rustix::fs::openat(CWD, path, reading_no_link(), Mode::empty())?.into())
}

/// The owner and mode of a file.
#[derive(Debug)]
pub(super) struct Ownership {
    mode: Mode,
    /// User and group, if they differ from this process's.
    owner: Option<(Uid, Gid)>,
}

impl Ownership {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a mode has 12 bits; macOS holds it in 16"
    )]
    pub(super) fn of_mode(mode: u32) -> Self {
        Self {
            mode: Mode::from_raw_mode(mode as RawMode),
            owner: None,
        }
    }
}

pub(super) fn ownership(directory: &Handle, name: &str) -> io::Result<Ownership> {
    let status = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(Ownership {
        mode: Mode::from_raw_mode(status.st_mode),
        owner: Some((Uid::from_raw(status.st_uid), Gid::from_raw(status.st_gid))),
    })
}

const CREATING: OFlags = OFlags::WRONLY
    .union(OFlags::CREATE)
    .union(OFlags::EXCL)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Readable by its owner only.
const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);

/// Private at first, with any final mode.
pub(super) fn create_exclusively(directory: &Handle, name: &str) -> io::Result<File> {
    Ok(rustix::fs::openat(directory, name, CREATING, PRIVATE)?.into())
}

pub(super) fn give_to(file: &File, ownership: &Ownership) -> io::Result<()> {
    let status = rustix::fs::fstat(file)?;
    let mut mode = ownership.mode;
    if let Some((user, group)) = ownership.owner
        && (user.as_raw(), group.as_raw()) != (status.st_uid, status.st_gid)
    {
        match rustix::fs::fchown(file, Some(user), Some(group)) {
            Ok(()) => {}
            // We aren't in the file's group, and ours should not get access. Or the file is root's, such as one that
            // `sudo docker login` left in a user's directory: as with docker, it becomes ours.
            Err(Errno::PERM) => mode -= Mode::RWXG,
            Err(error) => return Err(error.into()),
        }
    }
    // The process's umask can only remove bits from the mode for `openat`.
    if mode != PRIVATE {
        rustix::fs::fchmod(file, mode)?;
    }
    Ok(())
}

pub(super) fn rename(directory: &Handle, from: &str, to: &str) -> io::Result<()> {
    Ok(rustix::fs::renameat(directory, from, directory, to)?)
}

pub(super) fn link(directory: &Handle, from: &str, to: &str) -> io::Result<()> {
    Ok(rustix::fs::linkat(
        directory,
        from,
        directory,
        to,
        AtFlags::empty(),
    )?)
}

/// FAT answers `EPERM`.
pub(super) fn has_no_links(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::PERM | Errno::NOTSUP | Errno::NOSYS | Errno::MLINK)
    )
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
pub(super) fn rename_exclusively(directory: &Handle, from: &str, to: &str) -> io::Result<()> {
    let flags = rustix::fs::RenameFlags::NOREPLACE;
    Ok(rustix::fs::renameat_with(directory, from, directory, to, flags)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
pub(super) fn rename_exclusively(_: &Handle, _: &str, _: &str) -> io::Result<()> {
    Err(Errno::NOSYS.into())
}

pub(super) fn has_no_exclusive_rename(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::INVAL | Errno::NOTSUP | Errno::NOSYS | Errno::PERM)
    )
}

pub(super) fn remove(directory: &Handle, name: &str) -> io::Result<()> {
    Ok(rustix::fs::unlinkat(directory, name, AtFlags::empty())?)
}

/// Some file systems can't fsync a directory, and report these two errors. Any other error counts: data may
/// be lost, and a second fsync would succeed.
pub(super) fn sync(directory: &Handle) -> io::Result<()> {
    match rustix::fs::fsync(directory) {
        Ok(()) | Err(Errno::INVAL | Errno::NOTSUP) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Locks the directory itself, so that a shared or committed store doesn't contain a lock file.
pub(super) fn lock_file(directory: &Handle) -> io::Result<File> {
    // A separate open file description, so that two `Lock`s in one process also exclude each other.
    Ok(rustix::fs::openat(directory, ".", DIRECTORY, Mode::empty())?.into())
}

pub(super) fn open_lock(directory: &Handle, name: &str) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    Ok(rustix::fs::openat(directory, name, flags, PRIVATE)?.into())
}

/// NFS answers `EBADF`: it doesn't allow an exclusive lock on a file that is open for reading, and a
/// directory can't be opened otherwise.
pub(super) fn has_no_locks(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::NOLCK | Errno::NOTSUP | Errno::NOSYS | Errno::INVAL | Errno::BADF)
    )
}

/// Iterates lazily.
pub(super) fn names(directory: &Handle) -> io::Result<impl Iterator<Item = io::Result<String>>> {
    Ok(Dir::read_from(directory)?.filter_map(|entry| match entry {
        Err(error) => Some(Err(error.into())),
        Ok(entry) if entry.file_type() == FileType::Directory => None,
        Ok(entry) => entry.file_name().to_str().ok().map(|name| Ok(name.to_owned())),
    }))
}

pub(super) fn check_writable(directory: &Path) -> io::Result<()> {
    let access = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    Ok(rustix::fs::access(directory, access)?)
}

pub(super) fn is_ours(directory: &Handle) -> io::Result<bool> {
    let owner = rustix::fs::fstat(directory)?.st_uid;
    Ok(owner == rustix::process::geteuid().as_raw() || owner == 0)
}

pub(super) fn is_world_writable(directory: &Handle) -> io::Result<bool> {
    Ok(rustix::fs::fstat(directory)?.st_mode & 0o002 != 0)
}
