//! The logins in every store.

/// The user of every login.
pub(crate) const USERNAME: &str = "somebody";

/// The server with this number.
pub(crate) fn server(number: usize) -> String {
    format!("https://r{number}.example.com")
}

/// The first `count` servers.
pub(crate) fn servers(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(server)
}

/// As long as a registry's access token.
pub(crate) fn secret(server: &str) -> String {
    format!("dckr_pat_{:<36}", server.trim_start_matches("https://")).replace(' ', "x")
}
