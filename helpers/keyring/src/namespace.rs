//! What a user namespace hides.

use std::fs;

/// The user id by which the kernel shows users that the namespace has no number for.
pub(crate) fn overflow_uid() -> u32 {
    fs::read_to_string("/proc/sys/kernel/overflowuid")
        .ok()
        .and_then(|uid| uid.trim().parse().ok())
        .unwrap_or(65534)
}

/// Whether every user has the number that it has outside: this is not a user namespace, or one that changes nothing.
pub(crate) fn maps_every_user() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    map.split_ascii_whitespace().eq(["0", "0", "4294967295"])
}
