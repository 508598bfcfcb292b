//! What a helper reads besides its arguments: the variables and files that its manual lists.
//!
//! One definition serves the manual pages and the project's reference page, so they can't disagree.

use crate::environment::{NONINTERACTIVE, WHEN_UNAVAILABLE};
use crate::{Environment, Error, log};

/// A helper's own part of its manual.
#[derive(Clone, Copy, Debug)]
pub struct Reference {
    /// What the helper does, in one or more paragraphs without line ends inside.
    pub description: &'static [&'static str],
    /// The variables that it reads besides those that every helper reads.
    pub variables: &'static [Variable],
    /// The files that it uses besides those that every helper uses.
    pub files: &'static [FileUsed],
    /// Commands that can be pasted, each with a sentence that says what it does.
    pub examples: &'static [(&'static str, &'static str)],
    /// Other manual pages, such as `age(1)`.
    pub see_also: &'static [&'static str],
}

impl Reference {
    /// For a helper that describes nothing of its own.
    pub(crate) const NONE: Self = Self {
        description: &[],
        variables: &[],
        files: &[],
        examples: &[],
        see_also: &[],
    };
}

/// An environment variable.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    pub(crate) name: &'static str,
    pub(crate) meaning: &'static str,
    check: fn(&Environment) -> Result<(), Error>,
}

impl Variable {
    /// `name` is the variable's; `<LABEL>` and the like stand for a part of the user's choice, and several are separated
    /// by commas. `meaning` says what its value means, and what holds if it is not set: sentences.
    pub const fn new(name: &'static str, meaning: &'static str) -> Self {
        let check = |_: &Environment| Ok(());
        Self { name, meaning, check }
    }

    /// With a check that fails for a value that the helper refuses, so that `doctor` finds it before the store is in use.
    #[must_use]
    pub const fn checked(mut self, check: fn(&Environment) -> Result<(), Error>) -> Self {
        self.check = check;
        self
    }

    pub(crate) fn check(&self, environment: &Environment) -> Result<(), Error> {
        (self.check)(environment)
    }
}

/// A file or directory.
#[derive(Clone, Copy, Debug)]
pub struct FileUsed {
    /// Where it is by default, with `~` for the home.
    pub path: &'static str,
    /// What is in it, and who writes it: sentences.
    pub meaning: &'static str,
}

/// The variables that every helper reads.
pub(crate) const VARIABLES: [Variable; 9] = [
    Variable::new(log::SETTING,
"A file, named from the root on. The helper appends what it looked up, where, and why it found nothing. \
 Secrets are never written. The file must belong to you, and only you may read it; the helper creates it so.",
).checked(Environment::check_log),
    Variable::new(
        NONINTERACTIVE,
        "1: never ask for a passphrase or an unlock, but fail. 0: ask, which is the default.",
    )
    .checked(|environment| environment.switch(NONINTERACTIVE).map(drop)),
    Variable::new(WHEN_UNAVAILABLE,
"not-found: a store that is locked or cannot be reached counts as empty, so docker goes on without a login. \
 By default that is an error.",
).checked(|environment| environment.answers_not_found_when_unavailable().map(drop)),
    Variable::new(
        "DOCKER_CONFIG",
        "The directory of docker's config.json, as docker reads it. Default: ~/.docker.",
    ),
    Variable::new(
        "DOCKER_AUTH_CONFIG",
        "docker 28.3 and later reads logins from it before it asks any helper. explain and doctor read it, too.",
    ),
    Variable::new(
        "REGISTRY_AUTH_FILE, CONTAINERS_REGISTRIES_CONF",
        "Where podman, skopeo and buildah keep logins and settings, as they read them.",
    ),
    Variable::new(
        "HOME, XDG_CONFIG_HOME, XDG_DATA_HOME, XDG_RUNTIME_DIR",
        "The user's directories. Without HOME the home is the one in /etc/passwd, as for docker.",
    ),
    Variable::new(
        "PATH",
        "Where other helpers are looked for. Directories that other users can write to are ignored.",
    ),
    Variable::new("NO_COLOR", "Not empty: no colors."),
];

/// The files that every helper uses.
pub(crate) const FILES: [FileUsed; 3] = [
    FileUsed {
        path: "~/.docker/config.json",
        meaning: "docker's configuration. credsStore names the helper for all registries, credHelpers for single ones. \
         configure and unconfigure change it, and import takes plain-text logins out of it.",
    },
    FileUsed {
        path: "${XDG_RUNTIME_DIR}/containers/auth.json, ~/.config/containers/auth.json",
        meaning: "The logins and credHelpers of podman, skopeo and buildah.",
    },
    FileUsed {
        path: "~/.config/docker-credential-<name>/replaced.json",
        meaning: "What configure replaced, for unconfigure.",
    },
];

/// Exit codes, the same for verbs and commands.
pub(crate) const EXIT_STATUS: [(&str, &str); 2] = [
    ("0", "The helper did what it was asked for."),
    (
        "1",
        "It did not. get also exits with 1 if no login is stored. There is no other code, because several clients take any \
         other for success.",
    ),
];
