//! Collects logins from files, stores them, and only then removes them from the files.
//!
//! Each login is read back from the store before its file changes, and all are stored before the first file
//! changes. So an interruption leaves each login in its file, in the store, or in both; the next run finds
//! the stored ones and continues.

use super::ImportOptions;
use super::collect::collect_from;
use super::plan::{self, Action, Candidate, own_name};
use super::podman;
use super::report::{Outcome, Report};
use super::source::{Client, Source};
use super::verified::{StoreOptions, StoreOutcome, store_verified};
use crate::commands::session::Session;
use crate::config::{ConfigFile, Entry};
use crate::{CredentialStore, Error, ServerUrl, show};

/// Logins found in files.
pub(in crate::commands) struct FileImport<'a> {
    sources: &'a [Source],
    candidates: Vec<Candidate>,
}

impl<'a> FileImport<'a> {
    /// Reads the files. Reports entries that stores can't hold at once.
    pub(in crate::commands) fn collect(
        session: &Session<'_>,
        sources: &'a [Source],
        options: ImportOptions,
        report: &mut Report,
    ) -> Self {
        let mut candidates = Vec::new();
        for (index, source) in sources.iter().enumerate() {
            if let Err(error) = collect_from(session, index, source, options, &mut candidates, report) {
                report.add(Outcome::Failed, "", "", &error.to_string());
            }
        }
        plan::resolve_conflicts(sources, &mut candidates);
        Self { sources, candidates }
    }

    /// Keeps only the logins for these servers.
    pub(in crate::commands) fn retain(&mut self, is_wanted: impl Fn(&ServerUrl) -> bool) {
        self.candidates.retain(|candidate| is_wanted(&candidate.server));
    }

    /// Lets the logins for these servers replace stored ones.
    pub(in crate::commands) fn replace_for(&mut self, is_current: impl Fn(&ServerUrl) -> bool) {
        for candidate in &mut self.candidates {
            candidate.is_current = is_current(&candidate.server);
        }
    }

    /// Skips every login that its client would no longer find after a move.
    pub(in crate::commands) fn skip_unconfigured(&mut self, session: &Session<'_>) -> Result<(), Error> {
        for (index, source) in self.sources.iter().enumerate() {
            let mut moved = self
                .candidates
                .iter_mut()
                .filter(|candidate| candidate.source == index && candidate.action == Action::Move)
                .peekable();
            // An unreadable setting doesn't matter if there is nothing to move.
            if moved.peek().is_none() {
                continue;
            }
            let settings = source.settings(session.environment)?;
            for candidate in moved {
                let asked = settings.helper_asked(&candidate.server);
                if asked != Some(session.helper.name()) {
                    candidate.action = Action::Leave(not_asked(session, source, asked));
                }
            }
        }
        Ok(())
    }

    /// Skips every login that its client ignores, because the user named another helper for its registry. To move it, and
    /// configure the client, would replace that helper by an old login.
    pub(in crate::commands) fn skip_ignored(&mut self, session: &Session<'_>) -> Result<(), Error> {
        for candidate in &mut self.candidates {
            let source = &self.sources[candidate.source];
            if candidate.action != Action::Move {
                continue;
            }
            let settings = source.settings(session.environment)?;
            let Some(helper) = settings.other_helper(session, &candidate.server) else {
                continue;
            };
            candidate.action = Action::Leave(format!(
                "{} ignores it, because credHelpers names {:?} for this registry",
                source.client.name(),
                show::name(helper),
            ));
        }
        Ok(())
    }

    /// Whether there is nothing to store, so the store doesn't have to be opened.
    pub(in crate::commands) fn is_idle(&self) -> bool {
        let is_left = |candidate: &Candidate| matches!(candidate.action, Action::Leave(_));
        self.candidates.iter().all(is_left)
    }

    /// The clients that should find these logins in the store.
    pub(in crate::commands) fn clients(&self) -> Vec<Client> {
        let mut clients: Vec<Client> = self.configurable().map(|(client, _)| client).collect();
        clients.dedup();
        clients
    }

