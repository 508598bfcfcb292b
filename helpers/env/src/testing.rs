//! Requests of the tests, with given variables, by the same rule as for clients.

use docker_credential_helper::{CredentialStore, Environment, Error, ServerUrl, matching};

use crate::store::EnvStore;

pub(crate) fn url(text: &str) -> ServerUrl {
    ServerUrl::parse(text).unwrap()
}

pub(crate) fn environment(variables: &[(&str, &str)]) -> Environment {
    Environment::stated("docker-credential-env", variables.iter().copied())
}

/// With one value that is not valid UTF-8.
#[cfg(unix)]
pub(crate) fn environment_with_bytes(variables: &[(&str, &str)], name: &str) -> Environment {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    let text = variables
        .iter()
        .map(|(name, value)| (*name, OsString::from(value)));
    let bytes = OsString::from_vec(b"\xFFsecret".to_vec());
    Environment::stated("docker-credential-env", text.chain([(name, bytes)]))
}

pub(crate) fn store(environment: &Environment) -> EnvStore {
    EnvStore::open(environment).unwrap()
}

/// `user:secret`, or nothing if the answer is "not found", or the error's text.
pub(crate) fn ask(environment: &Environment, query: &str) -> Result<Option<String>, String> {
    match matching::find(&store(environment), &url(query)) {
        Ok(found) => Ok(Some(format!("{}:{}", found.username(), found.secret().expose()))),
        Err(Error::NotFound) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

#[track_caller]
pub(crate) fn assert_answers(variables: &[(&str, &str)], query: &str, expected: &str) {
    let answer = ask(&environment(variables), query);
    assert_eq!(answer, Ok(Some(expected.to_owned())), "{query}");
}

#[track_caller]
pub(crate) fn assert_not_found(variables: &[(&str, &str)], query: &str) {
    assert_eq!(ask(&environment(variables), query), Ok(None), "{query}");
}

/// The error's text, which doesn't show values.
#[track_caller]
pub(crate) fn assert_error(variables: &[(&str, &str)], query: &str, expected: &str) {
    let error = ask(&environment(variables), query).expect_err(query);
    assert_eq!(error, expected, "{query}");
}

/// `server user` for each listed one.
pub(crate) fn listed(environment: &Environment) -> Vec<String> {
    let items = store(environment)
        .list()
        .expect("list never fails because of a source");
    let listing = matching::listing(items);
    listing
        .iter()
        .map(|(server, user)| format!("{server} {user}"))
        .collect()
}
