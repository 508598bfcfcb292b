//! podman, skopeo and buildah: our own drop-in with the helper for all registries.
//!
//! Its list contains only this helper. containers/image uses the next one in the list after any error, so
//! with the auth.json files after us, a locked store would make `podman login` write plain text.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::apply::prepare;
use super::current::Current;
use super::decision::{self, Choice, Decision};
use super::left_behind::{self, LeftBehind, Opened, PlainLogins, Stored, with_stored};
use super::previous::HelperLogins;
use crate::commands::peer::Peer;
use crate::commands::session::Session;
use crate::commands::transfer::{Client, FileImport, ImportOptions, Report, Source, StoreOptions, copy_from};
use crate::config::registries::{self, AUTH_FILES, CredentialHelpers};
use crate::config::{ConfigFile, lookup, paths};
use crate::directory::Directory;
use crate::show::{self, ShellCommand};
use crate::{CredentialStore, Environment, Error, Helper, ServerUrl};

const LOCK_WAIT: Duration = Duration::from_secs(10);
const SIZE_MAX: u64 = 1 << 16;
const NAMES: &str = "podman, skopeo and buildah";

/// The whole file.
fn drop_in_text(helper: &Helper) -> String {
    format!(
        "# Made by \"{0} configure --podman\"; \"{0} unconfigure --podman\" removes it.\n\
         # Don't add other names to this list: podman uses the next one after any error.\n\
         credential-helpers = [\"{1}\"]\n",
        helper.program(),
        helper.name()
    )
}

/// Shows the changes of a dry run.
pub(super) fn show(session: &mut Session<'_>) -> Result<(), Error> {
    let file = drop_in(session)?;
    let environment = session.environment;
    let shown = show::path(environment, &file);
    let helpers = CredentialHelpers::read(environment)?;
    let text = if names_only(&helpers, session.helper) {
        format!("{shown}: nothing to change\n")
    } else {
        format!("{shown} would be created:\n{}", drop_in_text(session.helper))
    };
    session.console.print(&text)?;
    let (left_behind, _) = left_behind(session, &helpers)?;
    if !left_behind.is_empty() {
        decision::warn(session, "podman", &left_behind);
    }
    Ok(())
}

/// Creates the drop-in, after the decision about logins that podman would no longer find.
pub(super) fn carry_out(
    session: &mut Session<'_>,
    choice: Choice,
    command: &ShellCommand,
) -> Result<(), Error> {
    let environment = session.environment;
    let file = drop_in(session)?;
    let helpers = CredentialHelpers::read(environment)?;
    if let Some(other) = registries::overriding(environment, &file)? {
        return Err(Error::refused(format!(
            "cannot configure {NAMES}: {} comes later and names other credential-helpers; remove that line first",
            show::path(environment, &other)
        )));
    }
    if names_only(&helpers, session.helper) && choice != Choice::Import {
        let shown = show::path(environment, &file);
        return session.console.print(&format!("{shown}: nothing to change\n"));
    }
    let (left_behind, store) = left_behind(session, &helpers)?;
    if !decision::is_due(&left_behind, choice) {
        return write(session, &file, &helpers);
    }
    match decision::decide(session, "podman", &left_behind, choice, command)? {
        Decision::Leave => write(session, &file, &helpers),
        Decision::Import => {
            let store = match store {
                Some(store) => store?,
                None => session.open_store()?,
            };
            let mut report = Report::default();
            let done = import(session, &*store, &left_behind, command, &mut report, |session| {
                write(session, &file, &helpers)
            });
            report.print(session)?;
            done
        }
    }
}

