//! `configure` and `unconfigure`: name the helper where docker or podman looks for one, and put back what was there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::diff::diff;
use super::session::Session;
use super::setting::{Record, Setting};
use crate::config::{ConfigFile, Document, EditError, lookup, paths, programs};
use crate::{Error, ServerUrl};

pub(super) fn definition() -> Command {
    with_common_arguments(
        Command::new("configure")
            .about("Make docker or podman keep its logins here")
            .long_about(
                "Make docker keep its logins here: names this helper in docker's config.json, under\n\
                 \"credsStore\" for all registries, or with --registry under \"credHelpers\" for single ones.\n\
                 Everything else in the file stays as it is. What was named there before is\n\
                 remembered for \"unconfigure\".\n\n\
                 Logins that stand in the clear are moved by \"import\".",
            ),
    )
    .after_long_help(
        "podman knows no setting for all registries. With --podman and without --registry, those\n\
         are configured that already have an entry in a file of podman's or docker's, or a login\n\
         here.\n\n\
         Examples:\n  \
         configure --dry-run\n  \
         configure --registry ghcr.io --registry docker.io\n  \
         configure --podman --registry quay.io",
    )
}

pub(super) fn reverse_definition() -> Command {
    with_common_arguments(
        Command::new("unconfigure")
            .about("Undo configure: put back the former store")
            .long_about(
                "Take this helper's name out of docker's config.json, or with --podman out of podman's\n\
                 auth.json, and put back what \"configure\" found there. The logins stay in this store;\n\
                 docker then no longer finds them. \"export --to HELPER\" copies them to another one.",
            ),
    )
}

fn with_common_arguments(command: Command) -> Command {
    command
        .arg(
            Arg::new("registry")
                .long("registry")
                .value_name("HOST")
                .action(ArgAction::Append)
                .help("Only for this registry, host[:port] or docker.io; may be given several times"),
        )
        .arg(
            Arg::new("podman")
                .long("podman")
                .action(ArgAction::SetTrue)
                .help("In podman's auth.json instead of docker's config.json; for skopeo and buildah, too"),
        )
        .arg(dry_run("Show what would change in the file, and change nothing"))
}

pub(super) fn dry_run(help: &'static str) -> Arg {
    Arg::new("dry-run")
        .long("dry-run")
        .action(ArgAction::SetTrue)
        .help(help)
}

pub(super) fn run(session: &mut Session<'_>, arguments: &ArgMatches) -> Result<(), Error> {
    let mut settings = named_settings(arguments)?;
    let file = file(session, arguments)?;
    let is_podman = arguments.get_flag("podman");
    if settings.is_empty() {
        settings = if is_podman {
            known_registries(session)?
        } else {
            vec![Setting::CredsStore]
        };
    }
    if arguments.get_flag("dry-run") {
        let name = session.helper.name();
        return show(session, &file, |document| {
            put(document, &settings, |_| Some(name))
        });
    }
    prepare(session)?;
    apply(session, &file, &settings)?;
    advise(session, &file, is_podman)
}

/// Makes the helper ready for its first login.
pub(super) fn prepare(session: &mut Session<'_>) -> Result<(), Error> {
    match session.helper.prepare(session.environment)? {
        Some(done) => session.console.print(&format!("{done}\n")),
        None => Ok(()),
    }
}

/// Names the helper in these settings, remembers what was there, and says so.
pub(super) fn apply(session: &mut Session<'_>, file: &Path, settings: &[Setting]) -> Result<(), Error> {
    let name = session.helper.name();
    let mut replaced = Vec::new();
    let is_changed = ConfigFile::edit(file, |document| {
        let mut found = Vec::new();
        for setting in settings {
            let former = setting.read(document);
            if former != Some(name) {
                found.push((setting.clone(), former.map(str::to_owned)));
            }
        }
        let new = put(document, settings, |_| Some(name))?;
        // Before the file: what is remembered in vain does no harm, what is forgotten cannot be put back.
        if !found.is_empty() {
            Record::change(session.helper, session.environment, |record| {
                for (setting, former) in &found {
                    record.remember(file, setting, former.as_deref());
                }
            })?;
        }
        replaced = found;
        Ok(new)
    })?;
    let file = file.display();
    if !is_changed {
        return session.console.print(&format!(
            "{file}: nothing to change, {name} is named there already\n"
        ));
    }
    for (setting, former) in replaced {
        let before = former.map_or_else(
            || "was not set".to_owned(),
            |former| format!("was {former:?}, which \"unconfigure\" puts back"),
        );
        session
            .console
            .print(&format!("{file}: {setting} is {name:?} now; it {before}\n"))?;
    }
    Ok(())
}

/// What its user should know next.
fn advise(session: &mut Session<'_>, file: &Path, is_podman: bool) -> Result<(), Error> {
    let program = session.helper.program();
    if programs::first_on_path(session.environment, &program).is_none() {
        session.console.note(&format!(
            "{program} is not on PATH, so docker and podman will not find it; install it into one of its directories"
        ));
    }
    let document = ConfigFile::read(file)?;
    let in_the_clear = document
        .document()
        .entries()
        .iter()
        .filter(|entry| matches!(entry.login(), Ok(Some(_))))
        .count();
    if in_the_clear > 0 && !session.helper.is_read_only() {
        session.console.note(&format!(
            "logins in the clear in {}: {in_the_clear}; \"{program} import\" moves them",
            file.display()
        ));
    }
    if !is_podman {
        for (server, other) in document.document().cred_helpers() {
            if other != session.helper.name() {
                session.console.note(&format!(
                    "credHelpers still sends {server} to {other:?}; \"configure --registry {server}\" changes that"
                ));
            }
        }
    } else if session.environment.variable("REGISTRY_AUTH_FILE").is_none() {
        session.console.note(&format!(
            "\"podman login\" writes to another file, in the clear, unless REGISTRY_AUTH_FILE={} is set",
            file.display()
        ));
    }
    Ok(())
}

