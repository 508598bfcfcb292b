//! Decides which logins to import from files, for which server, and whether to remove them from a file. These
//! rules keep every login in at least one place.

use std::collections::BTreeMap;

use super::source::{Client, Source};
use crate::config::{Document, Entry, Form, Login, lookup};
use crate::{Credential, Error, HUB_URL, Secret, ServerUrl, TOKEN_USERNAME, Username, show};

/// A login in plain text, and the planned action.
#[derive(Debug)]
pub(in crate::commands) struct Candidate {
    /// The index of the source.
    pub(super) source: usize,
    pub(super) entry: Entry,
    pub(super) login: Login,
    /// The server to store it for.
    pub(super) server: ServerUrl,
    pub(super) action: Action,
    /// Whether its client uses it now, so that a stored one is older.
    pub(super) is_current: bool,
    /// Whether its name differs from the server's, whose own entry is empty: the server's login is in the
    /// store, and this one is old.
    pub(super) is_stale_alias: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Store it and remove it from its file.
    Move,
    /// Store it, and leave it in its file for this reason.
    Copy(&'static str),
    /// Skip it, for this reason.
    Leave(String),
}

impl Candidate {
    /// The login of an entry in this document, if it has one.
    pub(super) fn new(
        index: usize,
        source: &Source,
        document: &Document,
        entry: &Entry,
        login: Login,
    ) -> Result<Self, Error> {
        let server = target(source, entry.server())?;
        let own_name = own_name(&server);
        let has_own_marker = document
            .auths()
            .any(|other| other.server() == own_name && other.is_marker());
        Ok(Self {
            source: index,
            entry: entry.clone(),
            login,
            is_current: false,
            is_stale_alias: entry.server() != own_name && has_own_marker,
            server,
            action: Action::Move,
        })
    }

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

    fn is_namespace(&self) -> bool {
        lookup::is_namespace(self.entry.server()) && !self.server.key().is_hub()
    }
}

/// The server that the client looks up for `key`. docker treats any URL or path of a host as the host; podman
/// has namespaces.
fn target(source: &Source, key: &str) -> Result<ServerUrl, Error> {
    let server = ServerUrl::parse(key)?;
    match () {
        () if server.key().is_hub() => Ok(ServerUrl::hub()),
        () if server.key().is_hub_token() || (source.has_namespaces() && lookup::is_namespace(key)) => {
            Ok(server)
        }
        () => ServerUrl::parse(lookup::hostname(key)),
    }
}

/// Sets the actions of logins for the same server: a server has one login, the one that its client would use.
pub(super) fn resolve_conflicts(sources: &[Source], candidates: &mut [Candidate]) {
    let mut by_server: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (index, candidate) in candidates.iter_mut().enumerate() {
        if let Some(reason) = reason_to_keep(&sources[candidate.source], candidate) {
            candidate.action = Action::Copy(reason);
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
        resolve_group(candidates, &group);
    }
}

fn resolve_group(candidates: &mut [Candidate], group: &[usize]) {
    let (first, others) = (group[0], &group[1..]);
    let differs = |candidates: &[Candidate], index: usize| candidates[index].login != candidates[first].login;
    // docker would use any of several namespaces for the host, so the right one is unknown.
    let is_ambiguous =
        candidates[first].is_namespace() && others.iter().any(|&other| differs(candidates, other));
    let first_name = candidates[first].entry.server().to_owned();
    for &index in group {
        if !is_ambiguous && !differs(candidates, index) {
            continue;
        }
        let candidate = &mut candidates[index];
        if candidate.is_namespace() {
            if let Ok(server) = ServerUrl::parse(candidate.entry.server()) {
                candidate.server = server;
            }
        } else if index != first && candidate.action == Action::Move {
            candidate.action = Action::Leave(format!(
                "{} has another login, which has priority",
                show::server(&first_name)
            ));
        }
    }
}

/// The reason why the login stays in its file after it was stored.
fn reason_to_keep(source: &Source, candidate: &Candidate) -> Option<&'static str> {
    match (source.client, candidate.entry.form()) {
        (Client::Nobody, _) => Some("docker and podman don't read this file, so it stays unchanged"),
        (_, Form::Lines) => Some("docker no longer reads this file; remove it"),
        (Client::Podman, _) if candidate.is_namespace() => {
            Some("podman doesn't ask helpers for a part of a registry")
        }
        // Only podman and similar tools write such an entry into docker's file, and read it there.
        (_, Form::Auths) if candidate.is_namespace() => {
            Some("podman reads this entry for a part of the registry")
        }
        _ => None,
    }
}

fn is_own_name(candidate: &Candidate) -> bool {
    candidate.entry.server() == own_name(&candidate.server)
}

/// The name under which docker looks up the server.
pub(super) fn own_name(server: &ServerUrl) -> &str {
    if server.key().is_hub() {
        HUB_URL
    } else {
        server.as_str()
    }
}
