//! `export`: writes logins from this store in the formats of other programs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::PossibleValue;
use clap::{Arg, ArgAction, ArgMatches, Command};

use self::form::{Format, render};
use super::options::flag;
use super::peer::{self, Peer, names_file};
use super::session::Session;
use super::table::Table;
use super::transfer::{Client, Source, StoreOptions, StoreOutcome, store_verified};
use crate::config::{ConfigFile, Entry, lookup};
use crate::directory::{self, Directory};
use crate::{Credential, CredentialStore, Error, ServerUrl, matching, show};

mod form;

const LOCK_WAIT: Duration = Duration::from_secs(10);

pub(super) fn definition() -> Command {
    Command::new("export")
        .about("Print logins for Kubernetes, GitLab, podman or curl, or copy them to another helper")
        .long_about(
            "Print logins from this store in another program's format, or copy them to another helper.\n\
             The output contains passwords: for a file that only you can read, use --output; on a\n\
             terminal, add --show-secrets.",
        )
        .after_long_help(
            "Without a server, export omits entries that aren't logins at a registry, such as the tokens\n\
             of docker's web login.\n\n\
             Examples:\n  \
             export --output pull-secret.json ghcr.io\n  \
             export ghcr.io | kubectl create secret generic ghcr \\\n    \
             --type=kubernetes.io/dockerconfigjson --from-file=.dockerconfigjson=/dev/stdin\n  \
             export --format auth-config ghcr.io       the value of DOCKER_AUTH_CONFIG\n  \
             export --to pass",
        )
        .arg(
            Arg::new("format")
                .long("format")
                .value_name("FORMAT")
                .default_value("dockerconfigjson")
                .conflicts_with("to")
                .value_parser(Format::ALL.map(|(name, _, help)| PossibleValue::new(name).help(help)))
                .help("The output format"),
        )
        .arg(
            Arg::new("to")
                .long("to")
                .value_name("HELPER")
                .help("Copy to this helper instead: pass, secretservice, osxkeychain, wincred, desktop, …"),
        )
        .arg(
            Arg::new("output")
                .long("output")
                .value_name("FILE")
                .value_parser(clap::value_parser!(PathBuf))
                .conflicts_with("to")
                .help("Write to this file, which only you can read"),
        )
        .arg(flag("replace", "Replace logins there that differ").requires("to"))
        .arg(flag("show-secrets", "Print passwords even to a terminal"))
        .arg(
            Arg::new("server")
                .value_name("SERVER")
                .action(ArgAction::Append)
                .help("Only these servers; without any, all registry logins"),
        )
}

pub(super) fn run(session: &mut Session<'_>, arguments: &ArgMatches) -> Result<(), Error> {
    let named: Vec<&String> = arguments.get_many("server").into_iter().flatten().collect();
    if let Some(peer) = arguments.get_one::<String>("to") {
        return copy(
            session,
            peer::short_name(peer),
            &named,
            arguments.get_flag("replace"),
        );
    }
    let format = arguments
        .get_one::<String>("format")
        .and_then(|name| Format::named(name))
        .unwrap_or(Format::DockerConfigJson);
    let output = arguments.get_one::<PathBuf>("output");
    if output.is_none() && session.console.is_terminal() && !arguments.get_flag("show-secrets") {
        return Err(Error::refused(
            "this would print passwords on the terminal; write them to a file that only you can read with \
             --output FILE, pipe them to a program, or add --show-secrets",
        ));
    }
    if format == Format::Header && named.len() != 1 {
        return Err(Error::refused(
            "the format header is for one server; name it, as in: export --format header ghcr.io",
        ));
    }
    let store = session.open_store()?;
    let logins = select(session, &*store, &named)?;
    let text = render(session, format, &logins)?;
    match output {
        Some(file) => {
            refuse_loss(session, file, &logins)?;
            write(session, file, &text)
        }
        None => session.console.print(&text),
    }
}

/// The logins for these servers, or all registry logins.
fn select(
    session: &Session<'_>,
    store: &dyn CredentialStore,
    named: &[&String],
) -> Result<Vec<Credential>, Error> {
    let servers: Vec<ServerUrl> = if named.is_empty() {
        let listed = matching::listing(store.list()?);
        let servers = listed.keys().map(|server| ServerUrl::parse(server));
        let servers = servers.collect::<Result<Vec<_>, _>>()?;
        let (logins, others): (Vec<_>, Vec<_>) = servers.into_iter().partition(lookup::is_registry_login);
        note_left_out(session, &others);
        logins
    } else {
        let servers = named.iter().map(|server| ServerUrl::parse(server));
        servers.collect::<Result<_, _>>()?
    };
    servers
        .iter()
        .map(|server| {
            matching::find(store, server).map_err(|error| match error {
                Error::NotFound => Error::refused(format!("nothing is stored for {server}")),
                other => other,
            })
        })
        .collect()
}