pub(super) fn run_reverse(session: &mut Session<'_>, arguments: &ArgMatches) -> Result<(), Error> {
    let wanted = named_settings(arguments)?;
    let file = file(session, arguments)?;
    let (helper, environment) = (session.helper, session.environment);
    let name = helper.name();
    let mut undone = Vec::new();
    let mut undo = |document: &Document| -> Result<Document, EditError> {
        let mut settings = Setting::naming(document, name);
        settings.retain(|setting| wanted.is_empty() || wanted.contains(setting));
        // After the document: what stood in a setting is remembered before our name stands there.
        let record = Record::read(helper, environment)?;
        let new = put(document, &settings, |setting| record.former(&file, setting))?;
        undone = settings
            .into_iter()
            .map(|setting| {
                let former = record.former(&file, &setting).map(str::to_owned);
                (setting, former)
            })
            .collect();
        Ok(new)
    };
    if arguments.get_flag("dry-run") {
        return show(session, &file, undo);
    }
    let is_changed = ConfigFile::edit(&file, &mut undo)?;
    if !is_changed {
        return session.console.print(&format!(
            "{}: nothing to change, {name} is not named there\n",
            file.display()
        ));
    }
    for (setting, now) in &undone {
        let text = now.as_ref().map_or_else(
            || "is not set any more".to_owned(),
            |former| format!("is {former:?} again"),
        );
        session
            .console
            .print(&format!("{}: {setting} {text}\n", file.display()))?;
        if let Some(former) = now.as_ref().filter(|former| !former.is_empty()) {
            let program = format!("docker-credential-{former}");
            if programs::first_on_path(session.environment, &program).is_none() {
                session
                    .console
                    .note(&format!("{program}, which was there before, is not on PATH"));
            }
        }
    }
    Record::change(helper, environment, |record| {
        for (setting, _) in &undone {
            record.forget(&file, setting);
        }
    })
}

fn put<'a>(
    document: &Document,
    settings: &[Setting],
    value: impl Fn(&Setting) -> Option<&'a str>,
) -> Result<Document, EditError> {
    let mut document = document.clone();
    for setting in settings {
        // A value that stays is not written anew: it may be spelled with escapes.
        if setting.read(&document) != value(setting) {
            document = setting.write(&document, value(setting))?;
        }
    }
    Ok(document)
}

/// The difference that a change would make, without any value that may be a secret.
fn show(
    session: &mut Session<'_>,
    path: &Path,
    change: impl FnOnce(&Document) -> Result<Document, EditError>,
) -> Result<(), Error> {
    let file = ConfigFile::read(path)?;
    let new = change(file.document()).map_err(|error| error.about(path))?;
    if new == *file.document() {
        return session
            .console
            .print(&format!("{}: nothing to change\n", path.display()));
    }
    let old = if file.exists() {
        file.document().masked()
    } else {
        String::new()
    };
    let shown = diff(session.console, &old, &new.masked());
    session.console.print(&format!("{}\n{shown}", path.display()))
}

fn file(session: &Session<'_>, arguments: &ArgMatches) -> Result<PathBuf, Error> {
    if arguments.get_flag("podman") {
        paths::podman(session.environment)
    } else {
        paths::docker(session.environment)
    }
}

fn named_settings(arguments: &ArgMatches) -> Result<Vec<Setting>, Error> {
    let mut settings = Vec::new();
    for registry in arguments.get_many::<String>("registry").into_iter().flatten() {
        settings.extend(Setting::for_registry(registry)?);
    }
    settings.sort();
    settings.dedup();
    Ok(settings)
}

/// The registries that somebody has logged in to, for podman, which has no setting for all.
fn known_registries(session: &mut Session<'_>) -> Result<Vec<Setting>, Error> {
    let mut servers: BTreeSet<String> = BTreeSet::new();
    let mut files = paths::podman_search(session.environment)?;
    files.push(paths::docker(session.environment)?);
    for file in files {
        match ConfigFile::read(&file) {
            Ok(file) => servers.extend(
                file.document()
                    .entries()
                    .iter()
                    .map(|entry| entry.server().to_owned()),
            ),
            Err(error) => session.console.note(&error.to_string()),
        }
    }
    match session.open_store().and_then(|store| store.list()) {
        Ok(items) => servers.extend(items.iter().map(|item| item.server.as_str().to_owned())),
        Err(error) => session.console.note(&format!("the store was not asked: {error}")),
    }
    let hosts = servers
        .iter()
        .filter_map(|server| ServerUrl::parse(server).ok())
        .map(|server| lookup::podman_key(&server));
    let settings: BTreeSet<Setting> = hosts
        .filter_map(|host| Setting::for_registry(&host).ok())
        .flatten()
        .collect();
    if settings.is_empty() {
        return Err(Error::Refused(
            "podman has no setting for all registries, and no login is known yet; name them with --registry HOST"
                .into(),
        ));
    }
    Ok(settings.into_iter().collect())
}
