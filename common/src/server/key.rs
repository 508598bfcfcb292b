//! The key of a server.

use std::fmt;

use super::HUB_URL;
use super::registry::{Registry, Scheme};

/// The key of a [`ServerUrl`](super::ServerUrl). Two servers are the same if and only if their keys are
/// equal; ARCHITECTURE.md describes the rule.
///
/// `Display` shows the key's shortest spelling, without scheme and port if they are those of https:
/// `ghcr.io`, `localhost:5000`, `http://registry.example/team`. Different keys never share it, and it parses to
/// the key again.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerKey(pub(super) Key);

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Key {
    Registry(Registry),
    /// Outside the grammar or with another scheme: it only equals itself.
    Opaque(String),
}

impl ServerKey {
    pub(super) fn of(text: &str) -> Self {
        Self(match Registry::parse(text) {
            Some(registry) => Key::Registry(registry),
            None => Key::Opaque(text.to_owned()),
        })
    }

    /// Whether this is Docker Hub, under any of its names.
    pub fn is_hub(&self) -> bool {
        matches!(&self.0, Key::Registry(registry) if registry.is_hub())
    }

    /// Whether this is one of the two tokens that docker's web login keeps below the Hub's URL.
    pub(crate) fn is_hub_token(&self) -> bool {
        matches!(&self.0, Key::Registry(registry) if registry.is_hub_token())
    }

    /// Whether the string is outside the grammar or has a scheme other than http and https, so that it only
    /// equals itself.
    pub fn is_opaque(&self) -> bool {
        matches!(self.0, Key::Opaque(_))
    }

    /// Host, port and path of an https registry; `None` for http and for an opaque key.
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

    /// The spellings of this key that clients and earlier helpers are known to store, for backends that can
    /// only look up exact strings. First the three that today's clients store (docker and similar clients the
    /// first, nerdctl the port), then those of docker before 1.10 and of people. It may be incomplete, so
    /// callers must also look up the requested string.
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
