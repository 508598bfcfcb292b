use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
#[cfg(feature = "commands")]
use std::path::Path;
use std::path::PathBuf;
use std::rc::Rc;

use crate::log::Log;
use crate::trust::Trust;
use crate::{Error, streams};

mod home;

/// The answer if a store is locked or can't be reached, instead of an error: `not-found`.
pub(crate) const WHEN_UNAVAILABLE: &str = "DOCKER_CREDENTIAL_WHEN_UNAVAILABLE";

/// `1`: nobody is asked for a passphrase or an unlock.
#[cfg(feature = "commands")]
pub(crate) const NONINTERACTIVE: &str = "DOCKER_CREDENTIAL_NONINTERACTIVE";

/// A helper's inputs from outside: variables, directories, and the log.
///
/// It is passed in, so that each test can have its own and doesn't change the one that all tests share.
///
/// A clone shares the log.
#[derive(Clone, Debug)]
pub struct Environment {
    program: String,
    variables: Variables,
    /// Whether it is this process's, whose user has a home and directories even without variables.
    is_process: bool,
    log: Option<Rc<Log>>,
}

#[derive(Clone)]
enum Variables {
    Process,
    Stated(BTreeMap<OsString, OsString>),
}

impl Environment {
    /// The environment of this process, for the program of this name.
    pub fn of_process(program: &str) -> Self {
        Self {
            program: program.to_owned(),
            variables: Variables::Process,
            is_process: true,
            log: None,
        }
    }

    /// An environment with exactly these variables.
    pub fn stated<K: Into<OsString>, V: Into<OsString>>(
        program: &str,
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        Self {
            program: program.to_owned(),
            variables: Variables::Stated(variables),
            is_process: false,
            log: None,
        }
    }

    /// A copy with the current variables, for many look-ups, because each look-up in the process's own
    /// searches a list.
    #[must_use]
    pub fn snapshot(&self) -> Self {
        match &self.variables {
            // Windows ignores the case of names, by a rule that only the system knows; a copy wouldn't.
            Variables::Process if !cfg!(windows) => {
                // Not `collect`, which sorts first: a verb would load the pages of a sort that it doesn't
                // need elsewhere.
                let mut variables = BTreeMap::new();
                for (name, value) in std::env::vars_os() {
                    variables.insert(name, value);
                }
                Self {
                    variables: Variables::Stated(variables),
                    ..self.clone()
                }
            }
            _ => self.clone(),
        }
    }

    /// The helper's name, as `docker-credential-age`.
    pub fn program(&self) -> &str {
        &self.program
    }

