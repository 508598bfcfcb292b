//! The files to import from, and the helper that their client uses.

use std::path::{Path, PathBuf};

use crate::commands::session::Session;
use crate::config::registries::CredentialHelpers;
use crate::config::{ConfigFile, Document, lookup, paths, programs};
use crate::{Environment, Error, ServerUrl, show};

/// The program that reads a file, and so must use this helper before a login is removed from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) enum Client {
    Docker,
    /// The file of docker before 1.7. Today docker reads `config.json`.
    OldDocker,
    Podman,
    Helm,
    /// A file that no client on this machine reads, such as a pull secret for a cluster. It is never changed.
    Nobody,
}

impl Client {
    /// For messages.
    pub(in crate::commands) fn name(self) -> &'static str {
        match self {
            Self::Docker | Self::OldDocker | Self::Nobody => "docker",
            Self::Podman => "podman",
            Self::Helm => "helm",
        }
    }
}

/// A configuration file to import from.
#[derive(Clone, Debug)]
pub(in crate::commands) struct Source {
    pub(in crate::commands) path: PathBuf,
    pub(in crate::commands) client: Client,
    /// The user named this very file.
    pub(super) is_named: bool,
}

impl Source {
    /// Every file in which docker, podman or helm may have left a login, docker's first.
    pub(in crate::commands) fn all(environment: &Environment) -> Result<Vec<Self>, Error> {
        let mut sources = vec![
            Self::new(paths::docker(environment)?, Client::Docker),
            Self::new(paths::dockercfg(environment)?, Client::OldDocker),
        ];
        for path in paths::podman_search(environment)? {
            if sources.iter().all(|known| known.path != path) {
                sources.push(Self::new(path, Client::Podman));
            }
        }
        sources.push(Self::new(paths::helm(environment)?, Client::Helm));
        Ok(sources)
    }

    pub(in crate::commands) fn new(path: PathBuf, client: Client) -> Self {
        Self {
            path,
            client,
            is_named: false,
        }
    }

    /// A file by its path: a known one, or another.
    pub(in crate::commands) fn named(environment: &Environment, path: &Path) -> Result<Self, Error> {
        let is_same = |other: &Path| match (path.canonicalize(), other.canonicalize()) {
            (Ok(path), Ok(other)) => path == other,
            _ => false,
        };
        let known = Self::all(environment)?
            .into_iter()
            .find(|source| is_same(&source.path));
        let source = known.unwrap_or_else(|| Self::new(path.to_owned(), Client::Nobody));
        Ok(Self {
            is_named: true,
            ..source
        })
    }

    /// Whether a key with a path is a part of a registry here (`quay.io/org`), as in podman. docker treats it
    /// as the host.
    pub(super) fn has_namespaces(&self) -> bool {
        let is_named_so = self.path.file_name().is_some_and(|name| name == "auth.json");
        self.client == Client::Podman || self.client == Client::Nobody && is_named_so
    }

    /// The helper that its client uses now.
    pub(in crate::commands) fn settings(&self, environment: &Environment) -> Result<Settings, Error> {
        let read = |path: &Path| ConfigFile::read(path).map(|file| file.document().clone());
        match self.client {
            Client::Docker | Client::OldDocker | Client::Nobody => {
                Ok(Settings::Docker(read(&paths::docker(environment)?)?))
            }
            Client::Helm => Ok(Settings::Docker(read(&self.path)?)),
            Client::Podman => {
                let helpers = CredentialHelpers::read(environment)?;
                let files = paths::podman_search(environment)?;
                let files = files.iter().map(|path| read(path)).collect::<Result<_, _>>()?;
                Ok(Settings::Podman(helpers, files))
            }
        }
    }
}

/// The settings that decide which helper a client uses.
pub(in crate::commands) enum Settings {
    Docker(Document),
    Podman(CredentialHelpers, Vec<Document>),
}

impl Settings {
    /// The helper that the client uses for this server after its entry in the file is empty.
    pub(in crate::commands) fn helper_asked(&self, server: &ServerUrl) -> Option<&str> {
        match self {
            Self::Docker(document) => lookup::docker(document, &lookup::docker_key(server)).helper(),
            Self::Podman(helpers, documents) => {
                let key = lookup::podman_key(server);
                let mut documents = documents.iter();
                let in_files = || documents.find_map(|document| lookup::podman(document, &key));
                helpers.first().or_else(in_files)
            }
        }
        .filter(|helper| !helper.is_empty())
    }

    /// Another installed helper that the client uses for this registry in particular.
    pub(in crate::commands) fn other_helper(
        &self,
        session: &Session<'_>,
        server: &ServerUrl,
    ) -> Option<&str> {
        let helper = match self {
            Self::Docker(document) => document.cred_helper(&lookup::docker_key(server)),
            Self::Podman(helpers, _) if helpers.first().is_some() => None,
            Self::Podman(_, documents) => {
                let key = lookup::podman_key(server);
                documents
                    .iter()
                    .find_map(|document| lookup::podman(document, &key))
            }
        };
        helper.filter(|helper| {
            !helper.is_empty()
                && *helper != session.helper.name()
                && programs::is_helper_installed(session.environment, helper)
        })
    }
}

/// regctl's logins, which helpers can't take over, because its file can only name a helper for each host.
pub(in crate::commands) fn regctl_advice(environment: &Environment) -> Option<String> {
    let path = paths::regctl(environment).ok()?;
    let bytes = crate::directory::read_file(&path, crate::config::SIZE_MAX).ok()?;
    let config: serde_json::Value = serde_json::from_slice(&bytes).ok()?;
    let has_password = |host: &serde_json::Value| host["pass"].as_str().is_some_and(|text| !text.is_empty());
    let hosts = config["hosts"].as_object()?.iter();
    let hosts: Vec<String> = hosts
        .filter(|(_, host)| has_password(host))
        .map(|(name, _)| show::server(name))
        .collect();
    (!hosts.is_empty()).then(|| {
        format!(
            "{}: regctl keeps logins in plain text here, for {}; it reads docker's logins as well, so run \
             \"docker login\" instead, then \"regctl registry logout\"",
            show::path(environment, &path),
            hosts.join(", ")
        )
    })
}
