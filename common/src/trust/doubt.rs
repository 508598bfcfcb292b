//! Doubts about a path, and how to remove them.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::text::quoted;

/// Why a path isn't trusted. `Display` shows the problem without the fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    pub(super) path: PathBuf,
    pub(super) reason: Reason,
}

/// The problem with the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// Its owner has this user id, and is neither this user nor root.
    Owner(u32),
    /// Everybody can change it.
    WritableByAll,
    /// A group with other members can change it.
    WritableByGroup,
    /// Other users can read it.
    Readable,
    /// Its file system doesn't have modes: everybody can change it, and `chmod` doesn't help.
    NoModes,
    /// Root would change a file with this many names, and another user may have created one of them.
    Names(u64),
    /// It is a link, which isn't followed here.
    Link,
    /// It isn't a file or directory, or is the wrong one of the two.
    Kind,
}

impl Doubt {
    /// The untrusted path: the examined one, or a directory or link in it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The problem with it.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// Whether it is only a warning for paths that a setting names.
    pub(super) fn is_mild(&self) -> bool {
        self.reason == Reason::NoModes
    }

    /// The harmless command that removes the doubt, if there is one and this user can run it; append the
    /// [path](Self::path).
    pub fn fix(&self) -> Option<&'static str> {
        self.command().filter(|_| may_change_mode(&self.path))
    }

    /// The same, for the owner of the path.
    pub(super) fn command(&self) -> Option<&'static str> {
        match self.reason {
            Reason::WritableByAll | Reason::WritableByGroup => Some("chmod go-w"),
            Reason::Readable => Some("chmod go-rwx"),
            _ => None,
        }
    }

    /// The doubt as a refusal of `path`, with the fix.
    pub fn refuse(&self, path: &Path) -> Error {
        let way_out = match (self.command(), self.reason) {
            (Some(command), _) => {
                let person = if may_change_mode(&self.path) {
                    ""
                } else {
                    "its owner can "
                };
                format!("{person}run: {command} {}", quoted(self.path.as_os_str()))
            }
            (_, Reason::Owner(_)) if is_root() => {
                "run this as that user, or with root's own HOME (sudo -H)".to_owned()
            }
            (_, Reason::Owner(_)) => "run this as that user, or use your own directory".to_owned(),
            (_, Reason::NoModes) => "move it to a file system that has them".to_owned(),
            (_, Reason::Names(_)) => "copy it to a separate file".to_owned(),
            (_, Reason::Link) => "name the file itself".to_owned(),
            (..) => "move it away".to_owned(),
        };
        Error::refused(format!("cannot trust {}: {self}; {way_out}", path.display()))
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match self.reason {
            Reason::Owner(user) => write!(f, "{path} belongs to another user (uid {user})"),
            Reason::WritableByAll => write!(f, "everybody can change {path}"),
            Reason::WritableByGroup => write!(f, "other members of its group can change {path}"),
            Reason::Readable => write!(f, "other users can read {path}"),
            Reason::NoModes => {
                write!(
                    f,
                    "{path} is on a file system without permissions, so everybody can change it"
                )
            }
            Reason::Names(count) => write!(f, "{path} is one of {count} names of the same file"),
            Reason::Link => write!(f, "{path} is a symbolic link"),
            Reason::Kind => write!(
                f,
                "{path} is not a regular file or directory, or the wrong one of the two"
            ),
        }
    }
}

fn may_change_mode(path: &Path) -> bool {
    #[cfg(unix)]
    return is_root()
        || std::fs::symlink_metadata(path).is_ok_and(|found| {
            std::os::unix::fs::MetadataExt::uid(&found) == rustix::process::geteuid().as_raw()
        });
    #[cfg(not(unix))]
    {
        let _ = path;
        true
    }
}

fn is_root() -> bool {
    #[cfg(unix)]
    return rustix::process::geteuid().is_root();
    #[cfg(not(unix))]
    false
}
