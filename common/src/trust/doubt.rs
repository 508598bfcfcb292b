//! What speaks against a path, and what its user does about it.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::text::quoted;

/// Why something is not believed. `Display` tells the problem, without a way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    pub(super) path: PathBuf,
    pub(super) reason: Reason,
}

/// What is wrong with the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The user of this number owns it, who is neither this user nor root.
    Owner(u32),
    /// Everybody may change it.
    WritableByAll,
    /// A group with other members may change it.
    WritableByGroup,
    /// Other users may read it.
    Readable,
    /// Its file system has no modes: everybody may change it, and no `chmod` helps.
    NoModes,
    /// Root would change a file that has this many names, and another user may have made one of them.
    Names(u64),
    /// It is a link where none is followed.
    Link,
    /// It is neither a file nor a directory, or not the one of the two that it should be.
    Kind,
}

impl Doubt {
    /// What is not believed: the path in question, or a directory or link on the way to it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is wrong with it.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// Whether it is no refusal of what a setting names.
    pub(super) fn is_mild(&self) -> bool {
        self.reason == Reason::NoModes
    }

    /// The command that removes the doubt, to be followed by the [path](Self::path), if one does so without harm.
    pub fn fix(&self) -> Option<&'static str> {
        match self.reason {
            Reason::WritableByAll | Reason::WritableByGroup => Some("chmod go-w"),
            Reason::Readable => Some("chmod go-rwx"),
            _ => None,
        }
    }

    /// The doubt as a refusal of `path`, with the way out.
    pub fn refuse(&self, path: &Path) -> Error {
        let way_out = match (self.fix(), self.reason) {
            (Some(command), _) => format!("run: {command} {}", quoted(self.path.as_os_str())),
            (_, Reason::Owner(_)) if is_root() => {
                "run this as that user, or with root's own HOME (sudo -H)".to_owned()
            }
            (_, Reason::Owner(_)) => "run this as that user, or use a place of your own".to_owned(),
            (_, Reason::NoModes) => "move it to a file system that has them".to_owned(),
            (_, Reason::Names(_)) => "copy it to a file of its own".to_owned(),
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
                "{path} is neither a regular file nor a directory, or not the one needed"
            ),
        }
    }
}

fn is_root() -> bool {
    #[cfg(unix)]
    return rustix::process::geteuid().is_root();
    #[cfg(not(unix))]
    false
}
