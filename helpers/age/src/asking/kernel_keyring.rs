//! Keeps unlocked keys in the kernel's memory for a while: never on a disk, gone after a reboot, and the
//! kernel itself expires them.
//!
//! A kernel key belongs to a user id, and a process with the same id in another user namespace, such as a
//! rootless container, can read and replace it. So it holds a box that only the bytes of the identity file
//! open: a process that can't read that file learns nothing, and a key that it plants counts as locked.
//! Otherwise, `store` would encrypt to an identity that somebody else planted. This doesn't protect from
//! processes that can read the file.

#[cfg(target_os = "linux")]
pub(crate) use self::linux::clear;
#[cfg(target_os = "linux")]
use self::linux::{link, read};
#[cfg(not(target_os = "linux"))]
pub(crate) use self::nowhere::clear;
#[cfg(not(target_os = "linux"))]
use self::nowhere::{link, read};

use std::time::Duration;

use age_core::primitives::hkdf;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use docker_credential_helper::hex;
use zeroize::Zeroizing;

/// Whether this platform has a kernel keyring.
pub(crate) const IS_SUPPORTED: bool = cfg!(target_os = "linux");

/// The prefix of every name; we may remove every key that has it.
const PREFIX: &str = "docker-credential-age:";

const SALT: usize = 32;
const BOX_LABEL: &[u8] = b"docker-credential-age unlock v1";
const NAME_LABEL: &[u8] = b"docker-credential-age unlock name v1";

/// The content of a box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The keys of a sealed identity.
    Identity,
    /// The keys of files that plugins have opened.
    Files,
    /// A mark that somebody cancelled the question.
    Cancellation,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Files => "files",
            Self::Cancellation => "cancellation",
        }
    }
}

/// The boxes of one identity.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Boxes {
    /// The whole identity file, so a changed file has other boxes.
    file: Vec<u8>,
}

impl Boxes {
    pub(crate) fn of(file: &[u8]) -> Self {
        Self { file: file.to_vec() }
    }

    /// The kept content; nothing if there is none, if somebody else planted it, or without a keyring
    /// (containers often deny it).
    pub(crate) fn recall(&self, kind: Kind) -> Option<Zeroizing<Vec<u8>>> {
        let name = self.name(kind);
        let content = read(&name)?;
        let (salt, sealed) = content.split_at_checked(SALT)?;
        self.cipher(salt)
            .decrypt(
                &Nonce::default(),
                Payload {
                    msg: sealed,
                    aad: bound(&name, kind).as_bytes(),
                },
            )
            .ok()
            .map(Zeroizing::new)
    }

    /// Keeps something for all programs of this user, and replaces the previous content. Returns whether that
    /// worked.
    pub(crate) fn keep(&self, kind: Kind, content: &[u8], time: Duration) -> bool {
        let name = self.name(kind);
        let mut salt = [0; SALT];
        if getrandom::getrandom(&mut salt).is_err() {
            return false;
        }
        // Each salt gives a key that is used once, so the nonce can be constant.
        let sealed = self.cipher(&salt).encrypt(
            &Nonce::default(),
            Payload {
                msg: content,
                aad: bound(&name, kind).as_bytes(),
            },
        );
        sealed.is_ok_and(|sealed| link(&name, &[&salt[..], &sealed].concat(), time))
    }

    fn cipher(&self, salt: &[u8]) -> ChaCha20Poly1305 {
        let key = Zeroizing::new(hkdf(salt, BOX_LABEL, &self.file));
        ChaCha20Poly1305::new(Key::from_slice(&*key))
    }

    fn name(&self, kind: Kind) -> String {
        let label = [NAME_LABEL, b" ", kind.name().as_bytes()].concat();
        format!("{PREFIX}{}", hex(&hkdf(&[], &label, &self.file)[..16]))
    }
}

/// Binds a box to its name and its kind.
fn bound(name: &str, kind: Kind) -> String {
    format!("{name} {}", kind.name())
}

#[cfg(target_os = "linux")]
mod linux {
    use std::time::Duration;

    use linux_keyutils::{
        Key, KeyError, KeyPermissionsBuilder, KeyRing, KeyRingIdentifier, LinkNode, Permission,
    };

    use super::PREFIX;

    /// More links than a keyring has in practice: the kernel's default quota is 200 keys.
    const LINKS_MAX: usize = 4096;

    fn user_keyring(create: bool) -> Result<KeyRing, KeyError> {
        KeyRing::from_special_id(KeyRingIdentifier::User, create)
    }

    pub(super) fn read(name: &str) -> Option<Vec<u8>> {
        user_keyring(false).ok()?.search(name).ok()?.read_to_vec().ok()
    }

