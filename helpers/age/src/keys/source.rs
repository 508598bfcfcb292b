//! Finds an identity: from the settings, the default file, or the first login, which creates one.

use std::io;
use std::path::{Path, PathBuf};

use docker_credential_helper::show::ShellCommand;
use docker_credential_helper::trust::{Doubt, Opened};
use docker_credential_helper::{Environment, Error, show};
use zeroize::Zeroizing;

use super::identities::{Identities, damaged, of_ssh, parse};
use super::identity_file::{FILE_MAX, copies, create_default, unreadable};
use super::origin::Origin;
use super::outgoing::Outgoing;
use super::recipient::{Recipient, own_recipients};
use super::sealed::Sealed;
use super::ssh::{self, Private};
use crate::settings;

/// Settings of other programs whose identities also open entries. They only decrypt: a team's key that direnv
/// exports in some directory must not become the recipient of a private password.
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
    /// The keys. Asks for the passphrase if necessary.
    pub(crate) fn open(&self, environment: &Environment) -> Result<Identities, Error> {
        match self {
            Self::Open(identities) => Ok(identities.clone()),
            Self::Sealed(sealed) => sealed.open(environment),
        }
    }

    /// The holder of these keys, as far as we know without asking. An SSH key shows its public half.
    pub(crate) fn known_recipients(&self) -> Option<Vec<Recipient>> {
        match self {
            Self::Open(identities) => Some(own_recipients(identities)),
            Self::Sealed(sealed) => sealed
                .opened()
                .map(|identities| own_recipients(&identities))
                .or_else(|| Some(vec![Recipient::Ssh(sealed.ssh_recipient()?.clone())])),
        }
    }

    /// Whether it is an SSH key, which ssh may need as it is.
    pub(crate) fn is_ssh(&self) -> bool {
        match self {
            Self::Open(identities) => !identities.ssh.is_empty(),
            Self::Sealed(sealed) => sealed.ssh_recipient().is_some(),
        }
    }

    /// Whether others could have put it where it was found.
    pub(crate) fn is_doubtful(&self) -> bool {
        match self {
            Self::Open(identities) => identities.doubt.is_some(),
            Self::Sealed(sealed) => sealed.is_doubtful(),
        }
    }
}

/// The source of our own identity: the first of our settings that is set, or the default file if it exists.
pub(crate) fn own_origin(environment: &Environment) -> Result<Option<Origin>, Error> {
    if environment.setting(settings::IDENTITY)?.is_some() {
        return Ok(Some(Origin::Setting(settings::IDENTITY)));
    }
    if let Some(path) = environment.path_setting(settings::IDENTITY_FILE)? {
        return Ok(Some(Origin::File(path)));
    }
    // Without a home there is no such file; report that if there is no other identity either.
    let Ok(path) = settings::default_identity_file(environment) else {
        return Ok(None);
    };
    let exists = in_default_place(&path, environment)?.is_some();
    Ok(exists.then_some(Origin::File(path)))
}

/// Our own identity, or nothing if none is configured. It also decides the recipients.
pub(crate) fn own(environment: &Environment) -> Result<Option<Found>, Error> {
    if environment.setting(settings::IDENTITY)?.is_some() {
        return find(&Origin::Setting(settings::IDENTITY), environment).map(Some);
    }
    if let Some(path) = environment.path_setting(settings::IDENTITY_FILE)? {
        return find(&Origin::File(path), environment).map(Some);
    }
    let Ok(path) = settings::default_identity_file(environment) else {
        return Ok(None);
    };
    match in_default_place(&path, environment)? {
        // Only a missing file allows the other sources.
        None => Ok(None),
        Some(opened) => {
            let content = content(&opened, &path)?;
            from_content(&content, Origin::File(path), None).map(Some)
        }
    }
}

/// The identity to decrypt with: our own, or one from another program's settings.
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
        environment.log(|| format!("using the identity of {name}"));
        return match form {
            Form::File => find(&Origin::File(value.into()), environment),
            Form::Text => find(&Origin::Setting(name), environment),
        };
    }
    let path = settings::default_identity_file(environment)?;
    Err(Error::unavailable(format!(
        "there is no identity to decrypt with; restore {} or set {}",
        path.display(),
        settings::IDENTITY_FILE
    )))
}

/// The message about the first identity, in one line.
pub(crate) fn created(path: &Path, environment: &Environment) -> String {
    format!(
        "created the identity {}; back it up, because nobody can read your logins without it: docker-credential-age \
         identity backup FILE (it has no passphrase, so anyone with a copy of your home directory can read them; \
         to set one, run: docker-credential-age identity passphrase)",
        show::path(environment, path)
    )
}

/// Our keys, and those that they are replacing, which only decrypt: see [`Outgoing`].
pub(crate) fn with_outgoing(identities: &Identities, environment: &Environment) -> Result<Identities, Error> {
    let mut all = identities.clone();
    if let Some(old) = outgoing(environment)?.and_then(|outgoing| outgoing.open(identities)) {
        all.extend(old);
    }
    Ok(all)
}

