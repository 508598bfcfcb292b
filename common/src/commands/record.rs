//! Records the settings that `configure` replaced, for `unconfigure` and `doctor`.
//!
//! It is our own file and not a field in docker's, because docker drops unknown fields. It is read and
//! changed under a lock, so processes that run at the same time each add their own record.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::setting::Setting;
use crate::directory::Directory;
use crate::{Environment, Error, Helper};

/// A setting, as displayed, and the helper that it named.
type Replaced = BTreeMap<String, Option<String>>;

/// The previous values of the settings in each file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    files: BTreeMap<String, Replaced>,
}

const FILE: &str = "replaced.json";
/// Instead of a setting: the user chose to leave logins behind in this file, or in the helper that it named.
const NO_IMPORT: &str = "--no-import";
const SIZE_MAX: u64 = 1 << 20;
const LOCK_WAIT: Duration = Duration::from_secs(10);

impl Record {
    /// As it is now.
    pub(super) fn read(helper: &Helper, environment: &Environment) -> Result<Self, Error> {
        Ok(Self::read_in(environment, &directory(helper, environment)?)?.unwrap_or_default())
    }

    /// Changes it, durably.
    pub(super) fn change(
        helper: &Helper,
        environment: &Environment,
        change: impl FnOnce(&mut Self),
    ) -> Result<(), Error> {
        let path = directory(helper, environment)?;
        environment.trust().file_to_change(&path.join(FILE))?;
        let unwritable = || Error::file("write to", &path);
        let directory = Directory::create(&path).map_err(unwritable())?;
        let lock = directory.lock(LOCK_WAIT).map_err(unwritable())?;
        let old = Self::read_in(environment, &path)?;
        let mut new = old.clone().unwrap_or_default();
        change(&mut new);
        if old.is_some_and(|old| old == new) {
            return Ok(());
        }
        let text = serde_json::to_string_pretty(&new.files).map_err(|error| unwritable()(error.into()))?;
        directory
            .replace_alike(&lock, FILE, format!("{text}\n").as_bytes(), 0o600)
            .map_err(unwritable())
    }

    fn read_in(environment: &Environment, directory: &Path) -> Result<Option<Self>, Error> {
        let path = directory.join(FILE);
        let Some(file) = environment.trust().own_secret(&path)? else {
            return Ok(None);
        };
        let bytes = file.content(SIZE_MAX).map_err(Error::file("read", &path))?;
        let files = serde_json::from_slice(&bytes).map_err(|_| {
            Error::damaged(format!(
                "cannot read {}: configure did not write it; remove it, and set the previous store by hand \
                if you want it back",
                path.display()
            ))
        })?;
        Ok(Some(Self { files }))
    }

    /// The helper to restore; nothing if there was none, or it isn't known.
    pub(super) fn previous(&self, file: &Path, setting: &Setting) -> Option<&str> {
        self.files.get(&key(file))?.get(&setting.to_string())?.as_deref()
    }

    /// Whether `configure` changed this setting.
    pub(super) fn is_of(&self, file: &Path, setting: &Setting) -> bool {
        let replaced = self.files.get(&key(file));
        replaced.is_some_and(|replaced| replaced.contains_key(&setting.to_string()))
    }

    pub(super) fn remember(&mut self, file: &Path, setting: &Setting, previous: Option<&str>) {
        self.files
            .entry(key(file))
            .or_default()
            .insert(setting.to_string(), previous.map(str::to_owned));
    }

    /// Whether `--no-import` chose to leave logins behind.
    pub(super) fn is_import_declined(&self, file: &Path) -> bool {
        self.files
            .get(&key(file))
            .is_some_and(|replaced| replaced.contains_key(NO_IMPORT))
    }

    pub(super) fn set_import_declined(&mut self, file: &Path, is_declined: bool) {
        let replaced = self.files.entry(key(file)).or_default();
        if is_declined {
            replaced.insert(NO_IMPORT.to_owned(), None);
        } else {
            replaced.remove(NO_IMPORT);
        }
    }

    /// After the last setting, nothing else about the file matters.
    pub(super) fn forget(&mut self, file: &Path, setting: &Setting) {
        let key = key(file);
        if let Some(replaced) = self.files.get_mut(&key) {
            replaced.remove(&setting.to_string());
            if replaced.keys().all(|setting| setting == NO_IMPORT) {
                self.files.remove(&key);
            }
        }
    }
}

fn directory(helper: &Helper, environment: &Environment) -> Result<PathBuf, Error> {
    Ok(environment.config_directory()?.join(helper.program()))
}

/// The same for every path to the file's directory, such as another `DOCKER_CONFIG`.
fn key(file: &Path) -> String {
    let directory = file.parent().and_then(|directory| directory.canonicalize().ok());
    let canonical = directory.and_then(|directory| Some(directory.join(file.file_name()?)));
    canonical
        .or_else(|| std::path::absolute(file).ok())
        .unwrap_or_else(|| file.to_owned())
        .to_string_lossy()
        .into_owned()
}
