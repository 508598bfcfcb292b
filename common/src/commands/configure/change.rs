//! A change of settings in a configuration file of docker's kind.

use std::cell::LazyCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::decision::{self, Choice, Decision};
use super::left_behind::{self, LeftBehind, Place};
use super::podman;
use crate::commands::import::{self, Client, Files, ImportOptions, Report, Source};
use crate::commands::peer::Peer;
use crate::commands::session::Session;
use crate::commands::setting::{Setting, put};
use crate::config::{ConfigFile, Document, EditError, lookup, paths};
use crate::show::ShellCommand;
use crate::{CredentialStore, Error, ServerKey, ServerUrl, show};

/// Which settings are to name this helper, in which file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::commands) struct Change {
    pub(super) client: Client,
    pub(super) file: PathBuf,
    pub(super) settings: Vec<Setting>,
}

/// The settings of a document and their new values.
type Values<'a> = Vec<(Setting, &'a str)>;

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

    /// What makes a client ask this helper for these servers; nothing if it does already.
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

    pub(in crate::commands) fn file(&self) -> &Path {
        &self.file
    }

    /// Configures the client, once it is decided what happens to the logins that it would no longer find.
    pub(super) fn carry_out(
        &self,
        session: &mut Session<'_>,
        choice: Choice,
        command: &ShellCommand,
    ) -> Result<(), Error> {
        let before = self.read(session)?;
        let after = self.after(session, &before, &[])?;
        let (left_behind, store) = self.left_behind(session, &before, &after, choice);
        if !left_behind.is_due(choice) {
            self.apply(session, &[], false)?;
            return self.advise(session);
        }
        match decision::decide(session, self.client.name(), &left_behind, choice, command)? {
            Decision::Leave => self.apply(session, &[], true)?,
            Decision::Import => {
                let store = match store {
                    Some(store) => store?,
                    None => session.open_store()?,
                };
                let mut report = Report::default();
                let sources = [Source::new(self.file.clone(), self.client)];
                let done = self.import(session, &*store, &left_behind, &sources, &mut report);
                report.print(session)?;
                done?;
            }
        }
        self.advise(session)
    }

    /// As [`carry_out`](Self::carry_out) with `--import`, for `import`, which has stored logins already. `sources` are
    /// the files that it has not read.
    pub(in crate::commands) fn carry_out_importing(
        &self,
        session: &mut Session<'_>,
        store: &dyn CredentialStore,
        sources: &[Source],
        report: &mut Report,
    ) -> Result<(), Error> {
        let before = self.read(session)?;
        let after = self.after(session, &before, &[])?;
        let stored = keys(store)?;
        let documents = (&before, &after);
        let left_behind = LeftBehind::between(
            session.environment,
            session.helper,
            self.place(),
            documents,
            &&stored,
        );
        self.import(session, store, &left_behind, sources, report)
    }

    /// What would change.
    pub(super) fn show(&self, session: &mut Session<'_>) -> Result<(), Error> {
        let before = self.read(session)?;
        let after = self.after(session, &before, &[])?;
        let file = show::path(session.environment, &self.file);
        let name = session.helper.name();
        let replaced = self.replaced(session, &before);
        if replaced.is_empty() {
            let text = format!("{file}: nothing to change, it names {name} already\n");
            session.console.print(&text)?;
        }
        for (setting, previous) in replaced {
            let now = previous.map_or_else(
                || "not set".to_owned(),
                |previous| format!("{:?}", show::name(&previous)),
            );
            let text = format!("{file}: {setting} would be {name:?}; it is {now}\n");
            session.console.print(&text)?;
        }
        let (left_behind, _) = self.left_behind(session, &before, &after, Choice::Ask);
        let lost = left_behind.details(session.environment).into_iter();
        for line in lost.filter(|_| left_behind.is_due(Choice::Ask)) {
            session.console.note(&format!(
                "{} would no longer find logins {line}",
                self.client.name()
            ));
        }
        Ok(())
    }

    /// Imports first. If a login can't be imported, the client's configuration stays as it is.
    fn import(
        &self,
        session: &mut Session<'_>,
        store: &dyn CredentialStore,
        left_behind: &LeftBehind,
        sources: &[Source],
        report: &mut Report,
    ) -> Result<(), Error> {
        if self.client == Client::Podman {
            podman::refuse_namespaces(left_behind)?;
        }
        let options = ImportOptions::default();
        let failures = report.failures();
        let mut kept: Values<'_> = Vec::new();
        for found in &left_behind.helpers {
            let servers = match &found.servers {
                Ok(servers) => servers,
                Err(error) => return Err(self.unchanged(&error.to_string())),
            };
            if found.is_made() {
                let servers = servers.iter().filter_map(|server| ServerUrl::parse(server).ok());
                kept.extend(servers.map(|server| {
                    (
                        Setting::CredHelper(lookup::docker_key(&server)),
                        found.helper.as_str(),
                    )
                }));
                continue;
            }
            let peer = Peer::find(session.environment, &found.helper)?;
            import::copy_from(session, store, &peer, Some(servers), options.store, report)?;
        }
        let mut files = Files::collect(session, sources, options, report);
        files.store(session, store, options, report);
        let is_plain_left = sources.is_empty() && !left_behind.plain.is_empty();
        if report.failures() > failures || is_plain_left {
            return Err(self.unchanged("a login could not be imported"));
        }
        self.apply(session, &kept, false)?;
        files.clear(session, report);
        Ok(())
    }

    fn place(&self) -> Place<'_> {
        Place {
            client: self.client,
            file: &self.file,
        }
    }

    fn unchanged(&self, problem: &str) -> Error {
        Error::refused(format!(
            "{}'s configuration is as it was: {problem}",
            self.client.name()
        ))
    }

    /// The document now. A file that may not be changed is an error before anything is made.
    fn read(&self, session: &Session<'_>) -> Result<Document, Error> {
        session.environment.trust().file_to_change(&self.file)?;
        Ok(ConfigFile::read(&self.file)?.document().clone())
    }

    fn after(
        &self,
        session: &Session<'_>,
        before: &Document,
        kept: &[(Setting, &str)],
    ) -> Result<Document, Error> {
        self.change(session, before, kept)
            .map_err(|error| error.about(&self.file))
    }

    pub(super) fn change(
        &self,
        session: &Session<'_>,
        before: &Document,
        kept: &[(Setting, &str)],
    ) -> Result<Document, EditError> {
        let name = session.helper.name();
        let ours = self.settings.iter().map(|setting| (setting, Some(name)));
        let kept = kept.iter().map(|(setting, helper)| (setting, Some(*helper)));
        let pinned = self.pinned_default(session, before);
        let pinned = pinned.iter().map(|helper| (&Setting::CredsStore, Some(*helper)));
        put(before, ours.chain(kept).chain(pinned))
    }

    /// docker takes a default store only if nothing is configured. An entry in `credHelpers` would end that for all
    /// registries, so the default is written down, as docker itself does at a login.
    pub(super) fn pinned_default(&self, session: &Session<'_>, before: &Document) -> Option<&'static str> {
        let is_for_all = self.settings.contains(&Setting::CredsStore) || self.client == Client::Podman;
        left_behind::default_helper(session.environment, before)
            .filter(|helper| !is_for_all && *helper != session.helper.name())
    }

    /// The settings that don't name this helper, with what they name.
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

    /// The logins that the client would no longer find, and the store if it was opened for that.
    #[expect(
        clippy::type_complexity,
        reason = "a store that does not open is an error only for who needs it"
    )]
    fn left_behind<'a>(
        &self,
        session: &mut Session<'a>,
        before: &Document,
        after: &Document,
        choice: Choice,
    ) -> (LeftBehind, Option<Result<Box<dyn CredentialStore + 'a>, Error>>) {
        let (environment, helper) = (session.environment, session.helper);
        let mut store = None;
        let stored = LazyCell::new(|| {
            let opened = session.open_store();
            // A store that can't be listed, because it is locked, say, is taken for an empty one: better to ask.
            let keys = opened
                .as_ref()
                .map_or_else(|_| Vec::new(), |store| keys(&**store).unwrap_or_default());
            store = Some(opened);
            keys
        });
        let left_behind = match () {
            () if before != after => {
                LeftBehind::between(environment, helper, self.place(), (before, after), &stored)
            }
            () if choice == Choice::Import => {
                left_behind::since(environment, helper, self.place(), before, &stored).0
            }
            () => LeftBehind::default(),
        };
        drop(stored);
        (left_behind, store)
    }
}

/// What the store lists.
pub(super) fn keys(store: &dyn CredentialStore) -> Result<Vec<ServerKey>, Error> {
    Ok(store
        .list()?
        .into_iter()
        .map(|item| item.server.key().clone())
        .collect())
}
