//! The server that the user means.

use std::collections::BTreeSet;

use crate::config::{ConfigFile, lookup, paths};
use crate::{Environment, Error, ServerUrl};

/// A registry, and podman's name for it.
pub(super) struct Asked {
    pub(super) server: ServerUrl,
    /// With the repository, if there is one.
    pub(super) image: String,
}

impl Asked {
    /// A name with a scheme is a registry. Otherwise it is read as docker reads an image: the part before the
    /// first slash is a host if it has a dot or a port or is `localhost`; if not, the image is the Hub's. A
    /// name without a slash is also a host if `known` holds it, or if it is `name:number` with a number too
    /// large for a version.
    pub(super) fn parse(text: &str, known: &BTreeSet<String>) -> Result<Self, Error> {
        let image = ["docker://", "oci://"]
            .iter()
            .find_map(|scheme| text.strip_prefix(scheme));
        let text = image.unwrap_or(text);
        let server = ServerUrl::parse(text)?;
        if text.contains("://") || server.key().is_hub() {
            return Ok(Self::registry(server));
        }
        let Some((first, path)) = text.split_once('/') else {
            let is_registry = image.is_none() && is_registry(text, known);
            return Ok(if is_registry {
                Self::registry(server)
            } else {
                Self::of_hub(text)
            });
        };
        if !is_host(first) {
            return Ok(Self::of_hub(text));
        }
        let server = ServerUrl::parse(first)?;
        if server.key().is_hub() {
            return Ok(Self::of_hub(path));
        }
        let path = repository(path);
        let host = lookup::podman_key(&server);
        Ok(Self {
            image: format!("{host}/{path}").trim_end_matches('/').to_owned(),
            server,
        })
    }

    fn registry(server: ServerUrl) -> Self {
        Self {
            image: lookup::podman_key(&server),
            server,
        }
    }

    fn of_hub(image: &str) -> Self {
        let path = repository(image);
        let library = if path.contains('/') { "" } else { "library/" };
        Self {
            image: format!("docker.io/{library}{path}"),
            server: ServerUrl::hub(),
        }
    }
}

/// The hosts in docker's and podman's files, which are registries whatever they look like.
pub(super) fn known_hosts(environment: &Environment) -> BTreeSet<String> {
    let mut files = paths::podman_search(environment).unwrap_or_default();
    files.extend(paths::docker(environment));
    let mut known = BTreeSet::new();
    for file in files.iter().filter_map(|path| ConfigFile::read(path).ok()) {
        let document = file.document();
        let entries = document.auths().map(crate::config::Entry::server);
        let helpers = document.cred_helpers().iter().map(|(server, _)| server.as_str());
        known.extend(entries.chain(helpers).map(|key| lookup::hostname(key).to_owned()));
    }
    known
}

/// `name:5000` is a registry, `name:16` an image of that version: ports below 1024 need root.
fn is_registry(text: &str, known: &BTreeSet<String>) -> bool {
    const PORT_MIN: u16 = 1024;
    let (name, tag) = match text.rsplit_once(':') {
        Some((name, tag)) if !name.is_empty() && !name.ends_with(':') => (name, Some(tag)),
        _ => (text, None),
    };
    let is_port = tag.is_some_and(|tag| tag.parse::<u16>().is_ok_and(|port| port >= PORT_MIN));
    known.contains(text) || is_port || (is_host(name) && !text.contains('@'))
}

fn is_host(text: &str) -> bool {
    text.contains(['.', ':', '[']) || text == "localhost" || text.chars().any(char::is_uppercase)
}

/// Without tag and digest.
fn repository(path: &str) -> &str {
    let path = path.split_once('@').map_or(path, |(path, _)| path);
    match path.rsplit_once(':') {
        Some((path, tag)) if !tag.contains('/') => path,
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_asks(text: &str, server: &str, image: &str) {
        let known = BTreeSet::from(["buildhost".to_owned()]);
        let asked = Asked::parse(text, &known).unwrap();
        assert_eq!(
            (lookup::docker_key(&asked.server).as_str(), asked.image.as_str()),
            (server, image),
            "{text}"
        );
    }

    #[test]
    fn an_image_without_a_host_is_the_hub_s() {
        const HUB: &str = crate::HUB_URL;
        for (text, image) in [
            ("nginx", "docker.io/library/nginx"),
            ("nginx:1.25", "docker.io/library/nginx"),
            ("ubuntu:22.04", "docker.io/library/ubuntu"),
            ("postgres:16", "docker.io/library/postgres"),
            ("nginx@sha256:0123", "docker.io/library/nginx"),
            ("nginx:1.25@sha256:0123", "docker.io/library/nginx"),
            ("alice/app", "docker.io/alice/app"),
            ("alice/app:v1", "docker.io/alice/app"),
            ("docker.io/nginx:1", "docker.io/library/nginx"),
            ("index.docker.io/alice/app", "docker.io/alice/app"),
            ("docker://nginx", "docker.io/library/nginx"),
            ("docker://localhost", "docker.io/library/localhost"),
        ] {
            assert_asks(text, HUB, image);
        }
    }

    #[test]
    fn a_host_is_one_as_docker_reads_it() {
        for (text, server, image) in [
            ("ghcr.io", "ghcr.io", "ghcr.io"),
            ("ghcr.io:8443", "ghcr.io:8443", "ghcr.io:8443"),
            ("localhost", "localhost", "localhost"),
            ("localhost:5000", "localhost:5000", "localhost:5000"),
            ("registry:5000", "registry:5000", "registry:5000"),
            ("buildhost", "buildhost", "buildhost"),
            ("[::1]:5000", "[::1]:5000", "[::1]:5000"),
            ("https://registry", "registry", "registry"),
            ("registry:80/x", "registry:80", "registry:80/x"),
            ("quay.io/org/image:tag", "quay.io", "quay.io/org/image"),
            ("docker://quay.io/org/image", "quay.io", "quay.io/org/image"),
            ("oci://ghcr.io/org/chart", "ghcr.io", "ghcr.io/org/chart"),
            ("localhost/app", "localhost", "localhost/app"),
        ] {
            assert_asks(text, server, image);
        }
    }

    #[test]
    fn the_hub_s_own_names_are_the_hub() {
        for text in ["docker.io", "index.docker.io", "https://index.docker.io/v1/"] {
            assert_asks(text, crate::HUB_URL, "docker.io");
        }
    }
}
