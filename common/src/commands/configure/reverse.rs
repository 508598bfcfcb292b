//! `unconfigure`: restores the settings that `configure` replaced, and reports the consequences.

use std::path::Path;

use clap::ArgMatches;

use super::podman;
use crate::commands::peer::{self, Peer};
use crate::commands::record::Record;
use crate::commands::session::Session;
use crate::commands::setting::{Setting, put};
use crate::config::default_store::{self, DefaultStore};
use crate::config::registries::CredentialHelpers;
use crate::config::{ConfigFile, Document, EditError, lookup, paths, programs};
use crate::show::{self, ShellCommand};
use crate::{CredentialStore, Error, Listed, ServerUrl};

/// A setting and the helper that it will name again.
type Restored = Vec<(Setting, Option<String>)>;

pub(in crate::commands) fn run(session: &mut Session<'_>, arguments: &ArgMatches) -> Result<(), Error> {
    let is_dry = arguments.get_flag("dry-run");
    let is_podman = arguments.get_flag("podman");
    let wanted = super::named_settings(arguments)?;
    let file = match () {
        () if is_podman => paths::podman(session.environment)?,
        () if arguments.get_flag("helm") => paths::helm(session.environment)?,
        () => paths::docker(session.environment)?,
    };
    let is_removed = is_podman && wanted.is_empty() && podman::remove(session, is_dry)?;
    let restored = restore(session, &file, &wanted, is_dry)?;
    let shown = show::path(session.environment, &file);
    if restored.is_empty() {
        if is_removed {
            if !is_dry {
                say_what_follows(session, "podman", podman_s(session));
            }
            return Ok(());
        }
        let name = session.helper.name();
        let text = format!("{shown}: nothing to change, it doesn't name {name}\n");
        return session.console.print(&text);
    }
    for (setting, now) in &restored {
        let text = match (now, is_dry) {
            (Some(previous), false) => format!("is {:?} again", show::name(previous)),
            (Some(previous), true) => format!("would be {:?} again", show::name(previous)),
            (None, false) => "is not set any more".to_owned(),
            (None, true) => "would not be set any more".to_owned(),
        };
        session.console.print(&format!("{shown}: {setting} {text}\n"))?;
    }
    if is_dry {
        return Ok(());
    }
    note_missing_programs(session, &restored);
    let client = match () {
        () if is_podman => "podman",
        () if arguments.get_flag("helm") => "helm",
        () => "docker",
    };
    let chosen = restored.iter().find_map(|(_, previous)| previous.clone());
    let chosen = chosen.or_else(|| {
        if is_podman {
            podman_s(session)
        } else {
            for_the_rest(session, &file)
        }
    });
    say_what_follows(session, client, chosen);
    Ok(())
}

fn restore(session: &Session<'_>, file: &Path, wanted: &[Setting], is_dry: bool) -> Result<Restored, Error> {
    let (helper, environment) = (session.helper, session.environment);
    let mut restored = Restored::new();
    let mut change = |document: &Document| -> Result<Document, EditError> {
        let mut settings = Setting::naming(document, helper.name());
        settings.retain(|setting| wanted.is_empty() || wanted.contains(setting));
        // Read after the document, because a previous value is recorded before our name replaces it. An
        // unreadable record counts as none.
        let record = match Record::read(helper, environment) {
            Err(error @ Error::Damaged(_)) => return Err(error.into()),
            record => record.unwrap_or_default(),
        };
        let previous = |setting: &Setting| record.previous(file, setting).map(str::to_owned);
        restored = settings
            .into_iter()
            .map(|setting| (setting.clone(), previous(&setting)))
            .collect();
        put(
            document,
            restored
                .iter()
                .map(|(setting, previous)| (setting, previous.as_deref())),
        )
    };
    if is_dry {
        let document = ConfigFile::read(file)?;
        change(document.document()).map_err(|error| error.about(file))?;
        return Ok(restored);
    }
    ConfigFile::edit(&environment.trust(), file, &mut change)?;
    if !restored.is_empty()
        && Record::read(helper, environment).is_ok_and(|record| record != Record::default())
    {
        Record::change(helper, environment, |record| {
            for (setting, _) in &restored {
                record.forget(file, setting);
            }
        })?;
    }
    Ok(restored)
}

fn note_missing_programs(session: &Session<'_>, restored: &Restored) {
    for previous in restored.iter().filter_map(|(_, previous)| previous.as_deref()) {
        let program = format!("docker-credential-{previous}");
        if !previous.is_empty() && programs::first_on_path(session.environment, &program).is_none() {
            session
                .console
                .note(&format!("{} is not on PATH", show::name(&program)));
        }
    }
}

/// The helper that podman then asks first for all registries.
fn podman_s(session: &Session<'_>) -> Option<String> {
    let helpers = CredentialHelpers::read(session.environment).ok()?;
    helpers.first().map(str::to_owned)
}

