//! Logins that docker lost because somebody wrote the helper's name into its file by hand, as guides for docker's own
//! helpers say. Then nothing records the previous helper. But each `docker login` left an empty entry, and the helper that
//! lists its login is the previous one.

use super::Stored;
use super::machine::Machine;
use crate::ServerUrl;
use crate::commands::Finding;
use crate::commands::peer::Peer;
use crate::commands::record::Record;
use crate::commands::session::Session;
use crate::commands::setting::Setting;
use crate::config::{Document, lookup, programs};
use crate::show::{self, ShellCommand};

/// Helpers that keep logins.
const KEEPERS: [&str; 7] = [
    "pass",
    "secretservice",
    "osxkeychain",
    "wincred",
    "desktop",
    "age",
    "keyring",
];

pub(super) fn finding(session: &Session<'_>, machine: &Machine, stored: &Stored) -> Option<Finding> {
    let file = machine.docker.as_ref()?;
    let (helper, environment) = (session.helper, session.environment);
    if !stored.is_listed || helper.is_read_only() {
        return None;
    }
    let record = Record::read(helper, environment).unwrap_or_default();
    if record.is_of(file.path(), &Setting::CredsStore) {
        return None;
    }
    let missing = missing(helper.name(), file.document(), stored);
    if missing.is_empty() {
        return None;
    }
    let installed = KEEPERS
        .iter()
        .filter(|name| **name != helper.name() && programs::is_helper_installed(environment, name));
    installed.into_iter().find_map(|name| {
        let peer = Peer::find(environment, name).ok()?;
        let listed = peer.servers().ok()?;
        let listed: Vec<String> = listed.iter().filter_map(|(server, _)| key_of(server)).collect();
        let found: Vec<String> = missing
            .iter()
            .filter(|key| listed.contains(key))
            .map(|key| show::server(key))
            .collect();
        let text = format!(
            "docker no longer finds these logins, {} has logins for {}",
            peer.program_name(),
            show::some(&found)
        );
        let fix = ShellCommand::new(&helper.program()).literal("import --from");
        (!found.is_empty()).then(|| Finding::error("left-behind", text).safely_fixed_by(fix.word(name)))
    })
}

/// docker's keys for the empty entries of logins that it asks this helper for, and that aren't stored.
fn missing(helper: &str, document: &Document, stored: &Stored) -> Vec<String> {
    let keys = stored.keys();
    let is_stored = |key: &String| ServerUrl::parse(key).is_ok_and(|server| keys.contains(server.key()));
    let markers = document.auths().filter(|entry| entry.is_marker());
    markers
        .filter_map(|entry| key_of(entry.server()))
        .filter(|key| document.cred_helper(key).is_none() && document.creds_store() == Some(helper))
        .filter(|key| !is_stored(key))
        .collect()
}

fn key_of(server: &str) -> Option<String> {
    let server = ServerUrl::parse(server).ok()?;
    Some(lookup::docker_key(&server))
}
