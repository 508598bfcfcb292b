//! Makes a change, after the decision about logins that the client would no longer find.

use super::change::Change;
use super::decision::{self, Choice, Decision};
use super::left_behind::{self, LeftBehind, Opened, Place, keys, with_stored};
use crate::commands::peer::Peer;
use crate::commands::session::Session;
use crate::commands::setting::Setting;
use crate::commands::transfer::{Client, FileImport, ImportOptions, Report, Source, copy_from};
use crate::config::{Document, lookup};
use crate::show::{self, ShellCommand};
use crate::{CredentialStore, Error, ServerUrl};

/// The settings of a document and their new values.
type Values<'a> = Vec<(Setting, &'a str)>;

impl Change {
    /// Configures the client, after the decision about logins that it would no longer find.
    pub(super) fn carry_out(
        &self,
        session: &mut Session<'_>,
        choice: Choice,
        command: &ShellCommand,
    ) -> Result<(), Error> {
        let before = self.read(session)?;
        let after = self.after(session, &before)?;
        let (left_behind, store) = self.left_behind(session, &before, &after, choice);
        if !decision::is_due(&left_behind, choice) {
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
        let after = self.after(session, &before)?;
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

    /// Shows the changes of a dry run.
    pub(super) fn show(&self, session: &mut Session<'_>) -> Result<(), Error> {
        let before = self.read(session)?;
        let after = self.after(session, &before)?;
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
        if decision::is_due(&left_behind, Choice::Ask) {
            decision::warn(session, self.client.name(), &left_behind);
        }
        Ok(())
    }

    /// Imports first. If that fails, the client's configuration doesn't change.
    fn import(
        &self,
        session: &mut Session<'_>,
        store: &dyn CredentialStore,
        left_behind: &LeftBehind,
        sources: &[Source],
        report: &mut Report,
    ) -> Result<(), Error> {
        if self.client == Client::Podman {
            left_behind.refuse_namespaces()?;
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
            copy_from(session, store, &peer, Some(servers), options.store, report)?;
        }
        let mut files = FileImport::collect(session, sources, options, report);
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
            "{}'s configuration is unchanged: {problem}",
            self.client.name()
        ))
    }

    /// The logins that the client would no longer find, and the store if this opened it.
    fn left_behind<'a>(
        &self,
        session: &mut Session<'a>,
        before: &Document,
        after: &Document,
        choice: Choice,
    ) -> (LeftBehind, Opened<'a>) {
        let (environment, helper) = (session.environment, session.helper);
        with_stored(session, |stored| match () {
            () if before != after => {
                LeftBehind::between(environment, helper, self.place(), (before, after), stored)
            }
            () if choice == Choice::Import => {
                left_behind::since(environment, helper, self.place(), before, stored).0
            }
            () => LeftBehind::default(),
        })
    }
}
