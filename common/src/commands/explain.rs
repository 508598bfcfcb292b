//! `explain`: whom docker and podman ask for a server, in their order, and who answers.

use std::path::Path;

use clap::{Arg, ArgMatches, Command};

use super::Color;
use super::Console;
use super::session::Session;
use crate::config::lookup::{self, Choice};
use crate::config::{ConfigFile, Document, Entry, Login, paths, programs};
use crate::server::split_port;
use crate::{CredentialStore, Error, ServerUrl, TOKEN_USERNAME, matching};

pub(super) fn definition() -> Command {
    Command::new("explain")
        .about("Tell whom docker and podman ask for a server, and who answers")
        .long_about(
            "Tell what docker, podman and this helper would each do for a server, in order:\n\
             which setting decides, which login answers and under which name it is stored,\n\
             and why the others do not. Nothing is changed, and no secret is shown.",
        )
        .after_long_help("Examples:\n  explain ghcr.io\n  explain docker.io\n  explain quay.io/org/image:tag")
        .arg(
            Arg::new("server")
                .value_name("SERVER")
                .required(true)
                .help("A registry (ghcr.io, localhost:5000, docker.io) or an image (quay.io/org/image)"),
        )
}

/// What a step has come to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// This one decides.
    Answers,
    Passed,
    Wrong,
}

pub(super) fn run(session: &mut Session<'_>, arguments: &ArgMatches) -> Result<(), Error> {
    let text = arguments.get_one::<String>("server").map_or("", String::as_str);
    let asked = Asked::parse(text)?;
    docker(session, &asked)?;
    podman(session, &asked)?;
    helper(session, &asked)
}

/// A server, as a person names it.
struct Asked {
    server: ServerUrl,
    /// As podman asks for it, with the repository if one is named.
    image: String,
}

impl Asked {
    /// An image is told from a server as docker does it: what stands before the first slash is a host if it has a dot
    /// or a port or is `localhost`; otherwise the image is the Hub's.
    fn parse(text: &str) -> Result<Self, Error> {
        let server = ServerUrl::parse(text)?;
        let is_url = text.contains("://") || server.key().is_hub();
        let Some((first, path)) = text.split_once('/').filter(|_| !is_url) else {
            return Ok(Self {
                image: lookup::podman_key(&server),
                server,
            });
        };
        let path = path.split_once('@').map_or(path, |(path, _)| path);
        let path = match path.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => path,
            _ => path,
        };
        let is_host =
            first.contains(['.', ':']) || first == "localhost" || first.chars().any(char::is_uppercase);
        let (host, path) = if is_host {
            (first, path.to_owned())
        } else {
            ("docker.io", format!("{first}/{path}"))
        };
        let server = ServerUrl::parse(host)?;
        Ok(Self {
            image: format!("{}/{path}", lookup::podman_key(&server)),
            server,
        })
    }
}

fn docker(session: &mut Session<'_>, asked: &Asked) -> Result<(), Error> {
    let key = lookup::docker_key(&asked.server);
    session
        .console
        .print(&format!("docker asks for {}\n", Console::plain(&key)))?;
    let is_answered = docker_auth_config(session, &key)?;
    let path = paths::docker(session.environment)?;
    let Some(file) = read(session, &path)? else {
        return Ok(());
    };
    let document = file.document();
    let choice = lookup::docker(document, &key);
    let at = path.display();

    let text = match document.cred_helper(&key) {
        None => format!(
            "{at}: no entry {key:?}{}",
            near_miss(document, &asked.server, &key)
        ),
        Some("") => format!("{at}: {key:?} is \"\", which turns credsStore off for it"),
        Some(helper) => format!("{at}: {key:?} is {helper:?}{}", runs(session, helper)),
    };
    let is_chosen = |found: bool| !is_answered && found;
    step(
        session,
        mark(is_chosen(matches!(choice, Choice::CredHelper(_)))),
        "credHelpers",
        &text,
    )?;

    let text = match (document.creds_store(), choice) {
        (None, _) => format!("{at}: not set"),
        (Some(store), Choice::CredsStore(_)) => format!("{at}: {store:?}{}", runs(session, store)),
        (Some(store), _) => format!("{at}: {store:?}, not asked: credHelpers decides"),
    };
    step(
        session,
        mark(is_chosen(matches!(choice, Choice::CredsStore(_)))),
        "credsStore",
        &text,
    )?;

    let entry = lookup::docker_entry(document, &key);
    let is_in_the_clear = entry.is_some_and(|entry| !entry.is_marker());
    let text = match (entry, choice) {
        (None, Choice::Auths) => format!("{at}: no entry {key:?}: docker goes without a login"),
        (None, _) => {
            format!("{at}: no entry {key:?}; clients that go by the entries (testcontainers) do not ask")
        }
        (Some(entry), Choice::Auths) => format!("{at}: {}", describe(entry)),
        (Some(entry), _) if is_in_the_clear => {
            format!("{at}: {}, not looked at: a helper is chosen", describe(entry))
        }
        (Some(entry), _) => format!("{at}: {}", describe(entry)),
    };
    let is_decided = matches!(choice, Choice::Auths) && is_in_the_clear;
    step(session, mark(is_chosen(is_decided)), "auths", &text)
}

