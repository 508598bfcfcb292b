//! Files that are replaced whole or not at all, and stay so through a crash or a power cut.
//!
//! A [`Directory`] is opened once and everything is done relative to it, so that nobody who swaps a component of
//! its path for a link redirects a later step. [`replace`](Directory::replace) is the write path of the project:
//! temporary file, write, fsync, close, rename, fsync of the directory. The last of these is what file holders
//! usually leave out; without it an acknowledged write is lost with the power on ext4 and XFS alike.
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

/// A directory that is held open.
#[derive(Debug)]
pub struct Directory {
    handle: system::Handle,
    path: PathBuf,
}

impl Directory {
    /// Opens a directory that exists. Links on the way to it are followed.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            handle: system::open(path)?,
            path: path.to_owned(),
        })
    }

    /// Opens a directory, made with those above it where they are missing: readable by their owner only, and fsynced
    /// with their parents, so that what is written into it later has a way down to it after a power cut.
    ///
    /// Fails with [`io::ErrorKind::PermissionDenied`] if a directory would have to be made below one that belongs
    /// to neither this user nor root: under `sudo` with the caller's `HOME`, its owner could not use it afterwards.
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

    /// The path it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Owner and mode, of the directory that is open.
    #[cfg(unix)]
    pub(crate) fn metadata(&self) -> io::Result<std::fs::Metadata> {
        self.handle.metadata()
    }

    /// Whether it belongs to this user or root. (Always, where files have no owner that a program can ask for.)
    pub fn is_ours(&self) -> io::Result<bool> {
        system::is_ours(&self.handle)
    }

    /// Whether everybody may write to it. (Never, on systems without modes.)
    pub fn is_world_writable(&self) -> io::Result<bool> {
        system::is_world_writable(&self.handle)
    }

    /// The content of a regular file in it; nothing if there is none of that name.
    ///
    /// A link is not followed, a pipe or device does not block. Fails with [`io::ErrorKind::InvalidData`] for
    /// something else than a regular file, [`io::ErrorKind::FileTooLarge`] for more than `limit` bytes.
    pub fn read(&self, name: &str, limit: u64) -> io::Result<Option<Vec<u8>>> {
        match system::open_for_reading(&self.handle, name) {
            Ok(file) => read_regular(&file, limit).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The names in it that are Unicode, in no particular order, without the temporary ones.
    pub fn names(&self) -> io::Result<Vec<String>> {
        self.lasting_names()?.collect()
    }

    /// Whether one of the [names](Self::names) is such a one. No more of them are read than that takes.
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

    /// Waits until no other process holds the lock, and takes it.
    ///
    /// Fails with [`io::ErrorKind::TimedOut`] after `wait`. File systems without locks are taken as they are.
    pub fn lock(&self, wait: Duration) -> io::Result<Lock> {
        Lock::take(system::lock_file(&self.handle)?, wait)
    }

    /// As [`lock`](Self::lock), for what a file in this directory stands for. It is made if it is missing, readable by
    /// its owner only, so that nobody else can hold the lock; it stays empty, and is never removed.
    pub fn lock_named(&self, name: &str, wait: Duration) -> io::Result<Lock> {
        Lock::take(system::open_lock(&self.handle, name)?, wait)
    }

    /// Gives `name` a new content, durably: after `Ok` it survives a power cut, after `Err` the old content is still
    /// there (or, if only the last fsync failed, the new one). `mode` is that of a Unix file.
    pub fn replace(&self, lock: &Lock, name: &str, content: &[u8], mode: u32) -> io::Result<()> {
        self.replace_as(lock, name, content, &system::Ownership::of_mode(mode))
    }

    /// As [`replace`](Self::replace), for files that others have made: the new one has the mode and the owner of the
    /// old one. Where there is none, `mode` is the new one's.
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

    /// Makes `name` with this content, as durably as [`replace`](Self::replace). `Ok(false)` if it exists: it is
    /// left as it is.
    pub fn create_new(&self, name: &str, content: &[u8], mode: u32) -> io::Result<bool> {
        // No lock is needed, since only one of several links succeeds, and none is asked for: a caller may hold this
        // very directory's already. So a writer that does hold it may take the temporary file for a stray one; then
        // it is made again.
        const ATTEMPTS: usize = 100;
        for _ in 0..ATTEMPTS {
            let temporary = self.write_temporary(content, &system::Ownership::of_mode(mode))?;
            let created = match system::link(&self.handle, &temporary.name, name) {
                Ok(()) => true,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            drop(temporary);
            return system::sync(&self.handle).map(|()| created);
        }
        Err(io::ErrorKind::NotFound.into())
    }

    /// Removes a file, durably. `Ok(false)` if there is none.
    ///
    /// The directory is fsynced also where there is none: it may be missing because an earlier call removed it and
    /// then failed, or died, before its removal was on disk. Saying that it is gone would not be true after a power
    /// cut.
    pub fn remove(&self, name: &str) -> io::Result<bool> {
        let removed = match system::remove(&self.handle, name) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        system::sync(&self.handle)?;
        Ok(removed)
    }

    /// Gives a file another name, durably. `Ok(false)` if that name is taken: nothing is overwritten.
    pub fn set_aside(&self, name: &str, as_name: &str) -> io::Result<bool> {
        match system::link(&self.handle, name, as_name) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
            Err(error) => return Err(error),
        }
        system::remove(&self.handle, name)?;
        system::sync(&self.handle).map(|()| true)
    }

    /// Waits until the directories that lead to it, and the names in it, are on disk.
    ///
    /// [`create`](Self::create) does that for what it makes. This is for what another process has made: it may have
    /// died in between, and nobody else would notice before the power fails.
    pub fn sync_with_ancestors(&self) -> io::Result<()> {
        system::sync(&self.handle)?;
        for ancestor in self.path.ancestors().skip(1) {
            // One that cannot be opened is nobody's that runs this.
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

/// The directory that a path's last name is in; for a name alone the current one.
pub(crate) fn parent(path: &Path) -> Option<&Path> {
    let parent = path.parent()?;
    Some(if parent.as_os_str().is_empty() {
        Path::new(".")
    } else {
        parent
    })
}

/// The content of a file, under the terms of [`Directory::read`], for files that are named by a whole path.
pub fn read_file(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    read_regular(&open_path(path)?, limit)
}

#[cfg(test)]
mod tests;
