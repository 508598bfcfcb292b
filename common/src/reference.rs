//! A helper's inputs besides its arguments: the variables and files in its manual.
//!
//! The manual pages and the project's reference page use one definition, so they can't disagree.

use crate::environment::{NONINTERACTIVE, WHEN_UNAVAILABLE};
use crate::{Environment, Error, log};

/// A helper's own part of its manual.
#[derive(Clone, Copy, Debug)]
pub struct Reference {
    /// The helper's purpose, in one or more paragraphs without line breaks.
    pub description: &'static [&'static str],
    /// The variables that only this helper reads.
    pub variables: &'static [Variable],
    /// The files that only this helper uses.
    pub files: &'static [FileUsed],
    /// Commands that can be pasted, each with a sentence that describes it.
    pub examples: &'static [(&'static str, &'static str)],
    /// Other manual pages, such as `age(1)`.
    pub see_also: &'static [&'static str],
}

impl Reference {
    /// For a helper without its own part.
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
    /// `name` is the variable's name; the user chooses parts such as `<LABEL>`, and several names are
    /// separated by commas. `meaning` explains its value and the default, as sentences.
    pub const fn new(name: &'static str, meaning: &'static str) -> Self {
        Self::checked(name, meaning, |_| Ok(()))
    }

    /// A variable with a check that fails for an invalid value, so that `doctor` finds it before the store is in use.
    pub const fn checked(
        name: &'static str,
        meaning: &'static str,
        check: fn(&Environment) -> Result<(), Error>,
    ) -> Self {
        Self { name, meaning, check }
    }

    pub(crate) fn check(&self, environment: &Environment) -> Result<(), Error> {
        (self.check)(environment)
    }
}

/// A file or directory.
#[derive(Clone, Copy, Debug)]
pub struct FileUsed {
    /// Its default path, with `~` for the home.
    pub path: &'static str,
    /// Its content and its writer, as sentences.
    pub meaning: &'static str,
}

/// The variables that every helper reads.
pub(crate) const VARIABLES: [Variable; 9] = [
    Variable::checked(
        log::SETTING,
        "A file, as an absolute path. The helper appends each look-up, its place, and why there was no \
         login, but never a secret. The file must belong to you, and only you may have access; the \
         helper creates it that way.",
        Environment::check_log,
    ),
    Variable::checked(
        NONINTERACTIVE,
        "1: fail instead of asking for a passphrase or an unlock. 0: ask, which is the default.",
        |environment| environment.switch(NONINTERACTIVE).map(drop),
    ),
    Variable::checked(
        WHEN_UNAVAILABLE,
        "not-found: treat a locked or unreachable store as empty, so docker continues without a login. \
         By default that is an error.",
        |environment| environment.answers_not_found_when_unavailable().map(drop),
    ),
    Variable::new(
        "DOCKER_CONFIG",
        "The directory of docker's config.json, as docker reads it. Default: ~/.docker.",
    ),
    Variable::new(
        "DOCKER_AUTH_CONFIG",
        "docker 28.3 and later reads logins from it before it asks any helper. explain and doctor also \
         read it.",
    ),
    Variable::new(
        "REGISTRY_AUTH_FILE, CONTAINERS_REGISTRIES_CONF",
        "The files of podman, skopeo and buildah for logins and settings, as they read them.",
    ),
    Variable::new(
        "HOME, XDG_CONFIG_HOME, XDG_DATA_HOME, XDG_RUNTIME_DIR",
        "Your directories. Without HOME, your home is the one in /etc/passwd, as for docker.",
    ),
    Variable::new(
        "PATH",
        "The directories of other helpers. Those that other users can write to are ignored.",
    ),
    Variable::new("NO_COLOR", "Not empty: no colors."),
];

/// The files that every helper uses.
pub(crate) const FILES: [FileUsed; 3] = [
    FileUsed {
        path: "~/.docker/config.json",
        meaning: "docker's configuration. credsStore names the helper for all registries, and credHelpers for single \
                  ones. configure and unconfigure change it, and import moves plain-text logins out of it.",
    },
    FileUsed {
        path: "${XDG_RUNTIME_DIR}/containers/auth.json, ~/.config/containers/auth.json",
        meaning: "The logins and credHelpers of podman, skopeo and buildah.",
    },
    FileUsed {
        path: "~/.config/docker-credential-<name>/replaced.json",
        meaning: "The settings that configure replaced, for unconfigure.",
    },
];

/// Exit codes, the same for verbs and commands.
pub(crate) const EXIT_STATUS: [(&str, &str); 2] = [
    ("0", "The helper succeeded."),
    (
        "1",
        "It failed. get also exits with 1 if there is no login. There are no other codes, because several \
        clients treat them as success.",
    ),
];
