//! Identities: the private keys that open the store, where they come from, and the first one.

use std::io;
use std::path::{Path, PathBuf};

use age::secrecy::ExposeSecret;
use age::x25519;
use docker_credential_helper::directory::{Directory, read_file};
use docker_credential_helper::{Environment, Error};
use zeroize::Zeroizing;

use crate::sealed::Sealed;
use crate::{plugin, settings};

/// An identity file has a line of 74 bytes for each key; this is room for comments and thousands of them.
const FILE_MAX: u64 = 1 << 20;

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

/// Private keys that are ready for use.
#[derive(Clone, Default)]
pub(crate) struct Identities {
    pub(crate) x25519: Vec<x25519::Identity>,
    pub(crate) plugins: plugin::Plugins,
}

impl Identities {
    /// The keys, one a line, as they are kept where nobody reads comments.
    pub(crate) fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(256));
        for identity in &self.x25519 {
            text.push_str(identity.to_string().expose_secret());
            text.push('\n');
        }
        for identity in self.plugins.iter() {
            text.push_str(identity.text());
            text.push('\n');
        }
        text
    }
}

/// The same keys, wherever they were read.
impl PartialEq for Identities {
    fn eq(&self, other: &Self) -> bool {
        self.to_text() == other.to_text()
    }
}

impl Eq for Identities {}

/// Where an identity comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    File(PathBuf),
    /// The value of a variable.
    Setting(&'static str),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Setting(name) => f.write_str(name),
        }
    }
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

/// Makes the default identity file unless it exists; its path, and whether it is new.
pub(crate) fn create_default(environment: &Environment) -> Result<(PathBuf, bool), Error> {
    let path = settings::default_identity_file(environment)?;
    let is_new = create_file(
        &path,
        file_text(&x25519::Identity::generate()).as_bytes(),
        environment,
    )?;
    Ok((path, is_new))
}

/// Makes an identity file, durably. `Ok(false)` if it exists: it is left alone.
pub(crate) fn create_file(path: &Path, content: &[u8], environment: &Environment) -> Result<bool, Error> {
    let (directory, name) = directory_of(path)?;
    let creating = |source| Error::File {
        action: "create the identity",
        path: path.to_owned(),
        source,
    };
    // Directories of configuration are kept in git by many; a private key is not to go along. Another directory is
    // not ours to hide.
    if settings::default_identity_file(environment).is_ok_and(|default| default == path) {
        directory
            .create_new(".gitignore", b"*\n", 0o600)
            .map_err(creating)?;
    }
    directory.create_new(&name, content, 0o600).map_err(creating)
}

/// Waits until the default identity file, if there is one, is on disk: its content was before it had its name.
pub(crate) fn sync_default(environment: &Environment) -> Result<(), Error> {
    let Ok(path) = settings::default_identity_file(environment) else {
        return Ok(());
    };
    let Some(Ok(directory)) = path.parent().map(Directory::open) else {
        return Ok(());
    };
    directory
        .sync_with_ancestors()
        .map_err(Error::file("write", &path))
}

/// The directory of an identity file, made if it is missing, and the file's name.
pub(crate) fn directory_of(path: &Path) -> Result<(Directory, String), Error> {
    let creating = |source| Error::File {
        action: "create the identity",
        path: path.to_owned(),
        source,
    };
    let (Some(parent), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Err(creating(io::ErrorKind::InvalidInput.into()));
    };
    let directory = Directory::create(parent).map_err(creating)?;
    if !directory.is_ours().map_err(creating)? {
        return Err(Error::Refused(
            format!(
                "{} belongs to another user; run this as that user",
                parent.display()
            )
            .into(),
        ));
    }
    Ok((directory, name.to_owned()))
}

/// The text of an identity file.
pub(crate) fn file_text(identity: &x25519::Identity) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(512));
    text.push_str(
        "# The identity of docker-credential-age. Whoever has it can read the stored credentials; without it nobody can.\n\
         # public key: ",
    );
    text.push_str(&identity.to_public().to_string());
    text.push('\n');
    text.push_str(identity.to_string().expose_secret());
    text.push('\n');
    text
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

