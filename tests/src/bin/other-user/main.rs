//! Attacks a store as another user of the machine, for the tests:
//!
//! ```text
//! other-user flip ONE OTHER    exchanges two names as fast as it can
//! other-user open DIRECTORY    repeatedly tries to open everything in a directory
//! other-user listen SOCKET     accepts connections, and reports for each whether data arrived
//! other-user fill              fills its user's quota of kernel keys
//! ```
//!
//! It ends when its stdin does, and prints the number of attempts and of successes.
#![cfg_attr(
    all(target_os = "linux", not(test)),
    expect(clippy::print_stdout, reason = "the test reads the figures from there")
)]

// A test harness has its own `main`.
#[cfg(all(target_os = "linux", not(test)))]
mod linux;

#[cfg(all(target_os = "linux", not(test)))]
use linux::main;

#[cfg(not(any(target_os = "linux", test)))]
#[expect(clippy::print_stderr, reason = "it is for people who look for it")]
fn main() {
    eprintln!("other-user: only on Linux");
}
