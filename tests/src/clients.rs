//! Requirements of clients: an engine, their own store, programs that are fetched.

pub mod engine;
pub mod password_store;

use std::path::PathBuf;

use crate::helper::{Helper, target_directory};
use crate::login::Login;
use crate::program::Outcome;
use crate::registries::basic::Registry;
use crate::requirement::Missing;
use crate::sandbox::Sandbox;

/// A program that `tests/fetch-clients` installs, by its path below the target directory.
///
/// # Errors
///
/// Where it isn't.
pub fn fetched(below: &str) -> Result<PathBuf, Missing> {
    let program = target_directory().join(below);
    if program.is_file() {
        return Ok(program);
    }
    Err(Missing::new(format!(
        "target/{below} (tests/fetch-clients installs it)"
    )))
}

/// Runs `read` on what `push` puts into a private registry, without a login, which must fail, and then with one.
///
/// `prepare` tells the client of the helper.
///
/// # Errors
///
/// Where there can be no registry.
#[track_caller]
pub fn reads_with_the_login_only(
    helper: Helper,
    prepare: impl FnOnce(&mut Sandbox),
    push: impl FnOnce(&Registry, &Login) -> String,
    read: impl Fn(&Sandbox, &str) -> Outcome,
) -> Result<Outcome, Missing> {
    let alice = Login::new("alice", "a \"quoted\" <secret> & more");
    let registry = Registry::private(std::slice::from_ref(&alice))?;
    let mut sandbox = Sandbox::with_creds_store(helper);
    prepare(&mut sandbox);
    sandbox.keep_secret(std::slice::from_ref(&alice));
    let pushed = push(&registry, &alice);
    read(&sandbox, &pushed).assert_failure("without a login");

    sandbox.provide(&registry.host(), &alice);

    let seen = read(&sandbox, &pushed);
    seen.assert_success("with the login");
    Ok(seen)
}
