//! What a process that holds secrets denies itself and others, before it reads the first byte.

/// Whether other processes of the same user may look at this one through `/proc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Visibility {
    /// `PR_SET_DUMPABLE` 0: no debugger of the same user attaches, and `/proc/PID` belongs to root.
    Hidden,
    /// As other programs are. `KeePassXC` names its clients by `/proc/PID/exe` when it asks its user.
    Visible,
}

/// No core file, files private from the moment they are created, and a file-size limit that is an error instead of
/// a death. Nothing here can fail in a way that a user could mend, so failures are passed over.
#[cfg(unix)]
pub(crate) fn harden(visibility: Visibility) {
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
    if visibility == Visibility::Hidden {
        let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    }
    #[cfg(not(target_os = "linux"))]
    let (Visibility::Hidden | Visibility::Visible) = visibility;
}

/// Windows writes no core files by itself, and new files inherit the profile's access list.
#[cfg(not(unix))]
pub(crate) fn harden(_: Visibility) {}

/// Overwrites the part of the stack that calls have used and given back.
///
/// The allocator wipes what was on the heap. Ciphers keep blocks of plaintext in local variables, and whether later
/// calls happen to overwrite them depends on how the compiler lays frames out: with less optimisation, pieces of up to
/// 300 bytes of a secret were found there.
///
/// Only pages that the kernel has handed out are overwritten, for to touch the others would cost more than a whole
/// `get` of docker-credential-env.
#[inline(never)]
pub(crate) fn wipe_stack() {
    let here = 0_u8;
    wipe_pages(crate::sys::stack_pages_in_use(&raw const here));
}

/// One page in each call's frame; frames are a little larger than what they hold, so this reaches a little too far.
#[inline(never)]
fn wipe_pages(pages: usize) {
    let mut page = [0_u8; crate::sys::PAGE];
    // As far as the compiler knows, the zeros are read here.
    std::hint::black_box(&mut page);
    if pages > 0 {
        wipe_pages(pages - 1);
    }
    std::hint::black_box(&page);
}
