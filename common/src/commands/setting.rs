//! What `configure` sets, and the record of what stood there before.
//!
//! The record is a file of ours and not a field in docker's: docker drops fields that it does not know. It is changed
//! under a lock, and anew from what it says then: of several that run at once each adds its own.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::{Document, Problem, lookup};
use crate::directory::Directory;
use crate::{Environment, Error, Helper, ServerUrl};

/// A place in a configuration file where the name of a helper can stand.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Setting {
    CredsStore,
    CredHelper(String),
}

impl Setting {
    /// The settings for one registry, as a person names it. The Hub has two: docker asks for it by its URL, podman
    /// as `docker.io`, and podman reads docker's file as well.
    pub(super) fn for_registry(name: &str) -> Result<Vec<Self>, Error> {
        let server = ServerUrl::parse(name)?;
        if server.key().is_hub() {
            let keys = [lookup::docker_key(&server), lookup::podman_key(&server)];
            return Ok(keys.map(Self::CredHelper).to_vec());
        }
        let host = lookup::hostname(name);
        let is_host = server
            .key()
            .https_parts()
            .is_some_and(|(.., path)| path.is_empty());
        if is_host {
            Ok(vec![Self::CredHelper(host.to_owned())])
        } else {
            Err(Error::Refused(
                format!("{server} is not a registry as docker asks for it; write host or host:port").into(),
            ))
        }
    }

    /// Every place in this document where `helper` stands.
    pub(super) fn naming(document: &Document, helper: &str) -> Vec<Self> {
        let servers = document.cred_helpers().iter();
        let servers = servers.filter(|(_, name)| name == helper);
        let all = (document.creds_store() == Some(helper)).then_some(Self::CredsStore);
        all.into_iter()
            .chain(servers.map(|(server, _)| Self::CredHelper(server.clone())))
            .collect()
    }

    pub(super) fn read<'a>(&self, document: &'a Document) -> Option<&'a str> {
        match self {
            Self::CredsStore => document.creds_store(),
            Self::CredHelper(server) => document.cred_helper(server),
        }
    }

    pub(super) fn write(&self, document: &Document, helper: Option<&str>) -> Result<Document, Problem> {
        match self {
            Self::CredsStore => document.with_creds_store(helper),
            Self::CredHelper(server) => document.with_cred_helper(server, helper),
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CredsStore => f.write_str("credsStore"),
            Self::CredHelper(server) => write!(f, "credHelpers[{server:?}]"),
        }
    }
}

/// Setting, as it is displayed, to the helper that stood there.
type Replaced = BTreeMap<String, Option<String>>;

/// What stood in the settings of each file before a helper's `configure` replaced it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    files: BTreeMap<String, Replaced>,
}

const FILE: &str = "replaced.json";
const SIZE_MAX: u64 = 1 << 20;
const LOCK_WAIT: Duration = Duration::from_secs(10);

impl Record {
    /// As it is now.
    pub(super) fn read(helper: &Helper, environment: &Environment) -> Result<Self, Error> {
        Ok(Self::read_in(&directory(helper, environment)?)?.unwrap_or_default())
    }

    /// Changes it, durably.
    pub(super) fn change(
        helper: &Helper,
        environment: &Environment,
        change: impl FnOnce(&mut Self),
    ) -> Result<(), Error> {
        let path = directory(helper, environment)?;
        let unwritable = || Error::file("write to", &path);
        let directory = Directory::create(&path).map_err(unwritable())?;
        let lock = directory.lock(LOCK_WAIT).map_err(unwritable())?;
        let old = Self::read_in(&path)?;
        let mut new = old.clone().unwrap_or_default();
        change(&mut new);
        match old {
            Some(old) if old == new => return Ok(()),
            Some(_) => {}
            None => directory.allow_new_file()?,
        }
        let text = serde_json::to_string_pretty(&new.files).map_err(|error| unwritable()(error.into()))?;
        directory
            .replace_alike(&lock, FILE, format!("{text}\n").as_bytes(), 0o600)
            .map_err(unwritable())
    }

    fn read_in(directory: &Path) -> Result<Option<Self>, Error> {
        let path = directory.join(FILE);
        match crate::directory::read_file(&path, SIZE_MAX) {
            Ok(bytes) => match serde_json::from_slice(&bytes) {
                Ok(files) => Ok(Some(Self { files })),
                Err(_) => Err(Error::Damaged(
                    format!(
                        "{} cannot be understood; remove it, and name the former store by hand where you want it back",
                        path.display()
                    )
                    .into(),
                )),
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::file("read", &path)(error)),
        }
    }

    /// What is to be put back; nothing if nothing stood there, or nobody knows.
    pub(super) fn former(&self, file: &Path, setting: &Setting) -> Option<&str> {
        self.files.get(&key(file))?.get(&setting.to_string())?.as_deref()
    }

    pub(super) fn remember(&mut self, file: &Path, setting: &Setting, former: Option<&str>) {
        self.files
            .entry(key(file))
            .or_default()
            .insert(setting.to_string(), former.map(str::to_owned));
    }

    pub(super) fn forget(&mut self, file: &Path, setting: &Setting) {
        let key = key(file);
        if let Some(replaced) = self.files.get_mut(&key) {
            replaced.remove(&setting.to_string());
            if replaced.is_empty() {
                self.files.remove(&key);
            }
        }
    }
}

fn directory(helper: &Helper, environment: &Environment) -> Result<PathBuf, Error> {
    Ok(environment.config_directory()?.join(helper.program()))
}

fn key(file: &Path) -> String {
    std::path::absolute(file)
        .unwrap_or_else(|_| file.to_owned())
        .to_string_lossy()
        .into_owned()
}
