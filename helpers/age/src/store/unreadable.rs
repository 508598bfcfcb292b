//! Unreadable entries: finds lost ones, and how to recover the others.

use std::path::PathBuf;

use docker_credential_helper::directory::Directory;
use docker_credential_helper::show::ShellCommand;
use docker_credential_helper::{Error, show};

use super::AgeStore;
use super::decipher::Problem;
use crate::keys::identities::Identities;
use crate::keys::recipient::{Recipient, include_one_of, own_recipients};
use crate::keys::source;
use crate::sharing::recipients_file;
use crate::sharing::work_tree::WorkTree;

/// The files of unreadable entries.
#[derive(Debug, Default)]
pub(crate) struct Unreadable {
    /// Encrypted to others.
    pub(crate) closed: Vec<String>,
    pub(crate) damaged: Vec<String>,
    /// Neither: a newer version wrote them, or reading them failed.
    pub(crate) others: Vec<Error>,
}

impl Unreadable {
    pub(crate) fn is_none(&self) -> bool {
        self.closed.is_empty() && self.damaged.is_empty() && self.others.is_empty()
    }
}

impl AgeStore {
    /// Fails if a plugin does, because the state is then unknown.
    pub(crate) fn unreadable(
        &self,
        directory: &Directory,
        names: &[String],
        identities: &Identities,
    ) -> Result<Unreadable, Error> {
        let mut unreadable = Unreadable::default();
        let identities = source::with_outgoing(identities, self.environment())?;
        for (name, result) in self.decipher_all(directory, names, &identities) {
            match result {
                Ok(_) => {}
                Err(Problem::Plugin(error)) => return Err(error),
                Err(problem) => unreadable.add(self, name, problem),
            }
        }
        unreadable.closed.sort();
        unreadable.damaged.sort();
        Ok(unreadable)
    }

    /// A previous identity that opens some of these entries: its file, and their names.
    pub(crate) fn opened_by_previous(
        &self,
        directory: &Directory,
        names: &[String],
    ) -> Result<Option<(PathBuf, Vec<String>)>, Error> {
        let opens = |identities: &Identities| -> Vec<String> {
            let all = self.decipher_all(directory, names, identities);
            let opened = all.into_iter().filter(|(_, result)| result.is_ok());
            opened.map(|(name, _)| name.clone()).collect()
        };
        let previous = source::previous(self.environment())?.into_iter();
        let found = previous.map(|(path, identities)| (path, opens(&identities)));
        Ok(found
            .filter(|(_, opened)| !opened.is_empty())
            .max_by_key(|(_, opened)| opened.len()))
    }

    /// Advice for entries that are encrypted to others; nothing if nobody can help, as in a store that isn't
    /// shared.
    ///
    /// In a shared store they aren't lost: setting them aside would delete them for everybody at the next
    /// commit.
    pub(crate) fn advice_for_closed(
        &self,
        directory: &Directory,
        identities: &Identities,
    ) -> Result<Option<String>, Error> {
        let Some(list) = self.recipients_file(directory)? else {
            return Ok(None);
        };
        if include_one_of(&list.recipients(), identities) {
            return Ok(Some(
                "ask a colleague to run: docker-credential-age rekey".to_owned(),
            ));
        }
        let add = ShellCommand::new("docker-credential-age recipients add");
        let own = own_recipients(identities);
        let is_public = |own: &&Recipient| !matches!(own, Recipient::HolderOf(_));
        let add = match own.iter().find(is_public) {
            Some(own) => add.word(own.to_string()),
            None => add.literal("age1…"),
        };
        Ok(Some(format!(
            "none of your identities is a recipient; ask a colleague to run: {add} (or, if the store is \
            yours alone, remove its {}, approve that, and run: docker-credential-age \
             reset)",
            recipients_file::FILE
        )))
    }

    /// How to restore files from git; nothing outside of a work tree.
    pub(crate) fn git_checkout(&self, names: &[String]) -> Option<String> {
        let tree = WorkTree::around(self.path())?;
        let command = ShellCommand::new("git -C").path(self.environment(), self.path());
        let of = |literal: &str| {
            let command = command.clone().literal(literal);
            names.iter().take(5).fold(command, ShellCommand::word).to_string()
        };
        Some(if tree.is_under_way() {
            format!(
                "git is merging: take one of the two versions, with {} or {}",
                of("checkout --ours --"),
                of("checkout --theirs --")
            )
        } else {
            format!(
                "restore them with: {} (or from an older commit); if git doesn't have them, run: docker-credential-age \
                 reset",
                of("checkout --")
            )
        })
    }

    /// The reason why an entry is unreadable, and the fix.
    pub(super) fn explain(&self, problem: Problem, name: &str) -> Error {
        let path = self.path().join(name);
        let path = path.display();
        let named = [name.to_owned()];
        match problem {
            Problem::NoIdentity => {
                let way_out = self
                    .advice_for_our_own()
                    .unwrap_or_else(|| "use the one it was stored with, or log in again".to_owned());
                Error::damaged(format!("your identity does not open {path}; {way_out}"))
            }
            Problem::Damaged => {
                let way_out = self
                    .git_checkout(&named)
                    .unwrap_or_else(|| "log in to that server again to replace it".to_owned());
                Error::damaged(format!("{path} is damaged; {way_out}"))
            }
            Problem::Newer => Error::unsupported(format!(
                "{path} was written by a newer version of docker-credential-age; install that version"
            )),
            Problem::OtherServer => Error::damaged(format!(
                "{path} holds the credential of another server; log in to both servers again"
            )),
            Problem::Unread(error) | Problem::Plugin(error) => error,
        }
    }

    /// As [`advice_for_closed`](Self::advice_for_closed), if that works without asking.
    fn advice_for_our_own(&self) -> Option<String> {
        let directory = self.existing().ok()??;
        let identities = self.open_own_identities().ok()??;
        self.advice_for_closed(&directory, &identities).ok()?
    }

    /// Why a rekey refuses.
    pub(super) fn refuse_rekey(
        &self,
        directory: &Directory,
        unreadable: &mut Unreadable,
        identities: &Identities,
    ) -> Error {
        if let Some(error) = unreadable.others.pop() {
            return error;
        }
        let (names, what, advice) = if unreadable.closed.is_empty() {
            (
                &unreadable.damaged,
                "damaged",
                self.git_checkout(&unreadable.damaged),
            )
        } else {
            let advice = self.advice_for_closed(directory, identities).unwrap_or_default();
            (&unreadable.closed, "encrypted to others", advice)
        };
        let advice =
            advice.unwrap_or_else(|| "to continue without, run: docker-credential-age reset".to_owned());
        Error::refused(format!(
            "cannot encrypt the entries again: {} {what}, such as {}; nothing was changed; {advice}",
            show::count(names.len(), "entry is", "entries are"),
            names
                .first()
                .map(|name| self.path().join(name).display().to_string())
                .unwrap_or_default(),
        ))
    }
}

impl Unreadable {
    pub(super) fn add(&mut self, store: &AgeStore, name: &str, problem: Problem) {
        match problem {
            Problem::NoIdentity => self.closed.push(name.to_owned()),
            Problem::Damaged | Problem::OtherServer | Problem::Unread(Error::Damaged(_)) => {
                self.damaged.push(name.to_owned());
            }
            problem => self.others.push(store.explain(problem, name)),
        }
    }
}