/// Whether it answers.
fn docker_auth_config(session: &mut Session<'_>, key: &str) -> Result<bool, Error> {
    const NAME: &str = "DOCKER_AUTH_CONFIG";
    let value = session
        .environment
        .variable(NAME)
        .filter(|value| !value.is_empty());
    let Some(value) = value else {
        step(session, Mark::Passed, NAME, "not set")?;
        return Ok(false);
    };
    match value.to_str().map(lookup::auth_config) {
        None => step(
            session,
            Mark::Wrong,
            NAME,
            "not valid UTF-8; docker goes on without it",
        )?,
        Some(Err(error)) => {
            step(
                session,
                Mark::Wrong,
                NAME,
                &format!("{error}; docker goes on without it"),
            )?;
        }
        Some(Ok(document)) => {
            let entry = document.entries().iter().find(|entry| entry.server() == key);
            let text = entry.map_or_else(
                || format!("no entry {key:?}"),
                |entry| format!("{} (docker 28.3 and later)", describe(entry)),
            );
            step(session, mark(entry.is_some()), NAME, &text)?;
            return Ok(entry.is_some());
        }
    }
    Ok(false)
}

fn podman(session: &mut Session<'_>, asked: &Asked) -> Result<(), Error> {
    let registry = lookup::podman_key(&asked.server);
    let image = Console::plain(&asked.image);
    session
        .console
        .print(&format!("podman, skopeo and buildah ask for {image}\n"))?;
    let mut is_answered = false;
    for path in paths::podman_search(session.environment)? {
        let Some(file) = read(session, &path)? else {
            continue;
        };
        let document = file.document();
        if !file.exists() {
            step(session, Mark::Passed, &path.display().to_string(), "no such file")?;
            continue;
        }
        let (found, text) = if let Some(helper) = lookup::podman(document, &registry) {
            (
                true,
                format!("credHelpers[{registry:?}] is {helper:?}{}", runs(session, helper)),
            )
        } else {
            match lookup::podman_entry(document, &asked.image) {
                Some(entry) => (!entry.is_marker(), describe(entry)),
                None => (false, format!("no entry for {registry}")),
            }
        };
        let ignored = match document.creds_store() {
            Some(store) if !found => format!("; credsStore {store:?} is docker's alone"),
            _ => String::new(),
        };
        step(
            session,
            mark(found && !is_answered),
            &path.display().to_string(),
            &format!("{text}{ignored}"),
        )?;
        is_answered |= found;
    }
    if !is_answered {
        session
            .console
            .print("   nothing decides: they go without a login\n")?;
    }
    Ok(())
}

fn helper(session: &mut Session<'_>, asked: &Asked) -> Result<(), Error> {
    let program = session.helper.program();
    session.console.print(&format!("{program} holds\n"))?;
    let query = ServerUrl::parse(&lookup::docker_key(&asked.server))?;
    let store = match session.open_store() {
        Ok(store) => store,
        Err(error) => return step(session, Mark::Wrong, "store", &error.to_string()),
    };
    answer(session, &*store, &query)?;
    // crane, ko and cosign ask for the repository first.
    if asked.image.contains('/')
        && let Ok(image) = ServerUrl::parse(&asked.image)
    {
        answer(session, &*store, &image)?;
    }
    Ok(())
}

