//! Where an identity comes from: the settings, the default file, or the first login, which makes one.

use std::io;
use std::path::Path;

use docker_credential_helper::{Environment, Error};
use zeroize::Zeroizing;

use super::identities::{Identities, damaged, parse};
use super::identity_file::{create_default, read};
use super::origin::Origin;
use super::outgoing::Outgoing;
use super::sealed::Sealed;
use crate::settings;

/// Settings of other programs whose identities open entries here, too. They only decrypt: a team's key that direnv
/// exports in some directory must not become the one to whom a private password is encrypted.
const FOREIGN: [(&str, Form); 3] = [
    ("PASSAGE_IDENTITIES_FILE", Form::File),
    ("SOPS_AGE_KEY", Form::Text),
    ("SOPS_AGE_KEY_FILE", Form::File),
];

#[derive(Clone, Copy)]
enum Form {
    Text,
    File,
}

/// An identity as it was found.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Found {
    Open(Identities),
    /// Encrypted with a passphrase.
    Sealed(Sealed),
}

impl Found {
    /// The keys, after a question for the passphrase if there is no other way.
    pub(crate) fn open(&self, environment: &Environment) -> Result<Identities, Error> {
        match self {
            Self::Open(identities) => Ok(identities.clone()),
            Self::Sealed(sealed) => sealed.open(environment),
        }
    }
}

/// Where our own identity comes from: the first of our sources that is set, or the default file if it exists.
pub(crate) fn own_origin(environment: &Environment) -> Result<Option<Origin>, Error> {
    if environment.setting(settings::IDENTITY)?.is_some() {
        return Ok(Some(Origin::Setting(settings::IDENTITY)));
    }
    if let Some(path) = environment.path_setting(settings::IDENTITY_FILE)? {
        return Ok(Some(Origin::File(path)));
    }
    // Without a home there is no such file; that is told where nothing else is found either.
    let Ok(path) = settings::default_identity_file(environment) else {
        return Ok(None);
    };
    refuse_if_others_can_write(&path)?;
    // Only that it is missing lets the other sources have their turn.
    let is_missing = std::fs::metadata(&path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    Ok((!is_missing).then_some(Origin::File(path)))
}

/// Our own identity, or nothing if none is configured. It also says to whom to encrypt.
pub(crate) fn own(environment: &Environment) -> Result<Option<Found>, Error> {
    match own_origin(environment)? {
        Some(origin) => find(&origin, environment).map(Some),
        None => Ok(None),
    }
}

/// The identity to decrypt with: our own, or else that of another program's settings.
///
/// Fails with [`Error::Unavailable`] if there is none.
pub(crate) fn for_reading(environment: &Environment) -> Result<Found, Error> {
    if let Some(found) = own(environment)? {
        return Ok(found);
    }
    for (name, form) in FOREIGN {
        let Some(value) = environment.variable(name).filter(|value| !value.is_empty()) else {
            continue;
        };
        environment.log(|| format!("the identity is that of {name}"));
        return match form {
            Form::File => find(&Origin::File(value.into()), environment),
            Form::Text => find(&Origin::Setting(name), environment),
        };
    }
    let path = settings::default_identity_file(environment)?;
    Err(Error::Unavailable(
        format!(
            "there is no identity to decrypt with; restore {} or set {}",
            path.display(),
            settings::IDENTITY_FILE
        )
        .into(),
    ))
}

/// These keys of ours, and those that they are replacing: see [`Outgoing`]. The latter only decrypt.
pub(crate) fn with_outgoing(identities: &Identities, environment: &Environment) -> Result<Identities, Error> {
    let mut all = identities.clone();
    if let Some(old) = outgoing(environment)?.and_then(|outgoing| outgoing.open(identities)) {
        all.x25519.extend(old.x25519);
    }
    Ok(all)
}

/// The identity that a rotation of our own is replacing.
pub(crate) fn outgoing(environment: &Environment) -> Result<Option<Outgoing>, Error> {
    match own_origin(environment)? {
        Some(Origin::File(path)) => Outgoing::beside(&path),
        _ => Ok(None),
    }
}

/// Makes the first identity and returns it, or the one that another process made in the meantime.
///
/// The file and its directories are on disk when this returns, before anything is encrypted to it: a credential
/// whose only key did not survive the power cut would be lost, too.
pub(crate) fn create_first(environment: &Environment) -> Result<Found, Error> {
    let (path, is_new) = create_default(environment)?;
    if is_new {
        environment.notice(&format!(
            "created the identity {}; back it up, for without it the stored credentials cannot be read",
            path.display()
        ));
    }
    find(&Origin::File(path), environment)
}

/// An identity that others may write could have been put there by one of them, to read what we encrypt to it. (That
/// others can read it is for a person to judge: many systems mount secrets that way.)
fn refuse_if_others_can_write(path: &Path) -> Result<(), Error> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;

        if std::fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o022 != 0) {
            return Err(Error::Refused(
                format!(
                    "the identity {} can be written by other users; check that it is yours, then run: chmod 600 {0}",
                    path.display()
                )
                .into(),
            ));
        }
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// What is at this origin.
pub(crate) fn find(origin: &Origin, environment: &Environment) -> Result<Found, Error> {
    let content = match origin {
        Origin::File(path) => read(path)?,
        Origin::Setting(name) => {
            let value = environment.variable(name).unwrap_or_default();
            let value = value
                .into_string()
                .map_err(|_| Error::setting(*name, "is not valid UTF-8"))?;
            Zeroizing::new(value.into_bytes())
        }
    };
    if Sealed::is_sealed(&content) {
        return Ok(Found::Sealed(Sealed::new(content.to_vec(), origin.clone())));
    }
    let text =
        std::str::from_utf8(&content).map_err(|_| damaged(&origin.to_string(), "is not valid UTF-8"))?;
    parse(text, &origin.to_string()).map(Found::Open)
}
