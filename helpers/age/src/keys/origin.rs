//! The source of a key, for messages.

use std::path::PathBuf;

/// The source of an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    File(PathBuf),
    /// The value of a variable.
    Setting(&'static str),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Setting(name) => f.write_str(name),
        }
    }
}