/// Removes our drop-in, and returns whether there was one.
pub(super) fn remove(session: &mut Session<'_>, is_dry: bool) -> Result<bool, Error> {
    let file = drop_in(session)?;
    let target = session.environment.trust().file_to_change(&file)?;
    let (Some(parent), Some(name)) = (
        target.path.parent(),
        target.path.file_name().and_then(|name| name.to_str()),
    ) else {
        return Ok(false);
    };
    let directory = match Directory::open(parent) {
        Ok(directory) => directory,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(Error::file("open", parent)(error)),
    };
    if directory
        .read(name, SIZE_MAX)
        .map_err(Error::file("read", &file))?
        .is_none()
    {
        return Ok(false);
    }
    let shown = show::path(session.environment, &file);
    if is_dry {
        session.console.print(&format!("{shown} would be removed\n"))?;
        return Ok(true);
    }
    directory.remove(name).map_err(Error::file("remove", &file))?;
    session.console.print(&format!("{shown}: removed\n"))?;
    Ok(true)
}

fn drop_in(session: &Session<'_>) -> Result<PathBuf, Error> {
    registries::drop_in(session.environment, &session.helper.program())
}

fn names_only(helpers: &CredentialHelpers, helper: &Helper) -> bool {
    helpers.helpers().len() == 1 && helpers.first() == Some(helper.name())
}

fn write(session: &mut Session<'_>, file: &Path, before: &CredentialHelpers) -> Result<(), Error> {
    let unwritable = || Error::file("write to", file);
    let target = session.environment.trust().file_to_change(file)?;
    let (Some(parent), Some(name)) = (
        target.path.parent(),
        target.path.file_name().and_then(|name| name.to_str()),
    ) else {
        return Err(unwritable()(std::io::ErrorKind::InvalidFilename.into()));
    };
    prepare(session)?;
    let directory = Directory::create(parent).map_err(Error::file("create", parent))?;
    let lock = directory.lock(LOCK_WAIT).map_err(Error::file("lock", parent))?;
    let text = drop_in_text(session.helper);
    directory
        .replace(&lock, name, text.as_bytes(), 0o644)
        .map_err(unwritable())?;
    let shown = show::path(session.environment, file);
    let program = session.helper.program();
    session.console.print(&format!(
        "{shown}: {NAMES} ask {program} for every registry now\n"
    ))?;
    if let Some(previous) = before.file().filter(|previous| *previous != file) {
        let previous = show::path(session.environment, previous);
        session.console.note(&format!(
            "this comes before {previous}, which names {}",
            before.helpers().join(", ")
        ));
    }
    session
        .console
        .note("\"podman login\" now refuses a part of a registry, such as quay.io/org");
    if let Some(dockers) = paths::podman_writes_dockers(session.environment) {
        session.console.note(&format!(
            "DOCKER_CONFIG is set, so newer versions of podman log in to {}, in plain text; log in without it: {}",
            show::path(session.environment, &dockers),
            paths::PODMAN_LOGIN_FOR_HELPERS
        ));
    }
    Ok(())
}

fn import(
    session: &mut Session<'_>,
    store: &dyn CredentialStore,
    left_behind: &LeftBehind,
    command: &ShellCommand,
    report: &mut Report,
    write: impl FnOnce(&mut Session<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    left_behind.refuse_namespaces()?;
    let environment = session.environment;
    let unchanged = |problem: &str| decision::unchanged("podman", problem, command);
    for found in &left_behind.helpers {
        let servers = found
            .servers
            .as_ref()
            .map_err(|error| unchanged(&error.to_string()))?;
        if found.is_made() {
            return Err(unchanged(&format!(
                "docker-credential-{} makes new credentials for each request, and podman would no longer ask it; use --registry HOST \
                 for single registries",
                found.helper
            )));
        }
        let peer = Peer::find(environment, &found.helper)?;
        copy_from(
            session,
            store,
            &peer,
            Some(servers),
            StoreOptions::default(),
            report,
        )?;
    }
    // docker may use another helper for the logins in its own files, so they stay there.
    let copied = ImportOptions {
        keep: true,
        ..ImportOptions::default()
    };
    let (podmans, dockers): (Vec<Source>, Vec<Source>) = sources(session)?
        .into_iter()
        .partition(|source| source.client == Client::Podman);
    let mut podmans = FileImport::collect(session, &podmans, ImportOptions::default(), report);
    podmans.store(session, store, ImportOptions::default(), report);
    FileImport::collect(session, &dockers, copied, report).store(session, store, copied, report);
    if report.failures() > 0 {
        return Err(unchanged("a login could not be imported"));
    }
    write(session)?;
    podmans.clear(session, report);
    Ok(())
}

/// The files that podman reads, in its order.
fn sources(session: &Session<'_>) -> Result<Vec<Source>, Error> {
    let environment = session.environment;
    let (docker, old) = (paths::docker(environment)?, paths::dockercfg(environment)?);
    let client = |path: &Path| match () {
        () if path == docker => Client::Docker,
        () if path == old => Client::OldDocker,
        () => Client::Podman,
    };
    let files = paths::podman_search(environment)?.into_iter();
    Ok(files
        .map(|path| Source::new(path.clone(), client(&path)))
        .collect())
}

/// The logins that podman would no longer find, and the store if this opened it.
fn left_behind<'a>(
    session: &mut Session<'a>,
    helpers: &CredentialHelpers,
) -> Result<(LeftBehind, Opened<'a>), Error> {
    let sources = sources(session)?;
    let (environment, helper) = (session.environment, session.helper);
    let (found, store) = with_stored(session, &Current::default(), |stored| {
        no_longer_found(environment, helper, &sources, helpers, stored)
    });
    Ok((found?, store))
}

