//! The store that docker uses if its file doesn't name one.

use super::{Document, programs};
use crate::Environment;

/// docker's choice if `credsStore`, `credHelpers` and `auths` are all unset or empty. (With a single entry in
/// `auths`, logins go there.) Seen with docker 20.10.24 and 28.2.2, in each combination of programs on
/// `PATH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultStore {
    /// The file names a store or holds an entry, or no default program is installed: logins go to `auths`.
    Auths,
    /// docker runs `docker-credential-` and this name, and writes it to the file at the next login.
    Helper(&'static str),
    /// `pass` is installed without docker-credential-pass, but docker-credential-secretservice is: docker up
    /// to version 28 uses neither, later versions use the Secret Service.
    SecretServiceSinceDocker29,
}

/// The default for this file, on a machine with these programs. A missing file is an empty document.
pub fn of(environment: &Environment, document: &Document) -> DefaultStore {
    let is_unset = document.creds_store().is_none()
        && document.cred_helpers().is_empty()
        && document.auths().next().is_none();
    if is_unset {
        on(environment)
    } else {
        DefaultStore::Auths
    }
}

/// The default for a file that docker can't parse, and so ignores.
pub fn on(environment: &Environment) -> DefaultStore {
    let is_there =
        |name: &str| programs::first_on_path(environment, name).is_some_and(|path| path.is_absolute());
    let helper = |name: &'static str| {
        if is_there(&format!("docker-credential-{name}")) {
            DefaultStore::Helper(name)
        } else {
            DefaultStore::Auths
        }
    };
    if cfg!(target_os = "macos") {
        return helper("osxkeychain");
    }
    if cfg!(windows) {
        return helper("wincred");
    }
    match (is_there("pass"), helper("pass"), helper("secretservice")) {
        (true, chosen @ DefaultStore::Helper(_), _) => chosen,
        (true, _, DefaultStore::Helper(_)) => DefaultStore::SecretServiceSinceDocker29,
        (true, ..) => DefaultStore::Auths,
        (false, _, secret_service) => secret_service,
    }
}
