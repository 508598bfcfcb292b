//! An identity that a rotation replaces, while a store may still be encrypted to it.
//!
//! A rotation changes two places, the identity file and a store, and can be killed between any two steps. Two
//! keys in one identity file would make both of them recipients, including the leaked one. So the old one has
//! its own file next to the identity, which also names the store of the rotation:
//!
//! 1. stage all entries for the new key, which changes nothing yet;
//! 2. copy the identity file to `identity.txt.old`;
//! 3. write `identity.txt.outgoing`: the store, the copy's name, and the old keys, encrypted to the new one;
//! 4. replace the old identity with the new one;
//! 5. move the staged entries to their places in the store;
//! 6. remove `identity.txt.outgoing`.
//!
//! Each step is durable before the next. After a kill before 4, the new key is lost, no entry is encrypted to
//! it, and no key opens the outgoing file: the next writer removes it. After a later kill, the new key opens
//! it, and the next writer in that store repeats 5 and 6. The outgoing keys only decrypt. Because they are
//! encrypted to the new key, a passphrase also protects them, without a second prompt.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use age::armor::{ArmoredReader, ArmoredWriter, Format};
use age::{Decryptor, Encryptor, x25519};
use docker_credential_helper::directory::Directory;
use docker_credential_helper::{Environment, Error, show};
use zeroize::Zeroizing;

use super::identities::{self, Identities};
use super::identity_file::{IdentityFile, behind_link};
use crate::settings;

/// The suffix of the file's name.
const ENDING: &str = ".outgoing";

const FILE_MAX: u64 = 1 << 20;

/// For people who find the file.
const HEAD: &str = "# docker-credential-age: an identity that is being replaced. The next login that is stored in this store, or\n\
                    # docker-credential-age rekey, completes that and removes this file.\n";
const STORE: &str = "store: ";
const COPY: &str = "copy: ";

/// The identity that is being replaced.
pub(crate) struct Outgoing {
    directory: Directory,
    name: String,
    store: PathBuf,
    /// The name of the old identity file's copy, next to it.
    copy: String,
    keys: Vec<u8>,
}

impl Outgoing {
    /// The one next to this identity file, if a rotation is in progress.
    pub(crate) fn beside(identity: &Path) -> Result<Option<Self>, Error> {
        let identity = behind_link(identity)?;
        let path = {
            let mut path = identity.into_os_string();
            path.push(ENDING);
            PathBuf::from(path)
        };
        let (Some(parent), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str()))
        else {
            return Ok(None);
        };
        let directory = match Directory::open(parent) {
            Ok(directory) => directory,
            // A rotation has to read the directory, so if we can't, there was none: a mounted identity may be
            // in a directory that can only be searched.
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::NotFound | std::io::ErrorKind::PermissionDenied
                ) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(Error::file("open", parent)(error)),
        };
        let content = directory
            .read(name, FILE_MAX)
            .map_err(Error::file("read", &path))?;
        let Some(content) = content else {
            return Ok(None);
        };
        let damaged = || {
            Error::damaged(format!(
                "{} is not a file of this version; move it away if no rotation is in progress",
                path.display()
            ))
        };
        let (store, copy, keys) = parse(&content).ok_or_else(damaged)?;
        Ok(Some(Self {
            name: name.to_owned(),
            directory,
            store,
            copy,
            keys,
        }))
    }

    /// Writes the file next to the identity, which is still `old`: step 3.
    pub(crate) fn create(
        identity: &IdentityFile,
        store: &Path,
        copy: &str,
        old: &Identities,
        new: &x25519::Recipient,
    ) -> Result<(), Error> {
        let mut content = format!("{HEAD}{STORE}{}\n{COPY}{copy}\n", encode(store)).into_bytes();
        content.extend(
            encrypted(&old.to_text(), new)
                .map_err(|_| Error::unsupported("encrypting the old identity to the new one failed"))?,
        );
        let name = format!("{}{ENDING}", identity.name);
        if identity.create_beside(&name, &content)? {
            return Ok(());
        }
        Err(Error::refused(
            "another process is rotating the identity; run this again",
        ))
    }

    pub(crate) fn is_of(&self, store: &Path) -> bool {
        store.canonicalize().is_ok_and(|store| store == self.store)
    }

    /// The old keys, opened with the new ones; nothing if these aren't the new ones.
    pub(crate) fn open(&self, new: &Identities) -> Option<Identities> {
        let text = decrypted(&self.keys, &new.x25519)?;
        identities::parse(std::str::from_utf8(&text).ok()?, "the outgoing identity").ok()
    }

    /// Step 6.
    pub(crate) fn remove(&self) -> Result<(), Error> {
        self.remove_beside(&self.name)
    }

    /// Undoes steps 2 and 3, if step 4 never happened, so the identity still equals the copy.
    pub(crate) fn abandon(&self, identity: &IdentityFile) -> Result<(), Error> {
        let copy = self
            .directory
            .read(&self.copy, FILE_MAX)
            .map_err(Error::file("read", &self.directory.path().join(&self.copy)))?
            .map(Zeroizing::new);
        if copy.is_none_or(|copy| identity.read().is_ok_and(|identity| identity == copy)) {
            self.remove()?;
            self.remove_beside(&self.copy)?;
        }
        Ok(())
    }

    /// The command that completes the rotation, even if a setting names another store.
    pub(crate) fn completion(&self) -> show::ShellCommand {
        let mut assignment = std::ffi::OsString::from(format!("{}=", settings::DIRECTORY));
        assignment.push(&self.store);
        show::ShellCommand::new("env")
            .word(assignment)
            .literal("docker-credential-age rekey")
    }

    /// The reason why another rotation has to wait.
    pub(crate) fn refusal(&self, environment: &Environment) -> Error {
        Error::refused(format!(
            "an earlier rotation is not complete in the store {}; complete it first: {}",
            show::path(environment, &self.store),
            self.completion()
        ))
    }

    fn remove_beside(&self, name: &str) -> Result<(), Error> {
        self.directory
            .remove(name)
            .map(drop)
            .map_err(Error::file("remove", &self.directory.path().join(name)))
    }
}

