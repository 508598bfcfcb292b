//! Logins that docker finds now, but would not find with this helper.

use std::cell::LazyCell;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use super::current::Current;
use super::previous::{HelperLogins, default_helper};
use crate::commands::record::Record;
use crate::commands::session::Session;
use crate::commands::setting::{Setting, put};
use crate::commands::transfer::Client;
use crate::config::{Document, Entry, lookup, programs};
use crate::{CredentialStore, Environment, Error, Helper, Listed, ServerKey, ServerUrl, show};

/// Such logins, by place.
#[derive(Debug, Default)]
pub(in crate::commands) struct LeftBehind {
    /// In files, in plain text. docker already ignores these if a store is configured.
    pub(in crate::commands) plain: Vec<PlainLogins>,
    /// Helpers that docker uses now.
    pub(in crate::commands) helpers: Vec<HelperLogins>,
    /// Whether docker finds some of those in plain text now.
    pub(in crate::commands) is_plain_read: bool,
}

/// Logins in a file.
#[derive(Debug)]
pub(in crate::commands) struct PlainLogins {
    pub(in crate::commands) file: PathBuf,
    /// The names of the entries.
    pub(in crate::commands) servers: Vec<String>,
}

impl PlainLogins {
    pub(super) fn some(file: &Path, servers: Vec<String>) -> Option<Self> {
        let file = file.to_owned();
        (!servers.is_empty()).then_some(Self { file, servers })
    }
}

/// The file that decides, and its client.
#[derive(Clone, Copy, Debug)]
pub(in crate::commands) struct Place<'a> {
    pub(in crate::commands) client: Client,
    pub(in crate::commands) file: &'a Path,
}

impl Place<'_> {
    fn key(self, server: &ServerUrl) -> String {
        match self.client {
            Client::Podman => lookup::podman_key(server),
            _ => lookup::docker_key(server),
        }
    }

    /// Whether the client uses this helper for a server if its entry in the file is empty.
    pub(super) fn asks(self, document: &Document, server: &ServerUrl, helper: &str) -> bool {
        self.helper_asked(document, &self.key(server), None) == Some(helper)
    }

    /// podman ignores `credsStore`, and doesn't have a default store.
    fn helper_asked<'a>(
        self,
        document: &'a Document,
        key: &str,
        default: Option<&'a str>,
    ) -> Option<&'a str> {
        match self.client {
            Client::Podman => lookup::podman(document, key),
            _ => lookup::docker(document, key).helper().or(default),
        }
    }
}

/// The servers in this store, listed on first use.
pub(in crate::commands) type Stored<'a> = &'a dyn Deref<Target = Vec<ServerKey>>;

