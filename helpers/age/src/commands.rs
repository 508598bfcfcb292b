//! The commands of this helper.

use docker_credential_helper::clap::{Arg, ArgAction};
use docker_credential_helper::commands::{Console, ExtraCommand};
use docker_credential_helper::directory::Directory;
use docker_credential_helper::{Environment, Error, ServerUrl};

use crate::keys::identities::Identities;
use crate::keys::identity_file;
use crate::keys::recipient::Recipient;
use crate::keys::source::{self, Found};
use crate::sharing::recipients_file::{self, RecipientsFile};
use crate::store::{AgeStore, RecipientSource, StoreLock};

mod approve;
mod identity;
mod recipients;
mod rekey;
mod reset;
mod unlock;

pub(crate) const ALL: &[ExtraCommand] = &[
    identity::COMMAND,
    recipients::COMMAND,
    rekey::COMMAND,
    unlock::UNLOCK,
    unlock::LOCK,
    reset::COMMAND,
];

/// Creates the first identity before the first login, so that the user notices the message about it.
pub(crate) fn prepare(environment: &Environment) -> Result<Option<String>, Error> {
    if !is_first_identity_due(environment)? {
        return Ok(None);
    }
    let (path, is_new) = identity_file::create_default(environment)?;
    Ok(is_new.then(|| source::created(&path, environment)))
}

/// Whether there are no recipients and no entries, so a login would create the first identity.
pub(crate) fn is_first_identity_due(environment: &Environment) -> Result<bool, Error> {
    if source::own_origin(environment)?.is_some() || recipients_file::from_setting(environment)?.is_some() {
        return Ok(false);
    }
    let store = AgeStore::open(environment)?;
    Ok(match store.existing()? {
        None => true,
        Some(directory) => store.recipients_file(&directory)?.is_none() && !store.has_entries(&directory)?,
    })
}

/// A store that a command will write to: its recipients are approved, its identity is open, and it is locked.
struct Writing {
    store: AgeStore,
    directory: Directory,
    lock: StoreLock,
    identities: Identities,
    source: RecipientSource,
}

impl Writing {
    /// In this order: approve the recipients before plugins run or a person is asked for a passphrase, and
    /// don't hold the lock while a person thinks.
    fn begin(environment: &Environment) -> Result<Self, Error> {
        let open = |found: &Found| found.open(environment).map(|identities| (identities, ()));
        Self::begin_by(open, environment).map(|(writing, ())| writing)
    }

    /// As [`begin`](Self::begin), but opens the identity with `open`, which may return more than its keys.
    fn begin_by<T>(
        open: impl Fn(&Found) -> Result<(Identities, T), Error>,
        environment: &Environment,
    ) -> Result<(Self, T), Error> {
        let store = AgeStore::open(environment)?;
        let directory = store.create()?;
        let find = || {
            let source = store.recipient_source(&directory)?;
            match (source::own(environment)?, source) {
                (Some(found), _) => Ok(found),
                (None, RecipientSource::Own) if store.has_entries(&directory)? => {
                    Err(store.without_own_identity())
                }
                (None, RecipientSource::Own) => source::create_first(environment),
                (None, _) => source::for_reading(environment),
            }
        };
        let (lock, (identities, more)) = store.lock_after(&directory, find, open)?;
        store.finish_rotation(&directory, &lock, Some(&identities))?;
        let source = store.recipient_source(&directory)?;
        let writing = Self {
            store,
            directory,
            lock,
            identities,
            source,
        };
        Ok((writing, more))
    }

    /// Encrypts everything to `list`, and writes `file`, if there is one, as the store's own list.
    fn encrypt_to(
        &self,
        list: &[Recipient],
        file: Option<&RecipientsFile>,
        console: &Console,
    ) -> Result<Vec<ServerUrl>, Error> {
        self.encrypt_after(|| Ok(()), list, file, console)
    }

    /// As [`encrypt_to`](Self::encrypt_to); calls `prepare` after everything is staged and before anything
    /// changes.
    fn encrypt_after(
        &self,
        prepare: impl FnOnce() -> Result<(), Error>,
        list: &[Recipient],
        file: Option<&RecipientsFile>,
        console: &Console,
    ) -> Result<Vec<ServerUrl>, Error> {
        self.store.encrypt_again(
            &self.directory,
            &self.lock,
            &self.identities,
            list,
            (&self.source, file),
            prepare,
            tell_progress(console),
        )
    }
}

/// Shows the progress on stderr.
fn tell_progress(console: &Console) -> impl FnMut(usize, usize) {
    move |done, all| console.note(&format!("encrypted {done} of {all} files again"))
}

fn yes() -> Arg {
    Arg::new("yes")
        .long("yes")
        .short('y')
        .action(ArgAction::SetTrue)
        .help("Do not ask")
}

fn files(count: usize) -> String {
    match count {
        1 => "1 file".to_owned(),
        count => format!("{count} files"),
    }
}