fn parse(content: &[u8]) -> Option<(PathBuf, String, Vec<u8>)> {
    let text = std::str::from_utf8(content).ok()?;
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key));
    let keys = text.find("-----BEGIN ")?;
    let copy = value(COPY).filter(|name| !name.is_empty() && !name.contains('/'))?;
    Some((
        decode(value(STORE)?)?,
        copy.to_owned(),
        text.as_bytes()[keys..].to_vec(),
    ))
}

/// A path as one readable line.
fn encode(path: &Path) -> String {
    use std::fmt::Write as _;

    path.as_os_str()
        .as_encoded_bytes()
        .iter()
        .fold(String::new(), |mut text, byte| {
            match byte {
                b' '..=b'~' if *byte != b'%' => text.push(char::from(*byte)),
                byte => {
                    let _ = write!(text, "%{byte:02X}");
                }
            }
            text
        })
}

#[cfg(unix)]
fn decode(text: &str) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt;

    unescape(text).map(|bytes| std::ffi::OsString::from_vec(bytes).into())
}

#[cfg(not(unix))]
fn decode(text: &str) -> Option<PathBuf> {
    unescape(text)
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .map(PathBuf::from)
}

fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    Some(bytes)
}

fn encrypted(text: &str, recipient: &x25519::Recipient) -> std::io::Result<Vec<u8>> {
    let encryptor = Encryptor::with_recipients(std::iter::once(recipient as &dyn age::Recipient))
        .map_err(|_| std::io::ErrorKind::InvalidInput)?;
    let mut content = Vec::with_capacity(text.len() + 1024);
    let armor = ArmoredWriter::wrap_output(&mut content, Format::AsciiArmor)?;
    let mut writer = encryptor.wrap_output(armor)?;
    writer.write_all(text.as_bytes())?;
    writer.finish()?.finish()?;
    Ok(content)
}

fn decrypted(content: &[u8], identities: &[x25519::Identity]) -> Option<Zeroizing<Vec<u8>>> {
    let decryptor = Decryptor::new_buffered(ArmoredReader::new(content)).ok()?;
    let identities = identities.iter().map(|identity| identity as &dyn age::Identity);
    let mut text = Zeroizing::new(Vec::with_capacity(content.len()));
    decryptor.decrypt(identities).ok()?.read_to_end(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_line_and_comes_back() {
        for path in ["/a/b", "/with space/100%/ü", "/line\nbreak"] {
            let line = encode(Path::new(path));
            assert_eq!(line.lines().count(), 1);
            assert_eq!(decode(&line).unwrap(), Path::new(path), "{line}");
        }
        for line in ["%", "%4", "%zz", "%ü"] {
            assert_eq!(decode(line), None, "{line}");
        }
    }

    #[test]
    fn only_the_new_key_opens_the_outgoing_one() {
        let (old, new) = (x25519::Identity::generate(), x25519::Identity::generate());
        let of = |identity: &x25519::Identity| Identities {
            x25519: vec![identity.clone()],
            ..Identities::default()
        };
        let keys = encrypted(&of(&old).to_text(), &new.to_public()).unwrap();
        let outgoing = Outgoing {
            directory: Directory::open(&std::env::temp_dir()).unwrap(),
            name: String::new(),
            store: PathBuf::new(),
            copy: String::new(),
            keys,
        };
        assert!(outgoing.open(&of(&new)).unwrap() == of(&old));
        assert!(outgoing.open(&of(&old)).is_none());
    }
}
