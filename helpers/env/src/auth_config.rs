//! `DOCKER_AUTH_CONFIG`: a config.json in a variable, as GitLab has it and docker since version 28.3.
//!
//! docker accepts only `auths` with `auth`, and ignores any other value of the variable. GitLab's runner
//! accepts a whole config.json, base64 without padding, and user and password in separate fields. This
//! accepts both forms; it ignores `credsStore` and `credHelpers`, which would lead back to a helper.

use docker_credential_helper::config::{Document, Entry, Form, Login as Plain, Problem};
use docker_credential_helper::{Environment, ServerUrl, TOKEN_USERNAME};

use crate::claim::{Claims, Login, SecretSource};
use crate::value;
use crate::variable_error::VariableError;

const VARIABLE: &str = "DOCKER_AUTH_CONFIG";

pub(crate) fn claims(environment: &Environment) -> Claims {
    let mut claims = Claims::default();
    // docker treats an empty one as unset.
    if environment
        .variable(VARIABLE)
        .is_none_or(|value| value.is_empty())
    {
        return claims;
    }
    let document = value::text(environment, VARIABLE).and_then(|text| {
        let text = text.unwrap_or_default();
        Document::parse_strictly(&text).map_err(|problem| malformed(&text, &problem))
    });
    match document {
        Err(error) => claims.set_unattributed(error),
        Ok(document) => {
            let entries = document.entries().iter();
            for entry in entries.filter(|entry| entry.form() == Form::Auths) {
                if let Some(server) = server(entry) {
                    claims.push(Ok(Some(server)), vec![VARIABLE.to_owned()], login(entry));
                }
            }
        }
    }
    claims
}

/// GitLab passes variables of the type File as a path, and secrets are often encoded for transport. If we
/// guessed, it would work in this helper only, so the text names the problem.
fn malformed(text: &str, problem: &Problem) -> VariableError {
    let text = text.trim();
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=_-\r\n".contains(&byte);
    let problem = match text.as_bytes() {
        [b'/' | b'~', ..] => {
            "holds a path; it must hold the JSON itself (in GitLab, make the variable's type Variable, not File)"
                .to_owned()
        }
        // Base64 of `{"`, of `{ ` and of `{` and a newline.
        [b'e', b'y' | b'w', ..] if text.bytes().all(is_base64) => {
            "holds base64; decode it, because it must hold the JSON itself".to_owned()
        }
        [b'\'' | b'"', ..] => "begins with a quote; remove the quotes around the JSON".to_owned(),
        _ => problem.to_string(),
    };
    VariableError::new([VARIABLE], problem)
}

/// The entry's server, if it is a registry: a key outside the grammar would only answer for its own spelling.
fn server(entry: &Entry) -> Option<ServerUrl> {
    ServerUrl::parse(entry.server())
        .ok()
        .filter(|server| !server.key().is_opaque())
}

/// Nothing for an entry that is only a marker.
fn login(entry: &Entry) -> Option<Result<Login, VariableError>> {
    let unusable = |problem: &str| {
        VariableError::new(
            [VARIABLE],
            format!("has an entry for {} with {problem}", entry.server()),
        )
    };
    let (username, secret) = match entry.login() {
        Ok(None) => return None,
        Ok(Some(Plain::IdentityToken(token))) => (TOKEN_USERNAME.to_owned(), token),
        Ok(Some(Plain::Password { username, password })) => (username, password),
        Err(error) => {
            return Some(Err(unusable(&format!(
                "no login in it: {error}; write it as base64 of user:password"
            ))));
        }
    };
    Some(if secret.expose().is_empty() {
        Err(unusable("an empty password; give it one"))
    } else {
        value::username(VARIABLE, username).map(|username| Login {
            username,
            secret: SecretSource::Here(secret),
        })
    })
}

#[cfg(test)]
mod tests;
