//! The Linux kernel's keyring: for machines without a desktop that shouldn't keep logins on disk.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use docker_credential_helper::{Credential, CredentialStore, Environment, Error, Listed, ServerUrl};
use linux_keyutils::{KeyError, KeyRing, KeyRingIdentifier};
use rustix::io::Errno;
use zeroize::Zeroizing;

use crate::blobs::{BlobStore, Blobs, PREFIX};
use crate::namespace;

/// All keys that this process may view, one a line.
const KEYS: &str = "/proc/keys";

/// Opens the user's persistent keyring or, in a kernel without those, the user keyring.
pub(crate) fn open(environment: &Environment) -> Result<Keyutils, Error> {
    // A process can only read keys that one of its own keyrings links to. The session's keyring may be
    // another user's (sudo, a service), so we link to the process's keyring, which ends with it.
    let (ring, lifetime) = match KeyRing::get_persistent(KeyRingIdentifier::Process) {
        Ok(ring) => (ring, Lifetime::Persistent),
        // The logins are there, even if we can't reach them now.
        Err(error @ (KeyError::QuotaExceeded | KeyError::OutOfMemory)) => return Err(unavailable(error)),
        Err(_) => (user_keyring()?, Lifetime::User),
    };
    environment.log(|| format!("{lifetime:?} keyring"));
    Ok(Keyutils {
        store: BlobStore::new(Ring(ring)),
        lifetime,
        environment: environment.clone(),
    })
}

fn user_keyring() -> Result<KeyRing, Error> {
    let process = KeyRing::from_special_id(KeyRingIdentifier::Process, true).map_err(unavailable)?;
    let ring = KeyRing::from_special_id(KeyRingIdentifier::User, false).map_err(unavailable)?;
    process.link_keyring(ring).map_err(unavailable)?;
    Ok(ring)
}

pub(crate) struct Keyutils {
    store: BlobStore<Ring>,
    lifetime: Lifetime,
    environment: Environment,
}

#[derive(Clone, Copy, Debug)]
enum Lifetime {
    Persistent,
    User,
}

impl CredentialStore for Keyutils {
    fn get(&self, server: &ServerUrl) -> Result<Option<Credential>, Error> {
        match self.store.get(server)? {
            None => self.check_whole().map(|()| None),
            found => Ok(found),
        }
    }

    fn store(&self, credential: &Credential) -> Result<(), Error> {
        self.store.store(credential)?;
        let end = match self.lifetime {
            _ if !namespace::maps_every_user() => "when this user namespace ends",
            Lifetime::Persistent => "after a reboot, or after some days without use",
            Lifetime::User => "after a reboot",
        };
        self.environment
            .notice(&format!("kept in the kernel's memory: this login is gone {end}"));
        Ok(())
    }

    fn erase(&self, server: &ServerUrl) -> Result<(), Error> {
        self.check_whole()?;
        self.store.erase(server)
    }

    fn list(&self) -> Result<Vec<Listed>, Error> {
        let listed = self.store.list()?;
        if listed.is_empty() {
            self.check_whole()?;
        }
        Ok(listed)
    }

    fn left_out(&self) -> usize {
        self.store.left_out()
    }
}

impl Keyutils {
    /// As [`BlobStore::damaged`].
    pub(crate) fn damaged(&self) -> Result<Vec<Error>, Error> {
        self.store.damaged()
    }

    /// Fails if this isn't the user's keyring outside of the namespace: in a user namespace, every user has
    /// another one. If it has an entry, it is the intended one.
    fn check_whole(&self) -> Result<(), Error> {
        if namespace::maps_every_user() || !self.store.blobs.names()?.is_empty() {
            return Ok(());
        }
        Err(Error::unavailable(
            "cannot see your logins: this user namespace (a rootless container, or unshare) has its own \
            kernel keyring, which is empty; run docker outside of it, or log in again inside",
        ))
    }
}

/// A keyring of keys of type `user`.
struct Ring(KeyRing);

impl Blobs for Ring {
    /// The limit on the size of a key of type `user`.
    const BLOB_MAX: usize = 32767;
    /// `KEY_MAX_DESC_SIZE`, less the NUL at the end.
    const NAME_MAX: usize = 4095;
    const STORE: &str = "the kernel's keyring";

    fn read(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let mut denied = None;
        loop {
            let key = match self.0.search(name) {
                Ok(key) => key,
                Err(KeyError::KeyDoesNotExist) => return Ok(None),
                Err(error) => return Err(unreadable(name, error)),
            };
            match key.read_to_vec() {
                Ok(blob) => return Ok(Some(Zeroizing::new(blob))),
                // Unlinked since it was found, so this process has lost its permission. Another key may have
                // replaced it. If it is found again, it wasn't unlinked.
                Err(KeyError::AccessDenied | KeyError::KeyDoesNotExist) if denied != Some(key) => {
                    denied = Some(key);
                }
                Err(error) => return Err(unreadable(name, error)),
            }
        }
    }

    fn write(&self, name: &str, blob: &[u8]) -> Result<(), Error> {
        match self.0.add_key(name, blob) {
            Ok(_) => Ok(()),
            // If it could be opened, a logout can open it too.
            Err(KeyError::QuotaExceeded) => Err(quota_exceeded("log out of a server")),
            Err(error) => Err(unavailable(error)),
        }
    }

