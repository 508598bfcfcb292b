use std::fmt;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use crate::Secret;

/// An entry of a configuration file, for one server.
///
/// `Debug` shows the server and the names of its fields, not their values.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    pub(super) server: String,
    pub(super) form: Form,
    pub(super) auth: Secret,
    pub(super) username: String,
    pub(super) password: Secret,
    pub(super) identity_token: Secret,
    pub(super) registry_token: Secret,
}

/// The place of an [`Entry`] in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// In `auths`, where docker and podman look.
    Auths,
    /// At top level, as in `~/.dockercfg` and in old guides. docker doesn't read such entries any more.
    TopLevel,
    /// `auth = …` on its own line: the first `~/.dockercfg`, which only supported the Hub.
    Lines,
}

/// A login in plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// A user name and its password.
    Password {
        /// Not empty.
        username: String,
        /// As docker reads it: without the NULs that some tools add as padding.
        password: Secret,
    },
    /// An identity token, which replaces both user and password.
    IdentityToken(Secret),
}

/// Why an `auth` value isn't a login. The first two texts are docker's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// No user name, or no colon.
    #[error("invalid auth configuration file")]
    NoUsername,
    /// Not base64.
    #[error("illegal base64 data")]
    NotBase64,
    /// Bytes that aren't text.
    #[error("the user name and password are not valid UTF-8")]
    NotUtf8,
}

impl Entry {
    pub(super) fn empty(server: &str, form: Form) -> Self {
        let nothing = || Secret::new(String::new());
        Self {
            server: server.to_owned(),
            form,
            auth: nothing(),
            username: String::new(),
            password: nothing(),
            identity_token: nothing(),
            registry_token: nothing(),
        }
    }

    /// The server as written there. In `~/.docker/config.json` it may be a URL, in podman's files a namespace
    /// (`quay.io/org`).
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Its place in the file.
    pub fn form(&self) -> Form {
        self.form
    }

    /// Its login, if it has one. As in docker, an identity token has priority over a password, and `auth`
    /// over `username` and `password`. Also accepts base64 without padding, because other tools write it.
    pub fn login(&self) -> Result<Option<Login>, AuthError> {
        if !self.identity_token.expose().is_empty() {
            return Ok(Some(Login::IdentityToken(self.identity_token.clone())));
        }
        let (username, password) = if self.auth.expose().is_empty() {
            (self.username.clone(), self.password.clone())
        } else {
            decode(self.auth.expose(), DecodePaddingMode::Indifferent)?
        };
        match (username.is_empty(), password.expose().is_empty()) {
            (true, true) => Ok(None),
            (true, false) => Err(AuthError::NoUsername),
            (false, _) => Ok(Some(Login::Password { username, password })),
        }
    }

    /// Whether docker can read it. If not, docker ignores the whole file.
    pub fn check_as_docker(&self) -> Result<(), AuthError> {
        match self.auth.expose() {
            "" => Ok(()),
            // docker accepts bytes that aren't text.
            auth => match decode_auth(auth) {
                Err(AuthError::NotUtf8) => Ok(()),
                result => result.map(drop),
            },
        }
    }

    /// Whether it holds a registry token. Those are short-lived, and the protocol of helpers doesn't have a
    /// field for them.
    pub fn has_registry_token(&self) -> bool {
        !self.registry_token.expose().is_empty()
    }

    /// Whether it is only a marker for a login elsewhere. docker writes `{}` for each login through a helper,
    /// and some clients skip servers without an entry.
    pub fn is_marker(&self) -> bool {
        matches!(self.login(), Ok(None)) && !self.has_registry_token()
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("server", &self.server)
            .field("form", &self.form)
            .field("is_marker", &self.is_marker())
            .finish_non_exhaustive()
    }
}

/// User name and password of an `auth` value, by docker's rules: standard base64 with padding, line breaks inside it
/// ignored, split at the first colon, NULs around the password cut off.
pub fn decode_auth(auth: &str) -> Result<(String, Secret), AuthError> {
    decode(auth, DecodePaddingMode::RequireCanonical)
}

/// The `auth` value for a login. A user name with a colon can't be separated from its password again.
pub fn encode_auth(username: &str, password: &Secret) -> Secret {
    let joined = Zeroizing::new(format!("{username}:{}", password.expose()));
    Secret::new(base64::engine::general_purpose::STANDARD.encode(joined.as_bytes()))
}

fn decode(auth: &str, padding: DecodePaddingMode) -> Result<(String, Secret), AuthError> {
    // As Go's decoder: ignores the extra bits of the last character.
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(padding)
        .with_decode_allow_trailing_bits(true);
    let joined: Zeroizing<String> =
        Zeroizing::new(auth.chars().filter(|c| !matches!(c, '\r' | '\n')).collect());
    let bytes = GeneralPurpose::new(&STANDARD, config)
        .decode(joined.as_bytes())
        .map(Zeroizing::new)
        .map_err(|_| AuthError::NotBase64)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| AuthError::NotUtf8)?;
    match text.split_once(':') {
        None | Some(("", _)) => Err(AuthError::NoUsername),
        Some((username, password)) => Ok((
            username.to_owned(),
            Secret::new(password.trim_matches('\0').to_owned()),
        )),
    }
}