    /// The servers of this client's logins.
    pub(in crate::commands) fn servers(&self, client: Client) -> impl Iterator<Item = &ServerUrl> {
        self.configurable()
            .filter(move |(owner, _)| *owner == client)
            .map(|(_, server)| server)
    }

    /// All moved logins, and those from a file that no client reads, which docker should find.
    fn configurable(&self) -> impl Iterator<Item = (Client, &ServerUrl)> {
        self.candidates.iter().filter_map(|candidate| {
            let client = self.sources[candidate.source].client;
            let is_copied = matches!(candidate.action, Action::Copy(_)) && client == Client::Nobody;
            (is_copied || candidate.action == Action::Move).then_some((client, &candidate.server))
        })
    }

    /// Stores the logins. Those to remove from their files keep [`Action::Move`].
    pub(in crate::commands) fn store(
        &mut self,
        session: &Session<'_>,
        store: &dyn CredentialStore,
        options: ImportOptions,
        report: &mut Report,
    ) {
        let total = self.candidates.len();
        for (done, candidate) in self.candidates.iter_mut().enumerate() {
            session.console.progress(done, total);
            let source = &self.sources[candidate.source];
            let Some((outcome, reason)) = store_one(session, store, source, candidate, options) else {
                continue;
            };
            candidate.action = Action::Leave(String::new());
            add(session, report, source, candidate, outcome, &reason);
        }
        session.console.progress(total, total);
    }

    /// Reports the skipped logins.
    pub(in crate::commands) fn report_left(&self, session: &Session<'_>, report: &mut Report) {
        for candidate in &self.candidates {
            if let Action::Leave(reason) = &candidate.action {
                let source = &self.sources[candidate.source];
                add(session, report, source, candidate, Outcome::Left, reason);
            }
        }
    }

    /// Reports what [`store`](Self::store) and [`clear`](Self::clear) would do.
    pub(in crate::commands) fn report_plan(&self, session: &Session<'_>, report: &mut Report) {
        for candidate in self.moved() {
            let source = &self.sources[candidate.source];
            add(session, report, source, candidate, Outcome::Moved, "");
        }
    }

    /// Removes the stored logins from their files. An entry that has changed since keeps its login.
    pub(in crate::commands) fn clear(&self, session: &Session<'_>, report: &mut Report) {
        for (index, source) in self.sources.iter().enumerate() {
            let stored: Vec<&Candidate> = self
                .moved()
                .filter(|candidate| candidate.source == index)
                .collect();
            if !stored.is_empty() {
                clear_file(session, source, &stored, report);
            }
        }
        let dockers = self
            .moved()
            .filter(|candidate| self.sources[candidate.source].client == Client::Docker);
        podman::note(session, dockers.map(|candidate| &candidate.server));
    }

    fn moved(&self) -> impl Iterator<Item = &Candidate> {
        self.candidates
            .iter()
            .filter(|candidate| candidate.action == Action::Move)
    }
}

/// The row to report; nothing for a stored login that still has to be removed from its file.
fn store_one(
    session: &Session<'_>,
    store: &dyn CredentialStore,
    source: &Source,
    candidate: &Candidate,
    options: ImportOptions,
) -> Option<(Outcome, String)> {
    if let Action::Leave(reason) = &candidate.action {
        return Some((Outcome::Left, reason.clone()));
    }
    let store_options = StoreOptions {
        // An old login never replaces its successor.
        replace: (options.store.replace || candidate.is_current) && !candidate.is_stale_alias,
        ..options.store
    };
    let stored = candidate
        .credential()
        .and_then(|credential| store_verified(store, &credential, store_options));
    match (stored, &candidate.action) {
        (Err(error), _) => Some((Outcome::Failed, error.to_string())),
        (Ok(StoreOutcome::Kept(_)), _) if candidate.is_stale_alias => Some((
            Outcome::Left,
            format!(
                "docker uses {} and has another login there; delete this entry from the file",
                own_name(&candidate.server)
            ),
        )),
        (Ok(StoreOutcome::Kept(username)), _) => Some((Outcome::Kept, kept_text(&username))),
        (Ok(_), Action::Copy(reason)) if source.client == Client::Nobody => {
            let text = nobodys_text(session, source, candidate, reason);
            Some((
                Outcome::Copied,
                if options.configure {
                    (*reason).to_owned()
                } else {
                    text
                },
            ))
        }
        (Ok(_), Action::Copy(reason)) => Some((Outcome::Copied, (*reason).to_owned())),
        (Ok(_), _) if options.keep => Some((Outcome::Copied, String::new())),
        (Ok(_), _) => None,
    }
}

