//! What a source says: this login, for that server, from these variables.

use std::fmt;

use docker_credential_helper::{Credential, Environment, Error, Secret, ServerKey, ServerUrl, Username};

use crate::secret_file;

/// What one source has to say, about whichever server.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    pub(crate) claims: Vec<Claim>,
    /// What keeps the source from knowing which server it would answer for: an empty `_SERVER`, JSON that is none.
    /// Any server might be the one, so while this is so, nothing counts as not found.
    pub(crate) homeless: Option<Trouble>,
}

/// One login for one server.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) server: ServerUrl,
    /// What it is made of.
    pub(crate) variables: Vec<String>,
    pub(crate) login: Result<Login, Trouble>,
}

/// A login whose secret may yet have to be read.
#[derive(Debug)]
pub(crate) struct Login {
    pub(crate) username: Username,
    pub(crate) secret: Held,
}

/// Where a secret is.
#[derive(Debug)]
pub(crate) enum Held {
    Here(Secret),
    /// In the file that this variable names. It is read only for the server that is asked for.
    InFile(String),
}

impl Claims {
    /// Takes a claim in, with its server as it was found: a login of which nobody knows the server is trouble for every
    /// server.
    pub(crate) fn push(
        &mut self,
        server: Result<Option<ServerUrl>, Trouble>,
        variables: Vec<String>,
        login: Option<Result<Login, Trouble>>,
    ) {
        match (server, login) {
            (_, None) | (Ok(None), _) => {}
            (Err(trouble), Some(_)) => self.set_homeless(trouble),
            (Ok(Some(server)), Some(login)) => self.claims.push(Claim {
                server,
                variables,
                login,
            }),
        }
    }

    /// By server, so that [`about`](Self::about) need not go through all of them: `list` asks for each server in turn.
    /// Those for one server stay in their order.
    pub(crate) fn sorted(mut self) -> Self {
        self.claims
            .sort_by(|one, other| one.server.key().cmp(other.server.key()));
        self
    }

    /// Those for one server, if they are [`sorted`](Self::sorted).
    pub(crate) fn about(&self, server: &ServerKey) -> &[Claim] {
        let start = self.claims.partition_point(|claim| claim.server.key() < server);
        let rest = &self.claims[start..];
        &rest[..rest.partition_point(|claim| claim.server.key() == server)]
    }

    pub(crate) fn set_homeless(&mut self, trouble: Trouble) {
        self.homeless.get_or_insert(trouble);
    }
}

impl Claim {
    /// The whole login, with its file read.
    pub(crate) fn credential(&self, environment: &Environment) -> Result<Credential, Trouble> {
        let login = self.login.as_ref().map_err(Clone::clone)?;
        let secret = match &login.secret {
            Held::Here(secret) => secret.clone(),
            Held::InFile(variable) => secret_file::read(environment, variable)?,
        };
        Ok(Credential::new(
            self.server.clone(),
            login.username.clone(),
            secret,
        ))
    }
}

/// Why variables give no login: their names, and what is wrong with them. Never a value, which may be the secret, set in
/// the wrong place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    variables: Vec<String>,
    problem: String,
    /// Nothing is wrong with the variables, but something they name is not there (yet).
    is_absence: bool,
}

impl Trouble {
    /// `problem` goes on where the names end.
    pub(crate) fn new<S: Into<String>>(
        variables: impl IntoIterator<Item = S>,
        problem: impl Into<String>,
    ) -> Self {
        Self {
            variables: variables.into_iter().map(Into::into).collect(),
            problem: problem.into(),
            is_absence: false,
        }
    }

    /// A file that is not there.
    pub(crate) fn absence(variable: &str, problem: impl Into<String>) -> Self {
        Self {
            is_absence: true,
            ..Self::new([variable], problem)
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", enumeration(&self.variables), self.problem)
    }
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        if trouble.is_absence {
            return Self::Unavailable(trouble.to_string().into());
        }
        Self::setting(enumeration(&trouble.variables), trouble.problem)
    }
}

/// `A`, `A and B`, `A, B and C`.
pub(crate) fn enumeration<S: AsRef<str>>(names: &[S]) -> String {
    let mut text = String::new();
    for (index, name) in names.iter().enumerate() {
        let separator = match index {
            0 => "",
            _ if index + 1 == names.len() => " and ",
            _ => ", ",
        };
        text.push_str(separator);
        text.push_str(name.as_ref());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_as_in_a_sentence() {
        assert_eq!(enumeration(&["A"]), "A");
        assert_eq!(enumeration(&["A", "B"]), "A and B");
        assert_eq!(enumeration(&["A", "B", "C"]), "A, B and C");
    }

    #[test]
    fn only_what_is_not_there_may_be_passed_over_as_unavailable() {
        let wrong = Error::from(Trouble::new(["A"], "is wrong; mend it"));
        assert!(matches!(wrong, Error::Setting { .. }));
        assert_eq!(wrong.to_string(), "A is wrong; mend it");
        let absent = Error::from(Trouble::absence("A", "names no file"));
        assert!(matches!(absent, Error::Unavailable(_)));
        assert_eq!(absent.to_string(), "A names no file");
    }
}