/// An identity file as it is, be it sealed.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    match read_file(path, FILE_MAX) {
        Ok(content) => Ok(Zeroizing::new(content)),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidData | io::ErrorKind::FileTooLarge
            ) =>
        {
            Err(damaged(
                &path.display().to_string(),
                &format!("cannot be used: {error}"),
            ))
        }
        Err(source) => Err(Error::File {
            action: "read the identity",
            path: path.to_owned(),
            source,
        }),
    }
}

/// Keys, one a line, between comments and empty lines. `origin` is where they come from, as messages name it.
pub(crate) fn parse(text: &str, origin: &str) -> Result<Identities, Error> {
    let mut identities = Identities::default();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(kind) = unsupported_kind(line) {
            return Err(Error::Unsupported(
                format!(
                    "line {} of {origin} is {kind}, which is not supported; use an X25519 identity (AGE-SECRET-KEY-1…)",
                    index + 1
                )
                .into(),
            ));
        }
        let unusable = |problem: &str| damaged(origin, &format!("holds {problem} on line {}", index + 1));
        match plugin::Identity::parse(line) {
            Some(Ok(identity)) => identities.plugins.push(identity),
            Some(Err(problem)) => return Err(unusable(problem)),
            None => {
                let identity = line.parse().map_err(|_| unusable("no age identity"))?;
                identities.x25519.push(identity);
            }
        }
    }
    if identities.x25519.is_empty() && identities.plugins.is_empty() {
        return Err(damaged(origin, "holds no age identity"));
    }
    Ok(identities)
}

fn unsupported_kind(line: &str) -> Option<&'static str> {
    let line = line.to_ascii_uppercase();
    match () {
        () if line.starts_with("AGE-SECRET-KEY-PQ-1") => Some("a post-quantum identity"),
        () if line.starts_with("-----BEGIN ") => Some("an SSH key"),
        () if line.starts_with("AGE1") => Some("a recipient, no identity"),
        () => None,
    }
}

fn damaged(origin: &str, problem: &str) -> Error {
    Error::Damaged(format!("{origin} {problem}; put an age identity (AGE-SECRET-KEY-1…) there").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";

    fn problem(text: &str) -> String {
        match parse(text, "ORIGIN") {
            Ok(_) => panic!("{text:?} was taken"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn keys_stand_between_comments_and_empty_lines() {
        for text in [
            KEY.to_owned(),
            format!("# a comment\r\n\r\n{KEY}\r\n"),
            format!("  {KEY}  \n{}\n", KEY.to_lowercase()),
        ] {
            assert!(!parse(&text, "ORIGIN").unwrap().x25519.is_empty(), "{text:?}");
        }
        let two = parse(&format!("{KEY}\n{KEY}"), "ORIGIN").unwrap();
        assert_eq!(two.x25519.len(), 2);
    }

    #[test]
    fn what_is_not_supported_is_told_by_name() {
        for (line, kind) in [
            ("AGE-SECRET-KEY-PQ-1QQQ", "post-quantum"),
            ("-----BEGIN OPENSSH PRIVATE KEY-----", "SSH key"),
            (
                "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa",
                "a recipient",
            ),
        ] {
            assert!(problem(line).contains(kind), "{}", problem(line));
        }
    }

    #[test]
    fn an_unusable_line_is_told_by_its_number_and_not_quoted() {
        let text = format!("# x\n{KEY}\n{}X\n", &KEY[..40]);
        assert!(
            problem(&text).starts_with("ORIGIN holds no age identity on line 3;"),
            "{}",
            problem(&text)
        );
        assert!(!problem(&text).contains(&KEY[..40]));
        assert!(problem("# only this\n").starts_with("ORIGIN holds no age identity;"));
    }

    #[test]
    fn the_file_that_is_written_can_be_read() {
        let identity = x25519::Identity::generate();
        let read = parse(&file_text(&identity), "ORIGIN").unwrap();
        assert_eq!(read.x25519[0].to_public(), identity.to_public());
    }
}
