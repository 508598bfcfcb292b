//! The environment variables that this helper reads, each in one place.

use std::path::PathBuf;

use docker_credential_helper::{Environment, Error};

/// The directory of the store.
pub(crate) const DIRECTORY: &str = "DOCKER_CREDENTIAL_AGE_DIR";
/// The text of one or more identities, for CI.
pub(crate) const IDENTITY: &str = "DOCKER_CREDENTIAL_AGE_IDENTITY";
/// A file with one or more identities.
pub(crate) const IDENTITY_FILE: &str = "DOCKER_CREDENTIAL_AGE_IDENTITY_FILE";
/// To whom to encrypt, separated by commas or white space.
pub(crate) const RECIPIENTS: &str = "DOCKER_CREDENTIAL_AGE_RECIPIENTS";
/// `1`: store what no identity of ours can read again.
pub(crate) const WRITE_ONLY: &str = "DOCKER_CREDENTIAL_AGE_WRITE_ONLY";

/// The store's directory, which need not exist.
pub(crate) fn store_directory(environment: &Environment) -> Result<PathBuf, Error> {
    match environment.path_setting(DIRECTORY)? {
        Some(directory) => Ok(directory),
        None => Ok(environment.data_directory()?.join("docker-credential-age")),
    }
}

/// The identity that is made by the first `store` and read ever after, unless a setting names another.
pub(crate) fn default_identity_file(environment: &Environment) -> Result<PathBuf, Error> {
    Ok(environment
        .config_directory()?
        .join("docker-credential-age")
        .join("identity.txt"))
}

/// Whether credentials may be stored that none of our identities can read.
pub(crate) fn is_write_only(environment: &Environment) -> Result<bool, Error> {
    match environment.setting(WRITE_ONLY)?.as_deref() {
        None => Ok(false),
        Some("1") => Ok(true),
        Some(_) => Err(Error::setting(
            WRITE_ONLY,
            "is not 1, the one value it takes; unset it",
        )),
    }
}
