//! This helper's environment variables, each in one place.

use std::path::PathBuf;
use std::time::Duration;

use docker_credential_helper::{Environment, Error};

/// The directory of the store.
pub(crate) const DIRECTORY: &str = "DOCKER_CREDENTIAL_AGE_DIR";
/// The text of one or more identities, for CI.
pub(crate) const IDENTITY: &str = "DOCKER_CREDENTIAL_AGE_IDENTITY";
/// A file with one or more identities.
pub(crate) const IDENTITY_FILE: &str = "DOCKER_CREDENTIAL_AGE_IDENTITY_FILE";
/// Recipients, separated by commas or white space.
pub(crate) const RECIPIENTS: &str = "DOCKER_CREDENTIAL_AGE_RECIPIENTS";
/// `1`: store logins that our identities can't read.
pub(crate) const WRITE_ONLY: &str = "DOCKER_CREDENTIAL_AGE_WRITE_ONLY";
/// A file with the passphrase of the identity, if there is nobody to type it.
pub(crate) const PASSPHRASE_FILE: &str = "DOCKER_CREDENTIAL_AGE_PASSPHRASE_FILE";
/// How long an identity stays open after a prompt, in seconds; 0 asks every time.
pub(crate) const UNLOCK_SECONDS: &str = "DOCKER_CREDENTIAL_AGE_UNLOCK_SECONDS";
/// `1`: fail instead of asking a person.
pub(crate) const NONINTERACTIVE: &str = "DOCKER_CREDENTIAL_NONINTERACTIVE";

/// Long enough for the gets of one build, shorter than a coffee break.
const UNLOCK_SECONDS_DEFAULT: u64 = 60;

/// The longest time that an identity stays open, in seconds. The kernel's limit is 32 bits; a day is a long
/// session.
pub(crate) const UNLOCK_SECONDS_MAX: u64 = 24 * 60 * 60;

/// The store's directory, which may not exist.
pub(crate) fn store_directory(environment: &Environment) -> Result<PathBuf, Error> {
    match environment.path_setting(DIRECTORY)? {
        Some(directory) => Ok(directory),
        None => Ok(environment.data_directory()?.join("docker-credential-age")),
    }
}

/// Our own configuration directory, with the identity and the approved recipients.
pub(crate) fn configuration_directory(environment: &Environment) -> Result<PathBuf, Error> {
    Ok(environment.config_directory()?.join("docker-credential-age"))
}

/// The identity that the first `store` creates, and that we use unless a setting names another.
pub(crate) fn default_identity_file(environment: &Environment) -> Result<PathBuf, Error> {
    Ok(configuration_directory(environment)?.join("identity.txt"))
}

/// Whether to store credentials that none of our identities can read.
pub(crate) fn is_write_only(environment: &Environment) -> Result<bool, Error> {
    environment.switch(WRITE_ONLY)
}

/// Whether asking is forbidden.
pub(crate) fn is_noninteractive(environment: &Environment) -> Result<bool, Error> {
    environment.switch(NONINTERACTIVE)
}

/// How long an identity stays open after a verb opened it; nothing if not at all.
pub(crate) fn unlock_time(environment: &Environment) -> Result<Option<Duration>, Error> {
    let seconds = match environment.setting(UNLOCK_SECONDS)? {
        None => UNLOCK_SECONDS_DEFAULT,
        Some(text) => text
            .parse()
            .ok()
            .filter(|seconds| *seconds <= UNLOCK_SECONDS_MAX)
            .ok_or_else(|| {
                Error::setting(
                    UNLOCK_SECONDS,
                    format!("is not a number of seconds from 0 to {UNLOCK_SECONDS_MAX}"),
                )
            })?,
    };
    Ok((seconds > 0).then(|| Duration::from_secs(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_that_is_0_is_off() {
        for (value, is_on) in [("0", false), ("1", true)] {
            let names = [WRITE_ONLY, NONINTERACTIVE];
            let environment = Environment::stated("age", names.map(|name| (name, value)));
            assert_eq!(is_write_only(&environment).unwrap(), is_on);
            assert_eq!(is_noninteractive(&environment).unwrap(), is_on);
        }
    }
}
