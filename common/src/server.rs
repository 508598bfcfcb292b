//! Servers: the string a client names one by, and the key that says which strings mean the same one.
//!
//! The grammar is parsed by hand and compared as text. Libraries for URLs decode `%67hcr.io`, fold full-width
//! letters into ASCII and accept `+443` for a port; each of these makes two names equal that a registry's TLS
//! certificate would tell apart.

use std::fmt;

use crate::Error;

/// The server of Docker Hub as docker itself asks for it; the Hub is always stored and listed under this name.
pub const HUB_URL: &str = "https://index.docker.io/v1/";

const HUB_HOST: &str = "index.docker.io";
const HUB_HOSTS: [&str; 4] = [
    HUB_HOST,
    "docker.io",
    "registry-1.docker.io",
    "registry.hub.docker.com",
];
/// docker's web login keeps two tokens of its own below the Hub's URL.
const HUB_TOKEN_PATHS: [&str; 2] = ["/v1/access-token", "/v1/refresh-token"];
const API_ROOTS: [&str; 3] = ["", "/v1", "/v2"];

/// No repository name is longer (OCI distribution specification), so no client asks for a longer path.
const REPOSITORY_MAX: usize = 255;

/// A server as a client spells it: one non-empty line without control characters, and the key it stands for.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerUrl {
    text: String,
    key: ServerKey,
}

impl ServerUrl {
    /// Takes the text as it is; white space around it is refused, for a store would give back another string.
    ///
    /// Fails with [`Error::NoServerUrl`] for an empty text and [`Error::Request`] for white space around it, a
    /// control character, a line separator (U+2028, U+2029) or NUL anywhere. Everything else is a server, if need
    /// be an [opaque](ServerKey::is_opaque) one.
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

    /// What the string stands for.
    pub fn key(&self) -> &ServerKey {
        &self.key
    }

    /// The form under which a credential for this server is kept: the Hub under its URL, every other server as it
    /// is spelled.
    ///
    /// Fails with [`Error::Refused`] for a string that could only ever equal itself, unless another scheme says
    /// that this is meant (`nerdctl-experimental://…`): such a login would never be found again. User-info is
    /// refused with the rest, since it would put a password into `list`.
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

    /// What may be shown of a string that may hold a user name and password, in two parts.
    ///
    /// The last `@`, wherever it is, and no scheme before it but our two, because `://` may follow a password, or be in
    /// one: in doubt too much is left out, never too little.
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

