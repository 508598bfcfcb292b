//! docker-credential-age keeps registry logins in age-encrypted files: no daemon, no gpg, over ssh and in CI.

#![forbid(unsafe_code)]

mod cipher;
mod entry;
mod entry_name;
mod identity;
mod recipients;
mod settings;
mod store;

use std::process::ExitCode;

use docker_credential_helper::{Helper, ZeroOnFree, serve};

#[global_allocator]
static ALLOCATOR: ZeroOnFree = ZeroOnFree;

fn main() -> ExitCode {
    serve(
        &Helper::new("age", env!("CARGO_PKG_VERSION")),
        store::AgeStore::open,
    )
}
