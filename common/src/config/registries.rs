//! `credential-helpers`, the setting of podman, skopeo and buildah for all registries: the helpers, and the
//! file that decides. Follows the code of containers/image 5 (`sysregistriesv2`), which differs from its
//! manual page.
//!
//! - The main file is the user's `~/.config/containers/registries.conf` if it exists, otherwise `/etc`'s. A
//!   user's file also turns off `/etc/containers/registries.conf.d`. It is relative to the home, not to
//!   `XDG_CONFIG_HOME`.
//! - Drop-ins come after it, `/etc`'s before the user's, each in the order of their names. The last that has the
//!   setting decides; lists are not joined.
//! - In podman and buildah, `$CONTAINERS_REGISTRIES_CONF` replaces the main file; skopeo ignores it. The
//!   drop-ins stay.

use std::io;
use std::path::{Path, PathBuf};

use crate::directory::read_file;
use crate::{Environment, Error};

/// The name in the list for the auth.json files. An empty list is the same as only this name.
pub const AUTH_FILES: &str = "containers-auth.json";

const SYSTEM: &str = "/etc/containers";
const BELOW_HOME: &str = ".config/containers";
const MAIN: &str = "registries.conf";
const DROP_INS: &str = "registries.conf.d";
/// Debian's list of short names has 4 KB.
const SIZE_MAX: u64 = 1 << 20;

/// The helpers that podman, skopeo and buildah use for every registry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CredentialHelpers {
    helpers: Vec<String>,
    file: Option<PathBuf>,
}

impl CredentialHelpers {
    /// Reads the current files.
    ///
    /// Fails with [`Error::File`] or [`Error::Damaged`] for a file that can't be read or isn't TOML. podman
    /// and the others then don't work at all.
    pub fn read(environment: &Environment) -> Result<Self, Error> {
        let mut decided = Self::default();
        for file in files(environment)? {
            if let Some(helpers) = setting(&file)? {
                decided = Self {
                    helpers,
                    file: Some(file),
                };
            }
        }
        Ok(decided)
    }

    /// In order. Empty without the setting.
    pub fn helpers(&self) -> &[String] {
        &self.helpers
    }

    /// The file that decides.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The first helper, if it comes before the auth.json files. If it doesn't have a login for a registry,
    /// podman asks the next one; `podman login` stores in the first that doesn't fail.
    pub fn first(&self) -> Option<&str> {
        self.helpers
            .first()
            .map(String::as_str)
            .filter(|name| *name != AUTH_FILES)
    }

    /// Whether podman reads the auth.json files, and the `credHelpers` in them.
    pub fn read_auth_files(&self) -> bool {
        self.helpers.is_empty() || self.helpers.iter().any(|name| name == AUTH_FILES)
    }
}

/// Our own drop-in for the helper `program` (`docker-credential-age`).
pub fn drop_in(environment: &Environment, program: &str) -> Result<PathBuf, Error> {
    let directory = environment.home_directory()?.join(BELOW_HOME).join(DROP_INS);
    Ok(directory.join(format!("50-{program}.conf")))
}

/// A file that would decide even if the user's `drop_in` had the setting.
pub fn overriding(environment: &Environment, drop_in: &Path) -> Result<Option<PathBuf>, Error> {
    let directory = drop_in.parent();
    for file in files(environment)? {
        if file.parent() == directory && *file > *drop_in && setting(&file)?.is_some() {
            return Ok(Some(file));
        }
    }
    Ok(None)
}

/// Every file that may have the setting; the last one with it decides. The main file may be missing.
fn files(environment: &Environment) -> Result<Vec<PathBuf>, Error> {
    let system = Path::new(SYSTEM);
    let user = environment.home_directory()?.join(BELOW_HOME);
    let is_users = user.join(MAIN).exists();
    let named = environment
        .variable("CONTAINERS_REGISTRIES_CONF")
        .filter(|path| !path.is_empty());
    let main = match named {
        Some(path) => PathBuf::from(path),
        None if is_users => user.join(MAIN),
        None => system.join(MAIN),
    };
    let is_system_read = environment.variable("CONTAINERS_REGISTRIES_CONF").is_some() || !is_users;
    let mut files = vec![main];
    if is_system_read {
        files.extend(drop_ins(&system.join(DROP_INS))?);
    }
    files.extend(drop_ins(&user.join(DROP_INS))?);
    Ok(files)
}

