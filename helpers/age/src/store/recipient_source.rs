//! The recipients of a store, whether its user approved them, and the identities that read it back.

use std::collections::BTreeSet;

use docker_credential_helper::directory::Directory;
use docker_credential_helper::{Environment, Error};

use super::decipher::Problem;
use super::{AgeStore, StoreLock};
use crate::keys::identities::Identities;
use crate::keys::recipient::{Recipient, include_one_of, trusted_recipients};
use crate::keys::source::{self, Found};
use crate::settings;
use crate::sharing::approval::{self, Approval, ApprovalRecord, ApprovalState, Newcomer, Objection};
use crate::sharing::date::Date;
use crate::sharing::recipients_file::{self, RecipientsFile};
use crate::sharing::work_tree::WorkTree;

/// Enough for thousands of recipients.
const RECIPIENTS_MAX: u64 = 1 << 20;

/// The keys in the settings, before the store is examined.
pub(super) struct Chosen {
    recipients: Option<Vec<Recipient>>,
    write_only: bool,
}

impl Chosen {
    pub(super) fn from_settings(environment: &Environment) -> Result<Self, Error> {
        Ok(Self {
            write_only: settings::is_write_only(environment)?,
            recipients: recipients_file::from_setting(environment)?,
        })
    }
}

/// The source of a store's recipients.
pub(crate) enum RecipientSource {
    /// The setting, which overrides the store.
    Setting(Vec<Recipient>),
    /// The store, whose recipients are all approved.
    File(RecipientsFile),
    /// None: only the holder of the identity.
    Own,
}

pub(super) struct Keys {
    pub(super) identities: Identities,
    pub(super) recipients: Vec<Recipient>,
    /// The store names them.
    pub(super) is_shared: bool,
}

impl AgeStore {
    /// The recipients. Don't run plugins or ask before this returns.
    ///
    /// Fails with [`Error::Refused`] if the store names an unapproved recipient.
    pub(crate) fn recipient_source(&self, directory: &Directory) -> Result<RecipientSource, Error> {
        match recipients_file::from_setting(self.environment())? {
            Some(recipients) => Ok(RecipientSource::Setting(recipients)),
            None => self.source_of_the_store(directory),
        }
    }

    fn source_of_the_store(&self, directory: &Directory) -> Result<RecipientSource, Error> {
        let file = self.recipients_file(directory)?;
        match self.approval_state(file.as_ref())? {
            ApprovalState::Agreed => Ok(file.map_or(RecipientSource::Own, RecipientSource::File)),
            ApprovalState::Refused(objection) => Err(self.refuse(&objection, file.as_ref())),
        }
    }

    /// The file of a shared store; nothing if there is none.
    pub(crate) fn recipients_file(&self, directory: &Directory) -> Result<Option<RecipientsFile>, Error> {
        let path = self.path().join(recipients_file::FILE);
        match directory.read(recipients_file::FILE, RECIPIENTS_MAX) {
            Ok(None) => Ok(None),
            Ok(Some(content)) => RecipientsFile::parse(&content, &path.display().to_string()).map(Some),
            Err(error) => Err(Error::file("read the recipients in", &path)(error)),
        }
    }

    pub(crate) fn approval_record(&self) -> Result<ApprovalRecord, Error> {
        ApprovalRecord::of(self.path(), self.environment())
    }

    /// Compares the store's recipients with those that its user has approved.
    pub(crate) fn approval_state(&self, list: Option<&RecipientsFile>) -> Result<ApprovalState, Error> {
        let approval = match settings::configuration_directory(self.environment()) {
            // A job without a home can't keep an approval.
            Err(_) => Approval::default(),
            Ok(_) => self.approval_record()?.read()?,
        };
        match approval.compare(list, &BTreeSet::new()) {
            ApprovalState::Agreed => Ok(ApprovalState::Agreed),
            ApprovalState::Refused(_) => Ok(approval.compare(list, &self.own_keys()?)),
        }
    }

    /// The recipients in the list that the user hasn't approved.
    pub(crate) fn newcomers(&self, list: &RecipientsFile) -> Result<Vec<Newcomer>, Error> {
        Ok(match self.approval_state(Some(list))? {
            ApprovalState::Agreed => Vec::new(),
            ApprovalState::Refused(objection) => objection.into_newcomers(),
        })
    }

