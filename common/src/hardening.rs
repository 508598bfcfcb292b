//! What a process that holds secrets denies itself and others, before it reads the first byte.

/// No core file, files private from the moment they are created, and a file-size limit that is an error instead of
/// a death. Nothing here can fail in a way that a user could fix, so failures are ignored.
///
/// Unless it is to be visible, `PR_SET_DUMPABLE` is 0: no debugger of the same user attaches, and `/proc/PID` belongs
/// to root. `KeePassXC` names its clients by `/proc/PID/exe` when it asks its user.
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
    // Also undoes a mask that would take our own access away: with 0777 the store could not be read again.
    umask(rustix::fs::Mode::from_raw_mode(0o077));
    crate::sys::ignore_file_size_signal();
    #[cfg(target_os = "linux")]
    if !is_visible {
        let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = is_visible;
}

/// Windows writes no core files by itself, and new files inherit the profile's access list.
#[cfg(not(unix))]
pub(crate) fn harden(_: bool) {}
