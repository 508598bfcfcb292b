//! Servers: a client's name for one, and the key that is equal for names of the same server.
//!
//! We parse the grammar by hand and compare text. URL libraries decode `%67hcr.io`, fold full-width letters
//! into ASCII and accept `+443` as a port; each of these makes two names equal that a registry's TLS
//! certificate distinguishes.

use std::fmt;

use crate::Error;

mod key;
mod registry;

use self::key::Key;
pub use self::key::ServerKey;
use self::registry::is_plain_foreign_url;
#[cfg(feature = "commands")]
pub(crate) use self::registry::split_port;

/// docker's own name for Docker Hub; the Hub is always stored and listed under it.
pub const HUB_URL: &str = "https://index.docker.io/v1/";

/// Repository names aren't longer (OCI distribution specification), so clients don't request longer paths.
const REPOSITORY_MAX: usize = 255;

/// A server as a client spells it: one non-empty line without control characters, and its key.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerUrl {
    text: String,
    key: ServerKey,
}

impl ServerUrl {
    /// Keeps the text unchanged; refuses white space around it, because a store would return another string.
    ///
    /// Fails with [`Error::NoServerUrl`] for an empty text and [`Error::Request`] for white space around it, a
    /// control character, a line separator (U+2028, U+2029) or NUL anywhere. Everything else is a server,
    /// even if it is [opaque](ServerKey::is_opaque).
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.is_empty() {
            return Err(Error::NoServerUrl);
        }
        if text
            .chars()
            .any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
        {
            return Err(Error::request(
                "the server URL contains a control character or a line break; send one server on one line",
            ));
        }
        if text.trim() != text {
            return Err(Error::request(
                "the server URL begins or ends with white space; send it without",
            ));
        }
        Ok(Self {
            text: text.to_owned(),
            key: ServerKey::of(text),
        })
    }

    /// Docker Hub, spelled [as docker does](HUB_URL).
    pub fn hub() -> Self {
        Self {
            text: HUB_URL.to_owned(),
            key: ServerKey::of(HUB_URL),
        }
    }

    /// The string as the client sent it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The key of the server.
    pub fn key(&self) -> &ServerKey {
        &self.key
    }

    /// The spelling to store a credential under: the Hub's URL, or the server's own spelling.
    ///
    /// Fails with [`Error::Refused`] for a string that only equals itself, unless it has another scheme
    /// (`nerdctl-experimental://…`), because such a login would never be found again. That includes user
    /// information, which would put a password into `list`.
    pub fn for_storing(&self) -> Result<Self, Error> {
        match &self.key.0 {
            Key::Registry(registry) if registry.is_hub() => Ok(Self::hub()),
            Key::Registry(_) => Ok(self.clone()),
            Key::Opaque(text) if is_plain_foreign_url(text) => Ok(self.clone()),
            Key::Opaque(_) => Err(Error::refused(format!(
                "{self} is not a registry; write it as [https://]host[:port][/path], \
                     without user name, password, query or %"
            ))),
        }
    }

    /// The parts of a string that may be shown even if it contains a user name and password.
    ///
    /// Omits everything before the last `@`, except our two schemes, because `://` may follow a password, or
    /// be in one: in doubt, it omits too much.
    fn without_secrets(&self) -> (&str, &str) {
        let text = self.text.as_str();
        let Some(at) = text.rfind('@') else {
            return ("", text);
        };
        let is_in_query = text[..at].contains(['?', '#']);
        let shown = if is_in_query { "" } else { &text[at..] };
        match ["https://", "http://"]
            .into_iter()
            .find(|scheme| text.starts_with(scheme))
        {
            Some("https://") => ("https://…", shown),
            Some(_) => ("http://…", shown),
            None => ("…", shown),
        }
    }

    /// The servers whose credentials also answer for this one, the closest first: each prefix of the path by
    /// whole segments, down to the host itself.
    ///
    /// Only for a query without a scheme and with a path, because crane, ko and cosign request
    /// `host/org/repository` before the host. Docker's web login tokens are neither enclosed nor enclosing.
    pub fn enclosing(&self) -> Vec<Self> {
        let Key::Registry(registry) = &self.key.0 else {
            return Vec::new();
        };
        if self.text.contains("://") || registry.is_hub_token() {
            return Vec::new();
        }
        let path_length = registry.path.len();
        if path_length > REPOSITORY_MAX {
            return Vec::new();
        }
        let text = self.text.strip_suffix('/').unwrap_or(&self.text);
        let host_end = text.len() - path_length;
        let mut prefixes: Vec<Self> = text
            .char_indices()
            .rev()
            .filter(|&(index, c)| c == '/' && index >= host_end)
            .map(|(index, _)| &text[..index])
            .map(|prefix| Self {
                text: prefix.to_owned(),
                key: ServerKey::of(prefix),
            })
            .filter(|prefix| !prefix.key.is_hub_token())
            .collect();
        prefixes.dedup_by(|next, previous| next.key == previous.key);
        prefixes
    }
}

/// For messages and logs: omits a user name and password before the host, a query and a fragment, which may
/// contain a token, and the end of a very long string.
impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 200;
        let (before, shown) = if self.key.is_opaque() {
            self.without_secrets()
        } else {
            ("", self.text.as_str())
        };
        let end = shown.find(['?', '#']).map(|end| end + 1);
        let too_long = shown.char_indices().nth(SHOWN).map(|(end, _)| end);
        match end.into_iter().chain(too_long).min() {
            Some(end) => write!(f, "{before}{}…", &shown[..end]),
            None => write!(f, "{before}{shown}"),
        }
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerUrl({self})")
    }
}

#[cfg(test)]
mod tests;
