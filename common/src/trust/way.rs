//! The way to a path, and what is demanded of it.

use std::path::PathBuf;

use super::doubt::Doubt;

/// What is demanded of the directories on a way.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(unix), expect(dead_code, reason = "nothing is judged there"))]
pub(super) struct Step {
    /// A group that can write to one is its owner's choice. So for programs: Homebrew's directories belong to the
    /// group `admin`, and whoever writes to a directory of `PATH` can put a `docker` there.
    pub(super) is_group_believed: bool,
    /// The last name is a directory as well, in which something is looked for.
    pub(super) is_last_judged: bool,
}

/// To a file of which more is judged once it is open.
pub(super) const TO_FILE: Step = Step {
    is_group_believed: false,
    is_last_judged: false,
};

/// To a directory in which a file is made, or found.
pub(super) const INTO: Step = Step {
    is_last_judged: true,
    ..TO_FILE
};

pub(super) const TO_PROGRAM: Step = Step {
    is_group_believed: true,
    ..TO_FILE
};

/// A way that was examined to its end, or to the first doubt.
#[derive(Debug)]
pub(super) struct Way {
    /// Where it leads, behind all links; where there is a doubt, the path as it was given.
    pub(super) path: PathBuf,
    pub(super) exists: bool,
    /// What ended the examination.
    pub(super) doubt: Option<Doubt>,
    /// A directory without modes: no refusal of what a setting names, because whoever mounts such a file system, as WSL
    /// does, can't do otherwise.
    pub(super) mild: Option<Doubt>,
}

impl Way {
    /// Where no setting names it, missing modes are as bad as any.
    pub(super) fn strictly(self) -> Self {
        Self {
            doubt: self.doubt.or(self.mild),
            mild: None,
            ..self
        }
    }
}
