//! What is open stays in the kernel's memory for a while: never on a disk, gone with a reboot, and the kernel itself
//! ends it in time.

#[cfg(target_os = "linux")]
pub(crate) use self::linux::{forget, keep, recall};
#[cfg(not(target_os = "linux"))]
pub(crate) use self::nowhere::{forget, keep, recall};

/// Whether this platform has one.
pub(crate) const IS_SUPPORTED: bool = cfg!(target_os = "linux");

#[cfg(target_os = "linux")]
mod linux {
    use std::time::Duration;

    use linux_keyutils::{KeyError, KeyPermissionsBuilder, KeyRing, KeyRingIdentifier, Permission};
    use zeroize::Zeroizing;

    /// What is kept under this name; nothing if nothing is, or if there is no keyring (containers often deny it).
    pub(crate) fn recall(name: &str) -> Option<Zeroizing<Vec<u8>>> {
        let keyring = KeyRing::from_special_id(KeyRingIdentifier::User, false).ok()?;
        let key = keyring.search(name).ok()?;
        key.read_to_vec().ok().map(Zeroizing::new)
    }

    /// Keeps something for all programs of this user, in place of what was kept under the name. Whether it worked.
    ///
    /// The key is made in this process's own keyring, given its end, and only then linked into the user's: a process
    /// that is killed half-way leaves nothing that stays open for ever.
    pub(crate) fn keep(name: &str, content: &[u8], time: Duration) -> bool {
        let seconds = usize::try_from(time.as_secs().max(1)).unwrap_or(usize::MAX);
        let kept = || -> Result<(), KeyError> {
            let own = KeyRing::from_special_id(KeyRingIdentifier::Process, true)?;
            let key = own.add_key(name, content)?;
            // A session that does not hold the user's keyring (a service, `su`) is the same user all the same.
            let permissions = Permission::VIEW | Permission::READ | Permission::SEARCH | Permission::SETATTR;
            key.set_perms(
                KeyPermissionsBuilder::builder()
                    .posessor(Permission::ALL)
                    .user(permissions)
                    .build(),
            )?;
            key.set_timeout(seconds)?;
            KeyRing::from_special_id(KeyRingIdentifier::User, true)?.link_key(key)
        };
        kept().is_ok()
    }

    /// Forgets what is kept under the name. Whether something was.
    pub(crate) fn forget(name: &str) -> bool {
        KeyRing::from_special_id(KeyRingIdentifier::User, false)
            .and_then(|keyring| keyring.search(name))
            .and_then(|key| key.invalidate())
            .is_ok()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn name(test: &str) -> String {
            format!("docker-credential-age:test:{test}:{}", std::process::id())
        }

        /// Some places deny the calls; that nothing is kept there is what the callers count on.
        fn has_keyring() -> bool {
            KeyRing::from_special_id(KeyRingIdentifier::User, true).is_ok()
        }

        #[test]
        fn what_is_kept_is_recalled_until_it_is_forgotten() {
            let name = name("kept");
            assert!(recall(&name).is_none());
            assert_eq!(keep(&name, b"first", Duration::from_secs(60)), has_keyring());
            if has_keyring() {
                assert!(keep(&name, b"second", Duration::from_secs(60)));
                assert_eq!(recall(&name).unwrap().as_slice(), b"second");
                assert!(forget(&name));
            }
            assert!(recall(&name).is_none() && !forget(&name));
        }

        #[test]
        fn the_kernel_ends_it() {
            let name = name("ended");
            if keep(&name, b"x", Duration::from_secs(1)) {
                let deadline = std::time::Instant::now() + Duration::from_secs(30);
                while recall(&name).is_some() {
                    assert!(
                        std::time::Instant::now() < deadline,
                        "a second has long passed, and it is still there"
                    );
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod nowhere {
    use std::time::Duration;

    use zeroize::Zeroizing;

    pub(crate) fn recall(_name: &str) -> Option<Zeroizing<Vec<u8>>> {
        None
    }

    pub(crate) fn keep(_name: &str, _content: &[u8], _time: Duration) -> bool {
        false
    }

    pub(crate) fn forget(_name: &str) -> bool {
        false
    }
}
