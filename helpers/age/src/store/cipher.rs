//! age, reduced to the store's needs, with its errors mapped to useful ones.
//!
//! The library's own error texts never reach a user: they have several lines and invisible characters, and
//! one of them can panic while it is printed.

use std::io::Read;

use age::{DecryptError, Decryptor, EncryptError, Encryptor, x25519};
use docker_credential_helper::{Environment, Error};
use zeroize::Zeroizing;

use crate::keys::header::{self, Split};
use crate::keys::identities::Identities;
use crate::keys::own_stanza::{self, OwnKey};
use crate::keys::plugin::{self, Party};
use crate::keys::recipient::Recipient;
use crate::keys::{scrypt, ssh};

/// Why a file can't be decrypted.
#[derive(Debug)]
pub(super) enum Failure {
    /// It seems complete, and is encrypted to others.
    NoIdentity,
    /// It isn't an age file, or is incomplete, or was changed.
    Damaged,
    /// The plugin that could have opened it failed.
    Plugin(Error),
}

/// A file's content.
pub(super) struct Decrypted {
    pub(super) plaintext: Zeroizing<Vec<u8>>,
    /// We wrote it, only for ourselves.
    pub(super) is_private: bool,
}

/// Identities without plugins, prepared once for many files and threads.
pub(super) struct Natives<'a> {
    own: Vec<OwnKey>,
    x25519: &'a [x25519::Identity],
    ssh: &'a [ssh::Key],
}

impl<'a> Natives<'a> {
    pub(super) fn of(identities: &'a Identities) -> Self {
        Self {
            own: identities.x25519.iter().map(OwnKey::of).collect(),
            x25519: &identities.x25519,
            ssh: &identities.ssh,
        }
    }

    /// Cheap ones first.
    fn iter(&self) -> impl Iterator<Item = &dyn age::Identity> {
        let own = self.own.iter().map(|key| key as &dyn age::Identity);
        own.chain(self.x25519.iter().map(|identity| identity as &dyn age::Identity))
            .chain(self.ssh.iter().map(ssh::Key::as_age))
    }
}

/// An age file, in binary form or armored. Runs plugins only if no other identity opens it.
pub(super) fn decrypt(
    file: &[u8],
    identities: &Identities,
    environment: &Environment,
) -> Result<Decrypted, Failure> {
    let unwrappers = identities.plugins.unwrappers(environment);
    let natives = Natives::of(identities);
    decrypt_with(file, natives.iter().chain(unwrappers.iter().map(AsRef::as_ref)))
}

/// An age file, without plugins, so this can run in several threads.
pub(super) fn decrypt_natively(file: &[u8], natives: &Natives<'_>) -> Result<Decrypted, Failure> {
    decrypt_with(file, natives.iter())
}

fn decrypt_with<'a>(
    file: &[u8],
    identities: impl Iterator<Item = &'a dyn age::Identity>,
) -> Result<Decrypted, Failure> {
    let file = header::binary(file).map_err(|_| Failure::Damaged)?;
    let split = Split::of(&file).ok_or(Failure::Damaged)?;
    let decryptor = Decryptor::new_buffered(split.reader()).map_err(failure)?;
    let mut reader = decryptor.decrypt(identities).map_err(failure)?;
    let mut plaintext = Zeroizing::new(Vec::with_capacity(file.len()));
    reader.read_to_end(&mut plaintext).map_err(|_| Failure::Damaged)?;
    Ok(Decrypted {
        plaintext,
        is_private: is_private(&split),
    })
}

/// Whether a file is only for its writer: it has stanzas for their key, for the short form of it, and grease.
fn is_private(split: &Split<'_>) -> bool {
    let (mut own, mut x25519, mut others) = (0, 0, 0);
    for kind in split.kinds() {
        match kind {
            header::X25519 => x25519 += 1,
            _ if kind == own_stanza::KIND.as_bytes() => own += 1,
            _ if header::is_grease(kind) => {}
            _ => others += 1,
        }
    }
    own > 0 && x25519 == 1 && others == 0
}

/// A binary age file for these recipients, of which there must be at least one. `own` is the writer's key if
/// the writer is a recipient.
pub(super) fn encrypt(
    plaintext: &[u8],
    recipients: &[Recipient],
    own: Option<&OwnKey>,
    environment: &Environment,
) -> Result<Vec<u8>, Error> {
    let parties = recipients.iter().filter_map(|recipient| match recipient {
        Recipient::Plugin(recipient) => Some(Party::Recipient(recipient)),
        Recipient::HolderOf(identity) => Some(Party::HolderOf(identity)),
        Recipient::X25519(_) | Recipient::Tagged(_) | Recipient::TaggedPq(_) | Recipient::Ssh(_) => None,
    });
    let wrappers = plugin::wrappers(parties, environment);
    let natives = recipients.iter().filter_map(|recipient| match recipient {
        Recipient::X25519(recipient) => Some(recipient as &dyn age::Recipient),
        Recipient::Tagged(recipient) => Some(recipient as &dyn age::Recipient),
        Recipient::TaggedPq(recipient) => Some(&**recipient as &dyn age::Recipient),
        Recipient::Ssh(recipient) => Some(recipient.as_age()),
        Recipient::Plugin(_) | Recipient::HolderOf(_) => None,
    });
    let all = natives
        .chain(wrappers.iter().map(AsRef::as_ref))
        .chain(own.map(|key| key as &dyn age::Recipient));
    let encryptor = Encryptor::with_recipients(all).map_err(refusal)?;
    let file = scrypt::write(encryptor, plaintext)
        .map_err(|_| Error::unsupported("encrypting for these recipients failed; check them"))?;
    // Don't replace a login with a file that we couldn't read.
    if Split::of(&file).is_none() {
        return Err(Error::unsupported(format!(
            "cannot encrypt to {} recipients: an entry's header holds about 600; remove some",
            recipients.len()
        )));
    }
    Ok(file)
}

fn failure(error: DecryptError) -> Failure {
    match error {
        DecryptError::NoMatchingKeys => Failure::NoIdentity,
        DecryptError::Io(error) => match plugin::error_out_of(error) {
            Some(error) => Failure::Plugin(error),
            None => Failure::Damaged,
        },
        _ => Failure::Damaged,
    }
}

fn refusal(error: EncryptError) -> Error {
    match error {
        EncryptError::Io(error) => plugin::error_out_of(error)
            .unwrap_or_else(|| Error::unsupported("encrypting for these recipients failed; check them")),
        EncryptError::IncompatibleRecipients { .. } => Error::unsupported(
            "cannot encrypt to these recipients: some are post-quantum (age1pq1…, age1tagpq1…) and some are not, and age \
             doesn't mix them; use one kind",
        ),
        _ => Error::unsupported("encrypting for these recipients failed; check them"),
    }
}
