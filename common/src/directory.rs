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

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

#[cfg(not(unix))]
mod portable;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
use self::portable as system;
#[cfg(unix)]
use self::unix as system;

/// The name of a temporary file begins so. They hold what their final file would have held, and are ours to remove.
const TEMPORARY: &str = ".docker-credential-temporary-";

/// The name of a staged file begins so, and ends with the name that it is to take.
const STAGED: &str = ".docker-credential-temporary-staged-";

/// A directory that is held open.
#[derive(Debug)]
pub struct Directory {
    handle: system::Handle,
    path: PathBuf,
}

/// Held while a directory is written to. The kernel releases it when the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    /// Nothing where the file system has no locks; a single [`Directory::replace`] is safe all the same.
    file: Option<File>,
    /// False if another process holds another lock of the same directory.
    is_alone: bool,
}

impl Lock {
    /// Takes the lock of an open file; see [`Directory::lock`].
    pub fn take(file: File, wait: Duration) -> io::Result<Self> {
        match lock_within(file, wait) {
            Ok(file) => Ok(Self {
                file: Some(file),
                is_alone: true,
            }),
            Err(error) if system::has_no_locks(&error) => Ok(Self {
                file: None,
                is_alone: true,
            }),
            Err(error) => Err(error),
        }
    }

    /// The same lock, of which it's known that it doesn't keep every other writer out: what another one has staged, or
    /// is about to rename, is left alone.
    #[must_use]
    pub fn beside_others(mut self) -> Self {
        self.is_alone = false;
        self
    }

    /// Whether no other writer is known of. It's true on file systems without locks.
    pub fn is_alone(&self) -> bool {
        self.is_alone
    }

    /// Whether other processes are really kept out.
    fn is_held(&self) -> bool {
        self.file.is_some() && self.is_alone
    }
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

    /// Writes what `name` is to hold once it is [promoted](Self::promote), besides what it holds now. The content is
    /// on disk when this returns, its name only after [`sync`](Self::sync).
    ///
    /// Staged files are temporary: whatever [replaces](Self::replace) another file removes those it finds. Whoever
    /// stages several and must not lose them leaves a mark, and looks for the mark first whenever it takes the lock.
    pub fn stage(&self, _lock: &Lock, name: &str, content: &[u8], mode: u32) -> io::Result<()> {
        let staged = format!("{STAGED}{name}");
        match system::remove(&self.handle, &staged) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = system::create_exclusively(&self.handle, &staged)?;
        system::give_to(&file, &system::Ownership::of_mode(mode))?;
        io::Write::write_all(&mut file, content)?;
        file.sync_all()?;
        system::close(file)
    }

    /// The names for which a content is staged, in no particular order.
    pub fn staged(&self) -> io::Result<Vec<String>> {
        let staged = |name: String| name.strip_prefix(STAGED).map(str::to_owned);
        system::names(&self.handle)?
            .filter_map(|name| name.map(staged).transpose())
            .collect()
    }

    /// Gives `name` the content that is staged for it. Durable after [`sync`](Self::sync).
    pub fn promote(&self, _lock: &Lock, name: &str) -> io::Result<()> {
        system::rename(&self.handle, &format!("{STAGED}{name}"), name)
    }

    /// Forgets what is staged for `name`.
    pub fn unstage(&self, _lock: &Lock, name: &str) -> io::Result<()> {
        match system::remove(&self.handle, &format!("{STAGED}{name}")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
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

    fn write_temporary(&self, content: &[u8], ownership: &system::Ownership) -> io::Result<Temporary<'_>> {
        let name = format!("{TEMPORARY}{}", unique());
        let mut file = system::create_exclusively(&self.handle, &name)?;
        let temporary = Temporary {
            directory: self,
            name,
        };
        system::give_to(&file, ownership)?;
        io::Write::write_all(&mut file, content)?;
        file.sync_all()?;
        system::close(file)?;
        Ok(temporary)
    }

    /// What a killed writer left behind. Without the lock it might be a live writer's.
    fn remove_stray_temporaries(&self, lock: &Lock) {
        if !lock.is_held() {
            return;
        }
        // All are read before any is removed.
        let names: io::Result<Vec<String>> = system::names(&self.handle).and_then(Iterator::collect);
        for name in names.unwrap_or_default() {
            if name.starts_with(TEMPORARY) {
                let _ = system::remove(&self.handle, &name);
            }
        }
    }
}

/// Removed when dropped, unless it has become a file of its own.
struct Temporary<'a> {
    directory: &'a Directory,
    name: String,
}

impl Temporary<'_> {
    fn keep(mut self) {
        self.name.clear();
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.name.is_empty() {
            let _ = system::remove(&self.directory.handle, &self.name);
        }
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

/// The content of an open file, under the terms of [`Directory::read`]. For files that are named by a whole path.
pub fn read_file(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    read_regular(&open_path(path)?, limit)
}

pub(crate) use self::system::{open_path, open_path_itself};

/// The content of an open file, under the terms of [`Directory::read`].
pub(crate) fn read_regular(file: &File, limit: u64) -> io::Result<Vec<u8>> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(not_a_regular_file());
    }
    let mut content = Vec::with_capacity(usize::try_from(metadata.len().min(limit)).unwrap_or(0) + 1);
    io::Read::read_to_end(&mut io::Read::take(file, limit + 1), &mut content)?;
    if content.len() as u64 > limit {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it is larger than {limit} bytes"),
        ));
    }
    Ok(content)
}

fn not_a_regular_file() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it is not a regular file")
}

fn a_symbolic_link() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it is a symbolic link")
}

/// The blocking call serves waiters in order, which polling does not: under load one of many would starve. So it
/// waits on a thread of its own, only if the lock is not free, and is given up with the process.
fn lock_within(file: File, wait: Duration) -> io::Result<File> {
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => {}
        Err(std::fs::TryLockError::Error(error)) => return Err(error),
    }
    let (sender, receiver) = mpsc::channel();
    std::thread::Builder::new().spawn(move || {
        let result = file.lock();
        let _ = sender.send(result.map(|()| file));
    })?;
    receiver.recv_timeout(wait).unwrap_or_else(|_| {
        Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "another process has held its lock for too long",
        ))
    })
}

/// A name that no other process uses now: they differ in their number, and a number that comes again meets only a
/// dead process's file, which `O_EXCL` notices.
fn unique() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::{SystemTime, UNIX_EPOCH};

    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!(
        "{:x}-{:x}-{:x}",
        std::process::id(),
        now.as_nanos(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    )
}

#[cfg(test)]
mod tests;
