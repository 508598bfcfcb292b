//! The only unsafe code of the project: a few functions without a safe form in Rust.
#![allow(
    unsafe_code,
    reason = "an allocator, a signal's disposition, a close that reports and a socket's peer; see each item"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::{ptr, slice};

/// The system's allocator, except that memory is overwritten with zeros before it is given back.
///
/// Wiping only known values isn't enough: `serde_json` unescapes a secret into its own buffer, age encrypts
/// from one, and a growing `Vec` leaves its old copies behind. We found each of these in the memory of a
/// finished helper before we installed this allocator, and none afterwards.
///
/// A library must not install an allocator, because that breaks programs that use it, so each `main` has:
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: docker_credential_helper::ZeroOnFree = docker_credential_helper::ZeroOnFree;
/// # fn main() {}
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ZeroOnFree;

// SAFETY: memory comes from and goes back to `System` with the caller's layout, so its guarantees hold.
// `realloc` is the trait's own, which allocates, copies and then calls `dealloc` below, so that a moved block
// is wiped as well; `System.realloc` would free it unseen.
unsafe impl GlobalAlloc for ZeroOnFree {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: passes on the caller's promises about `layout`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller promises a live block of `layout.size()` bytes that isn't used any more, and
        // `System` gets it back with the layout of its allocation.
        unsafe {
            wipe(block, layout.size());
            System.dealloc(block, layout);
        }
    }
}

/// Writes zeros that the compiler doesn't remove as dead stores, as fast as the system's `memset`: age frees two
/// buffers of 64 KiB for each entry.
///
/// # Safety
///
/// The `size` bytes at `block` must be writable and not in use. They may be uninitialised.
unsafe fn wipe(block: *mut u8, size: usize) {
    // SAFETY: the caller's promise.
    let wiped = unsafe {
        ptr::write_bytes(block, 0, size);
        slice::from_raw_parts(block, size)
    };
    zeroize::optimization_barrier(wiped);
}

/// Makes a write beyond `ulimit -f` fail with an error instead of killing the process.
#[cfg(unix)]
pub(crate) fn ignore_file_size_signal() {
    // SAFETY: `SIG_IGN` doesn't run our code, and no other thread exists yet that could set the same signal.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

/// Closes a file and reports errors that only closing reveals: on network file systems, that the data didn't
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

/// The user id of the process that listens at the other end of a Unix socket, as our user namespace shows it.
///
/// rustix can't represent process 0, and the kernel returns that for a process outside our pid namespace: in a
/// container, for each process of the host.
///
/// Fails if it isn't a connected Unix socket.
#[cfg(target_os = "linux")]
pub fn peer_uid(socket: &std::os::unix::net::UnixStream) -> std::io::Result<u32> {
    use std::os::fd::AsRawFd;
    let mut peer = libc::ucred {
        pid: 0,
        uid: u32::MAX,
        gid: u32::MAX,
    };
    let mut size = libc::socklen_t::try_from(size_of_val(&peer)).map_err(std::io::Error::other)?;
    // SAFETY: the kernel writes at most `size` bytes to `peer`, and its integers can have any value.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut peer).cast(),
            &raw mut size,
        )
    };
    match result {
        0 => Ok(peer.uid),
        _ => Err(std::io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn the_peer_of_our_own_socket_is_this_user() {
        let (one, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        let ours = rustix::process::geteuid().as_raw();
        assert_eq!(peer_uid(&one).unwrap(), ours);
    }

    #[test]
    fn every_byte_of_a_block_is_wiped_and_none_beside_it() {
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
