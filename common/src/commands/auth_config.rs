//! `DOCKER_AUTH_CONFIG`, as docker reads it: strictly, and docker ignores an invalid one with a warning.

use crate::Environment;
use crate::config::Document;
use crate::config::lookup::{self, AuthConfigError};

pub(super) const VARIABLE: &str = "DOCKER_AUTH_CONFIG";

/// How docker reads the variable.
pub(super) enum AuthConfig {
    /// Not set, or empty.
    Unset,
    NotText,
    Refused(AuthConfigError),
    /// docker 28.3 and later read logins from it before anything else.
    Read(Box<Document>),
}

impl AuthConfig {
    pub(super) fn of(environment: &Environment) -> Self {
        let Some(value) = environment.variable(VARIABLE).filter(|value| !value.is_empty()) else {
            return Self::Unset;
        };
        match value.to_str().map(lookup::auth_config) {
            None => Self::NotText,
            Some(Err(error)) => Self::Refused(error),
            Some(Ok(document)) => Self::Read(Box::new(document)),
        }
    }
}
