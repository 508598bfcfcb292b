//! The settings that `configure` changes.

use std::fmt;

use crate::config::{Document, EditError, Problem, lookup};
use crate::{Error, ServerUrl, show};

/// A field of a configuration file that names a helper.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Setting {
    CredsStore,
    CredHelper(String),
}

impl Setting {
    /// The settings for one registry, as a person names it. The Hub has two: docker looks it up by its URL,
    /// podman as `docker.io`, and podman also reads docker's file.
    pub(super) fn for_registry(name: &str) -> Result<Vec<Self>, Error> {
        let server = ServerUrl::parse(name)?;
        if server.key().is_hub() {
            let keys = [lookup::docker_key(&server), lookup::podman_key(&server)];
            return Ok(keys.map(Self::CredHelper).to_vec());
        }
        let is_host = server
            .key()
            .https_parts()
            .is_some_and(|(.., path)| path.is_empty());
        if is_host {
            // docker compares these keys exactly, and image names are in lower case.
            let host = lookup::hostname(name).to_ascii_lowercase();
            Ok(vec![Self::CredHelper(host)])
        } else {
            Err(Error::refused(format!(
                "cannot configure {}: docker asks for registries as host or host:port; write it that way",
                show::server(name)
            )))
        }
    }

    /// Every setting in this document that names `helper`.
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

/// The document with these settings changed. It doesn't rewrite unchanged values, which may contain escapes.
pub(super) fn put<'a>(
    document: &Document,
    settings: impl IntoIterator<Item = (&'a Setting, Option<&'a str>)>,
) -> Result<Document, EditError> {
    let mut document = document.clone();
    for (setting, value) in settings {
        if setting.read(&document) != value {
            document = setting.write(&document, value)?;
        }
    }
    Ok(document)
}
