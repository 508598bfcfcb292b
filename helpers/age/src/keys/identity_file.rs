//! The file of an identity: created once, durably, and changed by one process at a time.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use age::x25519;
use docker_credential_helper::directory::{Directory, Lock, read_file};
use docker_credential_helper::{Environment, Error};
use zeroize::Zeroizing;

use super::identities::{damaged, file_text};
use super::sealed::Sealed;
use crate::asking::kernel_keyring;
use crate::settings;

/// An identity file has a line of 74 bytes for each key; this is enough for thousands of keys and comments.
pub(super) const FILE_MAX: u64 = 1 << 20;

/// In the identity of a plugin.
const PLUGIN: &[u8] = b"AGE-PLUGIN-";

/// The time that encrypting a store again may take.
const LOCK_WAIT: Duration = Duration::from_secs(30);

/// The content of an identity file, which may be sealed.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    read_file(path, FILE_MAX)
        .map(Zeroizing::new)
        .map_err(unreadable(path))
}

pub(super) fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |error| match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::FileTooLarge => {
            damaged(&path.display().to_string(), &format!("cannot be used: {error}"))
        }
        _ => Error::file("read the identity", path)(error),
    }
}

/// Creates the default identity file unless it exists; returns its path, and whether it is new.
pub(crate) fn create_default(environment: &Environment) -> Result<(PathBuf, bool), Error> {
    let path = settings::default_identity_file(environment)?;
    let is_new = create_file(
        &path,
        file_text(&x25519::Identity::generate()).as_bytes(),
        environment,
    )?;
    Ok((path, is_new))
}

/// Whether the default identity could be created, and the error if not. Changes nothing, for `doctor`.
pub(crate) fn check_creation(environment: &Environment) -> Result<(), Error> {
    let path = settings::default_identity_file(environment)?;
    let parent = path.parent().unwrap_or(&path);
    environment.trust().own_directory(parent)?;
    Directory::check_creation(parent).map_err(Error::file("create the identity", &path))
}

/// Creates an identity file, durably. `Ok(false)` if it exists, which doesn't change it.
pub(crate) fn create_file(path: &Path, content: &[u8], environment: &Environment) -> Result<bool, Error> {
    let (directory, name) = directory_of(path, environment)?;
    let creating = |source| Error::File {
        action: "create the identity",
        path: path.to_owned(),
        source,
    };
    // Many people keep their configuration in git; don't commit a private key there. Only hides our own
    // directory.
    if settings::default_identity_file(environment).is_ok_and(|default| default == path) {
        directory
            .create_new(".gitignore", b"*\n", 0o600)
            .map_err(creating)?;
    }
    directory.create_new(&name, content, 0o600).map_err(creating)
}

/// Waits until the default identity file, if there is one, is on disk: its content was synced before it got
/// its name.
pub(crate) fn sync_default(environment: &Environment) -> Result<(), Error> {
    let Ok(path) = settings::default_identity_file(environment) else {
        return Ok(());
    };
    let Some(Ok(directory)) = path.parent().map(Directory::open) else {
        return Ok(());
    };
    directory
        .sync_with_ancestors()
        .map_err(Error::file("write", &path))
}

/// The directory of an identity file, created if it is missing, and the file's name.
fn directory_of(path: &Path, environment: &Environment) -> Result<(Directory, String), Error> {
    let creating = |source| Error::File {
        action: "create the identity",
        path: path.to_owned(),
        source,
    };
    let (Some(parent), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Err(creating(io::ErrorKind::InvalidInput.into()));
    };
    let directory = match environment.trust().own_directory(parent)? {
        Some(directory) => directory,
        None => Directory::create(parent).map_err(creating)?,
    };
    Ok((directory, name.to_owned()))
}

/// The path of the file itself, if this is a link to it.
pub(crate) fn behind_link(path: &Path) -> Result<PathBuf, Error> {
    if !path.is_symlink() {
        return Ok(path.to_owned());
    }
    path.canonicalize()
        .map_err(Error::file("read the identity", path))
}

/// An identity file, locked against changes by other processes.
pub(crate) struct IdentityFile {
    path: PathBuf,
    directory: Directory,
    pub(crate) name: String,
    lock: Lock,
}

impl IdentityFile {
    pub(crate) fn lock(path: &Path, environment: &Environment) -> Result<Self, Error> {
        let (directory, name) = directory_of(path, environment)?;
        let lock = directory
            .lock(LOCK_WAIT)
            .map_err(Error::file("lock the identity", path))?;
        Ok(Self {
            path: path.to_owned(),
            directory,
            name,
            lock,
        })
    }

    /// Replaces `before`, the current content, with `content`. Forgets the unlocked keys in the kernel before
    /// and after, because another process may have opened it in between.
    pub(crate) fn write(&self, before: &[u8], content: &[u8]) -> Result<(), Error> {
        // The kernel doesn't keep keys that don't need unlocking.
        let has_plugin = |text: &[u8]| {
            text.windows(PLUGIN.len())
                .any(|word| word.eq_ignore_ascii_case(PLUGIN))
        };
        let is_remembered = Sealed::is_sealed(before) || has_plugin(before);
        let clear = || is_remembered && kernel_keyring::clear();
        clear();
        self.directory
            .replace(&self.lock, &self.name, content, 0o600)
            .map_err(Error::file("write the identity", &self.path))?;
        clear();
        Ok(())
    }

    /// The current content.
    pub(crate) fn read(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        read(&self.path)
    }

    /// Keeps a copy of the content under the next free name that ends in `.old`, and returns that name.
    /// Reuses a copy from an earlier, interrupted change.
    pub(crate) fn keep_copy(&self, content: &[u8]) -> Result<String, Error> {
        under_a_free_name(&self.name, "old", |name| {
            if self.create_beside(name, content)? {
                return Ok(true);
            }
            let there = self
                .directory
                .read(name, FILE_MAX)
                .ok()
                .flatten()
                .map(Zeroizing::new);
            Ok(there.is_some_and(|there| there.as_slice() == content))
        })
    }

    /// Removes one of the [`copies`], durably.
    pub(crate) fn remove_copy(&self, copy: &Path) -> Result<(), Error> {
        let name = copy
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        self.directory
            .remove(name)
            .map(drop)
            .map_err(Error::file("remove", copy))
    }

    /// Creates a file in the same directory, durably. `Ok(false)` if it exists.
    pub(crate) fn create_beside(&self, name: &str, content: &[u8]) -> Result<bool, Error> {
        self.directory
            .create_new(name, content, 0o600)
            .map_err(Error::file("write", &self.path.with_file_name(name)))
    }
}

/// The files that [`keep_copy`](IdentityFile::keep_copy) created next to this identity.
pub(crate) fn copies(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let path = behind_link(path)?;
    let (Some(parent), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Ok(Vec::new());
    };
    let prefix = format!("{name}.old");
    let mut names = Directory::open(parent)
        .and_then(|directory| directory.names())
        .map_err(Error::file("read", parent))?;
    names.retain(|name| name.starts_with(&prefix));
    names.sort();
    Ok(names.iter().map(|name| parent.join(name)).collect())
}

/// Tries `name.word`, `name.word-2` and so on until `make` succeeds, and returns that name.
pub(crate) fn under_a_free_name(
    name: &str,
    word: &str,
    mut make: impl FnMut(&str) -> Result<bool, Error>,
) -> Result<String, Error> {
    let mut number = 1;
    loop {
        let free = match number {
            1 => format!("{name}.{word}"),
            number => format!("{name}.{word}-{number}"),
        };
        if make(&free)? {
            return Ok(free);
        }
        number += 1;
    }
}