/// The store that docker then uses for registries that aren't named: the one in its file, or its default.
fn for_the_rest(session: &Session<'_>, file: &Path) -> Option<String> {
    let file = ConfigFile::read(file).ok()?;
    let default = match default_store::of(session.environment, file.document()) {
        DefaultStore::Helper(name) => Some(name),
        DefaultStore::Auths | DefaultStore::SecretServiceSinceDocker29 => None,
    };
    file.document().creds_store().or(default).map(str::to_owned)
}

/// Reports where new logins go, and which logins of this store the client no longer finds. It uses `helper`
/// from now on.
fn say_what_follows(session: &mut Session<'_>, client: &str, helper: Option<String>) {
    let helper = helper.filter(|helper| !helper.is_empty());
    // For a single registry: the one for all others remains.
    if helper.as_deref() == Some(session.helper.name()) {
        return;
    }
    if helper.is_none() {
        session
            .console
            .note(&format!("{client} keeps new logins in plain text from now on"));
    }
    if session.helper.is_read_only() {
        return;
    }
    let environment = session.environment;
    let program = session.helper.program();
    let peer = helper
        .as_ref()
        .and_then(|name| Peer::find(environment, name).ok());
    let found = peer
        .as_ref()
        .and_then(|peer| peer.list().ok())
        .unwrap_or_default();
    let store = session.open_store();
    let stored = store.as_ref().ok().and_then(|store| store.list().ok());
    let asked: fn(&ServerUrl) -> String = match client {
        "podman" => lookup::podman_key,
        _ => lookup::docker_key,
    };
    let is_ours = |name: &String| ["age", "env", "keyring"].contains(&name.as_str());
    let is_exact = !helper.as_ref().is_some_and(is_ours);
    // Both may use the same keyring.
    let is_found = |item: &&Listed| is_found(&item.server, &found, &asked(&item.server), is_exact);
    let (both, lost): (Vec<&Listed>, Vec<&Listed>) = stored.iter().flatten().partition(is_found);
    let can_store = |name: &&String| *name != "env" && !peer::is_maker(name);
    let other = helper.as_ref().filter(can_store);
    let export = other.map(|name| ShellCommand::new(&program).literal("export --to").word(name));
    if stored.is_none() || !lost.is_empty() {
        let count = stored.is_some().then_some(lost.len());
        note_lost(session, client, count, export.as_ref());
    }
    let (Some(export), Some(peer), Ok(store)) = (export, peer, store) else {
        return;
    };
    let differing = differing(&*store, &peer, &both, asked);
    if !differing.is_empty() {
        session.console.note(&format!(
            "{} has other logins than this store for {}, and {client} uses those now; replace them with \"{}\"",
            peer.program_name(),
            show::some(&differing),
            differing.iter().fold(export.literal("--replace"), ShellCommand::word)
        ));
    }
}

/// Whether the client finds a login for the server among these. docker's own helpers only answer for the name that it asks
/// for.
fn is_found(server: &ServerUrl, found: &[Listed], asked: &str, is_exact: bool) -> bool {
    let is_asked = ServerUrl::parse(asked).is_ok_and(|asked| asked.key() == server.key());
    let mut same = found.iter().filter(|other| other.server.key() == server.key());
    same.any(|other| !(is_exact && is_asked) || other.server.as_str() == asked)
}

/// `count` is unknown if the store can't be listed.
fn note_lost(session: &Session<'_>, client: &str, count: Option<usize>, export: Option<&ShellCommand>) {
    let lost = count.map_or_else(
        || "logins".to_owned(),
        |count| show::count(count, "login", "logins"),
    );
    let mut way_back = ShellCommand::new(&session.helper.program()).literal("configure");
    if client != "docker" {
        way_back = way_back.literal(&format!("--{client}"));
    }
    let way = match export {
        Some(export) => format!("copy them with \"{export}\""),
        None => format!("log in again, or undo this with \"{way_back}\""),
    };
    session.console.note(&format!(
        "{client} no longer finds the {lost} in this store; {way}"
    ));
}

/// The servers for which the client finds another login than ours, such as an old password. Nothing for a login that one
/// of the two doesn't return.
fn differing(
    store: &dyn CredentialStore,
    peer: &Peer<'_>,
    both: &[&Listed],
    asked: fn(&ServerUrl) -> String,
) -> Vec<String> {
    let is_other = |item: &&&Listed| {
        let asked = ServerUrl::parse(&asked(&item.server)).ok();
        let theirs = asked.and_then(|server| peer.get(&server).ok().flatten());
        let ours = store.get(&item.server).ok().flatten();
        matches!((ours, theirs), (Some(ours), Some(theirs)) if !ours.is_same_login(&theirs))
    };
    let others = both.iter().filter(is_other);
    others.map(|item| item.server.to_string()).collect()
}
