//! A second implementation of the matching rule, from its description, to judge the real one.

/// Scheme (whether http), host, port and path, in canonical form.
pub(crate) type Key = (bool, String, u32, String);

/// The key of a string; nothing if it only equals itself.
pub(crate) fn key(server: &str) -> Option<Key> {
    let lower = server.to_ascii_lowercase();
    let is_http = lower.starts_with("http://");
    let start = match () {
        () if is_http => 7,
        () if lower.starts_with("https://") => 8,
        () => 0,
    };
    let rest = &server[start..];
    let rest = rest
        .strip_suffix('/')
        .filter(|rest| !rest.is_empty())
        .unwrap_or(rest);
    let mut segments = rest.split('/');
    let authority = segments.next()?.to_ascii_lowercase();
    let default = if is_http { 80 } else { 443 };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host.to_owned(), number(port)?),
        _ => (authority, default),
    };
    let path: Vec<&str> = segments.collect();
    if !(host_is_well_formed(&host) && path.iter().all(|segment| segment_is_well_formed(segment))) {
        return None;
    }
    let path = match path.join("/") {
        root if root == "v1" || root == "v2" => String::new(),
        path => path,
    };
    let hubs = [
        "docker.io",
        "index.docker.io",
        "registry-1.docker.io",
        "registry.hub.docker.com",
    ];
    let is_of_hub = ["", "v1/access-token", "v1/refresh-token"].contains(&path.as_str());
    if !is_http && port == 443 && is_of_hub && hubs.contains(&host.as_str()) {
        return Some((false, "the Hub".into(), 443, path));
    }
    Some((is_http, host, port, path))
}

fn number(port: &str) -> Option<u32> {
    let number: u32 = port.parse().ok()?;
    (port == number.to_string() && (1..=65_535).contains(&number)).then_some(number)
}

fn host_is_well_formed(host: &str) -> bool {
    if host.starts_with('[') {
        let inner = host.trim_start_matches('[').trim_end_matches(']');
        return host == format!("[{inner}]")
            && !inner.is_empty()
            && inner.chars().all(|c| "0123456789abcdef:.".contains(c));
    }
    !host.is_empty()
        && !host.starts_with('.')
        && !host.contains("..")
        && host
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

fn segment_is_well_formed(segment: &str) -> bool {
    !["", ".", ".."].contains(&segment)
        && segment
            .chars()
            .all(|c| ('!'..='~').contains(&c) && !"%\\?#".contains(c))
}

/// The stored server that answers for `query`, the first of those with equal keys.
pub(crate) fn answering<'a>(stored: &'a [String], query: &str) -> Option<&'a String> {
    let equal = |wanted: &str| {
        stored.iter().find(|server| match (key(server), key(wanted)) {
            (Some(one), Some(other)) => one == other,
            (None, None) => *server == wanted,
            _ => false,
        })
    };
    if let Some(server) = equal(query) {
        return Some(server);
    }
    let is_token = |server: &str| matches!(key(server), Some((_, host, _, path)) if host == "the Hub" && !path.is_empty());
    if query.contains("://") || key(query).is_none() || is_token(query) {
        return None;
    }
    let mut prefix = query.strip_suffix('/').unwrap_or(query);
    while let Some((shorter, _)) = prefix.rsplit_once('/') {
        prefix = shorter;
        if let Some(server) = equal(prefix).filter(|_| !is_token(prefix)) {
            return Some(server);
        }
    }
    None
}
