//! The effects of a user namespace.

use std::fs;

/// The kernel's user id for users that the namespace doesn't map.
pub(crate) fn overflow_uid() -> u32 {
    fs::read_to_string("/proc/sys/kernel/overflowuid")
        .ok()
        .and_then(|uid| uid.trim().parse().ok())
        .unwrap_or(65534)
}

/// Whether every user has the same number as outside: this isn't a user namespace, or one with an identity
/// mapping.
pub(crate) fn maps_every_user() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    map.split_ascii_whitespace().eq(["0", "0", "4294967295"])
}
