//! The directories of a path, and the requirements on them.

use std::path::PathBuf;

use super::doubt::Doubt;

/// The requirements on the directories of a path.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(unix), expect(dead_code, reason = "nothing is judged there"))]
pub(super) struct Step {
    /// A group may write, by its owner's choice. For programs: Homebrew's directories belong to the group
    /// `admin`, and anyone who can write to a directory of `PATH` can put a `docker` there.
    pub(super) is_group_believed: bool,
    /// The last name is also a directory, to search.
    pub(super) is_last_judged: bool,
}

/// To a file, which is checked further after opening it.
pub(super) const TO_FILE: Step = Step {
    is_group_believed: false,
    is_last_judged: false,
};

/// To a directory, to create or find a file there.
pub(super) const INTO: Step = Step {
    is_last_judged: true,
    ..TO_FILE
};

pub(super) const TO_PROGRAM: Step = Step {
    is_group_believed: true,
    ..TO_FILE
};

/// A path that was checked to its end, or to the first doubt.
#[derive(Debug)]
pub(super) struct Way {
    /// Its target, after all links, or the given path if there is a doubt.
    pub(super) path: PathBuf,
    pub(super) exists: bool,
    /// The doubt that ended the check.
    pub(super) doubt: Option<Doubt>,
    /// A directory without modes: acceptable for paths that a setting names, because users of such a file
    /// system, as in WSL, have no alternative.
    pub(super) mild: Option<Doubt>,
}

impl Way {
    /// Without a setting that names it, missing modes are a refusal.
    pub(super) fn strictly(self) -> Self {
        Self {
            doubt: self.doubt.or(self.mild),
            mild: None,
            ..self
        }
    }
}
