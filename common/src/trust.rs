//! Decides whether a path is trusted, for each purpose; nothing else does.
//!
//! If a helper encrypts to an identity that somebody else planted, or runs a program that everybody can
//! replace, it gives its user's logins away. Each purpose requires only as much as its danger demands: the
//! table in SECURITY.md has them all, and the methods of [`Trust`] are its rows.
//!
//! **U** is this user or root; for root, only root. **A** holds if U owns every directory of the path, from
//! `/` (or from the home, if that is ours) down, and others can't write to them, so that only U can replace
//! anything below. In a sticky directory, others can add names, but not remove ours. Below a directory that
//! only U can enter, on the same file system, others can't write, whatever the modes are. **L** is a link
//! that U owns, if both its own path and that of its target pass A.
//!
//! We check the path from the top, name by name, without following links. That is as good as keeping every
//! directory open: in a directory that passed, only U can replace the next name, so the result stays true.
//! The last name is opened without following links, and checked on the open handle.
//!
//! We only check owners and modes, not access lists, and nothing on Windows; see SECURITY.md.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::directory::{self, Directory};

mod doubt;
mod opened;
#[cfg(not(unix))]
mod portable;
#[cfg(unix)]
mod unix;
mod way;

#[cfg(not(unix))]
use self::portable as system;
#[cfg(unix)]
use self::unix as system;

pub use self::doubt::{Doubt, Reason};
pub use self::opened::{Opened, OpenedStore, Target};
use self::way::{INTO, Step, TO_FILE, TO_PROGRAM, Way};

/// The trust rules for one user. Created by [`Environment::trust`](crate::Environment::trust).
#[derive(Clone, Debug)]
pub struct Trust {
    user: system::User,
    home: Option<PathBuf>,
}

/// A purpose's requirement on the last name, besides its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    /// Nothing.
    Any,
    /// Others can't write.
    Unwritable,
    /// Others don't have access, or it is root's and read-only, like mounted secrets.
    Private,
}

impl Trust {
    pub(crate) fn new(home: Option<PathBuf>, sudo_user: Option<u32>) -> Self {
        Self {
            user: system::User::of_process(sudo_user),
            home,
        }
    }

    /// Our own secret in our own place: the default identity, approvals, settings, the values that
    /// `configure` replaced. Nothing if there is none. A doubt means that others can read it.
    pub fn own_secret(&self, path: &Path) -> Result<Option<Opened>, Error> {
        let Some(opened) = self.open(path, Access::Unwritable)? else {
            return Ok(None);
        };
        // Both count: a file that others can read may be in a directory without modes.
        let mut doubts = opened.doubt.iter().chain(&opened.mild);
        match doubts.find(|doubt| doubt.reason != Reason::Readable) {
            Some(doubt) => Err(doubt.refuse(path)),
            None => Ok(Some(opened)),
        }
    }

    /// Our own directory with such secrets. Nothing if there is none.
    pub fn own_directory(&self, path: &Path) -> Result<Option<Directory>, Error> {
        let Some(store) = self.directory(path)? else {
            return Ok(None);
        };
        store
            .doubt
            .map_or(Ok(Some(store.directory)), |doubt| Err(doubt.refuse(path)))
    }

    /// A secret that a setting names, such as an identity: it is read even if others can change it, because
    /// containers and CI systems mount secrets that way. Nothing if there is none. A doubt forbids
    /// *encrypting* to it, because its owner could read the logins.
    pub fn named_secret(&self, path: &Path) -> Result<Option<Opened>, Error> {
        let opened = self.open(path, Access::Unwritable)?;
        Ok(opened.map(|opened| Opened {
            doubt: opened.doubt.filter(|doubt| doubt.reason != Reason::Readable),
            ..opened
        }))
    }

    /// A file with a passphrase. Nothing if there is none.
    pub fn passphrase(&self, path: &Path) -> Result<Option<Opened>, Error> {
        match self.open(path, Access::Private)? {
            Some(Opened {
                doubt: Some(doubt), ..
            }) => Err(doubt.refuse(path)),
            opened => Ok(opened),
        }
    }

