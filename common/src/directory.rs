//! Replaces whole files or nothing, even in a crash or a power cut.
//!
//! A [`Directory`] is opened once and everything is relative to it, so that replacing a component of its path
//! with a link doesn't redirect a later step. [`replace`](Directory::replace) is the write path of the
//! project: temporary file, write, fsync, close, rename, fsync of the directory. Many programs omit the last
//! step; without it, a power cut loses an acknowledged write on both ext4 and XFS.
//!
//! ```
//! use docker_credential_helper::directory::Directory;
//! use std::time::Duration;
//!
//! let place = tempfile::tempdir()?;
//! let directory = Directory::create(&place.path().join("store"))?;
//! let lock = directory.lock(Duration::from_secs(10))?;
//! directory.replace(&lock, "greeting", b"hello", 0o600)?;
//! assert_eq!(directory.read("greeting", 100)?.as_deref(), Some(&b"hello"[..]));
//! # Ok::<(), std::io::Error>(())
//! ```

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

mod lock;
#[cfg(not(unix))]
mod portable;
mod regular;
mod staged;
mod temporary;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
use self::portable as system;
#[cfg(unix)]
use self::unix as system;

pub use self::lock::Lock;
pub(crate) use self::regular::read_regular;
pub(crate) use self::system::{open_path, open_path_itself};
use self::temporary::TEMPORARY;

/// An open directory.
#[derive(Debug)]
pub struct Directory {
    handle: system::Handle,
    path: PathBuf,
}

