//! The grammar of a registry: `[scheme://]host[:port][/path]`.

const HUB_HOST: &str = "index.docker.io";
const HUB_HOSTS: [&str; 4] = [
    HUB_HOST,
    "docker.io",
    "registry-1.docker.io",
    "registry.hub.docker.com",
];
/// docker's web login keeps two tokens below the Hub's URL.
const HUB_TOKEN_PATHS: [&str; 2] = ["/v1/access-token", "/v1/refresh-token"];
const API_ROOTS: [&str; 3] = ["", "/v1", "/v2"];

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Registry {
    pub(super) scheme: Scheme,
    /// Lower case.
    pub(super) host: String,
    /// Not set for the scheme's default.
    pub(super) port: Option<u16>,
    /// Empty for an API root; otherwise it begins with a slash and ends without one.
    pub(super) path: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Scheme {
    Http,
    Https,
}

impl Registry {
    /// Parses `[scheme://]host[:port][/path]`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (Scheme::parse(scheme)?, rest),
            None => (Scheme::Https, text),
        };
        let (address, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = split_port(address)?;
        let port = match port {
            Some(port) => Some(parse_port(port)?).filter(|port| *port != scheme.default_port()),
            None => None,
        };
        let path = path.strip_suffix('/').unwrap_or(path);
        if !(is_host(host) && is_path(path)) {
            return None;
        }
        Some(
            Self {
                scheme,
                host: host.to_ascii_lowercase(),
                port,
                path: path.to_owned(),
            }
            .normalized(),
        )
    }

    /// Normalizes equal registries: no path for the API roots, one name for the Hub's hosts.
    fn normalized(mut self) -> Self {
        if API_ROOTS.contains(&self.path.as_str()) {
            self.path.clear();
        }
        let at_hub =
            self.scheme == Scheme::Https && self.port.is_none() && HUB_HOSTS.contains(&self.host.as_str());
        if at_hub && (self.path.is_empty() || HUB_TOKEN_PATHS.contains(&self.path.as_str())) {
            HUB_HOST.clone_into(&mut self.host);
        }
        self
    }

    pub(super) fn is_hub(&self) -> bool {
        self.is_at_hub_host() && self.path.is_empty()
    }

    pub(super) fn is_hub_token(&self) -> bool {
        self.is_at_hub_host() && HUB_TOKEN_PATHS.contains(&self.path.as_str())
    }

    fn is_at_hub_host(&self) -> bool {
        self.scheme == Scheme::Https && self.port.is_none() && self.host == HUB_HOST
    }
}

impl Scheme {
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            _ if text.eq_ignore_ascii_case("https") => Some(Self::Https),
            _ if text.eq_ignore_ascii_case("http") => Some(Self::Http),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    pub(super) fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Splits at the colon before the port, which in an IPv6 address is after the bracket.
pub(crate) fn split_port(address: &str) -> Option<(&str, Option<&str>)> {
    let host_end = match address.strip_prefix('[') {
        Some(_) => address.find(']')? + 1,
        None => address.find(':').unwrap_or(address.len()),
    };
    let (host, rest) = address.split_at(host_end);
    match rest.strip_prefix(':') {
        Some(port) => Some((host, Some(port))),
        None if rest.is_empty() => Some((host, None)),
        None => None,
    }
}

/// `[1-9][0-9]{0,4}`, at most 65535; `u16::from_str` alone would accept `+443` and `00443`.
fn parse_port(text: &str) -> Option<u16> {
    let digits_only = text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits_only || text.starts_with('0') {
        None
    } else {
        text.parse().ok()
    }
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return !address.is_empty()
            && address
                .bytes()
                .all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'));
    }
    // One final dot is allowed and significant: DNS resolves `ghcr.io.` without the search list.
    let labels = host.strip_suffix('.').unwrap_or(host);
    labels.split('.').all(|label| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    })
}

/// Empty, or segments that each begin with a slash. Rejects text that a proxy might decode, resolve or cut
/// off.
fn is_path(path: &str) -> bool {
    let Some(segments) = path.strip_prefix('/') else {
        return path.is_empty();
    };
    segments.split('/').all(|segment| {
        !matches!(segment, "" | "." | "..")
            && segment
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'%' | b'\\' | b'?' | b'#'))
    })
}

/// `scheme://…` in printable ASCII, with another scheme and without user information, which `store` keeps
/// verbatim.
pub(super) fn is_plain_foreign_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else {
        return false;
    };
    let is_scheme = scheme
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'.' | b'-'));
    is_scheme
        && Scheme::parse(scheme).is_none()
        && !rest.is_empty()
        && rest.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'@')
}
