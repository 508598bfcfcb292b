//! Values of variables, used unchanged, including white space: a secret may end in it, and if we trimmed it,
//! it would work in this helper only. `doctor` flags it.

use docker_credential_helper::{Environment, Secret, ServerUrl, Username};

use crate::claim::{Login, SecretSource};
use crate::variable_error::VariableError;

/// The value, if the variable is set. It is an error if it is empty or not text.
pub(crate) fn text(environment: &Environment, name: &str) -> Result<Option<String>, VariableError> {
    let Some(value) = environment.variable(name) else {
        return Ok(None);
    };
    match value.into_string() {
        Err(_) => Err(VariableError::new([name], "is not valid UTF-8; set it to text")),
        Ok(value) if value.is_empty() => Err(VariableError::new(
            [name],
            "is set but empty; give it a value or unset it",
        )),
        Ok(value) => Ok(Some(value)),
    }
}

/// Whether the variable has exactly this value.
pub(crate) fn is(environment: &Environment, name: &str, expected: &str) -> bool {
    environment.variable(name).is_some_and(|value| value == expected)
}

pub(crate) fn is_set(environment: &Environment, name: &str) -> bool {
    environment.variable(name).is_some()
}

/// The server in a CI system's variable. Unset and empty are the same there, and neither means the Hub.
pub(crate) fn server(environment: &Environment, name: &str) -> Result<Option<ServerUrl>, VariableError> {
    match environment.variable(name) {
        Some(value) if !value.is_empty() => parse_server(environment, name),
        _ => Ok(None),
    }
}

/// The server in a variable; it is an error if it isn't one.
pub(crate) fn parse_server(
    environment: &Environment,
    name: &str,
) -> Result<Option<ServerUrl>, VariableError> {
    let Some(text) = text(environment, name)? else {
        return Ok(None);
    };
    // Doesn't quote the value, which may contain a password before the host.
    match ServerUrl::parse(&text).and_then(|server| server.for_storing()) {
        Ok(server) => Ok(Some(server)),
        Err(_) if is_placeholder(text.trim()) => Err(VariableError::new(
            [name],
            "holds a reference that the CI system did not expand; pass its value",
        )),
        Err(_) => Err(VariableError::new(
            [name],
            "is not a registry; write it as [https://]host[:port][/path], without white space or user name",
        )),
    }
}

/// A user name and a password in two variables. Nothing if neither is set.
pub(crate) fn pair(
    environment: &Environment,
    user: &str,
    password: &str,
) -> Option<Result<Login, VariableError>> {
    match (text(environment, user), text(environment, password)) {
        (Ok(None), Ok(None)) => None,
        (Err(error), _) | (_, Err(error)) => Some(Err(error)),
        (Ok(Some(_)), Ok(None)) => Some(Err(lacking(user, password))),
        (Ok(None), Ok(Some(_))) => Some(Err(lacking(password, user))),
        (Ok(Some(name)), Ok(Some(secret))) => Some(login(user, name, secret)),
    }
}

pub(crate) fn login(variable: &str, username: String, secret: String) -> Result<Login, VariableError> {
    Ok(Login {
        username: self::username(variable, username)?,
        secret: SecretSource::Here(Secret::new(secret)),
    })
}

pub(crate) fn username(variable: &str, username: String) -> Result<Username, VariableError> {
    Username::parse(username).map_err(|_| VariableError::new([variable], "is not a user name; give it one"))
}

pub(crate) fn lacking(present: &str, absent: &str) -> VariableError {
    VariableError::new([present], format!("is set without {absent}; set both or neither"))
}

/// Whether the whole value is an unexpanded reference, or a mask: `$(NAME)`, `$NAME`, `${NAME}`, `${{
/// secrets.NAME }}`, `%NAME%`, `***` or `[MASKED]`.
pub(crate) fn is_placeholder(text: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && !name.starts_with(|first: char| first.is_ascii_digit())
    };
    let inside = |open: &str, close: &str| text.strip_prefix(open)?.strip_suffix(close);
    inside("$(", ")").is_some()
        || inside("${", "}").is_some()
        || text.strip_prefix('$').is_some_and(is_name)
        || inside("%", "%").is_some_and(is_name)
        || (text.len() >= 3 && text.bytes().all(|byte| byte == b'*'))
        || text == "[MASKED]"
}
