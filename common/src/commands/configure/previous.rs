//! What the helper that docker uses now says about its logins.

use crate::commands::peer::{self, Peer};
use crate::config::default_store::{self, DefaultStore};
use crate::config::{Document, lookup, programs};
use crate::{Environment, Error, ServerUrl, show};

/// The only helper that may hide logins: without a prompt, it doesn't report a locked keyring.
const HIDING: &str = "secretservice";

/// Logins in a helper.
#[derive(Debug)]
pub(in crate::commands) struct HelperLogins {
    /// As in `credsStore`.
    pub(in crate::commands) helper: String,
    /// As it lists them. If that fails, it may hold any.
    pub(in crate::commands) servers: Result<Vec<String>, Error>,
}

impl HelperLogins {
    /// Nothing if docker itself doesn't find the helper, because it doesn't find logins there now either.
    pub(super) fn ask(environment: &Environment, helper: &str) -> Option<Self> {
        if !programs::is_helper_installed(environment, helper) {
            return None;
        }
        let servers = Peer::find(environment, helper).and_then(|peer| peer.servers());
        let mut found = Self {
            helper: helper.to_owned(),
            servers: servers.map(|items| items.into_iter().map(|(server, _)| server).collect()),
        };
        // For GNOME Keyring, if it wasn't unlocked since it started.
        if found
            .servers
            .as_ref()
            .is_ok_and(|servers| servers.iter().any(String::is_empty))
        {
            found.doubt("lists a login without its server");
        }
        Some(found)
    }

    /// Whether the helper makes new credentials for each request, so a copy would expire.
    pub(in crate::commands) fn is_made(&self) -> bool {
        peer::is_maker(&self.helper)
    }

    /// The servers with an entry from `docker login` that the helper doesn't list: some keyrings list nothing while they
    /// are locked.
    pub(super) fn hidden(&self, document: &Document) -> Vec<String> {
        let key = |server: &str| {
            ServerUrl::parse(server)
                .map(|server| lookup::docker_key(&server))
                .ok()
        };
        let Some(servers) = self.servers.as_ref().ok().filter(|_| self.helper == HIDING) else {
            return Vec::new();
        };
        let listed: Vec<_> = servers.iter().map(|server| key(server)).collect();
        let markers = document.auths().filter(|entry| entry.is_marker());
        markers
            .map(|entry| entry.server().to_owned())
            .filter(|server| !listed.contains(&key(server)))
            .collect()
    }

    /// A helper that makes credentials answers for registries that it doesn't list. `is_for_all` if it is docker's store.
    pub(super) fn doubt_of_maker(&mut self, is_for_all: bool) {
        let helper = show::name(&self.helper);
        let advice = if is_for_all {
            format!(
                "keep it for them first, with \"credHelpers\": {{\"HOST\": \"{helper}\"}} in docker's config.json"
            )
        } else {
            "a copy would expire".to_owned()
        };
        self.servers = Err(Error::unavailable(format!(
            "docker-credential-{helper} makes new credentials for each request, for registries that it doesn't list; \
             {advice}"
        )));
    }

    /// The helper may hold other logins than it lists.
    pub(super) fn doubt(&mut self, problem: &str) {
        self.servers = Err(Error::unavailable(format!(
            "docker-credential-{} {problem}; if its keyring is locked, unlock it first",
            show::name(&self.helper)
        )));
    }
}

/// docker's default store.
pub(super) fn default_helper(environment: &Environment, document: &Document) -> Option<&'static str> {
    match default_store::of(environment, document) {
        DefaultStore::Auths => None,
        DefaultStore::Helper(name) => Some(name),
        DefaultStore::SecretServiceSinceDocker29 => Some("secretservice"),
    }
}
