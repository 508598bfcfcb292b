//! A change of settings in a configuration file in docker's format.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::left_behind::Place;
use super::previous::default_helper;
use crate::commands::session::Session;
use crate::commands::setting::{Setting, put};
use crate::commands::transfer::{Client, Source};
use crate::config::{ConfigFile, Document, EditError, lookup, paths};
use crate::show::ShellCommand;
use crate::{Error, ServerUrl};

/// The settings that should name this helper, and their file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::commands) struct Change {
    pub(super) client: Client,
    pub(super) file: PathBuf,
    pub(super) settings: Vec<Setting>,
}

impl Change {
    pub(super) fn new(client: Client, file: PathBuf, settings: Vec<Setting>) -> Self {
        Self {
            client,
            file,
            settings,
        }
    }

    /// docker's store for all registries.
    pub(in crate::commands) fn all_of_docker(session: &Session<'_>) -> Result<Self, Error> {
        let file = paths::docker(session.environment)?;
        Ok(Self::new(Client::Docker, file, vec![Setting::CredsStore]))
    }

    /// The change that makes a client use this helper for these servers; nothing if it already does.
    pub(in crate::commands) fn for_servers<'a>(
        session: &Session<'_>,
        client: Client,
        servers: impl Iterator<Item = &'a ServerUrl>,
    ) -> Result<Option<Self>, Error> {
        let (client, file) = match client {
            Client::Docker | Client::OldDocker | Client::Nobody => {
                (Client::Docker, paths::docker(session.environment)?)
            }
            Client::Helm => (Client::Helm, paths::helm(session.environment)?),
            Client::Podman => (Client::Podman, paths::podman(session.environment)?),
        };
        let source = Source::new(file.clone(), client);
        let asked = source.settings(session.environment)?;
        let config = ConfigFile::read(&file)?;
        let mut settings = BTreeSet::new();
        for server in servers {
            if asked.helper_asked(server) == Some(session.helper.name()) {
                continue;
            }
            if client == Client::Podman {
                settings.extend(Setting::for_registry(&lookup::podman_key(server))?);
                continue;
            }
            let key = lookup::docker_key(server);
            settings.insert(match config.document().cred_helper(&key) {
                Some(_) => Setting::CredHelper(key),
                None => Setting::CredsStore,
            });
        }
        let change = Self::new(client, file, settings.into_iter().collect());
        Ok((!change.settings.is_empty()).then_some(change))
    }

    /// The current document. Fails before anything is created if the file must not be changed.
    pub(super) fn read(&self, session: &Session<'_>) -> Result<Document, Error> {
        session.environment.trust().file_to_change(&self.file)?;
        Ok(ConfigFile::read(&self.file)?.document().clone())
    }

    /// The document after the change, which leaves `kept` registries to their helpers.
    pub(super) fn after(
        &self,
        session: &Session<'_>,
        before: &Document,
        kept: &[(Setting, String)],
    ) -> Result<Document, Error> {
        self.change(session, before, kept)
            .map_err(|error| error.about(&self.file))
    }

    pub(super) fn change(
        &self,
        session: &Session<'_>,
        before: &Document,
        kept: &[(Setting, String)],
    ) -> Result<Document, EditError> {
        let name = session.helper.name();
        let ours = self.settings.iter().map(|setting| (setting, Some(name)));
        let kept = kept
            .iter()
            .map(|(setting, helper)| (setting, Some(helper.as_str())));
        let pinned = self.pinned_default(session, before);
        let pinned = pinned.iter().map(|helper| (&Setting::CredsStore, Some(*helper)));
        put(before, ours.chain(kept).chain(pinned))
    }

    /// docker uses its default store only if nothing is configured. An entry in `credHelpers` would end that
    /// for all registries, so this also writes the default, as docker itself does at a login.
    pub(super) fn pinned_default(&self, session: &Session<'_>, before: &Document) -> Option<&'static str> {
        let is_for_all = self.settings.contains(&Setting::CredsStore) || self.client == Client::Podman;
        default_helper(session.environment, before)
            .filter(|helper| !is_for_all && *helper != session.helper.name())
    }

    /// The command that makes this change.
    pub(super) fn command(&self, session: &Session<'_>) -> ShellCommand {
        let mut command = ShellCommand::new(&session.helper.program()).literal("configure");
        command = match self.client {
            Client::Podman => command.literal("--podman"),
            Client::Helm => command.literal("--helm"),
            Client::Docker | Client::OldDocker | Client::Nobody => command,
        };
        let hub = lookup::docker_key(&ServerUrl::hub());
        for setting in &self.settings {
            match setting {
                Setting::CredHelper(server) if *server == hub => {
                    command = command.literal("--registry docker.io");
                }
                // podman's name of the Hub.
                Setting::CredHelper(server) if *server != "docker.io" => {
                    command = command.literal("--registry").word(server);
                }
                Setting::CredsStore | Setting::CredHelper(_) => {}
            }
        }
        command
    }

    pub(super) fn place(&self) -> Place<'_> {
        Place {
            client: self.client,
            file: &self.file,
        }
    }

    /// The settings that don't name this helper, with their values.
    pub(super) fn replaced(
        &self,
        session: &Session<'_>,
        document: &Document,
    ) -> Vec<(Setting, Option<String>)> {
        let name = session.helper.name();
        let settings = self
            .settings
            .iter()
            .map(|setting| (setting.clone(), setting.read(document)));
        settings
            .filter(|(_, previous)| *previous != Some(name))
            .map(|(setting, previous)| (setting, previous.map(str::to_owned)))
            .collect()
    }
}
