//! The logins that docker or helm uses now. If this store has another version of one, the change loses it: after a time
//! without the helper, the stored one is the older.

use super::previous::default_helper;
use crate::commands::peer::{self, Peer};
use crate::commands::session::Session;
use crate::commands::transfer::Client;
use crate::config::{Document, Entry, Login, lookup, programs};
use crate::{CredentialStore, Environment, Listed, ServerKey, ServerUrl, TOKEN_USERNAME};

/// Nothing if the client uses this helper already; for podman; and for a read-only helper, whose own logins are meant to
/// replace others.
#[derive(Debug, Default)]
pub(super) struct Current<'a>(Option<Lookup<'a>>);

/// How the client looks up logins.
#[derive(Debug)]
struct Lookup<'a> {
    environment: &'a Environment,
    before: Document,
    after: Document,
    default: Option<&'static str>,
    own: &'static str,
}

impl<'a> Current<'a> {
    /// Those in plain text in the file, and those in the helpers that it names.
    pub(super) fn read(session: &Session<'a>, client: Client, before: &Document, after: &Document) -> Self {
        if before == after || client == Client::Podman || session.helper.is_read_only() {
            return Self(None);
        }
        Self(Some(Lookup {
            environment: session.environment,
            default: default_helper(session.environment, before),
            before: before.clone(),
            after: after.clone(),
            own: session.helper.name(),
        }))
    }

    /// Whether those in helpers were compared.
    pub(super) fn is_known(&self) -> bool {
        self.0.is_some()
    }

    /// Whether the client uses a login in plain text for this server.
    pub(super) fn is_plain(&self, server: &ServerUrl) -> bool {
        self.0
            .as_ref()
            .is_some_and(|lookup| lookup.helper(server).is_none() && lookup.entry(server).is_some())
    }

    /// Removes the servers for which the client uses another login than the stored one.
    pub(super) fn retain_same(
        &self,
        store: &dyn CredentialStore,
        items: &[Listed],
        keys: &mut Vec<ServerKey>,
    ) {
        let Some(lookup) = &self.0 else {
            return;
        };
        // One that doesn't answer would keep its user waiting for each login.
        let mut silent = Vec::new();
        for Listed { server, .. } in items {
            if lookup.is_changed(server) && lookup.is_another(store, server, &mut silent) {
                keys.retain(|key| key != server.key());
            }
        }
    }
}

impl Lookup<'_> {
    fn is_changed(&self, server: &ServerUrl) -> bool {
        lookup::docker(&self.after, &lookup::docker_key(server)).helper() == Some(self.own)
            && self.helper(server) != Some(self.own)
    }

    /// The installed helper that the client uses for this server now. Up to version 28, docker uses the entry in plain text
    /// if the helper isn't installed.
    fn helper(&self, server: &ServerUrl) -> Option<&str> {
        let named = lookup::docker(&self.before, &lookup::docker_key(server)).helper();
        named
            .or(self.default)
            .filter(|helper| programs::is_helper_installed(self.environment, helper))
    }

    /// In plain text in the file.
    fn entry(&self, server: &ServerUrl) -> Option<Login> {
        let entry = lookup::docker_entry(&self.before, &lookup::docker_key(server))?;
        Entry::login(entry).ok().flatten()
    }

    /// `false` if one of the two can't be read.
    fn is_another(&self, store: &dyn CredentialStore, server: &ServerUrl, silent: &mut Vec<String>) -> bool {
        let stored = || store.get(server).ok().flatten();
        let Some(helper) = self.helper(server) else {
            let Some(login) = self.entry(server) else {
                return false;
            };
            let (username, secret) = match &login {
                Login::Password { username, password } => (username.as_str(), password),
                Login::IdentityToken(token) => (TOKEN_USERNAME, token),
            };
            return stored().is_some_and(|stored| {
                stored.username().as_str() != username || stored.secret().expose() != secret.expose()
            });
        };
        if peer::is_maker(helper) || silent.iter().any(|name| name == helper) {
            return false;
        }
        let asked = ServerUrl::parse(&lookup::docker_key(server));
        let answer = Peer::find(self.environment, helper).and_then(|peer| peer.get(&asked?));
        match answer {
            Ok(Some(theirs)) => stored().is_some_and(|stored| !stored.is_same_login(&theirs)),
            Ok(None) => false,
            Err(_) => {
                silent.push(helper.to_owned());
                false
            }
        }
    }
}