fn answer(session: &mut Session<'_>, store: &dyn CredentialStore, query: &ServerUrl) -> Result<(), Error> {
    let (mark, text) = match matching::find(store, query) {
        Ok(login) => {
            let what = if login.username().as_str() == TOKEN_USERNAME {
                "an identity token".to_owned()
            } else {
                format!("the login of {}", login.username())
            };
            (Mark::Answers, format!("{what}, stored for {}", login.server()))
        }
        Err(Error::NotFound) => (Mark::Passed, format!("nothing{}", neighbours(store, query))),
        Err(error) => (Mark::Wrong, error.to_string()),
    };
    step(session, mark, &format!("for {query}"), &text)?;
    for line in session.helper.explain(session.environment, query) {
        session
            .console
            .print(&format!("     {}\n", Console::plain(&line)))?;
    }
    Ok(())
}

/// What is stored for the same host under another key, which is why it does not answer.
fn neighbours(store: &dyn CredentialStore, query: &ServerUrl) -> String {
    let host = |server: &str| {
        let host = lookup::hostname(server).to_ascii_lowercase();
        split_port(&host).map_or(host.clone(), |(host, _)| host.to_owned())
    };
    let wanted = host(query.as_str());
    let others: Vec<String> = store
        .list()
        .unwrap_or_default()
        .into_iter()
        .filter(|item| host(item.server.as_str()) == wanted)
        .map(|item| item.server.to_string())
        .collect();
    if others.is_empty() {
        String::new()
    } else {
        format!(
            "; {} is another server (port, scheme and path count)",
            others.join(", ")
        )
    }
}

/// A key in `credHelpers` that its author meant for this server and docker does not.
fn near_miss(document: &Document, server: &ServerUrl, key: &str) -> String {
    let meant = document.cred_helpers().iter().find(|(name, _)| {
        name != key && ServerUrl::parse(name).is_ok_and(|other| other.key() == server.key())
    });
    meant.map_or_else(String::new, |(name, _)| {
        format!("; {name:?} there is not what docker asks for")
    })
}

fn runs(session: &Session<'_>, helper: &str) -> String {
    let program = format!("docker-credential-{helper}");
    match programs::first_on_path(session.environment, &program) {
        Some(path) => format!(", so {} is asked", path.display()),
        None => format!(", and {program} is not on PATH: an error"),
    }
}

fn describe(entry: &Entry) -> String {
    let name = entry.server();
    let shown = name.rsplit('@').next().unwrap_or_default();
    match entry.login() {
        Ok(Some(Login::Password { username, .. })) => {
            format!("entry {shown:?}: the login of {username}, in the clear")
        }
        Ok(Some(Login::IdentityToken(_))) => format!("entry {shown:?}: an identity token, in the clear"),
        Ok(None) if entry.has_registry_token() => format!("entry {shown:?}: a registry token, in the clear"),
        Ok(None) => format!("entry {shown:?} is an empty marker"),
        Err(error) => format!("entry {shown:?}: {error}"),
    }
}

/// A file that cannot be read is a step of its own.
fn read(session: &mut Session<'_>, path: &Path) -> Result<Option<ConfigFile>, Error> {
    match ConfigFile::read(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) => {
            step(
                session,
                Mark::Wrong,
                &path.display().to_string(),
                &error.to_string(),
            )?;
            Ok(None)
        }
    }
}

fn mark(is_chosen: bool) -> Mark {
    if is_chosen { Mark::Answers } else { Mark::Passed }
}

fn step(session: &mut Session<'_>, mark: Mark, name: &str, text: &str) -> Result<(), Error> {
    let sign = match mark {
        Mark::Answers => session.console.colored(Color::Green, "=>"),
        Mark::Passed => "  ".to_owned(),
        Mark::Wrong => session.console.colored(Color::Red, "!!"),
    };
    let line = format!("{sign} {}: {}\n", Console::plain(name), Console::plain(text));
    session.console.print(&line)
}
