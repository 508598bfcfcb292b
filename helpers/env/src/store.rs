//! The environment as a read-only store.

use std::cell::OnceCell;

use docker_credential_helper::{
    Credential, CredentialStore, Environment, Error, Listed, ServerUrl, TOKEN_USERNAME,
};

use crate::labeled;
use crate::lookup::Lookup;

/// `ignore`: ignore logins instead of refusing them, for jobs that log in anyway.
pub(crate) const SETTING: &str = "DOCKER_CREDENTIAL_ENV_STORE";

/// The variables of this process.
#[derive(Debug)]
pub(crate) struct EnvStore {
    environment: Environment,
    lookup: OnceCell<Lookup>,
}

impl EnvStore {
    /// Doesn't read anything yet: `erase` doesn't need anything, and shouldn't fail because of a setting for
    /// `get`.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "the protocol expects that a store may fail to open"
    )]
    pub(crate) fn open(environment: &Environment) -> Result<Self, Error> {
        Ok(Self {
            environment: environment.clone(),
            lookup: OnceCell::new(),
        })
    }

    fn lookup(&self) -> Result<&Lookup, Error> {
        if let Some(lookup) = self.lookup.get() {
            return Ok(lookup);
        }
        let lookup = Lookup::new(&self.environment)?;
        Ok(self.lookup.get_or_init(|| lookup))
    }
}

pub(crate) fn is_login_ignored(environment: &Environment) -> Result<bool, Error> {
    match environment.setting(SETTING)?.as_deref() {
        None => Ok(false),
        Some("ignore") => Ok(true),
        Some(_) => Err(Error::setting(
            SETTING,
            "is not \"ignore\", its only value; unset it",
        )),
    }
}

impl CredentialStore for EnvStore {
    fn get(&self, server: &ServerUrl) -> Result<Option<Credential>, Error> {
        self.lookup()?.find(server)
    }

    /// A login that the helper already answers doesn't change anything, so it succeeds.
    fn store(&self, credential: &Credential) -> Result<(), Error> {
        let server = credential.server();
        if is_login_ignored(&self.environment)? {
            self.environment
                .log(|| format!("{server} is not stored, as {SETTING} says"));
            return Ok(());
        }
        match self.get(server) {
            Ok(Some(answered)) if answered.is_same_login(credential) => Ok(()),
            _ => Err(read_only(credential)),
        }
    }

    fn erase(&self, _: &ServerUrl) -> Result<(), Error> {
        Ok(())
    }

    /// Every server that `get` would answer. Reads the files, because clients ask for each listed server
    /// next.
    fn list(&self) -> Result<Vec<Listed>, Error> {
        let lookup = self.lookup()?;
        let mut listed = Vec::new();
        for server in lookup.servers() {
            match lookup.find(&server) {
                Ok(credential) => listed.extend(credential.as_ref().map(Listed::from)),
                Err(error) => self.environment.log(|| format!("omitted {server}: {error}")),
            }
        }
        Ok(listed)
    }
}

/// Names the variables, because its reader has just typed `docker login`.
fn read_only(credential: &Credential) -> Error {
    let server = credential.server();
    let is_token = credential.username().as_str() == TOKEN_USERNAME;
    let names = match labeled::variables_for(server.key()) {
        Some([_, _, _, token, _]) if is_token => token,
        Some([user, password, ..]) => format!("{user} and {password}"),
        None if is_token => {
            format!("DOCKER_CREDENTIAL_<LABEL>_SERVER={server} and DOCKER_CREDENTIAL_<LABEL>_TOKEN")
        }
        None => format!(
            "DOCKER_CREDENTIAL_<LABEL>_SERVER={server}, DOCKER_CREDENTIAL_<LABEL>_USERNAME and DOCKER_CREDENTIAL_<LABEL>_PASSWORD"
        ),
    };
    Error::unsupported(format!(
        "docker-credential-env is read-only: set {names} instead of docker login"
    ))
}

#[cfg(test)]
mod tests;
