//! The store that docker takes when its file names none.

use super::{Document, programs};
use crate::Environment;

/// What docker does where `credsStore`, `credHelpers` and `auths` are all unset or empty. (One entry in `auths` is enough,
/// and logins go there.) Seen with docker 20.10.24 and 28.2.2, in each combination of programs on `PATH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultStore {
    /// The file names a store or holds an entry, or no program for a default is there: logins go to `auths`.
    Auths,
    /// docker asks `docker-credential-` and this name, and writes it into the file at the next login.
    Helper(&'static str),
    /// `pass` is there without docker-credential-pass, and docker-credential-secretservice is: docker up to version 28
    /// takes neither, later versions take the Secret Service.
    SecretServiceSinceDocker29,
}

/// The default for this file, on a machine with these programs. An absent file is an empty document.
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

/// The default for a file that docker cannot parse, which it then ignores.
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
