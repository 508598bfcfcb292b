//! Makes the change, records it for `unconfigure`, and reports it.

use super::change::Change;
use crate::commands::peer;
use crate::commands::record::Record;
use crate::commands::session::Session;
use crate::commands::setting::{Setting, put};
use crate::commands::transfer::Client;
use crate::config::{ConfigFile, Document, lookup};
use crate::show::ShellCommand;
use crate::{Error, ServerUrl, show};

impl Change {
    /// Names the helper, saves the previous values, prepares the helper's store, and reports it.
    pub(super) fn apply(
        &self,
        session: &mut Session<'_>,
        kept: &[(Setting, String)],
        is_import_declined: bool,
    ) -> Result<(), Error> {
        let mut replaced = Vec::new();
        let mut previous_default = None;
        let mut forgotten = None;
        let is_changed = ConfigFile::edit(&session.environment.trust(), &self.file, |document| {
            replaced = self.replaced(session, document);
            previous_default = self.pinned_default(session, document);
            let new = self.change(session, document, kept)?;
            // Before the file: a stale record is harmless, a missing one is not.
            forgotten = self.remember(session, &replaced, is_import_declined).err();
            Ok(new)
        })?;
        if let Some(error) = forgotten {
            session.console.note(&format!(
                "\"unconfigure\" will not restore the previous setting: {error}"
            ));
        }
        if let Err(error) = prepare(session) {
            self.revert(session, &replaced)?;
            return Err(error);
        }
        let file = show::path(session.environment, &self.file);
        let name = session.helper.name();
        if !is_changed {
            let text = format!("{file}: nothing to change, it names {name} already\n");
            return session.console.print(&text);
        }
        for (setting, previous) in &replaced {
            let text = match previous {
                None => format!("{file}: {setting} is {name:?} now; it was not set\n"),
                Some(previous) => format!(
                    "{file}: {setting} is {name:?} now; it was {:?}, which \"unconfigure\" restores\n",
                    show::name(previous)
                ),
            };
            session.console.print(&text)?;
        }
        for (setting, helper) in kept {
            let text =
                format!("{file}: {setting} is {helper:?}, which makes new credentials for each request\n");
            session.console.print(&text)?;
        }
        let Some(default) = previous_default else {
            return Ok(());
        };
        let text = format!("{file}: credsStore is {default:?}, which docker chose by itself before\n");
        session.console.print(&text)
    }

    /// An unset value doesn't need a record, unless an older record has a value.
    fn remember(
        &self,
        session: &Session<'_>,
        replaced: &[(Setting, Option<String>)],
        is_import_declined: bool,
    ) -> Result<(), Error> {
        let record = Record::read(session.helper, session.environment).unwrap_or_default();
        let is_known = |(setting, previous): &(Setting, Option<String>)| {
            record.previous(&self.file, setting) == previous.as_deref()
        };
        let is_due = !replaced.iter().all(is_known)
            || is_import_declined != record.is_import_declined(&self.file) && !replaced.is_empty()
            || is_import_declined && !record.is_import_declined(&self.file);
        if !is_due {
            return Ok(());
        }
        Record::change(session.helper, session.environment, |record| {
            for (setting, previous) in replaced {
                record.remember(&self.file, setting, previous.as_deref());
            }
            record.set_import_declined(&self.file, is_import_declined);
        })
    }

    /// The helper could not be prepared, so no client should use it.
    fn revert(&self, session: &Session<'_>, replaced: &[(Setting, Option<String>)]) -> Result<(), Error> {
        let values = replaced
            .iter()
            .map(|(setting, previous)| (setting, previous.as_deref()));
        ConfigFile::edit(&session.environment.trust(), &self.file, |document| {
            put(document, values.clone())
        })?;
        Ok(())
    }

    /// The logins in plain text that an import would move, because the client asks this helper for them.
    pub(super) fn plain(&self, session: &Session<'_>, document: &Document) -> Vec<String> {
        let is_movable = |name: &str| {
            let asked =
                ServerUrl::parse(name).and_then(|server| ServerUrl::parse(&lookup::docker_key(&server)));
            asked.is_ok_and(|server| {
                server.key().https_parts().is_some()
                    && self.place().asks(document, &server, session.helper.name())
            }) && !lookup::is_namespace(name)
        };
        let entries = document
            .auths()
            .filter(|entry| matches!(entry.login(), Ok(Some(_))) && is_movable(entry.server()));
        entries.map(|entry| show::server(entry.server())).collect()
    }

    /// Reports the consequences for the user.
    pub(super) fn advise(&self, session: &Session<'_>) -> Result<(), Error> {
        let document = ConfigFile::read(&self.file)?;
        let document = document.document();
        let program = session.helper.program();
        if self.client == Client::Podman && session.environment.variable("REGISTRY_AUTH_FILE").is_none() {
            session.console.note(&format!(
                "\"podman login\" still writes other registries to another file, in plain text; \"{program} configure \
                 --podman\" covers them all"
            ));
        }
        let plain = self.plain(session, document);
        if !plain.is_empty() && !session.helper.is_read_only() {
            session.console.note(&format!(
                "{} has {} in plain text: {}; \"{program} import\" moves them",
                show::path(session.environment, &self.file),
                show::count(plain.len(), "login", "logins"),
                plain.join(", ")
            ));
        }
        if self.client == Client::Podman || !self.settings.contains(&Setting::CredsStore) {
            return Ok(());
        }
        for (server, other) in document.cred_helpers() {
            if other != session.helper.name() && !peer::is_maker(other) {
                let command = ShellCommand::new(&program)
                    .literal("configure --registry")
                    .word(server);
                let server = show::server(server);
                let state = if other.is_empty() {
                    format!("keeps {server} in plain text")
                } else {
                    format!("still sends {server} to {:?}", show::name(other))
                };
                session
                    .console
                    .note(&format!("credHelpers {state}; \"{command}\" changes that"));
            }
        }
        Ok(())
    }
}

/// Prepares the helper for its first login.
pub(super) fn prepare(session: &mut Session<'_>) -> Result<(), Error> {
    match session.helper.prepare(session.environment)? {
        Some(done) => session
            .console
            .print(&format!("{}\n", show::text(session.environment, &done))),
        None => Ok(()),
    }
}
