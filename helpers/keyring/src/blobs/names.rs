//! The names of blobs: of a record or its head, of its chunks, and of a generation's seal.

use std::fmt::Write as _;

use docker_credential_helper::ServerUrl;

/// The prefix of every name, which distinguishes our entries from others.
pub(crate) const PREFIX: &str = "docker-credential-keyring:";

/// The name of a server's blob. Windows ignores the case of names, but paths of registries are
/// case-sensitive, so capitals are escaped. Everything except printable ASCII is also escaped, because not
/// every store accepts it in a name.
pub(super) fn name(server: &ServerUrl) -> String {
    let mut name = PREFIX.to_owned();
    for byte in server.key().to_string().bytes() {
        match byte {
            b'%' | b'#' | b'*' | b'?' | b'A'..=b'Z' => {
                write!(name, "%{byte:02x}").expect("a string takes it");
            }
            0x21..=0x7e => name.push(char::from(byte)),
            _ => write!(name, "%{byte:02x}").expect("a string takes it"),
        }
    }
    name
}

/// A generation as long as every other.
pub(super) const GENERATION_SAMPLE: &str = "0123456789abcdef";

/// Names of servers don't contain `#`.
pub(super) fn chunk_name(name: &str, generation: &str, number: usize) -> String {
    format!("{name}#{generation}.{number}")
}

pub(super) fn seal_name(name: &str, generation: &str) -> String {
    format!("{name}#{generation}")
}

/// The name of a chunk's seal, or of a seal itself. Generations don't contain dots.
pub(super) fn seal_of(chunk: &str) -> &str {
    let generation = chunk.rfind('#').unwrap_or(0);
    let end = chunk[generation..].find('.').map(|dot| generation + dot);
    &chunk[..end.unwrap_or(chunk.len())]
}

/// The name of the record that a chunk or a seal belongs to; nothing for a record's own name.
pub(super) fn chunk_owner(name: &str) -> Option<&str> {
    name.rsplit_once('#').map(|(owner, _)| owner)
}
