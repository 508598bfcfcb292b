//! The commands for people that only this helper has.

use docker_credential_helper::clap::{Arg, ArgAction};
use docker_credential_helper::commands::{Console, ExtraCommand};
use docker_credential_helper::directory::{Directory, Lock};
use docker_credential_helper::{Environment, Error};

use crate::identity::{self, Identities};
use crate::store::{AgeStore, Whom};

mod identity_command;
mod passphrase;
mod recipients_command;
mod rekey;
mod reset;
mod unlock;

pub(crate) const ALL: &[ExtraCommand] = &[
    identity_command::COMMAND,
    recipients_command::COMMAND,
    rekey::COMMAND,
    unlock::UNLOCK,
    unlock::LOCK,
    reset::COMMAND,
];

/// Makes the first identity, so that the first login need not, and a person hears of it in peace.
pub(crate) fn prepare(environment: &Environment) -> Result<Option<String>, Error> {
    if identity::own_origin(environment)?.is_some() || crate::recipients::from_setting(environment)?.is_some()
    {
        return Ok(None);
    }
    let store = AgeStore::open(environment)?;
    if let Some(directory) = store.existing()?
        && (store.recipients_file(&directory)?.is_some() || store.has_entries(&directory)?)
    {
        return Ok(None);
    }
    let (path, is_new) = identity::create_default(environment)?;
    Ok(is_new.then(|| {
        format!(
            "created the identity {}; back it up, for without it the stored credentials cannot be read",
            path.display()
        )
    }))
}

/// A store that is about to be written to by a command: its recipients are approved, its identity is open, and
/// nobody else writes.
struct Writing {
    store: AgeStore,
    directory: Directory,
    lock: Lock,
    identities: Identities,
    whom: Whom,
}

impl Writing {
    /// In this order: no plugin is run and nobody is asked for a passphrase before the recipients are approved, and
    /// the lock is not held while a person thinks.
    fn begin(environment: &Environment) -> Result<Self, Error> {
        Self::begin_with(None, environment)
    }

    /// As [`begin`](Self::begin), with an identity that is open already.
    fn begin_with(identities: Option<Identities>, environment: &Environment) -> Result<Self, Error> {
        let store = AgeStore::open(environment)?;
        let directory = store.create()?;
        let whom = store.whom(&directory)?;
        let identities = match identities {
            Some(identities) => identities,
            None => match (identity::own(environment)?, whom) {
                (Some(found), _) => found,
                (None, Whom::Own) if !store.has_entries(&directory)? => identity::create_first(environment)?,
                (None, _) => identity::for_reading(environment)?,
            }
            .open(environment)?,
        };
        let lock = store.lock(&directory)?;
        store.finish_rekey(&directory, &lock)?;
        let whom = store.whom(&directory)?;
        Ok(Self {
            store,
            directory,
            lock,
            identities,
            whom,
        })
    }
}

/// Tells how far the work is, on stderr.
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