    /// docker's or podman's file, to change or create it. Follows links to it that U owns.
    pub fn file_to_change(&self, path: &Path) -> Result<Target, Error> {
        let way = self.way(path, TO_FILE)?;
        if let Some(doubt) = &way.doubt {
            return Err(doubt.refuse(path));
        }
        let doubt = if way.exists {
            let file = open(&way.path).map_err(Error::file("read", path))?;
            system::judge_change(&self.user, &file, &way.path).map_err(Error::file("examine", path))?
        } else {
            None
        };
        match doubt {
            Some(doubt) if doubt.command().is_none() && !doubt.is_mild() => Err(doubt.refuse(path)),
            doubt => Ok(Target {
                path: way.path,
                doubt,
            }),
        }
    }

    /// The doubts about changing that file, including those that don't forbid it. For `doctor`.
    pub fn doubt_about_change(&self, path: &Path) -> Result<Option<Doubt>, Error> {
        let way = self.way(path, TO_FILE)?;
        if way.doubt.is_some() || !way.exists {
            return Ok(way.doubt);
        }
        let file = open(&way.path).map_err(Error::file("read", path))?;
        system::judge_change(&self.user, &file, &way.path).map_err(Error::file("examine", path))
    }

    /// A file to read logins from. Nothing if there is none. A doubt is a reason to skip it, or a warning if
    /// a person named it.
    pub fn logins(&self, path: &Path) -> Result<Option<Opened>, Error> {
        let opened = self.open(path, Access::Any)?.map(|opened| Opened {
            doubt: opened.doubt.or(opened.mild),
            mild: None,
            ..opened
        });
        let Some(Opened {
            doubt: Some(doubt), ..
        }) = &opened
        else {
            return Ok(opened);
        };
        // Root reads only files of sudo's caller for that user, without links out of their home.
        match self.user.for_sudo() {
            Some(user) if matches!(doubt.reason, Reason::Owner(_)) => {
                let caller = Self { user, home: None };
                Ok(caller.open_without_links(path)?.or(opened))
            }
            _ => Ok(opened),
        }
    }

    /// Whether we may run the program at this path. `Ok(false)` if there is none.
    pub fn program(&self, path: &Path) -> Result<bool, Doubt> {
        let Ok(way) = self.way(path, TO_PROGRAM).map(Way::strictly) else {
            return Ok(false);
        };
        match way.doubt {
            Some(doubt) => Err(doubt),
            None if !way.exists => Ok(false),
            None => system::judge_program(&self.user, &way.path),
        }
    }

    /// Whether we may run programs in this directory. `Ok(false)` if there is none.
    pub fn program_directory(&self, path: &Path) -> Result<bool, Doubt> {
        let step = Step {
            is_last_judged: true,
            ..TO_PROGRAM
        };
        match self.way(path, step).map(Way::strictly) {
            Ok(Way {
                doubt: Some(doubt), ..
            }) => Err(doubt),
            Ok(way) => Ok(way.exists && way.path.is_dir()),
            Err(_) => Ok(false),
        }
    }