fn no_longer_found(
    environment: &Environment,
    helper: &Helper,
    sources: &[Source],
    helpers: &CredentialHelpers,
    stored: Stored<'_>,
) -> Result<LeftBehind, Error> {
    let mut left_behind = LeftBehind::default();
    // The helper for each registry, in the files.
    let mut sent: Vec<(String, String)> = Vec::new();
    for source in sources.iter().filter(|_| helpers.read_auth_files()) {
        let file = ConfigFile::read(&source.path)?;
        let document = file.document();
        let entries = document
            .auths()
            .filter(|entry| matches!(entry.login(), Ok(Some(_))));
        let servers = entries.map(|entry| entry.server().to_owned());
        let is_stored = |server: &String| is_stored(left_behind::without_http(server), stored);
        let servers = servers.filter(|server| !is_stored(server)).collect();
        left_behind.plain.extend(PlainLogins::some(&source.path, servers));
        sent.extend(document.cred_helpers().iter().cloned());
    }
    for name in asked_now(helpers, &sent, helper.name()) {
        let is_asked = |server: &str| {
            helpers.helpers().contains(&name)
                || sent
                    .iter()
                    .any(|(key, helper)| *helper == name && is_same(key, server))
        };
        let Some(mut found) = HelperLogins::ask(environment, &name) else {
            continue;
        };
        if let Ok(servers) = &mut found.servers {
            servers.retain(|server| is_asked(server) && !is_stored(server, stored));
        }
        if !found.servers.as_ref().is_ok_and(Vec::is_empty) {
            left_behind.helpers.push(found);
        }
    }
    left_behind.is_plain_read = !left_behind.plain.is_empty();
    Ok(left_behind)
}

/// The helpers that podman uses, for some registries or all, except this one.
fn asked_now(helpers: &CredentialHelpers, sent: &[(String, String)], own: &str) -> BTreeSet<String> {
    let for_all = helpers.helpers().iter();
    let mut names: BTreeSet<String> = for_all
        .chain(sent.iter().map(|(_, name)| name))
        .cloned()
        .collect();
    names.retain(|name| name != AUTH_FILES && name != own && !name.is_empty());
    names
}

fn is_stored(server: &str, stored: Stored<'_>) -> bool {
    ServerUrl::parse(server)
        .is_ok_and(|server| left_behind::is_stored(&server, &lookup::podman_key(&server), stored))
}

fn is_same(key: &str, server: &str) -> bool {
    let parse = ServerUrl::parse;
    parse(key).is_ok_and(|key| {
        parse(server).is_ok_and(|server| lookup::podman_key(&server) == lookup::podman_key(&key))
    })
}
