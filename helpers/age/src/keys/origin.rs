//! Where a key comes from, as messages name it.

use std::path::PathBuf;

/// Where an identity comes from.
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
