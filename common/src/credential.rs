use std::fmt;

use crate::{Error, Secret, ServerUrl};

/// The user name docker stores with an identity token: the [`Secret`] is then no password, and clients exchange
/// it at the registry's token server instead of sending it as one.
pub const TOKEN_USERNAME: &str = "<token>";

/// What one `docker login` stores: who may enter which server, and with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    server: ServerUrl,
    username: Username,
    secret: Secret,
}

impl Credential {
    /// Joins the three parts, each of which is already known to be well-formed.
    pub fn new(server: ServerUrl, username: Username, secret: Secret) -> Self {
        Self {
            server,
            username,
            secret,
        }
    }

    /// The server as it was stored, which need not be spelled as it is asked for.
    pub fn server(&self) -> &ServerUrl {
        &self.server
    }

    /// Who logs in; [`TOKEN_USERNAME`] for an identity token.
    pub fn username(&self) -> &Username {
        &self.username
    }

    /// The password or identity token.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }
}

/// A user name: any text but an empty one, without NUL, kept byte for byte.
///
/// NUL is refused because several backends hold user names in attributes that end at it: the name would come back
/// cut.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Username(String);

impl Username {
    /// Fails with [`Error::NoUsername`] for an empty name and [`Error::Request`] for one with NUL; both are the
    /// caller's fault.
    pub fn parse(text: String) -> Result<Self, Error> {
        if text.is_empty() {
            return Err(Error::NoUsername);
        }
        if text.contains('\0') {
            return Err(Error::request(
                "the user name contains NUL; log in with one that does not",
            ));
        }
        Ok(Self(text))
    }

    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
