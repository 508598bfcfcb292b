//! docker-credential-age keeps registry logins in age-encrypted files: no daemon, no gpg, over ssh and in CI.

#![forbid(unsafe_code)]

mod approval;
mod child;
mod cipher;
mod commands;
mod entry;
mod entry_name;
mod findings;
mod identity;
mod kernel_keyring;
mod parallel;
#[cfg(feature = "plugin")]
mod plugin;
#[cfg(not(feature = "plugin"))]
#[path = "plugin_off.rs"]
mod plugin;
mod prompt;
mod recipients;
mod sealed;
mod settings;
mod store;

use std::process::ExitCode;

use docker_credential_helper::{Helper, ZeroOnFree, serve};

#[global_allocator]
static ALLOCATOR: ZeroOnFree = ZeroOnFree;

const HELPER: Helper = Helper::new("age", env!("CARGO_PKG_VERSION"))
    .commands(commands::ALL)
    .findings(findings::all)
    .preparation(commands::prepare);

fn main() -> ExitCode {
    serve(&HELPER, store::AgeStore::open)
}