    /// A variable as it is set, even if it is empty.
    #[expect(
        clippy::disallowed_methods,
        reason = "this type is the one that reads the process's environment"
    )]
    pub fn variable(&self, name: &str) -> Option<OsString> {
        match &self.variables {
            Variables::Process => std::env::var_os(name),
            Variables::Stated(variables) => variables.get(OsStr::new(name)).cloned(),
        }
    }

    /// The names of all variables, in no particular order.
    pub fn names(&self) -> Box<dyn Iterator<Item = OsString> + '_> {
        match &self.variables {
            Variables::Process => Box::new(std::env::vars_os().map(|(name, _)| name)),
            Variables::Stated(variables) => Box::new(variables.keys().cloned()),
        }
    }

    /// All variables, in no particular order.
    pub fn variables(&self) -> Vec<(OsString, OsString)> {
        match &self.variables {
            Variables::Process => std::env::vars_os().collect(),
            Variables::Stated(variables) => variables.clone().into_iter().collect(),
        }
    }

    /// One of our settings; nothing if it is unset.
    ///
    /// Fails with [`Error::Setting`] if it is set but empty or not Unicode: we never silently replace a
    /// user's setting with a default.
    pub fn setting(&self, name: &'static str) -> Result<Option<String>, Error> {
        let Some(value) = self.variable(name) else {
            return Ok(None);
        };
        match value.into_string() {
            Err(_) => Err(Error::setting(name, "is not valid UTF-8")),
            Ok(value) if value.trim().is_empty() => Err(Error::setting(
                name,
                "is set but empty; give it a value or unset it",
            )),
            Ok(value) => Ok(Some(value)),
        }
    }

    /// One of our settings that is on or off: `1`, or `0` as if unset.
    pub fn switch(&self, name: &'static str) -> Result<bool, Error> {
        match self.setting(name)?.as_deref() {
            None | Some("0") => Ok(false),
            Some("1") => Ok(true),
            Some(_) => Err(Error::setting(
                name,
                "is neither 1 nor 0; set it to 1, or unset it",
            )),
        }
    }

    /// One of our settings that names a file or directory; as [`setting`](Self::setting), and the path must
    /// be absolute, because docker runs helpers in any directory.
    pub fn path_setting(&self, name: &'static str) -> Result<Option<PathBuf>, Error> {
        let Some(value) = self.variable(name) else {
            return Ok(None);
        };
        let path = PathBuf::from(value);
        match () {
            () if path.as_os_str().is_empty() => Err(Error::setting(
                name,
                "is set but empty; give it a value or unset it",
            )),
            () if !path.is_absolute() => Err(Error::setting(
                name,
                "must be an absolute path, such as /srv/logins",
            )),
            () => Ok(Some(path)),
        }
    }

    /// The user's directory for data (`$XDG_DATA_HOME`, `~/.local/share`, or the platform's own).
    pub fn data_directory(&self) -> Result<PathBuf, Error> {
        self.user_directory("XDG_DATA_HOME", ".local/share", home::data)
    }

    /// The user's directory for configuration (`$XDG_CONFIG_HOME`, `~/.config`, or the platform's own).
    pub fn config_directory(&self) -> Result<PathBuf, Error> {
        self.user_directory("XDG_CONFIG_HOME", ".config", home::configuration)
    }

    /// `HOME`, or the profile directory on Windows. If `HOME` is unset or empty, it is the user's home in
    /// `/etc/passwd`, as in docker: systemd services and minimal containers don't have `HOME`.
    ///
    /// Fails with [`Error::Setting`] for a relative one, or without any.
    pub fn home_directory(&self) -> Result<PathBuf, Error> {
        if cfg!(windows) && self.is_process {
            return std::env::home_dir().ok_or_else(no_home);
        }
        match self.variable("HOME").filter(|home| !home.is_empty()) {
            Some(home) => Some(PathBuf::from(home)),
            None if self.is_process => home::of_user(),
            None => None,
        }
        .filter(|home| home.is_absolute())
        .ok_or_else(no_home)
    }

    fn user_directory(
        &self,
        xdg: &str,
        below_home: &str,
        platform: home::Platform,
    ) -> Result<PathBuf, Error> {
        let set = self
            .variable(xdg)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute());
        // macOS and Windows have their own directories and ignore XDG's variables.
        if self.is_process && cfg!(any(windows, target_os = "macos")) {
            return platform(&self.home_directory()?).ok_or_else(no_home);
        }
        match set {
            Some(path) => Ok(path),
            None => Ok(self.home_directory()?.join(below_home)),
        }
    }

    /// The trust rules for this user.
    pub fn trust(&self) -> Trust {
        let sudo_user = self
            .variable("SUDO_UID")
            .and_then(|value| value.to_str()?.parse().ok());
        Trust::new(self.home_directory().ok(), sudo_user)
    }

    /// Shows a person at the terminal one line on stderr. For `store` and `erase` only, because some clients
    /// read the stderr of `get` and `list` as a part of the reply.
    pub fn notice(&self, text: &str) {
        streams::notice(&self.program, text);
    }

    /// Logs a step of a look-up to the file that `DOCKER_CREDENTIAL_LOG` names, if it is set. The text must
    /// not contain a secret; it is only formatted if there is a log.
    pub fn log(&self, text: impl FnOnce() -> String) {
        if let Some(log) = &self.log {
            log.append(&text());
        }
    }

    /// Whether a locked or unreachable store answers "not found".
    pub(crate) fn answers_not_found_when_unavailable(&self) -> Result<bool, Error> {
        match self.setting(WHEN_UNAVAILABLE)?.as_deref() {
            None => Ok(false),
            Some("not-found") => Ok(true),
            Some(_) => Err(Error::setting(
                WHEN_UNAVAILABLE,
                "is not \"not-found\", its only value; unset it",
            )),
        }
    }

    /// Whether a verb can log to the file that the setting names, and if not, why. It doesn't create the
    /// file.
    #[cfg(feature = "commands")]
    pub(crate) fn check_log(&self) -> Result<(), Error> {
        match self.path_setting(crate::log::SETTING)? {
            Some(path) if path.exists() => self.trust().log(&path).map(drop),
            Some(path) if !path.parent().is_some_and(Path::is_dir) => Err(Error::setting(
                crate::log::SETTING,
                "is in a directory that does not exist; create it first",
            )),
            _ => Ok(()),
        }
    }

    /// Opens the log if it is set. Logins don't fail if it can't be opened; `doctor` shows why.
    pub(crate) fn open_log(&mut self, verb: &str) -> Result<(), Error> {
        if let Some(path) = self.path_setting(crate::log::SETTING)? {
            let origin = format!("{} {verb}", self.program);
            self.log = Log::open(&self.trust(), &path, &origin).ok().map(Rc::new);
        }
        Ok(())
    }
}

fn no_home() -> Error {
    Error::Setting {
        name: "HOME".into(),
        problem: "must be an absolute path, your home directory".into(),
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Process => "Process",
            Self::Stated(_) => "Stated(…)",
        })
    }
}
