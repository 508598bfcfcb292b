use std::fmt;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use crate::Secret;

/// What a configuration file says about one server.
///
/// `Debug` shows the server and which fields are there, not what they hold.
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

/// Where in a file an [`Entry`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// In `auths`, where docker and podman look.
    Auths,
    /// At top level, as `~/.dockercfg` had it and old guides still do. docker reads no such entry any more.
    TopLevel,
    /// `auth = …` on a line of its own: the first `~/.dockercfg`, which knew one server, the Hub.
    Lines,
}

/// A login in plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// A user name and what it is used with.
    Password {
        /// Not empty.
        username: String,
        /// As docker reads it: without the NULs that some tools pad it with.
        password: Secret,
    },
    /// An identity token, which replaces both user and password.
    IdentityToken(Secret),
}

/// Why an `auth` value gives no login. The first two texts are docker's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// Nothing before a colon, or no colon.
    #[error("invalid auth configuration file")]
    NoUsername,
    /// Not base64.
    #[error("illegal base64 data")]
    NotBase64,
    /// Bytes that no store of text can hold.
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

    /// The server as it is written there. In `~/.docker/config.json` it may be a URL, in podman's files a namespace
    /// (`quay.io/org`).
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Where in the file it is.
    pub fn form(&self) -> Form {
        self.form
    }

    /// The login it holds, if it holds one. As docker has it, an identity token goes before a password, and `auth`
    /// before `username` and `password`. Base64 without padding is accepted as well, because other tools write it.
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

    /// Whether docker can read it. One that it cannot read makes docker give up on the whole file.
    pub fn check_as_docker(&self) -> Result<(), AuthError> {
        match self.auth.expose() {
            "" => Ok(()),
            // docker does not mind bytes that are no text.
            auth => match decode_auth(auth) {
                Err(AuthError::NotUtf8) => Ok(()),
                result => result.map(drop),
            },
        }
    }

    /// Whether it holds a registry token. That is short-lived, and no helper can hold it: there is no field for it.
    pub fn has_registry_token(&self) -> bool {
        !self.registry_token.expose().is_empty()
    }

    /// Whether it only says that there is a login, kept elsewhere. docker writes `{}` at each login through a helper,
    /// and some clients ask for no server that has no entry.
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
    // As Go's decoder: it does not look at the bits that the last character has too many.
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
