//! Makes a change, after the decision about logins that the client would no longer find.

use super::change::Change;
use super::current::Current;
use super::decision::{self, Choice, Decision};
use super::left_behind::{self, LeftBehind, Opened, keys, with_stored};
use crate::commands::peer::Peer;
use crate::commands::session::Session;
use crate::commands::setting::Setting;
use crate::commands::transfer::{Client, FileImport, ImportOptions, Report, Source, StoreOptions, copy_from};
use crate::config::{Document, lookup};
use crate::show;
use crate::{CredentialStore, Error, ServerUrl};

/// The result of copying the logins of the helpers that lose registries.
#[derive(Debug, Default)]
pub(in crate::commands) struct Copied {
    /// Helpers that make credentials stay, for their registries.
    kept: Vec<(Setting, String)>,
    /// Whether every copy succeeded.
    is_complete: bool,
}

const INCOMPLETE: &str = "a login could not be imported";

impl Change {
    /// Configures the client, after the decision about logins that it would no longer find.
    pub(super) fn carry_out(&self, session: &mut Session<'_>, choice: Choice) -> Result<(), Error> {
        let before = self.read(session)?;
        let after = self.after(session, &before, &[])?;
        // The other helper may prompt for a comparison.
        let current = match choice {
            Choice::Leave => Current::default(),
            Choice::Import | Choice::Ask => Current::read(session, self.client, &before, &after),
        };
        let (left_behind, store) = self.left_behind(session, (&before, &after), &current, choice);
        let is_plain_left = choice == Choice::Import && !self.plain(session, &after).is_empty();
        if !decision::is_due(&left_behind, choice) && !is_plain_left {
            self.apply(session, &[], false)?;
            return self.advise(session);
        }
        let command = self.command(session);
        match decision::decide(session, self.client.name(), &left_behind, choice, &command)? {
            Decision::Leave => self.apply(session, &[], true)?,
            Decision::Import => {
                let store = match store {
                    Some(store) => store?,
                    None => session.open_store()?,
                };
                let mut report = Report::default();
                let done = self.import(session, &*store, &left_behind, &current, &mut report);
                report.print(session)?;
                done?;
            }
        }
        self.advise(session)
    }

    /// As [`carry_out`](Self::carry_out) with `--import`, for `import`, which has copied other logins already.
    pub(in crate::commands) fn carry_out_importing(
        &self,
        session: &mut Session<'_>,
        store: &dyn CredentialStore,
        report: &mut Report,
    ) -> Result<(), Error> {
        let left_behind = self.not_stored(session, store, &[])?;
        self.import(session, store, &left_behind, &Current::default(), report)
    }

    /// Copies the logins of the helpers that lose registries. For `import`, before it stores logins in plain text: docker
    /// ignores those that it has in a helper, and they may be old.
    pub(in crate::commands) fn copy_from_helpers(
        &self,
        session: &Session<'_>,
        store: &dyn CredentialStore,
        report: &mut Report,
    ) -> Result<Copied, Error> {
        let left_behind = self.not_stored(session, store, &[])?;
        self.copy(session, store, &left_behind, false, report)
    }

    /// Configures the client after [`copy_from_helpers`](Self::copy_from_helpers), if all its logins are in the store.
    pub(in crate::commands) fn apply_after_import(
        &self,
        session: &mut Session<'_>,
        store: &dyn CredentialStore,
        copied: &Copied,
    ) -> Result<(), Error> {
        // A registry token is not a failure, but no helper can hold one.
        if !copied.is_complete || !self.not_stored(session, store, &copied.kept)?.plain.is_empty() {
            return Err(self.unchanged(session, INCOMPLETE));
        }
        self.apply(session, &copied.kept, false)
    }

    /// Shows the changes of a dry run.
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
        let current = Current::read(session, self.client, &before, &after);
        let (left_behind, _) = self.left_behind(session, (&before, &after), &current, Choice::Ask);
        if decision::is_due(&left_behind, Choice::Ask) {
            decision::warn(session, self.client.name(), &left_behind);
        }
        Ok(())
    }

    /// Imports first. If that fails, the client's configuration doesn't change. `current` logins replace stored ones.
    fn import(
        &self,
        session: &mut Session<'_>,
        store: &dyn CredentialStore,
        left_behind: &LeftBehind,
        current: &Current<'_>,
        report: &mut Report,
    ) -> Result<(), Error> {
        if self.client == Client::Podman {
            left_behind.refuse_namespaces()?;
        }
        let options = ImportOptions::default();
        let copied = self.copy(session, store, left_behind, current.is_known(), report)?;
        let failures = report.failures();
        let sources = [Source::new(self.file.clone(), self.client)];
        let mut files = FileImport::collect(session, &sources, options, report);
        let after = self.after(session, &self.read(session)?, &copied.kept)?;
        files.retain(|server| self.place().asks(&after, server, session.helper.name()));
        files.replace_for(|server| current.is_plain(server));
        files.store(session, store, options, report);
        if report.failures() > failures {
            return Err(self.unchanged(session, INCOMPLETE));
        }
        self.apply_after_import(session, store, &copied)?;
        files.clear(session, report);
        Ok(())
    }

    /// `is_current` means that the client uses these logins now, so they replace stored ones.
    fn copy(
        &self,
        session: &Session<'_>,
        store: &dyn CredentialStore,
        left_behind: &LeftBehind,
        is_current: bool,
        report: &mut Report,
    ) -> Result<Copied, Error> {
        let failures = report.failures();
        let mut kept = Vec::new();
        for found in &left_behind.helpers {
            let servers = match &found.servers {
                Ok(servers) => servers,
                Err(error) => return Err(self.unchanged(session, &error.to_string())),
            };
            if found.is_made() {
                let servers = servers.iter().filter_map(|server| ServerUrl::parse(server).ok());
                let keys = servers.map(|server| Setting::CredHelper(lookup::docker_key(&server)));
                kept.extend(keys.map(|setting| (setting, found.helper.clone())));
                continue;
            }
            let peer = Peer::find(session.environment, &found.helper)?;
            copy_from(
                session,
                store,
                &peer,
                Some(servers),
                StoreOptions {
                    replace: is_current,
                    ..StoreOptions::default()
                },
                report,
            )?;
        }
        Ok(Copied {
            kept,
            is_complete: report.failures() == failures,
        })
    }

    /// The logins that the client would no longer find, and that this store doesn't have.
    fn not_stored(
        &self,
        session: &Session<'_>,
        store: &dyn CredentialStore,
        kept: &[(Setting, String)],
    ) -> Result<LeftBehind, Error> {
        let before = self.read(session)?;
        let after = self.after(session, &before, kept)?;
        let stored = keys(store)?;
        Ok(LeftBehind::between(
            session.environment,
            session.helper,
            self.place(),
            (&before, &after),
            &&stored,
        ))
    }

    fn unchanged(&self, session: &Session<'_>, problem: &str) -> Error {
        decision::unchanged(self.client.name(), problem, &self.command(session))
    }

    /// The logins that the client would no longer find, and the store if this opened it.
    fn left_behind<'a>(
        &self,
        session: &mut Session<'a>,
        (before, after): (&Document, &Document),
        current: &Current<'_>,
        choice: Choice,
    ) -> (LeftBehind, Opened<'a>) {
        let (environment, helper) = (session.environment, session.helper);
        with_stored(session, current, |stored| match () {
            () if before != after => {
                LeftBehind::between(environment, helper, self.place(), (before, after), stored)
            }
            () if choice != Choice::Ask => {
                left_behind::since(environment, helper, self.place(), before, stored).0
            }
            () => LeftBehind::default(),
        })
    }
}