    /// The public keys that need no approval: of the identity that the settings or the default file give, as far as it is
    /// open, or an SSH key. Neither an identity of another program's settings, nor a previous one, nor one that others could have put
    /// there is the user's own in this.
    pub(crate) fn own_keys(&self) -> Result<BTreeSet<String>, Error> {
        let found = source::own(self.environment())?.filter(|found| !found.is_doubtful());
        let keys = found
            .and_then(|found| found.known_recipients())
            .unwrap_or_default();
        let is_public = |key: &Recipient| !matches!(key, Recipient::HolderOf(_));
        Ok(keys
            .iter()
            .filter(|key| is_public(key))
            .map(ToString::to_string)
            .collect())
    }

    /// The user's own identities, if that works without asking.
    pub(super) fn open_own_identities(&self) -> Result<Option<Identities>, Error> {
        Ok(match source::own(self.environment())? {
            Some(Found::Open(identities)) => Some(identities),
            Some(Found::Sealed(sealed)) => sealed.opened(),
            None => None,
        })
    }

    /// The number of entries whose writers didn't know our key; zero if that can't be seen without asking.
    pub(crate) fn closed_to_us(&self, directory: &Directory, names: &[String]) -> Result<usize, Error> {
        let Some(identities) = self.open_own_identities()?.filter(|it| it.plugins.is_empty()) else {
            return Ok(0);
        };
        let deciphered = self.decipher_all(directory, names, &identities);
        let is_closed = |result: &Result<_, Problem>| matches!(result, Err(Problem::NoIdentity));
        Ok(deciphered.iter().filter(|(_, result)| is_closed(result)).count())
    }

    fn refuse(&self, objection: &Objection, list: Option<&RecipientsFile>) -> Error {
        let way_out = match list {
            None => {
                "restore it, or, if only you should read new logins, run: docker-credential-age recipients \
                 approve"
                    .to_owned()
            }
            Some(list) if settings::is_noninteractive(self.environment()).is_ok_and(|it_is| it_is) => {
                format!(
                    "a job approves one checked list: docker-credential-age recipients approve --only {}",
                    approval::sum(&list.named())
                )
            }
            Some(_) => {
                "ask your team whose keys these are, then run: docker-credential-age recipients approve"
                    .to_owned()
            }
        };
        Error::refused(format!(
            "cannot write to the store {}: {objection}; {way_out}",
            self.path().display()
        ))
    }

    /// Records the approved recipients that are missing from the list, so that they can't come back
    /// unnoticed.
    ///
    /// Every reading verb does this, because somebody may leave and come back between two writes. Failures
    /// don't affect the verb.
    pub(crate) fn note_absent(&self, directory: &Directory, identities: &Identities) {
        if let Err(error) = self.try_to_note_absent(directory, identities) {
            self.environment().log(|| error.to_string());
        }
    }

    fn try_to_note_absent(&self, directory: &Directory, identities: &Identities) -> Result<(), Error> {
        let Some(list) = self.recipients_file(directory)? else {
            return Ok(());
        };
        let (record, named) = (self.approval_record()?, list.named());
        if !record.read()?.mark_absent(&named, Date::today()) {
            return Ok(());
        }
        // A list from before we joined, or from another branch, doesn't show who was removed.
        let is_of_now = || {
            WorkTree::around(self.path())
                .is_none_or(|tree| !tree.is_under_way() && !tree.shows_another_time())
        };
        if include_one_of(&list.recipients(), identities) && is_of_now() {
            record.mark_absent(&named)?;
        }
        Ok(())
    }

    /// The lock, and the identity to examine existing entries with, if one is needed and exists.
    pub(super) fn lock_with_identity(
        &self,
        chosen: &Chosen,
        directory: &Directory,
    ) -> Result<(StoreLock, Option<Identities>), Error> {
        let find = || self.identity_for_writing(chosen, directory);
        let open = |found: &Option<Found>| {
            if let Some(Found::Sealed(_)) = found {
                // Don't ask before this returns.
                self.recipient_source(directory)?;
            }
            found
                .as_ref()
                .map(|found| found.open(self.environment()))
                .transpose()
        };
        self.lock_after(directory, find, open)
    }