/// Whether docker will find a login from another program's file.
fn nobodys_text(session: &Session<'_>, source: &Source, candidate: &Candidate, reason: &str) -> String {
    let is_asked = source
        .settings(session.environment)
        .is_ok_and(|settings| settings.helper_asked(&candidate.server) == Some(session.helper.name()));
    if is_asked {
        reason.to_owned()
    } else {
        let program = session.helper.program();
        format!("{reason}; docker doesn't ask {program} yet: add --configure, or run \"{program} configure\"")
    }
}

pub(super) fn kept_text(username: &str) -> String {
    format!(
        "the store has another login, of {}; import with --replace replaces it with this one",
        show::name(username)
    )
}

fn not_asked(session: &Session<'_>, source: &Source, asked: Option<&str>) -> String {
    let client = source.client.name();
    let asked = asked.map_or_else(
        || "reads it from this file".to_owned(),
        |helper| format!("uses docker-credential-{} for it", show::name(helper)),
    );
    format!(
        "{client} {asked}, not {}; add --configure to change that, or --keep to copy",
        session.helper.program()
    )
}

fn add(
    session: &Session<'_>,
    report: &mut Report,
    source: &Source,
    candidate: &Candidate,
    outcome: Outcome,
    reason: &str,
) {
    let mut text = show::path(session.environment, &source.path);
    if !reason.is_empty() {
        text = format!("{text}: {reason}");
    }
    report.add(outcome, candidate.entry.server(), candidate.username(), &text);
}

fn clear_file(session: &Session<'_>, source: &Source, stored: &[&Candidate], report: &mut Report) {
    // Why a login stays.
    let mut reasons: Vec<Option<String>> = Vec::new();
    let result = ConfigFile::edit(&session.environment.trust(), &source.path, |document| {
        let settings = source.settings(session.environment)?;
        let asked = stored
            .iter()
            .map(|candidate| settings.helper_asked(&candidate.server));
        reasons = asked
            .map(|asked| (asked != Some(session.helper.name())).then(|| not_asked(session, source, asked)))
            .collect();
        let is_removed = |entry: &Entry| {
            stored.iter().zip(&reasons).any(|(candidate, reason)| {
                reason.is_none()
                    && is_of(entry, candidate)
                    && entry.login() == Ok(Some(candidate.login.clone()))
            })
        };
        Ok(document.without_logins(is_removed)?)
    });
    let left = match &result {
        Ok(_) => ConfigFile::read(&source.path)
            .map_or_else(|_| Vec::new(), |file| file.document().entries().to_vec()),
        Err(_) => Vec::new(),
    };
    reasons.resize(stored.len(), None);
    for (candidate, reason) in stored.iter().zip(reasons) {
        let is_left = left
            .iter()
            .any(|entry| is_of(entry, candidate) && matches!(entry.login(), Ok(Some(_))));
        let also = |problem: &dyn std::fmt::Display| {
            let text = format!("stored, but still in plain text as well: {problem}");
            (Outcome::Failed, text)
        };
        let (outcome, reason) = match (&result, &reason) {
            (Err(error), _) => also(error),
            (Ok(_), Some(reason)) => also(reason),
            (Ok(_), None) if is_left => (
                Outcome::Failed,
                "another program changed it; run this again".to_owned(),
            ),
            (Ok(_), None) => (Outcome::Moved, String::new()),
        };
        add(session, report, source, candidate, outcome, &reason);
    }
}

fn is_of(entry: &Entry, candidate: &Candidate) -> bool {
    entry.server() == candidate.entry.server() && entry.form() == candidate.entry.form()
}
