//! Checks the bus's owner.
//!
//! An address can be stale or another user's: a `DBUS_SESSION_BUS_ADDRESS` that `sudo` or `su` kept, an
//! abstract socket whose name another user took after the bus ended, or another user's `XDG_RUNTIME_DIR`.
//! They would get every login stored there.

use std::os::unix::net::{SocketAddr, UnixStream};

use super::failure::Failure;
#[cfg(target_os = "linux")]
use crate::namespace;

/// Fails with [`Failure::ForeignBus`] unless the other end belongs to this user or root. For root, only root.
#[cfg(target_os = "linux")]
pub(super) fn check(stream: &UnixStream, _: &SocketAddr) -> Result<(), Failure> {
    const ROOT_USER: u32 = 0;
    let peer = docker_credential_helper::peer_uid(stream).map_err(|_| Failure::NoBus)?;
    if peer == ROOT_USER {
        return Ok(());
    }
    if peer != rustix::process::geteuid().as_raw() {
        return Err(Failure::ForeignBus(peer));
    }
    // In a namespace that doesn't map every user, all unmapped ones appear as this one.
    if peer == namespace::overflow_uid() && !namespace::maps_every_user() {
        return Err(Failure::UnknownBus);
    }
    Ok(())
}

/// The owner of the socket's file, because safe code can't ask the kernel who listens.
#[cfg(not(target_os = "linux"))]
pub(super) fn check(_: &UnixStream, address: &SocketAddr) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt as _;
    let file = address.as_pathname().ok_or(Failure::NoBus)?;
    let owner = file.metadata().map_err(|_| Failure::NoBus)?.uid();
    let is_ours = owner == 0 || owner == rustix::process::geteuid().as_raw();
    is_ours.then_some(()).ok_or(Failure::ForeignBus(owner))
}