    fn delete(&self, name: &str) -> Result<(), Error> {
        let key = match self.0.search(name) {
            Ok(key) => key,
            Err(KeyError::KeyDoesNotExist) => return Ok(()),
            // A revoked key can't be viewed, not even to remove it. But another one can replace it.
            Err(KeyError::KeyRevoked | KeyError::KeyExpired | KeyError::KeyRejected) => {
                self.0.add_key(name, "revoked").map_err(unavailable)?
            }
            Err(error) => return Err(unavailable(error)),
        };
        match self.0.unlink_key(key) {
            // Another process unlinked it from the keyring since it was found, or it is already destroyed.
            Ok(()) | Err(KeyError::MissingFileOrDirectory | KeyError::KeyDoesNotExist) => Ok(()),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Not with the crate: it reads a keyring, and each key's name, into a buffer of a fixed size, and panics
    /// if any program's key has a longer name.
    fn names(&self) -> Result<Vec<String>, Error> {
        let keys = fs::read(KEYS).map_err(Error::file("read", Path::new(KEYS)))?;
        // It contains at least our own keyrings, unless a container hides it.
        if keys.is_empty() {
            return Err(Error::unavailable(format!(
                "cannot list the kernel's keyring: this container hides {KEYS}; run docker outside of it, or use \
                 docker-credential-age"
            )));
        }
        let keys = String::from_utf8_lossy(&keys);
        // Includes keys in other keyrings, so a name may occur twice.
        let mut names: BTreeSet<&str> = keys.lines().filter_map(name_in).collect();
        names.retain(|name| !matches!(self.0.search(*name), Err(KeyError::KeyDoesNotExist)));
        Ok(names.into_iter().map(str::to_owned).collect())
    }
}

/// The name of our key, the ninth word of its line. A colon and the key's length follow it, unless it was
/// revoked. Names don't contain spaces or end in a colon, because servers don't.
fn name_in(line: &str) -> Option<&str> {
    let name = line.split_whitespace().nth(8)?;
    let name = name.strip_suffix(':').unwrap_or(name);
    name.starts_with(PREFIX).then_some(name)
}

fn unreadable(name: &str, error: KeyError) -> Error {
    match error {
        KeyError::KeyRevoked | KeyError::KeyExpired | KeyError::KeyRejected => {
            let server = name.strip_prefix(PREFIX).unwrap_or(name);
            Error::damaged(format!(
                "the key for {server} in the kernel's keyring was revoked or has expired; log in to it again"
            ))
        }
        error => unavailable(error),
    }
}

fn unavailable(error: KeyError) -> Error {
    const NO_SUCH_CALL: i32 = Errno::NOSYS.raw_os_error();
    let cause = match error {
        // docker's containers deny the call, podman's hide it.
        KeyError::PermissionDenied | KeyError::OperationNotSupported | KeyError::Unknown(NO_SUCH_CALL) => {
            "this kernel doesn't have one, or the container forbids it".to_owned()
        }
        KeyError::AccessDenied => "it denies access to this process".to_owned(),
        KeyError::OutOfMemory => "the kernel is out of memory".to_owned(),
        // Even opening it takes a few bytes, so a logout can't help.
        KeyError::QuotaExceeded => return quota_exceeded("remove keys of other programs (`cat /proc/keys`)"),
        other => format!("the kernel reports {other}"),
    };
    Error::unavailable(format!(
        "cannot use the kernel's keyring: {cause}; use docker-credential-age, which doesn't need it"
    ))
}

/// The kernel counts all keys of a user together, from all programs.
fn quota_exceeded(way_out: &str) -> Error {
    let is_root = rustix::process::geteuid().is_root();
    let limit = |name: &str| {
        let prefix = if is_root { "root_" } else { "" };
        fs::read_to_string(format!("/proc/sys/kernel/keys/{prefix}{name}"))
            .map_or_else(|_| "?".to_owned(), |limit| limit.trim().to_owned())
    };
    Error::refused(format!(
        "the kernel's keyring is full: it holds {} keys and {} bytes of one user; {way_out}, or use \
             docker-credential-age, which has no such limit",
        limit("maxkeys"),
        limit("maxbytes")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_without_the_calls_is_named_as_a_cause() {
        for error in [
            KeyError::PermissionDenied,
            KeyError::OperationNotSupported,
            KeyError::Unknown(Errno::NOSYS.raw_os_error()),
        ] {
            let text = unavailable(error).to_string();
            assert!(text.contains("the container forbids it"), "{text}");
        }
        let text = unavailable(KeyError::Unknown(5)).to_string();
        assert!(text.contains("the kernel reports Unknown(5);"), "{text}");
    }

    #[test]
    fn a_name_stands_behind_eight_other_words() {
        for (line, name) in [
            (
                "38b58003 I--Q---     1 perm 3f010000     0     0 user      docker-credential-keyring:ghcr.io: 66",
                Some("docker-credential-keyring:ghcr.io"),
            ),
            (
                "38b58003 IR-----     1  59m 3f010000     0     0 user      docker-credential-keyring:[::1]:5000",
                Some("docker-credential-keyring:[::1]:5000"),
            ),
            (
                "38b58003 I--Q---     1 perm 3f010000     0     0 user      a docker-credential-keyring:ghcr.io: 66",
                None,
            ),
            (
                "07e6386f I------     1 perm 0f0b0000     0     0 keyring   .blacklist: empty",
                None,
            ),
            ("", None),
        ] {
            assert_eq!(name_in(line), name, "{line}");
        }
    }
}
