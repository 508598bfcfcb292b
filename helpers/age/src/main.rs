//! docker-credential-age keeps registry logins in age-encrypted files: no daemon, no gpg, over ssh and in CI.

#![forbid(unsafe_code)]

mod asking;
mod commands;
mod doctor;
mod keys;
mod parallel;
mod reference;
mod settings;
mod sharing;
mod status;
mod store;

use std::process::ExitCode;

use docker_credential_helper::{Helper, ZeroOnFree, serve};

#[global_allocator]
static ALLOCATOR: ZeroOnFree = ZeroOnFree;

const HELPER: Helper = Helper::new("age", env!("CARGO_PKG_VERSION"))
    .commands(commands::ALL)
    .reference(reference::REFERENCE)
    .findings(doctor::findings)
    .status_lines(status::lines)
    .caution(status::caution)
    .servers(status::servers)
    .preparation(commands::prepare);

fn main() -> ExitCode {
    serve(&HELPER, store::AgeStore::open)
}
