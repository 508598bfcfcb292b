//! Hardens a process that holds secrets, before it reads the first byte.

/// No core files, private files from their creation on, and an error instead of a kill at the file-size
/// limit. Failures are ignored, because a user couldn't fix them.
///
/// Unless it must be visible, `PR_SET_DUMPABLE` is 0: debuggers of the same user can't attach, and
/// `/proc/PID` belongs to root. `KeePassXC` needs `/proc/PID/exe` to show its clients' names when it asks its
/// user.
#[cfg(unix)]
pub(crate) fn harden(is_visible: bool) {
    use rustix::process::{Resource, Rlimit, setrlimit, umask};

    let _ = setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    );
    // Also undoes a umask that would take our own access away: with 0777, we couldn't read the store again.
    umask(rustix::fs::Mode::from_raw_mode(0o077));
    crate::sys::ignore_file_size_signal();
    #[cfg(target_os = "linux")]
    if !is_visible {
        let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = is_visible;
}

/// By default, Windows doesn't write core files, and new files inherit the profile's access list.
#[cfg(not(unix))]
pub(crate) fn harden(_: bool) {}
