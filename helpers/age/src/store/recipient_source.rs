//! To whom a store is encrypted, whether its user agreed to that, and with what it is read back.

use docker_credential_helper::directory::{Directory, Lock};
use docker_credential_helper::{Environment, Error};

use super::AgeStore;
use crate::keys::identities::Identities;
use crate::keys::recipient::{Recipient, include_one_of, own_recipients};
use crate::keys::source::{self, Found};
use crate::settings;
use crate::sharing::approval::{ApprovalRecord, ApprovalState, Change, Named};
use crate::sharing::recipients_file::{self, RecipientsFile};

/// Thousands of recipients.
const RECIPIENTS_MAX: u64 = 1 << 20;

/// What the settings say about keys, before the store is looked at.
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

/// Who says to whom a store is encrypted.
pub(crate) enum RecipientSource {
    /// The setting, whatever the store says.
    Setting(Vec<Recipient>),
    /// The store, and everyone it names is approved.
    File(RecipientsFile),
    /// Nobody: the holder of the identity.
    Own,
}

pub(super) struct Keys {
    pub(super) identities: Identities,
    pub(super) recipients: Vec<Recipient>,
}

impl AgeStore {
    /// To whom to encrypt. Nothing is run and nobody is asked before this has answered.
    ///
    /// Fails with [`Error::Refused`] if the store names someone who is not approved.
    pub(crate) fn recipient_source(&self, directory: &Directory) -> Result<RecipientSource, Error> {
        match recipients_file::from_setting(self.environment())? {
            Some(recipients) => Ok(RecipientSource::Setting(recipients)),
            None => self.source_of_the_store(directory),
        }
    }

    fn source_of_the_store(&self, directory: &Directory) -> Result<RecipientSource, Error> {
        let file = self.recipients_file(directory)?;
        let named: Named = file.as_ref().map(RecipientsFile::named);
        match self.state(&named)? {
            None | Some(ApprovalState::Same) => {}
            Some(ApprovalState::New) => self.approve_first(&named)?,
            Some(ApprovalState::Fewer) => self.approval_record()?.approve(&named)?,
            Some(ApprovalState::Changed(change)) => return Err(self.refuse(&change)),
        }
        Ok(file.map_or(RecipientSource::Own, RecipientSource::File))
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

    /// How what the store names stands to what is approved. Nothing for a store of one where there is no place for
    /// approvals: a job without a home sees every store for the first time.
    pub(crate) fn state(&self, named: &Named) -> Result<Option<ApprovalState>, Error> {
        match settings::configuration_directory(self.environment()) {
            Err(_) if named.is_none() => Ok(None),
            Err(error) => Err(error),
            Ok(_) => self.approval_record()?.state(named).map(Some),
        }
    }

    /// The first use is the one that is trusted, and says so. That nobody is named is approved as well: otherwise a
    /// recipient who appears one day in a store of one would be taken for the first use.
    fn approve_first(&self, named: &Named) -> Result<(), Error> {
        let approved = self.approval_record().and_then(|record| record.approve(named));
        match named {
            Some(recipients) => {
                approved?;
                let list: Vec<&str> = recipients.iter().map(String::as_str).collect();
                self.environment().notice(&format!(
                    "first use of {}: its recipients are now approved: {}",
                    self.path().display(),
                    list.join(" ")
                ));
            }
            // A store of one works where nothing can be written but the store.
            None => {
                if let Err(error) = approved {
                    self.environment().log(|| error.to_string());
                }
            }
        }
        Ok(())
    }

    fn refuse(&self, change: &Change) -> Error {
        Error::Refused(
            format!(
                "the store {} is not the one you approved, {change}; check who they are, then run: \
                 docker-credential-age recipients approve",
                self.path().display()
            )
            .into(),
        )
    }

    /// The lock, and the identity to look at what is there with, if one is needed and there is one.
    pub(super) fn lock_with_identity(
        &self,
        chosen: &Chosen,
        directory: &Directory,
    ) -> Result<(Lock, Option<Identities>), Error> {
        let find = || self.identity_for_writing(chosen, directory);
        let open = |found: &Option<Found>| {
            if let Some(Found::Sealed(_)) = found {
                // Nobody is asked before this has answered.
                self.recipient_source(directory)?;
            }
            found
                .as_ref()
                .map(|found| found.open(self.environment()))
                .transpose()
        };
        self.lock_after(directory, find, open)
    }

    /// Opens what is found, then takes the lock: others need not wait for a person. It begins anew if something else is
    /// found by then, because another process has changed the identity: nobody could read what is encrypted to the
    /// former one.
    pub(crate) fn lock_after<F: PartialEq, T>(
        &self,
        directory: &Directory,
        find: impl Fn() -> Result<F, Error>,
        mut open: impl FnMut(&F) -> Result<T, Error>,
    ) -> Result<(Lock, T), Error> {
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
            // Another program's identity does for reading back what the named recipients can read.
            (true, false) => source::for_reading(self.environment()).map(Some),
            // Nor is anybody asked for its passphrase.
            (true, true) => Ok(None),
        }
    }

    /// To whom to encrypt, and with what to look at what is there. Called with the lock held, for it may make the
    /// first identity.
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
            (Some(identities), _) => identities,
            (None, Some(_)) => Identities::default(),
            (None, None) if self.has_entries(directory)? => return Err(self.without_own_identity()),
            (None, None) => source::create_first(environment)?.open(environment)?,
        };
        let recipients = named.unwrap_or_else(|| own_recipients(&identities));
        if !chosen.write_only && !include_one_of(&recipients, &identities) {
            return Err(not_among(named_in));
        }
        Ok(Keys {
            identities,
            recipients,
        })
    }

    /// Another program's identity may open the entries. It is not the one to encrypt them to.
    pub(crate) fn without_own_identity(&self) -> Error {
        match settings::default_identity_file(self.environment()) {
            Err(error) => error,
            Ok(path) => Error::Unavailable(
                format!(
                    "the store {} has entries, and there is no identity of yours to encrypt to; restore {} or set {}",
                    self.path().display(),
                    path.display(),
                    settings::IDENTITY_FILE
                )
                .into(),
            ),
        }
    }
}

/// `named_in` is what names the recipients.
pub(crate) fn not_among(named_in: &str) -> Error {
    Error::Refused(
        format!(
            "none of your identities is among the recipients in {named_in}, so you could not read back what is stored; \
             add yours, or set {}=1",
            settings::WRITE_ONLY
        )
        .into(),
    )
}