    /// Creates the key in this process's own keyring, sets its expiry, and only then links it into the
    /// user's, so a killed process never leaves a key without an expiry. Afterwards, nobody can change it,
    /// only read or remove it.
    pub(super) fn link(name: &str, content: &[u8], time: Duration) -> bool {
        let seconds = usize::try_from(time.as_secs().max(1)).unwrap_or(usize::MAX);
        let linked = || -> Result<(), KeyError> {
            let own = KeyRing::from_special_id(KeyRingIdentifier::Process, true)?;
            let key = own.add_key(name, content)?;
            key.set_timeout(seconds)?;
            user_keyring(true)?.link_key(key)?;
            // A session without a link to the user's keyring (a service, `su`) still belongs to the same
            // user.
            let permissions = || Permission::VIEW | Permission::READ | Permission::SEARCH;
            key.set_perms(
                KeyPermissionsBuilder::builder()
                    .posessor(permissions())
                    .user(permissions())
                    .build(),
            )?;
            // Otherwise the next one of this name would change this one.
            own.unlink_key(key)
        };
        linked().is_ok()
    }

    /// Forgets everything, for every identity. Returns whether there was anything.
    pub(crate) fn clear() -> bool {
        let Ok(links) = user_keyring(false).and_then(|keyring| keyring.get_links(LINKS_MAX)) else {
            return false;
        };
        let is_ours = |key: &Key| {
            key.metadata()
                .is_ok_and(|metadata| metadata.get_description().starts_with(PREFIX))
        };
        let ours = links.iter().filter_map(|link| match link {
            LinkNode::Key(key) if is_ours(key) => Some(*key),
            _ => None,
        });
        ours.fold(false, |any, key| key.invalidate().is_ok() | any)
    }
}

#[cfg(not(target_os = "linux"))]
mod nowhere {
    use std::time::Duration;

    pub(super) fn read(_name: &str) -> Option<Vec<u8>> {
        None
    }

    pub(super) fn link(_name: &str, _content: &[u8], _time: Duration) -> bool {
        false
    }

    pub(crate) fn clear() -> bool {
        false
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use linux_keyutils::{KeyRing, KeyRingIdentifier};

    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn boxes(test: &str) -> Boxes {
        Boxes::of(format!("identity of the test {test} of {}", std::process::id()).as_bytes())
    }

    /// Some environments deny the calls, and callers then rely on getting nothing.
    fn has_keyring() -> bool {
        KeyRing::from_special_id(KeyRingIdentifier::User, true).is_ok()
    }

    #[test]
    fn what_is_kept_is_recalled_by_the_same_identity_alone() {
        let boxes = boxes("kept");
        assert!(boxes.recall(Kind::Identity).is_none());
        assert_eq!(boxes.keep(Kind::Identity, b"first", MINUTE), has_keyring());
        if has_keyring() {
            assert!(boxes.keep(Kind::Identity, b"second", MINUTE));
            assert_eq!(boxes.recall(Kind::Identity).unwrap().as_slice(), b"second");
            assert!(boxes.recall(Kind::Files).is_none());
            let other = Boxes::of(&[&boxes.file[..], b"\n"].concat());
            assert!(other.recall(Kind::Identity).is_none());
        }
    }

    #[test]
    fn a_box_is_good_for_its_name_and_kind_alone() {
        if !has_keyring() {
            return;
        }
        let boxes = boxes("bound");
        assert!(boxes.keep(Kind::Files, b"x", MINUTE));
        let content = read(&boxes.name(Kind::Files)).unwrap();
        assert!(link(&boxes.name(Kind::Identity), &content, MINUTE));
        assert!(boxes.recall(Kind::Identity).is_none());
        // The control: the same bytes under their own name.
        assert!(link(&boxes.name(Kind::Files), &content, MINUTE));
        assert!(boxes.recall(Kind::Files).is_some());
    }

    #[test]
    fn a_forged_or_cut_box_counts_as_locked() {
        if !has_keyring() {
            return;
        }
        let boxes = boxes("forged");
        let name = boxes.name(Kind::Identity);
        for content in [&b""[..], b"AGE-SECRET-KEY-1", &[0; SALT], &[0; 100]] {
            link(&name, content, MINUTE);
            assert!(boxes.recall(Kind::Identity).is_none());
        }
        assert!(boxes.keep(Kind::Identity, b"x", MINUTE));
        let mut content = read(&name).unwrap();
        content[SALT] ^= 1;
        assert!(link(&name, &content, MINUTE));
        assert!(boxes.recall(Kind::Identity).is_none());
    }

    #[test]
    fn nobody_can_change_what_is_kept() {
        if !has_keyring() {
            return;
        }
        let boxes = boxes("changed");
        assert!(boxes.keep(Kind::Identity, b"x", MINUTE));
        let keyring = KeyRing::from_special_id(KeyRingIdentifier::User, false).unwrap();
        let key = keyring.search(&boxes.name(Kind::Identity)).unwrap();
        assert!(key.update(b"y").is_err());
        assert!(key.set_timeout(1_000_000).is_err());
    }

    #[test]
    fn the_kernel_ends_it() {
        let boxes = boxes("ended");
        if boxes.keep(Kind::Identity, b"x", Duration::from_secs(1)) {
            let deadline = std::time::Instant::now() + Duration::from_secs(30);
            while boxes.recall(Kind::Identity).is_some() {
                assert!(
                    std::time::Instant::now() < deadline,
                    "a second has long passed, and it is still there"
                );
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
}