    /// The servers whose credentials also answer for this one, the closest first: each whole-segment prefix of the
    /// path, down to the host itself.
    ///
    /// Only for a query without a scheme and with a path: crane, ko and cosign ask for `host/org/repository` before
    /// they ask for the host. There is none for docker's web login tokens, and those tokens enclose nothing.
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

/// For messages and logs: a user name and password before the host are left out, a query and a fragment, which may hold
/// a token, and the end of a very long string.
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

/// What a [`ServerUrl`] stands for. Two servers are the same exactly if their keys are equal; ARCHITECTURE.md has
/// the rule in words.
///
/// `Display` gives the key's shortest spelling, without scheme and port where they are those of https:
/// `ghcr.io`, `localhost:5000`, `http://registry.example/team`. Different keys never share it, and it parses to
/// the key again.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerKey(Key);

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Key {
    Registry(Registry),
    /// Outside the grammar or with another scheme: it equals itself and nothing else.
    Opaque(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Registry {
    scheme: Scheme,
    /// Lower case.
    host: String,
    /// Not the scheme's default.
    port: Option<u16>,
    /// Empty for an API root; otherwise it begins with a slash and ends without one.
    path: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Scheme {
    Http,
    Https,
}

impl ServerKey {
    fn of(text: &str) -> Self {
        Self(match Registry::parse(text) {
            Some(registry) => Key::Registry(registry),
            None => Key::Opaque(text.to_owned()),
        })
    }

    /// Whether this is Docker Hub, under whichever of its names.
    pub fn is_hub(&self) -> bool {
        matches!(&self.0, Key::Registry(registry) if registry.is_hub())
    }

    /// Whether this is one of the two tokens that docker's web login keeps below the Hub's URL.
    pub(crate) fn is_hub_token(&self) -> bool {
        matches!(&self.0, Key::Registry(registry) if registry.is_hub_token())
    }

    /// Whether the string is outside the grammar or has another scheme than http and https, so that it equals
    /// itself only.
    pub fn is_opaque(&self) -> bool {
        matches!(self.0, Key::Opaque(_))
    }

    /// Host, port and path of a registry that is spoken to by https; `None` for http and for an opaque key.
    ///
    /// For backends that derive their own names from a host. The host is lower case, the port is `None` for 443,
    /// the path is empty for an API root. The Hub's host is `index.docker.io`.
    pub fn https_parts(&self) -> Option<(&str, Option<u16>, &str)> {
        match &self.0 {
            Key::Registry(Registry {
                scheme: Scheme::Https,
                host,
                port,
                path,
            }) => Some((host, *port, path)),
            _ => None,
        }
    }

    /// The spellings of this key that clients and earlier helpers are known to store, for backends that can only look
    /// up by exact string. First come the three that today's clients store (docker and its kin the first, nerdctl the
    /// port), then those of docker before 1.10 and of people. It need not be complete: the exact string that is asked
    /// for is to be looked up with them.
    pub fn common_spellings(&self) -> Vec<String> {
        let Key::Registry(registry) = &self.0 else {
            return vec![self.to_string()];
        };
        if registry.is_hub() {
            let hosts = ["index.docker.io", "docker.io", "registry-1.docker.io"];
            let mut spellings = vec![HUB_URL.to_owned()];
            spellings.extend(hosts.map(str::to_owned));
            for host in hosts {
                spellings.extend([format!("https://{host}"), format!("{host}:443")]);
            }
            spellings.extend([
                "https://index.docker.io/v1".into(),
                "registry.hub.docker.com".into(),
            ]);
            return spellings;
        }
        let Registry {
            scheme,
            host,
            port,
            path,
        } = registry;
        let default_port = scheme.default_port();
        let with_scheme = |rest: String| format!("{}://{rest}", scheme.name());
        let address = port.map_or(host.clone(), |port| format!("{host}:{port}"));
        let mut spellings = Vec::new();
        if *scheme == Scheme::Https {
            spellings.push(format!("{address}{path}"));
        }
        spellings.push(with_scheme(format!("{address}{path}")));
        if *scheme == Scheme::Https {
            if port.is_none() {
                spellings.push(format!("{host}:{default_port}{path}"));
            }
            spellings.push(format!("{address}{path}/"));
        }
        spellings.push(with_scheme(format!("{address}{path}/")));
        if path.is_empty() {
            for root in ["/v1/", "/v2/", "/v1", "/v2"] {
                spellings.push(with_scheme(format!("{address}{root}")));
            }
        }
        if port.is_none() {
            spellings.push(with_scheme(format!("{host}:{default_port}{path}")));
        }
        spellings
    }
}

impl fmt::Display for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Key::Opaque(text) => f.write_str(text),
            Key::Registry(Registry {
                scheme,
                host,
                port,
                path,
            }) => {
                if *scheme == Scheme::Http {
                    f.write_str("http://")?;
                }
                f.write_str(host)?;
                if let Some(port) = port {
                    write!(f, ":{port}")?;
                }
                f.write_str(path)
            }
        }
    }
}

impl Registry {
    /// `[scheme://]host[:port][/path]`, or nothing.
    fn parse(text: &str) -> Option<Self> {
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

    /// Gives everything that is equal one representation: the API roots no path, the Hub's hosts one name.
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

    fn is_hub(&self) -> bool {
        self.is_at_hub_host() && self.path.is_empty()
    }

    fn is_hub_token(&self) -> bool {
        self.is_at_hub_host() && HUB_TOKEN_PATHS.contains(&self.path.as_str())
    }

    fn is_at_hub_host(&self) -> bool {
        self.scheme == Scheme::Https && self.port.is_none() && self.host == HUB_HOST
    }
}

impl Scheme {
    fn parse(text: &str) -> Option<Self> {
        match text {
            _ if text.eq_ignore_ascii_case("https") => Some(Self::Https),
            _ if text.eq_ignore_ascii_case("http") => Some(Self::Http),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Splits at the colon before the port, which in an IPv6 address stands behind the bracket.
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

/// `[1-9][0-9]{0,4}`, at most 65535; `u16::from_str` alone would take `+443` and `00443`.
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
    // One final dot is allowed and significant: `ghcr.io.` is looked up in DNS without the search list.
    let labels = host.strip_suffix('.').unwrap_or(host);
    labels.split('.').all(|label| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    })
}

/// Empty, or segments that each begin with a slash. What a proxy might decode, resolve or cut off is not a path.
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

/// `scheme://…` in printable ASCII, another scheme than ours, no user-info: what `store` keeps verbatim.
fn is_plain_foreign_url(text: &str) -> bool {
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

#[cfg(test)]
mod tests;
