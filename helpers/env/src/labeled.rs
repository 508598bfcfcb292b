//! The helper's own variables: `DOCKER_CREDENTIAL_<LABEL>_SERVER`, `_USERNAME`, `_PASSWORD` and so on.
//!
//! A label with `_SERVER` is any word and binds the server to the rest. Without it, the label may
//! [name](label) a host. The server is in a value, not in an encoded name, so the names of two servers can't
//! collide.

use std::collections::BTreeSet;

use docker_credential_helper::{Environment, Secret, ServerKey, ServerUrl, TOKEN_USERNAME};

use crate::claim::{Claim, Claims, Login, SecretSource};
use crate::variable_error::VariableError;
use crate::{label, value};

const PREFIX: &str = "DOCKER_CREDENTIAL_";

const SERVER: &str = "_SERVER";
const USERNAME: &str = "_USERNAME";
const PASSWORD: &str = "_PASSWORD";
const PASSWORD_FILE: &str = "_PASSWORD_FILE";
const TOKEN: &str = "_TOKEN";
const TOKEN_FILE: &str = "_TOKEN_FILE";

/// The suffixes of a variable's name. None of our settings ends in one, and none ends in another, so each
/// name has one meaning.
const SUFFIXES: [&str; 6] = [SERVER, USERNAME, PASSWORD, PASSWORD_FILE, TOKEN, TOKEN_FILE];
const SECRETS: [&str; 4] = [PASSWORD, PASSWORD_FILE, TOKEN, TOKEN_FILE];

/// A label with at least one variable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Label(String);

pub(crate) fn claims(environment: &Environment) -> Claims {
    let mut claims = Claims::default();
    for label in labels(environment) {
        label.claim(environment, &mut claims);
    }
    claims
}

/// Labels for servers that are easily confused with this one: they differ in `-`, `.` or the port.
pub(crate) fn near_misses(environment: &Environment, server: &ServerKey) -> Vec<VariableError> {
    let Some(wanted) = without_separators(server) else {
        return Vec::new();
    };
    let near = labels(environment).into_iter().filter_map(|label| {
        let named = match value::parse_server(environment, &label.variable(SERVER)) {
            Ok(None) => label::decode(&label.0)?,
            Ok(Some(named)) => named,
            Err(_) => return None,
        };
        let is_near = named.key() != server && without_separators(named.key()).as_ref() == Some(&wanted);
        is_near.then(|| {
            let way_out = match variables_for(server) {
                Some([user, ..]) => format!("name them {user} and so on"),
                None => format!("set {}={server}", Label("<LABEL>".to_owned()).variable(SERVER)),
            };
            let variables = label.variables(environment);
            let verb = if variables.len() == 1 { "is" } else { "are" };
            VariableError::new(variables, format!("{verb} for {named}; for {server}, {way_out}"))
        })
    });
    near.collect()
}

fn without_separators(server: &ServerKey) -> Option<String> {
    let (host, _, path) = server.https_parts()?;
    path.is_empty().then(|| host.replace(['-', '.'], ""))
}

/// The labels that bind a server with `_SERVER` although the server has its own label, with that server.
///
/// In a CI system, a host label binds the login to its host, but anyone who overrides a `_SERVER` sends an
/// untouched password elsewhere.
pub(crate) fn free_labels(environment: &Environment) -> Vec<(String, ServerUrl)> {
    let free = labels(environment).into_iter().filter_map(|label| {
        let variable = label.variable(SERVER);
        let server = value::parse_server(environment, &variable).ok()??;
        label::encode(server.key()).map(|_| (variable, server))
    });
    free.collect()
}

/// The variables with the server's own label: user name first, then the four for a secret.
pub(crate) fn variables_for(server: &ServerKey) -> Option<[String; 5]> {
    let label = Label(label::encode(server)?);
    Some([USERNAME, PASSWORD, PASSWORD_FILE, TOKEN, TOKEN_FILE].map(|suffix| label.variable(suffix)))
}

/// Whether this is the name of one of these variables.
pub(crate) fn is_variable(name: &str) -> bool {
    Label::of_variable(name).is_some()
}

