//! What is to be taken over from where, under which server, and what may be blanked afterwards: the rules by which no
//! login is lost.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::config::{ConfigFile, Document, Entry, Form, Login, lookup, paths};
use crate::{Credential, Environment, Error, HUB_URL, Secret, ServerUrl, TOKEN_USERNAME, Username};

/// Whose file it is, and so who must ask this helper before a login in it may be blanked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    Docker,
    /// The file of docker before 1.7. What docker asks today, `config.json` says.
    OldDocker,
    Podman,
}

/// A configuration file to import from.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) client: Client,
}

impl Source {
    /// Every file in which docker or podman may have left a login, docker's first.
    pub(super) fn all(environment: &Environment) -> Result<Vec<Self>, Error> {
        let docker = paths::docker(environment)?;
        let dockercfg = paths::dockercfg(environment)?;
        let podman = paths::podman_search(environment)?;
        let podman = podman
            .into_iter()
            .filter(|path| *path != docker && *path != dockercfg);
        let podman = podman.map(|path| Self {
            path,
            client: Client::Podman,
        });
        let mut sources = vec![
            Self {
                path: docker.clone(),
                client: Client::Docker,
            },
            Self {
                path: dockercfg.clone(),
                client: Client::OldDocker,
            },
        ];
        sources.extend(podman);
        Ok(sources)
    }

    /// A file by its path. One that is none of the known ones is read by its name.
    pub(super) fn named(environment: &Environment, path: &Path) -> Result<Self, Error> {
        let is_same = |other: &Path| std::path::absolute(path).ok() == std::path::absolute(other).ok();
        let known = Self::all(environment)?
            .into_iter()
            .find(|source| is_same(&source.path));
        Ok(known.unwrap_or_else(|| Self {
            path: path.to_owned(),
            client: match path.file_name().and_then(|name| name.to_str()) {
                Some("auth.json") => Client::Podman,
                Some(".dockercfg") => Client::OldDocker,
                _ => Client::Docker,
            },
        }))
    }

    /// The file whose settings say whom the client asks.
    pub(super) fn settings_file(&self, environment: &Environment) -> Result<PathBuf, Error> {
        match self.client {
            Client::Docker => Ok(self.path.clone()),
            Client::OldDocker => paths::docker(environment),
            Client::Podman => {
                // The runtime file is gone with the next boot; what is set in it would be, too.
                let is_searched = paths::podman_search(environment)?.contains(&self.path);
                if is_searched {
                    paths::podman(environment)
                } else {
                    Ok(self.path.clone())
                }
            }
        }
    }

    /// The settings as they are now.
    pub(super) fn settings(&self, environment: &Environment) -> Result<Settings, Error> {
        let is_podman = self.client == Client::Podman;
        let mut files = vec![self.settings_file(environment)?];
        if is_podman {
            let searched = paths::podman_search(environment)?;
            files = if searched.contains(&self.path) {
                searched
            } else {
                vec![self.path.clone()]
            };
        }
        let documents = files
            .iter()
            .map(|path| ConfigFile::read(path).map(|file| file.document().clone()))
            .collect::<Result<_, _>>()?;
        Ok(Settings { is_podman, documents })
    }
}

/// What a client goes by.
pub(super) struct Settings {
    is_podman: bool,
    documents: Vec<Document>,
}

impl Settings {
    /// The helper that the client asks for this server when the entry for it is blank.
    pub(super) fn helper_asked(&self, server: &ServerUrl) -> Option<&str> {
        let mut documents = self.documents.iter();
        if self.is_podman {
            let key = lookup::podman_key(server);
            documents.find_map(|document| lookup::podman(document, &key))
        } else {
            let key = lookup::docker_key(server);
            documents.find_map(|document| lookup::docker(document, &key).helper())
        }
    }
}

