//! docker-credential-keyring keeps registry logins in the operating system's own store: the Secret Service of a Linux
//! or BSD desktop, the Linux kernel's keyring, the macOS Keychain, the Windows Credential Manager.

#![forbid(unsafe_code)]

mod backend;
mod blobs;
#[cfg(target_os = "macos")]
mod keychain;
#[cfg(target_os = "linux")]
mod keyutils;
#[cfg(target_os = "linux")]
mod namespace;
#[cfg(any(target_os = "macos", windows))]
mod native;
mod reference;
#[cfg(any(
    target_os = "linux",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "dragonfly"
))]
mod secret_service;
#[cfg(windows)]
mod wincred;

use std::process::ExitCode;

use docker_credential_helper::{Helper, ZeroOnFree, serve};

#[global_allocator]
static ALLOCATOR: ZeroOnFree = ZeroOnFree;

fn main() -> ExitCode {
    serve(
        &Helper::new("keyring", env!("CARGO_PKG_VERSION"))
            .visible()
            .findings(backend::findings)
            .status_lines(backend::status)
            .caution(backend::caution)
            .reference(reference::REFERENCE),
        backend::open,
    )
}