fn labels(environment: &Environment) -> BTreeSet<Label> {
    environment
        .names()
        .filter_map(|name| Label::of_variable(name.to_str()?))
        .collect()
}

impl Label {
    /// The label in a variable's name, if it is one of our variables.
    fn of_variable(name: &str) -> Option<Self> {
        // Windows ignores the case of names, but keeps it.
        let name = if cfg!(windows) {
            &name.to_ascii_uppercase()
        } else {
            name
        };
        let rest = name.strip_prefix(PREFIX)?;
        let is_ours = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        SUFFIXES
            .iter()
            .find_map(|suffix| rest.strip_suffix(suffix))
            .filter(|label| !label.is_empty() && label.bytes().all(is_ours))
            .map(|label| Self(label.to_owned()))
    }

    fn variable(&self, suffix: &str) -> String {
        // Not `format!`, which would be a third of a get's work.
        [PREFIX, &self.0, suffix].concat()
    }

    /// Those that are set.
    fn variables(&self, environment: &Environment) -> Vec<String> {
        SUFFIXES
            .iter()
            .map(|suffix| self.variable(suffix))
            .filter(|name| value::is_set(environment, name))
            .collect()
    }

    fn claim(&self, environment: &Environment, claims: &mut Claims) {
        let server_variable = self.variable(SERVER);
        let (server, login) = match value::parse_server(environment, &server_variable) {
            Ok(None) => {
                let Some(server) = label::decode(&self.0) else {
                    claims.unused.push(self.unused(environment));
                    return;
                };
                (Some(server), self.login(environment))
            }
            Err(error) => return claims.set_unattributed(error),
            Ok(Some(server)) if self.0.contains('_') => {
                // It could mean either server. Neither gets the secret, and neither is "not found".
                let error = VariableError::new(
                    [server_variable],
                    "is set for a label with an underscore, which itself names a host; rename the label, with A-Z and 0-9 only",
                );
                claims.all.extend(label::decode(&self.0).map(|server| Claim {
                    server,
                    variables: self.variables(environment),
                    login: Err(error.clone()),
                }));
                (Some(server), Err(error))
            }
            Ok(Some(server)) => (Some(server), self.login(environment)),
        };
        claims.push(Ok(server), self.variables(environment), Some(login));
    }

    fn unused(&self, environment: &Environment) -> VariableError {
        let variables = self.variables(environment);
        let verb = if variables.len() == 1 { "names" } else { "name" };
        let server = self.variable(SERVER);
        VariableError::new(
            variables,
            format!("{verb} no registry, so nothing uses the login; set {server} to the registry"),
        )
    }

    fn login(&self, environment: &Environment) -> Result<Login, VariableError> {
        let user_variable = self.variable(USERNAME);
        let mut set = SECRETS
            .iter()
            .filter(|suffix| value::is_set(environment, &self.variable(suffix)));
        let secret = match (set.next(), set.next()) {
            (Some(secret), None) => *secret,
            (Some(one), Some(other)) => {
                return Err(VariableError::new(
                    [self.variable(one), self.variable(other)],
                    "are both set; unset one",
                ));
            }
            (None, _) => {
                let set = self.variables(environment);
                let problem = if set.len() == 1 {
                    "has no secret beside it"
                } else {
                    "have no secret beside them"
                };
                let ways = SECRETS.map(|suffix| self.variable(suffix)).join(", ");
                return Err(VariableError::new(set, format!("{problem}; set one of {ways}")));
            }
        };
        let secret_variable = self.variable(secret);
        let username = match secret {
            TOKEN | TOKEN_FILE => TOKEN_USERNAME.to_owned(),
            _ => value::text(environment, &user_variable)?
                .ok_or_else(|| value::lacking(&secret_variable, &user_variable))?,
        };
        let secret = match secret {
            PASSWORD_FILE | TOKEN_FILE => SecretSource::InFile(secret_variable),
            _ => SecretSource::Here(Secret::new(
                value::text(environment, &secret_variable)?.unwrap_or_default(),
            )),
        };
        Ok(Login {
            username: value::username(&user_variable, username)?,
            secret,
        })
    }
}

#[cfg(test)]
mod tests;