/// A login in the clear, and what is meant to become of it.
#[derive(Debug)]
pub(super) struct Candidate {
    /// The index of the source.
    pub(super) source: usize,
    pub(super) entry: Entry,
    pub(super) login: Login,
    /// What it is to be stored under.
    pub(super) server: ServerUrl,
    pub(super) fate: Fate,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Stored, and blanked where it came from.
    Move,
    /// Stored, and left where it came from, for this reason.
    Copy(&'static str),
    /// Left alone.
    Leave(String),
}

impl Candidate {
    pub(super) fn credential(&self) -> Result<Credential, Error> {
        let (username, secret) = match &self.login {
            Login::Password { username, password } => (username.clone(), password.clone()),
            Login::IdentityToken(token) => (TOKEN_USERNAME.to_owned(), token.clone()),
        };
        Ok(Credential::new(
            self.server.for_storing()?,
            Username::parse(username)?,
            Secret::new(secret.expose().to_owned()),
        ))
    }

    pub(super) fn username(&self) -> &str {
        match &self.login {
            Login::Password { username, .. } => username,
            Login::IdentityToken(_) => TOKEN_USERNAME,
        }
    }
}

/// What `key` is looked up by. docker takes any URL or path of a host for the host; podman has namespaces.
pub(super) fn target(client: Client, key: &str) -> Result<ServerUrl, Error> {
    let server = ServerUrl::parse(key)?;
    match () {
        () if server.key().is_hub() => Ok(ServerUrl::hub()),
        () if server.key().is_hub_token() || (client == Client::Podman && lookup::is_namespace(key)) => {
            Ok(server)
        }
        () => ServerUrl::parse(lookup::hostname(key)),
    }
}

/// Decides the fate of logins by one another: a server has one login, and the one that its client would take is it.
pub(super) fn settle(sources: &[Source], candidates: &mut [Candidate]) {
    let mut by_server: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (index, candidate) in candidates.iter_mut().enumerate() {
        let client = sources[candidate.source].client;
        if client == Client::Podman
            && lookup::is_namespace(candidate.entry.server())
            && !candidate.server.key().is_hub()
        {
            candidate.fate = Fate::Copy("podman asks no helper for a namespace");
        } else if candidate.entry.form() == Form::Lines {
            candidate.fate = Fate::Copy("docker has given up this file; remove it");
        }
        by_server
            .entry(candidate.server.key().clone())
            .or_default()
            .push(index);
    }
    for mut group in by_server.into_values() {
        // In the order of the files; within one, the host's own entry first, the Hub's URL before its other names.
        group.sort_by_key(|&index| {
            let candidate = &candidates[index];
            (candidate.source, !is_own_name(candidate))
        });
        let (first, others) = (group[0], &group[1..]);
        let agree = |a: usize, b: usize| candidates[a].login == candidates[b].login;
        // Of several namespaces docker would take any for the host, and so nobody can tell which is meant.
        let is_ambiguous = lookup::is_namespace(candidates[first].entry.server())
            && others.iter().any(|&other| !agree(first, other));
        let differing: Vec<usize> = others
            .iter()
            .copied()
            .filter(|&other| !agree(first, other))
            .collect();
        let own_name = candidates[first].entry.server().to_owned();
        for index in group {
            let candidate = &mut candidates[index];
            if candidate.fate != Fate::Move || !(differing.contains(&index) || is_ambiguous) {
                continue;
            }
            let namespace = Some(candidate.entry.server()).filter(|key| lookup::is_namespace(key));
            if let Some(Ok(server)) = namespace.map(ServerUrl::parse) {
                candidate.server = server;
                candidate.fate = Fate::Copy("it is for a part of the registry only");
            } else if index != first {
                candidate.fate = Fate::Leave(format!("{own_name} has another login, which goes first"));
            }
        }
    }
}

fn is_own_name(candidate: &Candidate) -> bool {
    let key = candidate.entry.server();
    if candidate.server.key().is_hub() {
        key == HUB_URL
    } else {
        key == candidate.server.as_str()
    }
}