impl Directory {
    /// Opens an existing directory. Follows links in its path.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            handle: system::open(path)?,
            path: path.to_owned(),
        })
    }

    /// Opens a directory, and creates it and missing parents: readable by their owner only, and fsynced with
    /// their parents, so that later files in it can be reached after a power cut.
    ///
    /// Fails with [`io::ErrorKind::PermissionDenied`] if it would have to create a directory below one that
    /// belongs to neither this user nor root: under `sudo` with the caller's `HOME`, the caller couldn't use
    /// it afterwards.
    pub fn create(path: &Path) -> io::Result<Self> {
        match Self::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            result => return result,
        }
        let (Some(parent), Some(name)) = (parent(path), path.file_name()) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let parent = Self::create(parent)?;
        if !system::is_ours(&parent.handle)? {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                format!("{} belongs to another user", parent.path.display()),
            ));
        }
        system::make_directory(&parent.handle, name)?;
        system::sync(&parent.handle)?;
        Self::open(path)
    }

    /// Whether [`create`](Self::create) could create it; the error if not. Changes nothing, for `doctor`.
    pub fn check_creation(path: &Path) -> io::Result<()> {
        let directory = match Self::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let parent = parent(path).ok_or(io::ErrorKind::NotFound)?;
                return Self::check_creation(parent);
            }
            result => result?,
        };
        system::check_writable(&directory.path)
    }

    /// The path with which it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Owner and mode of the open directory.
    #[cfg(unix)]
    pub(crate) fn metadata(&self) -> io::Result<std::fs::Metadata> {
        self.handle.metadata()
    }

    /// Whether it belongs to this user or root. (Always true on systems without visible owners.)
    pub fn is_ours(&self) -> io::Result<bool> {
        system::is_ours(&self.handle)
    }

    /// Whether everybody can write to it. (Never on systems without modes.)
    pub fn is_world_writable(&self) -> io::Result<bool> {
        system::is_world_writable(&self.handle)
    }

    /// The content of a regular file in it; nothing if there is no file of that name.
    ///
    /// Doesn't follow a link or block on a pipe or device. Fails with [`io::ErrorKind::InvalidData`] for
    /// anything but a regular file, and [`io::ErrorKind::FileTooLarge`] for more than `limit` bytes.
    pub fn read(&self, name: &str, limit: u64) -> io::Result<Option<Vec<u8>>> {
        match system::open_for_reading(&self.handle, name) {
            Ok(file) => read_regular(&file, limit).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The Unicode names in it, in no particular order, without temporary ones.
    pub fn names(&self) -> io::Result<Vec<String>> {
        self.lasting_names()?.collect()
    }

    /// Whether one of the [names](Self::names) satisfies the condition. Stops reading at the first that does.
    pub fn has(&self, is_such: impl Fn(&str) -> bool) -> io::Result<bool> {
        for name in self.lasting_names()? {
            if is_such(&name?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn lasting_names(&self) -> io::Result<impl Iterator<Item = io::Result<String>>> {
        let is_temporary = |name: &String| name.starts_with(TEMPORARY);
        Ok(system::names(&self.handle)?.filter(move |name| !name.as_ref().is_ok_and(is_temporary)))
    }

    /// Waits for the lock, and takes it.
    ///
    /// Fails with [`io::ErrorKind::TimedOut`] after `wait`. Succeeds on file systems without locks.
    pub fn lock(&self, wait: Duration) -> io::Result<Lock> {
        Lock::take(system::lock_file(&self.handle)?, wait)
    }

    /// As [`lock`](Self::lock), but locks a file in this directory, which represents something else. Creates
    /// the file if it is missing, readable by its owner only, so that others can't hold the lock; it stays
    /// empty, and is never removed.
    pub fn lock_named(&self, name: &str, wait: Duration) -> io::Result<Lock> {
        Lock::take(system::open_lock(&self.handle, name)?, wait)
    }

    /// Replaces the content of `name` durably: after `Ok` it survives a power cut, after `Err` the old
    /// content is still there (or, if only the last fsync failed, the new one). `mode` is for Unix files.
    pub fn replace(&self, lock: &Lock, name: &str, content: &[u8], mode: u32) -> io::Result<()> {
        self.replace_as(lock, name, content, &system::Ownership::of_mode(mode))
    }

    /// As [`replace`](Self::replace), for other programs' files: keeps the mode and the owner of the old
    /// file. `mode` is for a new file.
    pub fn replace_alike(&self, lock: &Lock, name: &str, content: &[u8], mode: u32) -> io::Result<()> {
        let ownership = match system::ownership(&self.handle, name) {
            Ok(ownership) => ownership,
            Err(error) if error.kind() == io::ErrorKind::NotFound => system::Ownership::of_mode(mode),
            Err(error) => return Err(error),
        };
        self.replace_as(lock, name, content, &ownership)
    }

    fn replace_as(
        &self,
        lock: &Lock,
        name: &str,
        content: &[u8],
        ownership: &system::Ownership,
    ) -> io::Result<()> {
        self.remove_stray_temporaries(lock);
        let temporary = self.write_temporary(content, ownership)?;
        system::rename(&self.handle, &temporary.name, name)?;
        temporary.keep();
        system::sync(&self.handle)
    }

    /// Creates `name` with this content, as durably as [`replace`](Self::replace). `Ok(false)` if it exists,
    /// which doesn't change it.
    pub fn create_new(&self, name: &str, content: &[u8], mode: u32) -> io::Result<bool> {
        // Doesn't need a lock, because only one of several links succeeds, and doesn't take one, because a
        // caller may already hold this directory's. So a writer with the lock may remove the temporary file
        // as a leftover; then this creates it again.
        const ATTEMPTS: usize = 100;
        for _ in 0..ATTEMPTS {
            let temporary = self.write_temporary(content, &system::Ownership::of_mode(mode))?;
            let created = match system::link(&self.handle, &temporary.name, name) {
                Ok(()) => true,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) if system::has_no_links(&error) => self.rename_new(&temporary.name, name)?,
                Err(error) => return Err(error),
            };
            drop(temporary);
            return system::sync(&self.handle).map(|()| created);
        }
        Err(io::ErrorKind::NotFound.into())
    }

    /// Removes a file, durably. `Ok(false)` if there is none.
    ///
    /// Also fsyncs the directory if the file is missing: an earlier call may have removed it and then failed,
    /// or been killed, before its removal was on disk. After a power cut, the file could be back.
    pub fn remove(&self, name: &str) -> io::Result<bool> {
        let removed = match system::remove(&self.handle, name) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        system::sync(&self.handle)?;
        Ok(removed)
    }

    /// Renames a file, durably. `Ok(false)` if the new name exists: it never overwrites.
    pub fn set_aside(&self, name: &str, as_name: &str) -> io::Result<bool> {
        match system::link(&self.handle, name, as_name) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
            Err(error) if system::has_no_links(&error) => {
                let renamed = self.rename_new(name, as_name)?;
                return system::sync(&self.handle).map(|()| renamed);
            }
            Err(error) => return Err(error),
        }
        system::remove(&self.handle, name)?;
        system::sync(&self.handle).map(|()| true)
    }

    /// Renames without overwriting, for FAT, SMB and others without hard links. `Ok(false)` if the new name
    /// exists.
    fn rename_new(&self, from: &str, to: &str) -> io::Result<bool> {
        let is_there = |error: &io::Error| error.kind() == io::ErrorKind::AlreadyExists;
        match system::rename_exclusively(&self.handle, from, to) {
            Err(error) if is_there(&error) => return Ok(false),
            Err(error) if system::has_no_exclusive_rename(&error) => {}
            result => return result.map(|()| true),
        }
        // Only one process can create the new name, and so may replace it. Others may see it empty.
        match system::create_exclusively(&self.handle, to) {
            Err(error) if is_there(&error) => return Ok(false),
            result => system::close(result?)?,
        }
        let renamed = system::rename(&self.handle, from, to);
        if renamed.is_err() {
            let _ = system::remove(&self.handle, to);
        }
        renamed.map(|()| true)
    }

    /// Waits until its parent directories, and the names in it, are on disk.
    ///
    /// [`create`](Self::create) does this for directories that it creates. This is for those of another
    /// process, which may have been killed in between.
    pub fn sync_with_ancestors(&self) -> io::Result<()> {
        system::sync(&self.handle)?;
        for ancestor in self.path.ancestors().skip(1) {
            // A directory that we can't open isn't ours.
            if let Ok(directory) = system::open(ancestor) {
                system::sync(&directory)?;
            }
        }
        Ok(())
    }

    /// Waits until the names in it are on disk.
    pub fn sync(&self) -> io::Result<()> {
        system::sync(&self.handle)
    }
}

/// The directory of a path's last name; for a name alone, the current one.
pub(crate) fn parent(path: &Path) -> Option<&Path> {
    let parent = path.parent()?;
    Some(if parent.as_os_str().is_empty() {
        Path::new(".")
    } else {
        parent
    })
}

/// The content of a file, as in [`Directory::read`], by its whole path.
pub fn read_file(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    read_regular(&open_path(path)?, limit)
}

#[cfg(test)]
mod tests;
