//! A source's claims: this login, for that server, from these variables.

use docker_credential_helper::{Credential, Environment, Secret, ServerKey, ServerUrl, Username};

use crate::secret_file;
use crate::variable_error::VariableError;

/// All claims of one source, about any server.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    pub(crate) all: Vec<Claim>,
    /// The reason why the source doesn't know the server of a login: an empty `_SERVER`, malformed JSON. It
    /// could be any server, so the source can't answer "not found".
    pub(crate) unattributed: Option<VariableError>,
    /// Variables that are set but don't answer for any server, with the reason. They aren't an error;
    /// `doctor` and `explain` show them.
    pub(crate) unused: Vec<VariableError>,
}

/// One login for one server.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) server: ServerUrl,
    /// Its variables.
    pub(crate) variables: Vec<String>,
    pub(crate) login: Result<Login, VariableError>,
}

/// A login whose secret may still be in a file.
#[derive(Debug)]
pub(crate) struct Login {
    pub(crate) username: Username,
    pub(crate) secret: SecretSource,
}

/// The place of a secret.
#[derive(Debug)]
pub(crate) enum SecretSource {
    Here(Secret),
    /// In the file that this variable names. Only read for the requested server.
    InFile(String),
}

impl Claims {
    /// Adds a claim, with the result of parsing its server: a login with an unknown server is an error for
    /// every server.
    pub(crate) fn push(
        &mut self,
        server: Result<Option<ServerUrl>, VariableError>,
        variables: Vec<String>,
        login: Option<Result<Login, VariableError>>,
    ) {
        match (server, login) {
            (_, None) | (Ok(None), _) => {}
            (Err(error), Some(_)) => self.set_unattributed(error),
            (Ok(Some(server)), Some(login)) => self.all.push(Claim {
                server,
                variables,
                login,
            }),
        }
    }

    /// Sorts by server, so that [`about`](Self::about) doesn't have to search them all: `list` asks for each
    /// server in turn. Keeps the order for each server.
    pub(crate) fn sorted(mut self) -> Self {
        self.all
            .sort_by(|one, other| one.server.key().cmp(other.server.key()));
        self
    }

    /// Those for one server, if they are [`sorted`](Self::sorted).
    pub(crate) fn about(&self, server: &ServerKey) -> &[Claim] {
        let start = self.all.partition_point(|claim| claim.server.key() < server);
        let rest = &self.all[start..];
        &rest[..rest.partition_point(|claim| claim.server.key() == server)]
    }

    pub(crate) fn append(&mut self, other: Self) {
        self.all.extend(other.all);
        self.unused.extend(other.unused);
        if let Some(error) = other.unattributed {
            self.set_unattributed(error);
        }
    }

    pub(crate) fn set_unattributed(&mut self, error: VariableError) {
        self.unattributed.get_or_insert(error);
    }
}

impl Claim {
    /// The complete login, which reads its file.
    pub(crate) fn credential(&self, environment: &Environment) -> Result<Credential, VariableError> {
        let login = self.login.as_ref().map_err(Clone::clone)?;
        let secret = match &login.secret {
            SecretSource::Here(secret) => secret.clone(),
            SecretSource::InFile(variable) => secret_file::read(environment, variable)?,
        };
        Ok(Credential::new(
            self.server.clone(),
            login.username.clone(),
            secret,
        ))
    }
}
