//! The only unsafe code of the project: a few things that Rust has no safe form for.
#![allow(
    unsafe_code,
    reason = "an allocator, a signal's disposition and a close that reports; see each item"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::mem::MaybeUninit;

/// The system's allocator, except that memory is overwritten with zeros before it is given back.
///
/// Wiping only the values one knows of is not enough: `serde_json` unescapes a secret into a buffer of its own, age
/// encrypts from one, and a growing `Vec` leaves its earlier halves behind. Each of these was found in the memory of
/// a finished helper until this allocator was installed; none was afterwards.
///
/// A library that installs an allocator breaks the programs that use it, so each `main` says:
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: docker_credential_helper::ZeroOnFree = docker_credential_helper::ZeroOnFree;
/// # fn main() {}
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ZeroOnFree;

// SAFETY: memory comes from and goes back to `System` with the layout that the caller states, so its guarantees are
// ours. `realloc` is the trait's own, which allocates, copies and then calls `dealloc` below, so that a moved block
// is wiped as well; `System.realloc` would free it unseen.
unsafe impl GlobalAlloc for ZeroOnFree {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises about `layout` are handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller promises a live block of `layout.size()` bytes that nobody uses any more, and `System`
        // gets it back under the layout that it was allocated with.
        unsafe {
            wipe(block, layout.size());
            System.dealloc(block, layout);
        }
    }
}

/// Writes zeros that the compiler does not drop as dead stores, sixteen bytes at a time: age alone frees two buffers
/// of 64 KiB for each entry, and byte by byte that took longer than decrypting it.
///
/// # Safety
///
/// The `size` bytes at `block` must be writable, and used by nobody else. They may be uninitialised.
unsafe fn wipe(block: *mut u8, size: usize) {
    // SAFETY: the caller's promise; `MaybeUninit` has no invalid bytes, so any alignment of the middle part will do.
    let (head, words, tail) = unsafe {
        std::slice::from_raw_parts_mut(block.cast::<MaybeUninit<u8>>(), size)
            .align_to_mut::<MaybeUninit<u128>>()
    };
    for byte in head.iter_mut().chain(tail) {
        // SAFETY: a reference is valid for writes.
        unsafe { std::ptr::write_volatile(byte, MaybeUninit::zeroed()) };
    }
    for word in words {
        // SAFETY: as above.
        unsafe { std::ptr::write_volatile(word, MaybeUninit::zeroed()) };
    }
}

/// Makes a write beyond `ulimit -f` fail with an error instead of ending the process half-way.
#[cfg(unix)]
pub(crate) fn ignore_file_size_signal() {
    // SAFETY: `SIG_IGN` runs no code of ours, and no other thread exists yet that could set the same signal.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

/// Closes a file and reports what only closing may bring to light: on network file systems, that the data did not
/// arrive.
#[cfg(unix)]
pub(crate) fn close(file: std::fs::File) -> std::io::Result<()> {
    use std::os::fd::IntoRawFd;
    // SAFETY: the descriptor is open and owned by `file`, which gives it up here.
    match unsafe { libc::close(file.into_raw_fd()) } {
        0 => Ok(()),
        // On Linux the descriptor is gone even after an interruption; a second close could hit someone else's.
        _ => match std::io::Error::last_os_error() {
            error if error.kind() == std::io::ErrorKind::Interrupted => Ok(()),
            error => Err(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_a_block_is_wiped_at_any_alignment_and_none_beside_it() {
        for start in 0..20 {
            for length in 0..80 {
                let mut bytes = [0xA5_u8; 128];
                // SAFETY: the range lies within the array.
                unsafe { wipe(bytes.as_mut_ptr().add(start), length) };
                let wiped = start..start + length;
                assert!(
                    bytes
                        .iter()
                        .enumerate()
                        .all(|(index, byte)| (*byte == 0) == wiped.contains(&index))
                );
            }
        }
    }
}
