use std::fmt;

use crate::{Error, Secret, ServerUrl};

/// docker's user name for an identity token: the [`Secret`] then isn't a password, and clients exchange it at
/// the registry's token server.
pub const TOKEN_USERNAME: &str = "<token>";

/// The result of one `docker login`: a server, a user name and a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    server: ServerUrl,
    username: Username,
    secret: Secret,
}

impl Credential {
    /// Joins the three parts, whose types guarantee that they are well-formed.
    pub fn new(server: ServerUrl, username: Username, secret: Secret) -> Self {
        Self {
            server,
            username,
            secret,
        }
    }

    /// The server as it was stored, which may be another spelling of the requested one.
    pub fn server(&self) -> &ServerUrl {
        &self.server
    }

    /// The user name; [`TOKEN_USERNAME`] for an identity token.
    pub fn username(&self) -> &Username {
        &self.username
    }

    /// The password or identity token.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Whether both have the same user and secret, whatever their servers.
    pub fn is_same_login(&self, other: &Self) -> bool {
        (&self.username, &self.secret) == (&other.username, &other.secret)
    }
}

/// A user name: any text without NUL that isn't empty, kept byte for byte.
///
/// NUL is refused because several backends keep user names in attributes that end at it, which would cut the
/// name.
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
