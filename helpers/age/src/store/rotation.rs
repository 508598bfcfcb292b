//! Handles an identity that is being replaced, or that was replaced while the store was being read.

use docker_credential_helper::directory::{Directory, Lock};
use docker_credential_helper::{Credential, Error, ServerUrl};

use super::decipher::{Problem, decipher};
use super::files::read;
use super::{AgeStore, RecipientSource, shown_name};
use crate::keys::identities::Identities;
use crate::keys::identity_file::IdentityFile;
use crate::keys::origin::Origin;
use crate::keys::outgoing::Outgoing;
use crate::keys::recipient::{Recipient, include_one_of, own_recipients, trusted_recipients};
use crate::keys::source::{self, Found};
use crate::sharing::recipients_file::RecipientsFile;

impl AgeStore {
    /// Completes an interrupted rotation of the identity in this store. Every writer does so after it takes
    /// the lock and before it chooses recipients, because the list may name the outgoing key.
    ///
    /// `identities` are this writer's already open ones.
    pub(crate) fn finish_rotation(
        &self,
        directory: &Directory,
        lock: &Lock,
        identities: Option<&Identities>,
    ) -> Result<(), Error> {
        if !self.is_rotation_pending()? {
            return Ok(());
        }
        let Some(Origin::File(path)) = source::own_origin(self.environment())? else {
            return Ok(());
        };
        let file = IdentityFile::lock(&path, self.environment())?;
        let Some(outgoing) = Outgoing::beside(&path)? else {
            return Ok(());
        };
        let new = match (identities, source::own(self.environment())?) {
            (Some(identities), _) => identities.clone(),
            (None, Some(found)) => found.open(self.environment())?,
            (None, None) => return Ok(()),
        };
        match outgoing.open(&new) {
            // The new key was never written.
            None => outgoing.abandon(&file),
            Some(old) => self.complete(&outgoing, &new, &old, directory, lock),
        }
    }

    /// Whether a rotation was interrupted in this store.
    pub(crate) fn is_rotation_pending(&self) -> Result<bool, Error> {
        Ok(source::outgoing(self.environment())?.is_some_and(|outgoing| outgoing.is_of(self.path())))
    }

    fn complete(
        &self,
        outgoing: &Outgoing,
        new: &Identities,
        old: &Identities,
        directory: &Directory,
        lock: &Lock,
    ) -> Result<(), Error> {
        let source = self.recipient_source(directory)?;
        let list = match &source {
            // The setting decides for now, so the rotation waits until it is unset.
            RecipientSource::Setting(_) => return Ok(()),
            RecipientSource::Own => None,
            RecipientSource::File(before) => Some(rotated(before, old, new)),
        };
        let mut both = new.clone();
        both.extend(old.clone());
        let recipients = match &list {
            Some(list) => list.recipients(),
            None => trusted_recipients(new)?,
        };
        // Somebody removed the key from the list: only the outgoing one opens the entries, so it stays until
        // the new one is in the list.
        if !include_one_of(&recipients, new) {
            return Ok(());
        }
        self.encrypt_again(
            directory,
            lock,
            &both,
            &recipients,
            (&source, list.as_ref()),
            || Ok(()),
            |_, _| {},
        )?;
        outgoing.remove()
    }

    /// Tries again to open an entry that the identity didn't open: both may have been replaced since they
    /// were read, or an interrupted rotation may not have reached the entry.
    pub(super) fn get_again(
        &self,
        server: &ServerUrl,
        (name, before): (&str, &[u8]),
        (found, identities): (&Found, Identities),
        directory: &Directory,
    ) -> Result<Option<Credential>, Error> {
        let again = self.reopened(found, identities.clone())?;
        let Some(file) = read(directory, name, || shown_name(server))? else {
            return Ok(None);
        };
        // A header with many stanzas is expensive, so try it once only.
        if file == before && again == identities {
            return Err(self.explain(Problem::NoIdentity, &shown_name(server)));
        }
        let identities = again;
        match decipher(&file, name, &identities, self.environment()) {
            Ok(deciphered) => {
                self.note_absent(directory, &identities);
                Ok(Some(deciphered.credential))
            }
            Err(problem) => Err(self.explain(problem, &shown_name(server))),
        }
    }

    /// The current identity, and the one that it is replacing. Doesn't ask twice for the same one.
    pub(super) fn reopened(&self, found: &Found, identities: Identities) -> Result<Identities, Error> {
        let again = source::for_reading(self.environment())?;
        let identities = if again == *found {
            identities
        } else {
            again.open(self.environment())?
        };
        source::with_outgoing(&identities, self.environment())
    }
}

/// The list with the old keys replaced by the new one, under the same names. A list without the old keys
/// doesn't change.
pub(crate) fn rotated(list: &RecipientsFile, old: &Identities, new: &Identities) -> RecipientsFile {
    let mut rotated = list.clone();
    let Some(Recipient::X25519(new)) = own_recipients(new).into_iter().next() else {
        return rotated;
    };
    for recipient in own_recipients(old) {
        rotated.replace(&recipient.to_string(), &new.to_string());
    }
    rotated
}
