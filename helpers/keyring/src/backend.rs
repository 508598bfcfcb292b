//! Which of the system's stores is used. There is one default for each system and never a second choice: a login
//! that silently went elsewhere would not be found again, and might lie where its owner does not want it.

use docker_credential_helper::commands::Setting;
use docker_credential_helper::{CredentialStore, Environment, Error};

const SETTING: &str = "DOCKER_CREDENTIAL_KEYRING_BACKEND";

/// Every variable that a backend reads, for `doctor`.
pub(crate) const SETTINGS: &[Setting] = &[
    Setting::of_store(SETTING),
    Setting::of_store("DOCKER_CREDENTIAL_KEYRING_COLLECTION"),
    Setting::of_store("DOCKER_CREDENTIAL_NONINTERACTIVE"),
];

type Open = fn(&Environment) -> Result<Box<dyn CredentialStore>, Error>;

/// What this build has, the default first.
const BACKENDS: &[(&str, Open)] = &[
    #[cfg(any(
        target_os = "linux",
        target_os = "freebsd",
        target_os = "netbsd",
        target_os = "openbsd",
        target_os = "dragonfly"
    ))]
    ("secret-service", |environment| {
        Ok(Box::new(crate::secret_service::SecretService::open(environment)?))
    }),
    #[cfg(target_os = "linux")]
    ("keyutils", |environment| {
        Ok(Box::new(crate::keyutils::open(environment)?))
    }),
    #[cfg(target_os = "macos")]
    ("keychain", |environment| {
        Ok(Box::new(crate::keychain::open(environment)?))
    }),
    #[cfg(windows)]
    ("wincred", |environment| {
        Ok(Box::new(crate::wincred::open(environment)?))
    }),
];

/// Opens the store that the setting names, or this system's default.
pub(crate) fn open(environment: &Environment) -> Result<Box<dyn CredentialStore>, Error> {
    let (name, open) = match environment.setting(SETTING)? {
        None => BACKENDS[0],
        Some(asked) => *BACKENDS
            .iter()
            .find(|(name, _)| *name == asked)
            .ok_or_else(|| unknown(&asked))?,
    };
    environment.log(|| format!("backend {name}"));
    open(environment)
}

fn unknown(asked: &str) -> Error {
    let here: Vec<&str> = BACKENDS.iter().map(|(name, _)| *name).collect();
    let here = here.join(" or ");
    Error::setting(
        SETTING,
        match asked {
            "secret-service" | "keyutils" | "keychain" | "wincred" => {
                format!("names a store of another system; set it to {here}, or unset it")
            }
            _ => format!("names no store that this helper knows; set it to {here}, or unset it"),
        },
    )
}