impl LeftBehind {
    /// The logins that a change of a file hides, except those in the helper's own store.
    pub(in crate::commands) fn between(
        environment: &Environment,
        helper: &Helper,
        place: Place<'_>,
        (before, after): (&Document, &Document),
        stored: Stored<'_>,
    ) -> Self {
        let name = helper.name();
        let default = default_helper(environment, before).filter(|_| place.client != Client::Podman);
        // Up to version 28, docker uses the plain-text entry if the helper isn't installed.
        let is_installed = |helper: &&str| programs::is_helper_installed(environment, helper);
        let asked_before = |key: &str| {
            place
                .helper_asked(before, key, default)
                .filter(|helper| is_installed(helper))
        };
        let is_lost = |server: &str, is_meant: &dyn Fn(Option<&str>) -> bool| {
            let Ok(server) = ServerUrl::parse(server) else {
                return false;
            };
            let key = place.key(&server);
            place.helper_asked(after, &key, None) == Some(name)
                && is_meant(asked_before(&key))
                && !is_stored(&server, &key, stored)
        };
        let has_login = |entry: &Entry| matches!(entry.login(), Ok(Some(_)));
        // podman doesn't use registry tokens. One that docker ignores already is no loss, and can't be imported.
        let has_token = |entry: &Entry| place.client != Client::Podman && entry.has_registry_token();
        let plain: Vec<String> = before
            .auths()
            .filter(|entry| {
                let server = without_http(entry.server());
                has_login(entry) && is_lost(server, &|asked| asked != Some(name))
                    || has_token(entry) && is_lost(server, &|asked| asked.is_none())
            })
            .map(|entry| entry.server().to_owned())
            .collect();
        let is_read = |server: &String| is_lost(without_http(server), &|asked| asked.is_none());
        let helpers: Vec<HelperLogins> = replaced(place, before, after, default, name)
            .into_iter()
            .filter_map(|helper| {
                let mut found = HelperLogins::ask(environment, helper)?;
                let is_replaced = |server: &String| is_lost(server, &|asked| asked == Some(helper));
                let hidden = found
                    .hidden(before)
                    .into_iter()
                    .find(|server| is_replaced(server));
                if let Some(server) = hidden {
                    found.doubt(&format!("doesn't list {}", show::server(&server)));
                }
                if let Ok(servers) = &mut found.servers {
                    servers.retain(is_replaced);
                }
                let is_empty = |found: &HelperLogins| found.servers.as_ref().is_ok_and(Vec::is_empty);
                let is_named_after = after.cred_helpers().iter().any(|(_, name)| name == helper);
                if found.is_made() && is_empty(&found) && !is_named_after {
                    found.doubt_of_maker(before.creds_store() == Some(helper));
                }
                (!is_empty(&found)).then_some(found)
            })
            .collect();
        Self {
            is_plain_read: plain.iter().any(is_read),
            plain: PlainLogins::some(place.file, plain).into_iter().collect(),
            helpers,
        }
    }

    pub(in crate::commands) fn is_empty(&self) -> bool {
        self.plain.is_empty() && self.helpers.is_empty()
    }

    /// Whether an import can store some of these, or a helper may still list them.
    pub(super) fn is_importable(&self) -> bool {
        let is_copied = |found: &HelperLogins| !found.is_made() || found.servers.is_ok();
        !self.plain.is_empty() || self.helpers.iter().any(is_copied)
    }

    /// Whether docker finds some of these now.
    pub(super) fn is_loss(&self) -> bool {
        self.is_plain_read || !self.helpers.is_empty()
    }

    /// `3 logins in docker-credential-pass, 2 in plain text in ~/.docker/config.json`.
    pub(in crate::commands) fn summary(&self, environment: &Environment) -> String {
        let helpers = self.helpers.iter().map(|found| match &found.servers {
            Ok(servers) => {
                let count = show::count(servers.len(), "login", "logins");
                format!("{count} in docker-credential-{}", show::name(&found.helper))
            }
            Err(_) => format!(
                "possible logins in docker-credential-{}",
                show::name(&found.helper)
            ),
        });
        let plain = self.plain.iter().map(|found| {
            let count = show::count(found.servers.len(), "login", "logins");
            format!(
                "{count} in plain text in {}",
                show::path(environment, &found.file)
            )
        });
        helpers.chain(plain).collect::<Vec<_>>().join(", ")
    }

    /// Fails if podman would lose a login even after an import, because it asks helpers for whole registries
    /// only.
    pub(super) fn refuse_namespaces(&self) -> Result<(), Error> {
        let servers = self.plain.iter().flat_map(|found| &found.servers);
        let is_hub = |server: &str| ServerUrl::parse(server).is_ok_and(|server| server.key().is_hub());
        let namespaces: Vec<String> = servers
            .filter(|server| lookup::is_namespace(server) && !is_hub(server))
            .map(|server| show::server(server))
            .collect();
        if namespaces.is_empty() {
            return Ok(());
        }
        Err(Error::refused(format!(
            "podman's configuration is unchanged: podman asks helpers for whole registries only, and would no longer \
             find {}; log in to the registry itself and \"podman logout\" there, or add --no-import",
            namespaces.join(", ")
        )))
    }

