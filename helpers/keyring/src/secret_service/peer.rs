//! Whose bus it is.
//!
//! An address can be stale or somebody else's: `DBUS_SESSION_BUS_ADDRESS` of another user kept by `sudo` or `su`, an
//! abstract socket whose name somebody took when the bus was gone, an `XDG_RUNTIME_DIR` of a person who is not docker's
//! user. A login that is stored there is theirs.

use std::os::unix::net::{SocketAddr, UnixStream};

use super::failure::Failure;
#[cfg(target_os = "linux")]
use crate::namespace;

/// Fails with [`Failure::ForeignBus`] unless the other side is this user's or root's. For root it is root's alone.
#[cfg(target_os = "linux")]
pub(super) fn check(stream: &UnixStream, _: &SocketAddr) -> Result<(), Failure> {
    let peer = rustix::net::sockopt::socket_peercred(stream).map_err(|_| Failure::NoBus)?;
    let ours = rustix::process::geteuid();
    if peer.uid.is_root() {
        return Ok(());
    }
    if peer.uid != ours {
        return Err(Failure::ForeignBus(peer.uid.as_raw()));
    }
    // In a namespace that doesn't map every user, all others appear as this one.
    if peer.uid.as_raw() == namespace::overflow_uid() && !namespace::maps_every_user() {
        return Err(Failure::UnknownBus);
    }
    Ok(())
}

/// The owner of the socket's file, for want of a safe way to ask the kernel who listens.
#[cfg(not(target_os = "linux"))]
pub(super) fn check(_: &UnixStream, address: &SocketAddr) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt as _;
    let file = address.as_pathname().ok_or(Failure::NoBus)?;
    let owner = file.metadata().map_err(|_| Failure::NoBus)?.uid();
    let is_ours = owner == 0 || owner == rustix::process::geteuid().as_raw();
    is_ours.then_some(()).ok_or(Failure::ForeignBus(owner))
}
