//! Finds the setting that decides for a server, as docker 29 and containers/image 5.36 (podman, skopeo,
//! buildah) do.

use super::{AuthError, Document, Entry, Problem, decode_auth};
use crate::{HUB_URL, ServerUrl};

/// docker's key for a registry's login: the Hub's URL, or the host with its port.
pub fn docker_key(server: &ServerUrl) -> String {
    if server.key().is_hub() {
        HUB_URL.to_owned()
    } else {
        hostname(server.as_str()).to_owned()
    }
}

/// podman's key when it asks a helper for a registry's login.
pub fn podman_key(server: &ServerUrl) -> String {
    if server.key().is_hub() {
        "docker.io".to_owned()
    } else {
        hostname(server.as_str()).to_owned()
    }
}

/// The host of an `auths` key, as docker sees it: without `http://` or `https://` and without a path.
pub fn hostname(key: &str) -> &str {
    let rest = key
        .strip_prefix("https://")
        .or_else(|| key.strip_prefix("http://"))
        .unwrap_or(key);
    rest.split_once('/').map_or(rest, |(host, _)| host)
}

/// docker's source of a login. If it chose a helper, it doesn't fall back to `auths`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice<'a> {
    /// The helper that `credHelpers` names for this server.
    CredHelper(&'a str),
    /// The helper that `credsStore` names for all others.
    CredsStore(&'a str),
    /// `auths`, in plain text.
    Auths,
}

impl<'a> Choice<'a> {
    /// The helper, if there is one.
    pub fn helper(self) -> Option<&'a str> {
        match self {
            Self::CredHelper(name) | Self::CredsStore(name) => Some(name),
            Self::Auths => None,
        }
    }
}

/// docker's source for the login of [its key](docker_key) `key`.
pub fn docker<'a>(document: &'a Document, key: &str) -> Choice<'a> {
    match (document.cred_helper(key), document.creds_store()) {
        (Some(""), _) | (None, None) => Choice::Auths,
        (Some(helper), _) => Choice::CredHelper(helper),
        (None, Some(helper)) => Choice::CredsStore(helper),
    }
}

/// Whether the entry for this server is a login at a registry. Other programs keep other things in docker's
/// store: docker's web login two tokens, its MCP gateway OAuth tokens (`https://NAME.mcp-dcr`, or the URL of
/// an authorization page), nerdctl logins under its own scheme. docker and podman never look these up for a
/// registry.
pub fn is_registry_login(server: &ServerUrl) -> bool {
    let (key, text) = (server.key(), server.as_str());
    // Clients don't look up a registry by a URL with a path; without a scheme, a path is podman's namespace.
    let is_page = text.contains("://") && !is_api_root(text);
    let is_gateways = hostname(text).to_ascii_lowercase().ends_with(".mcp-dcr");
    !(key.is_opaque() || key.is_hub_token() || is_page || is_gateways)
}

fn is_api_root(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.split_once('/').map_or("", |(_, path)| path);
    matches!(path.trim_end_matches('/'), "" | "v1" | "v2")
}

/// The entry of `auths` that docker uses for `key`: the one of that name, or else one with this
/// [host](hostname). (docker uses any of several; this uses the first.)
pub fn docker_entry<'a>(document: &'a Document, key: &str) -> Option<&'a Entry> {
    let entries = || document.auths();
    entries()
        .find(|entry| entry.server() == key)
        .or_else(|| entries().find(|entry| hostname(entry.server()) == key))
}

/// The helper that podman runs for `registry` when it reads this file. It ignores `credsStore`.
pub fn podman<'a>(document: &'a Document, registry: &str) -> Option<&'a str> {
    document.cred_helper(registry)
}

/// Whether this key of `auths` is a part of a registry (`quay.io/org`) for podman. docker treats it as the
/// host, and podman doesn't ask helpers for it.
pub fn is_namespace(key: &str) -> bool {
    !key.contains("://") && key.trim_end_matches('/').contains('/')
}

/// The entry of `auths` that podman uses for an image: that of the longest namespace (`quay.io/org`), down to
/// the host; otherwise one that is a URL of this host.
pub fn podman_entry<'a>(document: &'a Document, image: &str) -> Option<&'a Entry> {
    let entries = || document.auths();
    let mut key = image;
    loop {
        if let Some(entry) = entries().find(|entry| entry.server() == key) {
            return Some(entry);
        }
        match key.rsplit_once('/') {
            Some((shorter, _)) => key = shorter,
            None => break,
        }
    }
    entries().find(|entry| podman_host(entry.server()) == podman_host(key))
}

fn podman_host(key: &str) -> &str {
    // Only a URL loses its path: without a scheme it is a namespace.
    let host = if key.contains("://") { hostname(key) } else { key };
    match host {
        "docker.io" | "registry-1.docker.io" => "index.docker.io",
        host => host,
    }
}

/// Why docker rejects the value of `DOCKER_AUTH_CONFIG`. It prints a warning on stderr, and continues without
/// it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthConfigError {
    /// Not a configuration.
    #[error("it {0}")]
    Problem(#[from] Problem),
    /// docker accepts only `auths`, and in it only `auth`.
    #[error("docker does not accept {0:?} in it")]
    UnknownField(String),
    /// An entry without `auth`.
    #[error("the entry for {0} has no \"auth\"")]
    NoAuth(String),
    /// An invalid `auth`.
    #[error("the entry for {0}: {1}")]
    Auth(String, AuthError),
}

/// Reads `DOCKER_AUTH_CONFIG` as strictly as docker does since version 28.3.
pub fn auth_config(value: &str) -> Result<Document, AuthConfigError> {
    let document = Document::parse_strictly(value)?;
    if let Some(field) = document.unknown_auth_config_field() {
        return Err(AuthConfigError::UnknownField(field));
    }
    if let Some(trailing) = document.edit_blocker() {
        return Err(trailing.clone().into());
    }
    for entry in document.entries() {
        if entry.auth.expose().is_empty() {
            return Err(AuthConfigError::NoAuth(entry.server().to_owned()));
        }
        if let Err(error) = decode_auth(entry.auth.expose())
            && error != AuthError::NotUtf8
        {
            return Err(AuthConfigError::Auth(entry.server().to_owned(), error));
        }
    }
    Ok(document)
}
