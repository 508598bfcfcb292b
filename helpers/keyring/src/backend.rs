//! Chooses one of the system's stores. Each system has one default and no fallback: a login that silently
//! went elsewhere could not be found again, and might be in a place that its owner doesn't want.

use docker_credential_helper::commands::Finding;
use docker_credential_helper::{CredentialStore, Environment, Error};

const SETTING: &str = "DOCKER_CREDENTIAL_KEYRING_BACKEND";

struct Backend {
    name: &'static str,
    open: fn(&Environment) -> Result<Box<dyn CredentialStore>, Error>,
    /// The name of the store, for `status`.
    state: fn(&Environment) -> Result<String, Error>,
    /// The reason for each login that can't be read, for `doctor`.
    damaged: fn(&Environment) -> Result<Vec<Error>, Error>,
}

/// The stores in this build, the default first.
const BACKENDS: &[Backend] = &[
    #[cfg(any(
        target_os = "linux",
        target_os = "freebsd",
        target_os = "netbsd",
        target_os = "openbsd",
        target_os = "dragonfly"
    ))]
    Backend {
        name: "secret-service",
        open: |environment| Ok(Box::new(crate::secret_service::SecretService::open(environment)?)),
        state: |environment| crate::secret_service::SecretService::open(environment)?.state(),
        damaged: |_| Ok(Vec::new()),
    },
    #[cfg(target_os = "linux")]
    Backend {
        name: "keyutils",
        open: |environment| Ok(Box::new(crate::keyutils::open(environment)?)),
        state: |_| Ok("the kernel's keyring".to_owned()),
        damaged: |environment| crate::keyutils::open(environment)?.damaged(),
    },
    #[cfg(target_os = "macos")]
    Backend {
        name: "keychain",
        open: |environment| Ok(Box::new(crate::keychain::open(environment)?)),
        state: |_| Ok("the login keychain".to_owned()),
        damaged: |environment| crate::keychain::open(environment)?.damaged(),
    },
    #[cfg(windows)]
    Backend {
        name: "wincred",
        open: |environment| Ok(Box::new(crate::wincred::open(environment)?)),
        state: |_| Ok("the Credential Manager".to_owned()),
        damaged: |environment| crate::wincred::open(environment)?.damaged(),
    },
];

/// Opens the store that the setting names, or the system's default.
pub(crate) fn open(environment: &Environment) -> Result<Box<dyn CredentialStore>, Error> {
    let backend = chosen(environment)?;
    environment.log(|| format!("backend {}", backend.name));
    (backend.open)(environment)
}

/// The state of the store, for `status`.
pub(crate) fn status(environment: &Environment) -> Vec<(&'static str, String)> {
    let state = chosen(environment).and_then(|backend| (backend.state)(environment));
    let state = state.unwrap_or_else(|error| error.to_string());
    vec![("keyring", state)]
}

/// Where an import puts logins, if not in the default backend.
pub(crate) fn caution(environment: &Environment) -> Option<String> {
    let backend = chosen(environment).ok()?;
    let is_default = BACKENDS.first().is_some_and(|first| first.name == backend.name);
    (!is_default).then(|| {
        format!(
            "imported logins go to {}; docker finds them only while {SETTING} is set",
            backend.name
        )
    })
}

/// The logins that can't be read, for `doctor`. Its common checks report a store that doesn't open.
pub(crate) fn findings(environment: &Environment) -> Vec<Finding> {
    let damaged = chosen(environment).and_then(|backend| (backend.damaged)(environment));
    damaged
        .unwrap_or_default()
        .iter()
        .map(|error| Finding::error("entries", error.to_string()))
        .collect()
}

fn chosen(environment: &Environment) -> Result<&'static Backend, Error> {
    match environment.setting(SETTING)? {
        None => Ok(&BACKENDS[0]),
        Some(asked) => BACKENDS
            .iter()
            .find(|backend| backend.name == asked)
            .ok_or_else(|| unknown(&asked)),
    }
}

fn unknown(asked: &str) -> Error {
    let here: Vec<&str> = BACKENDS.iter().map(|backend| backend.name).collect();
    let here = here.join(" or ");
    Error::setting(
        SETTING,
        match asked {
            "secret-service" | "keyutils" | "keychain" | "wincred" => {
                format!("names a store of another operating system; set it to {here}, or unset it")
            }
            _ => format!("names an unknown store; set it to {here}, or unset it"),
        },
    )
}
