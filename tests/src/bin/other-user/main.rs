//! What another user of the machine does to a store, for the tests that run it as one:
//!
//! ```text
//! other-user flip ONE OTHER    exchanges two names as fast as it can
//! other-user open DIRECTORY    tries to open all that is in a directory, again and again
//! other-user listen SOCKET     accepts connections, and says of each whether anything was said on it
//! ```
//!
//! It ends with its stdin, and prints how often it tried and how often it succeeded.
#![cfg_attr(
    all(target_os = "linux", not(test)),
    expect(clippy::print_stdout, reason = "the test reads the figures from there")
)]

// A harness of tests has a `main` of its own.
#[cfg(all(target_os = "linux", not(test)))]
mod linux;

#[cfg(all(target_os = "linux", not(test)))]
use linux::main;

#[cfg(not(any(target_os = "linux", test)))]
#[expect(clippy::print_stderr, reason = "it is for people who look for it")]
fn main() {
    eprintln!("other-user: only on Linux");
}
