//! The effects of a user namespace.

use std::fs;
use std::path::Path;

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
    match fs::read_to_string("/proc/self/uid_map") {
        Ok(map) => map.split_ascii_whitespace().eq(["0", "0", "4294967295"]),
        // A kernel without user namespaces doesn't have this file.
        Err(_) => Path::new("/proc/self/status").exists(),
    }
}