    /// The store, to read from. Nothing if there is none. `is_named` means that a setting names it: then it
    /// is read even if others can change it, because CI systems check repositories out as another user and
    /// under umask 0.
    pub fn store_to_read(&self, path: &Path, is_named: bool) -> Result<Option<OpenedStore>, Error> {
        let directory = match Directory::open(path) {
            Ok(directory) => directory,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::file("open the store", path)(error)),
        };
        let doubt = system::judge_directory(&self.user, &directory).map_err(Error::file("examine", path))?;
        match doubt {
            Some(doubt) if !is_named => Err(doubt.refuse(path)),
            doubt => Ok(Some(OpenedStore { directory, doubt })),
        }
    }

    /// The store, to write to. Created if it is missing. `is_named` means that a setting names it: then it
    /// may be on a file system [without modes](Reason::NoModes).
    pub fn store_to_write(&self, path: &Path, is_named: bool) -> Result<Directory, Error> {
        let mut way = self.way(path, TO_FILE)?;
        if !is_named {
            way = way.strictly();
        }
        if let Some(doubt) = &way.doubt {
            return Err(doubt.refuse(path));
        }
        let action = if way.exists {
            "open the store"
        } else {
            "create the store"
        };
        let directory = Directory::create(&way.path).map_err(Error::file(action, path))?;
        match system::judge_directory(&self.user, &directory).map_err(Error::file("examine", path))? {
            Some(doubt) if !(is_named && doubt.is_mild()) => Err(doubt.refuse(path)),
            _ => Ok(directory),
        }
    }

    /// Whether a missing store could be created, and the error if not. Changes nothing, for `doctor`.
    pub fn check_missing_store(&self, path: &Path, is_named: bool) -> Result<(), Error> {
        let way = self.way(path, TO_FILE)?;
        let way = if is_named { way } else { way.strictly() };
        match &way.doubt {
            Some(doubt) => Err(doubt.refuse(path)),
            None => Directory::check_creation(&way.path).map_err(Error::file("create the store", path)),
        }
    }

    /// The log, open for appending, and created if it is missing: a regular file with one name that only this
    /// user can read.
    pub fn log(&self, path: &Path) -> Result<File, Error> {
        let parent = directory::parent(path).unwrap_or(path);
        let way = self.way(parent, INTO)?;
        if let Some(doubt) = &way.doubt {
            return Err(doubt.refuse(path));
        }
        let target = way.path.join(path.file_name().unwrap_or_default());
        let file = system::open_log(&target).map_err(Error::file("write the log to", path))?;
        match system::judge_log(&self.user, &file, &target).map_err(Error::file("examine", path))? {
            Some(doubt) if !doubt.is_mild() => Err(doubt.refuse(path)),
            _ => Ok(file),
        }
    }

    /// A directory under A and L; nothing if there is none.
    fn directory(&self, path: &Path) -> Result<Option<OpenedStore>, Error> {
        let way = self.way(path, TO_FILE)?.strictly();
        if way.doubt.is_none() && !way.exists {
            return Ok(None);
        }
        let directory = match (Directory::open(&way.path), &way.doubt) {
            (Err(_), Some(doubt)) => return Err(doubt.refuse(path)),
            (result, _) => result.map_err(Error::file("open", path))?,
        };
        let own = system::judge_directory(&self.user, &directory).map_err(Error::file("examine", path))?;
        Ok(Some(OpenedStore {
            directory,
            doubt: way.doubt.or(own),
        }))
    }

    /// A file under A and L, with the first doubt about it; nothing if there is none.
    fn open(&self, path: &Path, access: Access) -> Result<Option<Opened>, Error> {
        let way = self.way(path, TO_FILE)?;
        if way.doubt.is_none() && !way.exists {
            return Ok(None);
        }
        let opened = if way.doubt.is_some() {
            directory::open_path(path)
        } else {
            open(&way.path)
        };
        let file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::file("read", path)(error)),
        };
        let own =
            system::judge_file(&self.user, &file, &way.path, access).map_err(Error::file("examine", path))?;
        let (mild, own) = match own {
            Some(own) if own.is_mild() => (Some(own), None),
            own => (None, own),
        };
        Ok(Some(Opened {
            file,
            doubt: way.doubt.or(own),
            mild: way.mild.or(mild),
        }))
    }

    /// The same for a path without links; nothing if there is a doubt.
    fn open_without_links(&self, path: &Path) -> Result<Option<Opened>, Error> {
        let way = self.way(path, TO_FILE)?;
        let has_links = std::path::absolute(path).is_ok_and(|path| path != way.path);
        if way.doubt.is_some() || way.mild.is_some() || has_links {
            return Ok(None);
        }
        Ok(self
            .open(path, Access::Any)?
            .filter(|opened| opened.warning().is_none()))
    }

    fn way(&self, path: &Path, step: Step) -> Result<Way, Error> {
        system::way(&self.user, self.home.as_deref(), path, step).map_err(Error::file("read", path))
    }
}

/// Opens the end of the path. Doesn't follow a link that appeared there in between.
fn open(path: &Path) -> io::Result<File> {
    directory::open_path_itself(path)
}

#[cfg(all(test, unix))]
mod tests;
