//! Identities: the private keys that open the store, where they come from, and the first one.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use age::secrecy::ExposeSecret;
use age::x25519;
use docker_credential_helper::directory::{Directory, read_file};
use docker_credential_helper::{Environment, Error};
use zeroize::Zeroizing;

use crate::settings;

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

/// Our own identities: those of the first of our sources that is set, or nothing if none is. They also say to whom
/// to encrypt.
pub(crate) fn own(environment: &Environment) -> Result<Option<Vec<x25519::Identity>>, Error> {
    if let Some(text) = environment.setting(settings::IDENTITY)? {
        return parse(&text, settings::IDENTITY).map(Some);
    }
    if let Some(path) = environment.path_setting(settings::IDENTITY_FILE)? {
        return read(&path).map(Some);
    }
    // Without a home there is no such file; that is told where nothing else is found either.
    let Ok(path) = settings::default_identity_file(environment) else {
        return Ok(None);
    };
    refuse_if_others_can_write(&path)?;
    match read(&path) {
        Err(Error::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        identities => identities.map(Some),
    }
}

/// The identities to decrypt with: our own, or else those of another program's settings.
///
/// Fails with [`Error::Unavailable`] if there is none.
pub(crate) fn for_reading(environment: &Environment) -> Result<Vec<x25519::Identity>, Error> {
    if let Some(identities) = own(environment)? {
        return Ok(identities);
    }
    for (name, form) in FOREIGN {
        let Some(value) = environment.variable(name).filter(|value| !value.is_empty()) else {
            continue;
        };
        environment.log(|| format!("the identity is that of {name}"));
        return match form {
            Form::File => read(Path::new(&value)),
            Form::Text => parse(
                value
                    .to_str()
                    .ok_or_else(|| Error::setting(name, "is not valid UTF-8"))?,
                name,
            ),
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
pub(crate) fn create_first(environment: &Environment) -> Result<Vec<x25519::Identity>, Error> {
    let path = settings::default_identity_file(environment)?;
    let creating = |source| Error::File {
        action: "create the identity",
        path: path.clone(),
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
    // Directories of configuration are kept in git by many; a private key is not to go along.
    directory
        .create_new(".gitignore", b"*\n", 0o600)
        .map_err(creating)?;
    if directory
        .create_new(name, file_text(&x25519::Identity::generate()).as_bytes(), 0o600)
        .map_err(creating)?
    {
        environment.notice(&format!(
            "created the identity {}; back it up, for without it the stored credentials cannot be read",
            path.display()
        ));
    }
    read(&path)
}

fn file_text(identity: &x25519::Identity) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(512));
    let _ = write!(
        text,
        "# The identity of docker-credential-age. Whoever has it can read the stored credentials; without it nobody can.\n\
         # public key: {}\n{}\n",
        identity.to_public(),
        identity.to_string().expose_secret()
    );
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

fn read(path: &Path) -> Result<Vec<x25519::Identity>, Error> {
    let unusable = |problem: &str| damaged(&path.display().to_string(), problem);
    match read_file(path, FILE_MAX) {
        Ok(content) => {
            let content = Zeroizing::new(content);
            let text = std::str::from_utf8(&content).map_err(|_| unusable("is not valid UTF-8"))?;
            parse(text, &path.display().to_string())
        }
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidData | io::ErrorKind::FileTooLarge
            ) =>
        {
            Err(unusable(&format!("cannot be used: {error}")))
        }
        Err(source) => Err(Error::File {
            action: "read the identity",
            path: PathBuf::from(path),
            source,
        }),
    }
}

/// Keys, one a line, between comments and empty lines. `origin` is where they come from, as messages name it.
fn parse(text: &str, origin: &str) -> Result<Vec<x25519::Identity>, Error> {
    let start = text.trim_start();
    if start.starts_with("age-encryption.org/v1") || start.starts_with("-----BEGIN AGE ENCRYPTED FILE-----") {
        return Err(Error::Unsupported(
            format!(
                "{origin} is encrypted with a passphrase, which is not supported yet; use one that is not"
            )
            .into(),
        ));
    }
    let mut identities = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(kind) = unsupported_kind(line) {
            return Err(Error::Unsupported(
                format!("line {} of {origin} is {kind}, which is not supported; use an X25519 identity (AGE-SECRET-KEY-1…)", index + 1)
                    .into(),
            ));
        }
        match line.parse() {
            Ok(identity) => identities.push(identity),
            Err(_) => {
                return Err(damaged(
                    origin,
                    &format!("holds no age identity on line {}", index + 1),
                ));
            }
        }
    }
    if identities.is_empty() {
        return Err(damaged(origin, "holds no age identity"));
    }
    Ok(identities)
}

fn unsupported_kind(line: &str) -> Option<&'static str> {
    let line = line.to_ascii_uppercase();
    match () {
        () if line.starts_with("AGE-SECRET-KEY-PQ-1") => Some("a post-quantum identity"),
        () if line.starts_with("AGE-PLUGIN-") => Some("the identity of an age plugin"),
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
            assert!(!parse(&text, "ORIGIN").unwrap().is_empty(), "{text:?}");
        }
        assert_eq!(parse(&format!("{KEY}\n{KEY}"), "ORIGIN").unwrap().len(), 2);
    }

    #[test]
    fn what_is_not_supported_is_told_by_name() {
        for (line, kind) in [
            ("AGE-SECRET-KEY-PQ-1QQQ", "post-quantum"),
            ("AGE-PLUGIN-YUBIKEY-1QQQ", "age plugin"),
            ("-----BEGIN OPENSSH PRIVATE KEY-----", "SSH key"),
            (
                "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa",
                "a recipient",
            ),
            ("age-encryption.org/v1\n-> scrypt", "passphrase"),
            ("-----BEGIN AGE ENCRYPTED FILE-----", "passphrase"),
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
        assert_eq!(read[0].to_public(), identity.to_public());
    }
}
