//! What a store does about an identity that is being replaced, or was while it was being read.

use docker_credential_helper::directory::{Directory, Lock};
use docker_credential_helper::{Credential, Error, ServerUrl};

use super::decipher::{Problem, decipher};
use super::{AgeStore, RecipientSource, read, shown_name};
use crate::keys::identities::Identities;
use crate::keys::identity_file::IdentityFile;
use crate::keys::origin::Origin;
use crate::keys::outgoing::Outgoing;
use crate::keys::recipient::{Recipient, include_one_of, own_recipients, trusted_recipients};
use crate::keys::source::{self, Found};
use crate::sharing::recipients_file::RecipientsFile;

impl AgeStore {
    /// Completes a rotation of the identity that was interrupted in this store. Every writer does so once it has the
    /// lock, before it chooses a recipient: the list may name the outgoing key.
    ///
    /// `identities` are those of this writer, which are not opened a second time.
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
            // The new key never took its place.
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
            // The setting decides for now; the rotation waits until it does not.
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
        // Somebody took the key from the list: only the outgoing one opens the entries, so it stays until the new one is
        // in the list.
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

    /// A second look for an entry that the identity did not open: both may have been replaced since they were read, or
    /// the entry may be one that an interrupted rotation has not come to.
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
        // A header of many stanzas costs much, and once is enough.
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

    /// The identity as it is now, with the one that it is replacing. Nobody is asked twice for the same.
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

/// The list with the new key in the place of the old ones, under the same names. One that names none of these stays as
/// it is.
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
