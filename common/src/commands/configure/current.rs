//! The logins in plain text that a client uses now. One that this store has in another version is lost by the change as
//! well: after a time without the helper, the stored one is the older.

use super::previous::default_helper;
use crate::commands::session::Session;
use crate::commands::transfer::Client;
use crate::config::{Document, Entry, Login, lookup, programs};
use crate::{CredentialStore, Environment, ServerKey, ServerUrl, TOKEN_USERNAME};

/// Logins, and the servers that the client looks them up for.
#[derive(Debug, Default)]
pub(super) struct Current(Vec<(ServerUrl, Login)>);

impl Current {
    /// Those that docker or helm reads in its file. A read-only helper's own logins are meant to replace them.
    pub(super) fn read(session: &Session<'_>, client: Client, document: &Document) -> Self {
        let environment = session.environment;
        if client == Client::Podman || session.helper.is_read_only() {
            return Self::default();
        }
        let default = default_helper(environment, document);
        let logins = document.auths().filter_map(|entry| {
            let server = ServerUrl::parse(entry.server()).ok()?;
            let key = lookup::docker_key(&server);
            let helper = lookup::docker(document, &key).helper().or(default);
            let is_read = !helper.is_some_and(|helper| is_installed(environment, helper))
                && lookup::docker_entry(document, &key).map(Entry::server) == Some(entry.server());
            let login = entry.login().ok().flatten().filter(|_| is_read)?;
            Some((ServerUrl::parse(&key).ok()?, login))
        });
        Self(logins.collect())
    }

    /// Whether the client uses such a login for this server.
    pub(super) fn contains(&self, server: &ServerUrl) -> bool {
        self.0.iter().any(|(known, _)| known.key() == server.key())
    }

    /// Removes the servers for which the store has another login.
    pub(super) fn retain_same(&self, store: &dyn CredentialStore, keys: &mut Vec<ServerKey>) {
        for (server, login) in &self.0 {
            if keys.contains(server.key()) && is_another(store, server, login) {
                keys.retain(|key| key != server.key());
            }
        }
    }
}

/// Up to version 28, docker uses the entry in plain text if the helper isn't installed.
fn is_installed(environment: &Environment, helper: &str) -> bool {
    programs::first_on_path(environment, &format!("docker-credential-{helper}")).is_some()
}

/// `false` if the store doesn't open.
fn is_another(store: &dyn CredentialStore, server: &ServerUrl, login: &Login) -> bool {
    let Ok(Some(stored)) = store.get(server) else {
        return false;
    };
    let (username, secret) = match login {
        Login::Password { username, password } => (username.as_str(), password),
        Login::IdentityToken(token) => (TOKEN_USERNAME, token),
    };
    stored.username().as_str() != username || stored.secret().expose() != secret.expose()
}