/// The replaced and kept identities, each with its file. Omits those with a passphrase, because a check
/// shouldn't ask.
pub(crate) fn previous(environment: &Environment) -> Result<Vec<(PathBuf, Identities)>, Error> {
    let path = match own_origin(environment)? {
        Some(Origin::File(path)) => path,
        Some(Origin::Setting(_)) => return Ok(Vec::new()),
        None => settings::default_identity_file(environment)?,
    };
    if !path.parent().is_some_and(Path::exists) {
        return Ok(Vec::new());
    }
    let open = |copy: PathBuf| match find(&Origin::File(copy.clone()), environment) {
        Ok(Found::Open(identities)) if identities.plugins.is_empty() => Some((copy, identities)),
        _ => None,
    };
    Ok(copies(&path)?.into_iter().filter_map(open).collect())
}

/// The identity that our rotation is replacing.
pub(crate) fn outgoing(environment: &Environment) -> Result<Option<Outgoing>, Error> {
    match own_origin(environment)? {
        Some(Origin::File(path)) => Outgoing::beside(&path),
        _ => Ok(None),
    }
}

/// Creates the first identity and returns it, or the one that another process has just created.
///
/// The file and its directories are on disk when this returns, before anything is encrypted to it, because a
/// login would be lost if a power cut destroyed its only key.
pub(crate) fn create_first(environment: &Environment) -> Result<Found, Error> {
    let (path, is_new) = create_default(environment)?;
    if is_new {
        environment.notice(&created(&path, environment));
    }
    own(environment)?.ok_or_else(|| Error::file("read the identity", &path)(missing_file()))
}

/// The identity from this source. A file that a setting names may belong to anybody: then it only decrypts.
pub(crate) fn find(origin: &Origin, environment: &Environment) -> Result<Found, Error> {
    match origin {
        Origin::File(path) => {
            let missing = || Error::file("read the identity", path)(missing_file());
            let opened = environment.trust().named_secret(path)?.ok_or_else(missing)?;
            from_content(&content(&opened, path)?, origin.clone(), opened.doubt().cloned())
        }
        Origin::Setting(name) => {
            let value = environment.variable(name).unwrap_or_default();
            let value = value
                .into_string()
                .map_err(|_| Error::setting(*name, "is not valid UTF-8"))?;
            from_content(&Zeroizing::new(value.into_bytes()), origin.clone(), None)
        }
    }
}

/// The default file, or nothing if it is missing. If a link leads nowhere, its disk isn't mounted: the identity
/// isn't missing, so don't create another.
fn in_default_place(path: &Path, environment: &Environment) -> Result<Option<Opened>, Error> {
    if let Some(opened) = environment.trust().own_secret(path)? {
        return Ok(Some(opened));
    }
    let leads_nowhere = |part: &&Path| part.is_symlink() && !part.exists();
    match path.ancestors().find(leads_nowhere) {
        None => Ok(None),
        Some(link) => Err(Error::unavailable(format!(
            "cannot read the identity {}: {} is a link to {}, which does not exist; restore that, or remove the link",
            path.display(),
            link.display(),
            show::name(&std::fs::read_link(link).unwrap_or_default().to_string_lossy())
        ))),
    }
}

/// The system's error text, on both Unix and Windows.
fn missing_file() -> io::Error {
    io::Error::from_raw_os_error(2)
}

fn content(opened: &Opened, path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    opened
        .content(FILE_MAX)
        .map(Zeroizing::new)
        .map_err(unreadable(path))
}

fn from_content(content: &[u8], origin: Origin, doubt: Option<Doubt>) -> Result<Found, Error> {
    if let Some(text) = ssh::private_key(content) {
        let key = ssh::parse(text).map_err(|unusable| refuse_ssh_key(&origin, &unusable))?;
        return Ok(match key {
            Private::Open(key) => Found::Open(Identities { doubt, ..of_ssh(key) }),
            Private::Encrypted(recipient) => {
                Found::Sealed(Sealed::ssh(content.to_vec(), recipient, origin, doubt))
            }
        });
    }
    if Sealed::is_sealed(content) {
        return Ok(Found::Sealed(Sealed::new(content.to_vec(), origin, doubt)));
    }
    let text =
        std::str::from_utf8(content).map_err(|_| damaged(&origin.to_string(), "is not valid UTF-8"))?;
    let identities = parse(text, &origin.to_string())?;
    Ok(Found::Open(Identities { doubt, ..identities }))
}

fn refuse_ssh_key(origin: &Origin, unusable: &ssh::Unusable) -> Error {
    let way_out = match (unusable.fix, origin) {
        (Some(fix), Origin::File(path)) => format!("; run: {}", ShellCommand::new(fix).word(path)),
        (Some(fix), Origin::Setting(_)) => format!("; run: {fix} FILE"),
        (None, _) => String::new(),
    };
    Error::unsupported(format!(
        "cannot use the identity {origin}: it is {}{way_out}",
        unusable.problem
    ))
}