    /// Opens the identity, then takes the lock, so that others don't wait for a person. Starts again if
    /// another process has changed the identity in between, because nobody could read entries encrypted to
    /// the previous one.
    pub(crate) fn lock_after<F: PartialEq, T>(
        &self,
        directory: &Directory,
        find: impl Fn() -> Result<F, Error>,
        mut open: impl FnMut(&F) -> Result<T, Error>,
    ) -> Result<(StoreLock, T), Error> {
        loop {
            let found = find()?;
            let opened = open(&found)?;
            let lock = self.lock(directory)?;
            self.finish_rekey(directory, &lock)?;
            if find()? == found {
                return Ok((lock, opened));
            }
        }
    }

    fn identity_for_writing(&self, chosen: &Chosen, directory: &Directory) -> Result<Option<Found>, Error> {
        let are_named = chosen.recipients.is_some() || self.recipients_file(directory)?.is_some();
        match (are_named, chosen.write_only) {
            (false, _) => source::own(self.environment()),
            // Another program's identity is good enough to read back entries for the named recipients.
            (true, false) => source::for_reading(self.environment()).map(Some),
            // Don't ask for its passphrase either.
            (true, true) => Ok(None),
        }
    }

    /// The recipients, and the identities to examine the existing entry with. Called with the lock held,
    /// because it may create the first identity.
    pub(super) fn keys_for_writing(
        &self,
        chosen: Chosen,
        identities: Option<Identities>,
        directory: &Directory,
    ) -> Result<Keys, Error> {
        let environment = self.environment();
        let (named, named_in) = match chosen.recipients {
            Some(recipients) => (Some(recipients), settings::RECIPIENTS),
            None => match self.source_of_the_store(directory)? {
                RecipientSource::File(file) => (Some(file.recipients()), recipients_file::FILE),
                RecipientSource::Setting(_) | RecipientSource::Own => (None, ""),
            },
        };
        let identities = match (identities, &named) {
            // They are another program's, found for reading while a list named the recipients.
            (Some(_), None) if source::own_origin(environment)?.is_none() => {
                return Err(self.without_own_identity());
            }
            (Some(identities), _) => identities,
            (None, Some(_)) => Identities::default(),
            (None, None) if self.has_entries(directory)? => return Err(self.without_own_identity()),
            (None, None) => source::create_first(environment)?.open(environment)?,
        };
        let recipients = match named {
            Some(recipients) => recipients,
            None => trusted_recipients(&identities)?,
        };
        if !chosen.write_only && !include_one_of(&recipients, &identities) {
            return Err(not_among(named_in));
        }
        Ok(Keys {
            identities,
            recipients,
            is_shared: named_in == recipients_file::FILE,
        })
    }

    /// Another program's identity may open the entries, but don't encrypt to it.
    pub(crate) fn without_own_identity(&self) -> Error {
        match settings::default_identity_file(self.environment()) {
            Err(error) => error,
            Ok(path) => Error::unavailable(format!(
                "cannot add to the entries in {}: there is no identity of yours to encrypt to; restore {} or set {}",
                self.path().display(),
                path.display(),
                settings::IDENTITY_FILE
            )),
        }
    }
}

/// `named_in` is the source of the recipients.
pub(crate) fn not_among(named_in: &str) -> Error {
    Error::refused(format!(
        "cannot encrypt: none of your identities is a recipient in {named_in}, so you couldn't read the \
        login again; add yours, or set {}=1",
        settings::WRITE_ONLY
    ))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::keys::identities::file_text;

    #[test]
    fn a_list_that_vanishes_makes_no_recipient_of_another_program() {
        let place = tempfile::tempdir().unwrap();
        let theirs = age::x25519::Identity::generate();
        let variables: [(&str, OsString); 2] = [
            ("HOME", place.path().into()),
            ("SOPS_AGE_KEY", file_text(&theirs).as_str().into()),
        ];
        let environment = Environment::stated("age", variables);
        let store = AgeStore::open(&environment).unwrap();
        let directory = store.create().unwrap();
        let chosen = Chosen::from_settings(&environment).unwrap();
        // Found while there was a list.
        let found = source::for_reading(&environment).unwrap();
        let identities = found.open(&environment).unwrap();
        let keys = store.keys_for_writing(chosen, Some(identities), &directory);
        let error = keys.err().unwrap().to_string();
        assert!(error.contains("there is no identity of yours"), "{error}");
    }
}