fn note_left_out(session: &Session<'_>, servers: &[ServerUrl]) {
    if servers.is_empty() {
        return;
    }
    let names: Vec<String> = servers
        .iter()
        .map(|server| show::server(server.as_str()))
        .collect();
    session.console.note(&format!(
        "omitted, because they aren't logins at a registry: {}; name them to export them",
        names.join(", ")
    ));
}

/// Fails if the file is docker's, podman's or helm's, and has settings or logins that this would remove.
fn refuse_loss(session: &Session<'_>, file: &Path, logins: &[Credential]) -> Result<(), Error> {
    // Without a home, clients don't have files.
    let source = Source::named(session.environment, file).ok();
    let Some(source) = source.filter(|source| source.client != Client::Nobody) else {
        return Ok(());
    };
    let current = ConfigFile::read(file)?;
    let document = current.document();
    let is_exported = |entry: &Entry| {
        ServerUrl::parse(entry.server())
            .is_ok_and(|server| logins.iter().any(|login| login.server().key() == server.key()))
    };
    let is_known = document.field_names().all(|field| field == "auths")
        && document
            .entries()
            .iter()
            .all(|entry| entry.is_marker() || is_exported(entry));
    if is_known {
        return Ok(());
    }
    Err(Error::refused(format!(
        "cannot write to {}: this would remove the other settings and logins of {} from it; name another file",
        show::path(session.environment, file),
        source.client.name()
    )))
}

/// Replaces the whole file, readable by its owner only, whatever its old mode.
fn write(session: &Session<'_>, file: &Path, text: &str) -> Result<(), Error> {
    if file.is_dir() {
        return Err(Error::refused(format!(
            "cannot write to {}: it is a directory; name a file in it",
            file.display()
        )));
    }
    let target = session.environment.trust().file_to_change(file)?.path;
    let unwritable = || Error::file("write to", file);
    let (Some(parent), Some(name)) = (
        directory::parent(&target),
        target.file_name().and_then(|name| name.to_str()),
    ) else {
        return Err(unwritable()(std::io::ErrorKind::InvalidFilename.into()));
    };
    let directory = Directory::open(parent).map_err(unwritable())?;
    let lock = directory.lock(LOCK_WAIT).map_err(unwritable())?;
    directory
        .replace(&lock, name, text.as_bytes(), 0o600)
        .map_err(unwritable())
}

fn copy(session: &mut Session<'_>, name: &str, named: &[&String], replace: bool) -> Result<(), Error> {
    if names_file(name) {
        return Err(Error::refused(
            "--to names a helper; write a file with --output FILE",
        ));
    }
    if name == session.helper.name() {
        return Err(Error::refused(format!(
            "cannot export to {name}: it is this helper"
        )));
    }
    let environment = session.environment;
    let peer = Peer::find(environment, name)?;
    let store = session.open_store()?;
    let logins = select(session, &*store, named)?;
    let options = StoreOptions {
        replace,
        dry_run: false,
    };
    let mut rows = Vec::new();
    for (done, login) in logins.iter().enumerate() {
        session.console.progress(done, logins.len());
        let (word, text) = match store_verified(&peer, login, options) {
            Ok(StoreOutcome::Stored | StoreOutcome::Present) => ("copied", String::new()),
            Ok(StoreOutcome::Kept(username)) => {
                let username = show::name(&username);
                (
                    "kept",
                    format!("{name} has another login, of {username}; --replace replaces it"),
                )
            }
            Err(error) => ("failed", error.to_string()),
        };
        rows.push((word, login, text));
    }
    session.console.progress(logins.len(), logins.len());
    rows.sort_by_key(|(word, ..)| *word == "failed");
    let mut table = Table::new(["RESULT", "SERVER", "USER", "WHY"]);
    for (word, login, text) in &rows {
        table.add([word, &login.server().to_string(), login.username().as_str(), text]);
    }
    table.print(session.console)?;
    match rows.iter().filter(|(word, ..)| *word != "copied").count() {
        0 => Ok(()),
        missing => Err(Error::refused(format!(
            "{} of {} not in {name}",
            missing,
            show::count(logins.len(), "login is", "logins are")
        ))),
    }
}