    /// One line for each place, with the servers or the reason why they are unknown.
    pub(in crate::commands) fn details(&self, environment: &Environment) -> Vec<String> {
        let helpers = self.helpers.iter().map(|found| {
            let helper = format!("docker-credential-{}", show::name(&found.helper));
            match &found.servers {
                Ok(servers) => format!("{helper} has logins for {}", names(servers)),
                Err(error) => format!("{helper} may have logins: {error}"),
            }
        });
        let plain = self.plain.iter().map(|found| {
            let file = show::path(environment, &found.file);
            format!("{file} has logins in plain text for {}", names(&found.servers))
        });
        helpers.chain(plain).collect()
    }
}

/// The logins that were left behind when this file came to name the helper, and whether `configure
/// --no-import` allowed that. For `doctor`.
pub(in crate::commands) fn since(
    environment: &Environment,
    helper: &Helper,
    place: Place<'_>,
    document: &Document,
    stored: Stored<'_>,
) -> (LeftBehind, bool) {
    let record = Record::read(helper, environment).unwrap_or_default();
    let settings = Setting::naming(document, helper.name());
    let previous = settings
        .iter()
        .map(|setting| (setting, record.previous(place.file, setting)));
    let Ok(before) = put(document, previous) else {
        return (LeftBehind::default(), false);
    };
    let left_behind = LeftBehind::between(environment, helper, place, (&before, document), stored);
    (left_behind, record.is_import_declined(place.file))
}

/// Clients ignore the scheme of an entry, but a store doesn't: its login for `http://host` doesn't answer for `host`.
pub(super) fn without_http(server: &str) -> &str {
    server.strip_prefix("http://").unwrap_or(server)
}

/// The servers that the store lists.
pub(super) fn keys(store: &dyn CredentialStore) -> Result<Vec<ServerKey>, Error> {
    Ok(keys_of(&store.list()?))
}

fn keys_of(items: &[Listed]) -> Vec<ServerKey> {
    items.iter().map(|item| item.server.key().clone()).collect()
}

/// The helper's own store, if it was opened.
pub(super) type Opened<'a> = Option<Result<Box<dyn CredentialStore + 'a>, Error>>;

/// What `look` finds, and the store if `look` needed it. A store that can't be listed, for example a locked one, counts
/// as empty: it's better to ask. Stored logins that differ from the `current` ones don't count.
pub(super) fn with_stored<'a, T>(
    session: &mut Session<'a>,
    current: &Current<'_>,
    look: impl FnOnce(Stored<'_>) -> T,
) -> (T, Opened<'a>) {
    let mut store = None;
    let stored = LazyCell::new(|| {
        let opened = session.open_store();
        let keys = opened.as_ref().map_or_else(
            |_| Vec::new(),
            |store| {
                let items = store.list().unwrap_or_default();
                let mut keys = keys_of(&items);
                current.retain_same(&**store, &items, &mut keys);
                keys
            },
        );
        store = Some(opened);
        keys
    });
    let found = look(&stored);
    drop(stored);
    (found, store)
}

/// Whether there is a credential of the server itself, or of the one that its client asks for.
pub(super) fn is_stored(server: &ServerUrl, asked: &str, stored: Stored<'_>) -> bool {
    let asked = ServerUrl::parse(asked)
        .ok()
        .filter(|_| !server.key().is_hub_token());
    stored.contains(server.key()) || asked.is_some_and(|asked| stored.contains(asked.key()))
}

/// The helpers that lose registries in the change.
fn replaced<'a>(
    place: Place<'_>,
    before: &'a Document,
    after: &Document,
    default: Option<&'a str>,
    name: &str,
) -> Vec<&'a str> {
    let changed = before
        .cred_helpers()
        .iter()
        .filter(|(server, helper)| after.cred_helper(server) != Some(helper.as_str()));
    let store = before
        .creds_store()
        .or(default)
        .filter(|_| place.client != Client::Podman);
    let mut helpers: Vec<&str> = store.into_iter().collect();
    helpers.extend(changed.map(|(_, helper)| helper.as_str()));
    helpers.retain(|helper| !helper.is_empty() && *helper != name);
    helpers.sort_unstable();
    helpers.dedup();
    helpers
}

fn names(servers: &[String]) -> String {
    let shown: Vec<String> = servers.iter().map(|server| show::server(server)).collect();
    shown.join(", ")
}
