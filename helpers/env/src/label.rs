//! Labels that name a host themselves: `DOCKER_CREDENTIAL_GHCR_IO_USERNAME` doesn't need a `_SERVER`.
//!
//! Upper case, `.` as `_`, `-` as `__`, a port as a final `_PORT_<n>`. That is reversible because no part of a host
//! name begins or ends with a hyphen: one underscore is a dot, an even number of them are hyphens, any other
//! number is invalid. A final part of only digits, which could be mistaken for a port, is accepted only in
//! IPv4 addresses, because `port` can't precede it there.

use std::net::Ipv4Addr;

use docker_credential_helper::{ServerKey, ServerUrl};

const PORT: &str = "_PORT_";

/// The Hub has four names, but one label.
const HUB: &str = "DOCKER_IO";

/// The label that names this server, if there is one: only for an https host without a path, and with a dot
/// or a port, so that a freely chosen label (`PROD`) isn't a host.
pub(crate) fn encode(server: &ServerKey) -> Option<String> {
    if server.is_hub() {
        return Some(HUB.to_owned());
    }
    let (host, port, path) = server.https_parts()?;
    let is_host = host == "localhost" || port.is_some() || host.contains('.');
    if !(path.is_empty() && is_host && is_host_name(host)) {
        return None;
    }
    let mut label = String::with_capacity(host.len() + 16);
    for c in host.chars() {
        match c {
            '.' => label.push('_'),
            '-' => label.push_str("__"),
            c => label.push(c.to_ascii_uppercase()),
        }
    }
    if let Some(port) = port {
        label.push_str(PORT);
        label.push_str(&port.to_string());
    }
    Some(label)
}

/// The server that a label names, if it names one. The result only counts if [`encode`] returns the same
/// label again: so two labels never name one server, and a label never names two.
pub(crate) fn decode(label: &str) -> Option<ServerUrl> {
    let (host, port) = match label.rsplit_once(PORT) {
        Some((host, port)) if is_digits(port) => (host, Some(port)),
        _ => (label, None),
    };
    let mut text = host.replace("__", "-").replace('_', ".").to_ascii_lowercase();
    if let Some(port) = port {
        text.push(':');
        text.push_str(port);
    }
    let server = ServerUrl::parse(&text).ok()?;
    let is_reversible = encode(server.key()).is_some_and(|encoded| encoded == label);
    server.for_storing().ok().filter(|_| is_reversible)
}

fn is_host_name(host: &str) -> bool {
    let is_part = |part: &str| {
        let bytes = part.as_bytes();
        let is_end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let is_inner = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
        is_end(bytes.first()) && is_end(bytes.last()) && bytes.iter().all(is_inner)
    };
    let last = host.rsplit('.').next().unwrap_or(host);
    host.split('.').all(is_part) && (!is_digits(last) || host.parse::<Ipv4Addr>().is_ok())
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