fn drop_ins(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let unreadable = || Error::file("read", directory);
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable()(error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable())?.path();
        if path.extension().is_some_and(|end| end == "conf") && !path.is_dir() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The setting in this file, if it has one.
fn setting(file: &Path) -> Result<Option<Vec<String>>, Error> {
    let bytes = match read_file(file, SIZE_MAX) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::file("read", file)(error)),
    };
    let text = String::from_utf8_lossy(&bytes);
    let damaged = |problem: &str| {
        Error::damaged(format!(
            "cannot read {}: {problem}; podman can't either",
            file.display()
        ))
    };
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        damaged(&format!("{} ({})", error.message(), line(&text, &error)))
    })?;
    let Some(value) = table.get("credential-helpers") else {
        return Ok(None);
    };
    let names = value.as_array().and_then(|names| {
        let names = names.iter().map(|name| name.as_str().map(str::to_owned));
        names.collect::<Option<Vec<_>>>()
    });
    names
        .map(Some)
        .ok_or_else(|| damaged("credential-helpers isn't a list of names"))
}

fn line(text: &str, error: &toml::de::Error) -> String {
    let start = error.span().map_or(0, |span| span.start);
    let before = text.get(..start).unwrap_or_default();
    format!("line {}", before.matches('\n').count() + 1)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Sets `CONTAINERS_REGISTRIES_CONF`, so that this machine's own main file doesn't matter.
    fn home(files: &[(&str, &str)]) -> (tempfile::TempDir, Environment) {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join(BELOW_HOME);
        fs::create_dir_all(directory.join(DROP_INS)).unwrap();
        for (name, text) in files {
            fs::write(directory.join(name), text).unwrap();
        }
        let main = directory.join(MAIN);
        let environment = Environment::stated(
            "docker-credential-age",
            [
                ("HOME", home.path().as_os_str()),
                ("CONTAINERS_REGISTRIES_CONF", main.as_os_str()),
            ],
        );
        (home, environment)
    }

    #[test]
    fn the_last_drop_in_decides() {
        let (_home, environment) = home(&[
            ("registries.conf", "credential-helpers = [\"main\"]"),
            ("registries.conf.d/50-a.conf", "credential-helpers = [\"age\"]"),
            (
                "registries.conf.d/60-b.conf",
                "unqualified-search-registries = []",
            ),
            ("registries.conf.d/70-c.conf.bak", "credential-helpers = [\"no\"]"),
        ]);
        let decided = CredentialHelpers::read(&environment).unwrap();
        assert_eq!(decided.helpers(), ["age"]);
        assert!(decided.file().unwrap().ends_with("50-a.conf"));
        assert_eq!(decided.first(), Some("age"));
        assert!(!decided.read_auth_files());
    }

    #[test]
    fn the_auth_files_are_read_without_a_list_or_as_a_part_of_one() {
        for (text, first, read_auth_files) in [
            ("", None, true),
            ("credential-helpers = []", None, true),
            ("credential-helpers = [\"age\"]", Some("age"), false),
            (
                "credential-helpers = [\"age\", \"containers-auth.json\"]",
                Some("age"),
                true,
            ),
            (
                "credential-helpers = [\"containers-auth.json\", \"age\"]",
                None,
                true,
            ),
            ("[[registry]]\nlocation = \"a\"\n", None, true),
        ] {
            let (_home, environment) = home(&[("registries.conf", text)]);
            let decided = CredentialHelpers::read(&environment).unwrap();
            assert_eq!(
                (decided.first(), decided.read_auth_files()),
                (first, read_auth_files),
                "{text}"
            );
        }
    }

    #[test]
    fn a_file_that_is_not_toml_is_named_with_its_line() {
        let (_home, environment) = home(&[("registries.conf", "a = 1\ncredential-helpers = [")]);
        let error = CredentialHelpers::read(&environment).unwrap_err().to_string();
        assert!(
            error.contains("registries.conf") && error.contains("line 2"),
            "{error}"
        );
    }
}
