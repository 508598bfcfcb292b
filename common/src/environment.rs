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

/// What answers instead of an error if a store is locked or cannot be reached: `not-found`.
pub(crate) const WHEN_UNAVAILABLE: &str = "DOCKER_CREDENTIAL_WHEN_UNAVAILABLE";

/// `1`: nobody is asked for a passphrase or an unlock.
#[cfg(feature = "commands")]
pub(crate) const NONINTERACTIVE: &str = "DOCKER_CREDENTIAL_NONINTERACTIVE";

/// What a helper learns from outside: variables, directories, and where it may leave a word for people.
///
/// It is handed in, so that a test can state a world instead of changing the one it shares with other tests.
///
/// A clone shares the log.
#[derive(Clone, Debug)]
pub struct Environment {
    program: String,
    variables: Variables,
    /// Whether it is this process's, whose user has a home and directories whatever the variables say.
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

    /// An environment of exactly these variables.
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

    /// The same, with the variables as they are now, for many look-ups: the process's own are a list that each look-up
    /// goes through.
    #[must_use]
    pub fn snapshot(&self) -> Self {
        match &self.variables {
            // On Windows names have no case. The system knows by which rule; a copy would not.
            Variables::Process if !cfg!(windows) => {
                // Not `collect`, which sorts first: a verb would load the pages of a sort that it needs nowhere else.
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

    /// A variable as it is set, also if it is empty.
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

    /// A setting of ours: nothing if it is not set.
    ///
    /// Fails with [`Error::Setting`] if it is set but empty or not Unicode: a setting that someone made never falls
    /// through to a default in silence.
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

    /// A setting of ours that is on or off: `1`, or `0` as if it were not set.
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

    /// A setting of ours that names a file or directory; as [`setting`](Self::setting), and the path is absolute,
    /// because docker runs a helper from wherever it happens to be.
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

    /// `HOME`, or the profile directory on Windows. Where `HOME` is not set or empty, it is the home that the user has
    /// in `/etc/passwd`, as for docker: services of systemd and minimal containers have no `HOME`.
    ///
    /// Fails with [`Error::Setting`] for a relative one, or if there is none at all.
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
        // macOS has directories of its own, whatever XDG's variables say, and so has Windows.
        if self.is_process && cfg!(any(windows, target_os = "macos")) {
            return platform(&self.home_directory()?).ok_or_else(no_home);
        }
        match set {
            Some(path) => Ok(path),
            None => Ok(self.home_directory()?.join(below_home)),
        }
    }

    /// What this user believes of other people's files.
    pub fn trust(&self) -> Trust {
        let sudo_user = self
            .variable("SUDO_UID")
            .and_then(|value| value.to_str()?.parse().ok());
        Trust::new(self.home_directory().ok(), sudo_user)
    }

    /// Tells the person at the terminal something, in one line on stderr. For `store` and `erase` only: some clients
    /// take what `get` and `list` print there for a part of the reply.
    pub fn notice(&self, text: &str) {
        streams::notice(&self.program, text);
    }

    /// Records a step of a look-up in the file that `DOCKER_CREDENTIAL_LOG` names, if it is set. The text holds no
    /// secret; it is made only if somebody reads it.
    pub fn log(&self, text: impl FnOnce() -> String) {
        if let Some(log) = &self.log {
            log.append(&text());
        }
    }

    /// Whether a store that is locked or out of reach answers that nothing is found.
    pub(crate) fn answers_not_found_when_unavailable(&self) -> Result<bool, Error> {
        match self.setting(WHEN_UNAVAILABLE)?.as_deref() {
            None => Ok(false),
            Some("not-found") => Ok(true),
            Some(_) => Err(Error::setting(
                WHEN_UNAVAILABLE,
                "is not \"not-found\", the one value it takes; unset it",
            )),
        }
    }

    /// Whether a verb can log to the file that the setting names, and why not. It makes no file.
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

    /// Opens the log if one is asked for. No login fails because it cannot be opened; `doctor` tells why.
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
