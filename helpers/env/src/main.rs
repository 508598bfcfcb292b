//! docker-credential-env answers from a CI job's or pod's variables and mounted files: no login, no file with
//! a secret, nothing to clean up.
//!
//! A *source* ([`source`]) reads one convention and makes *claims* ([`claim`]): this server, that login, from these
//! variables. [`lookup`] asks the sources in order; sources don't depend on each other.

#![forbid(unsafe_code)]

mod auth_config;
mod ci;
mod claim;
mod doctor;
mod explanation;
mod label;
mod labeled;
mod lookup;
mod names;
mod reference;
mod secret_file;
mod source;
mod store;
#[cfg(test)]
mod testing;
mod value;
mod variable_error;

use std::process::ExitCode;

use docker_credential_helper::{Helper, ZeroOnFree, serve};

#[global_allocator]
static ALLOCATOR: ZeroOnFree = ZeroOnFree;

const HELPER: Helper = Helper::new("env", env!("CARGO_PKG_VERSION"))
    .read_only()
    .commands(&[names::COMMAND])
    .reference(reference::REFERENCE)
    .explanation(explanation::lines)
    .findings(doctor::findings);

fn main() -> ExitCode {
    serve(&HELPER, store::EnvStore::open)
}
