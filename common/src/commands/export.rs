//! `export`: logins out of this store, in the forms that other programs take.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::PossibleValue;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde::Serialize;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::peer::{Peer, names_file};
use super::session::Session;
use super::table::Table;
use super::verified::{StoreOptions, StoreOutcome, store_verified};
use crate::config::{encode_auth, lookup};
use crate::directory::{self, Directory};
use crate::{Credential, CredentialStore, Error, ServerUrl, TOKEN_USERNAME, matching, show};

const LOCK_WAIT: Duration = Duration::from_secs(10);

pub(super) fn definition() -> Command {
    Command::new("export")
        .about("Print logins for Kubernetes, GitLab, podman or curl, or copy them to another helper")
        .long_about(
            "Print logins from this store in a form that another program reads, or copy them to another\n\
             helper. Anyone can read what is printed: on a terminal add --show-secrets, and for a file use\n\
             --output, which only you can read.",
        )
        .after_long_help(
            "Without a server, entries that are no registry's login are left out, such as the tokens of\n\
             docker's web login.\n\n\
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
                .help("The form to print in"),
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
        .arg(
            Arg::new("replace")
                .long("replace")
                .action(ArgAction::SetTrue)
                .requires("to")
                .help("Replace logins there that differ"),
        )
        .arg(
            Arg::new("show-secrets")
                .long("show-secrets")
                .action(ArgAction::SetTrue)
                .help("Print passwords even to a terminal"),
        )
        .arg(
            Arg::new("server")
                .value_name("SERVER")
                .action(ArgAction::Append)
                .help("Only these servers; without any, all registry logins"),
        )
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    DockerConfigJson,
    AuthConfig,
    AuthJson,
    Netrc,
    Header,
}

impl Format {
    const ALL: [(&'static str, Self, &'static str); 5] = [
        (
            "dockerconfigjson",
            Self::DockerConfigJson,
            "A config.json, as Kubernetes has it in a secret",
        ),
        (
            "auth-config",
            Self::AuthConfig,
            "One line for DOCKER_AUTH_CONFIG, as docker and GitLab read it",
        ),
        ("auth.json", Self::AuthJson, "podman's file"),
        (
            "netrc",
            Self::Netrc,
            "For curl --netrc-file and other programs that read ~/.netrc",
        ),
        ("header", Self::Header, "The HTTP header line for one server"),
    ];

    fn named(name: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(known, ..)| *known == name);
        found.map(|(_, format, _)| *format)
    }
}

pub(super) fn run(session: &mut Session<'_>, arguments: &ArgMatches) -> Result<(), Error> {
    let named: Vec<&String> = arguments.get_many("server").into_iter().flatten().collect();
    if let Some(peer) = arguments.get_one::<String>("to") {
        return copy(session, peer, &named, arguments.get_flag("replace"));
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
            "a header is for one server; name it, as in: export --format header ghcr.io",
        ));
    }
    let store = session.open_store()?;
    let logins = select(session, &*store, &named)?;
    let text = render(session, format, &logins)?;
    match output {
        Some(file) => write(session, file, &text),
        None => session.console.print(&text),
    }
}

/// The logins for these servers, or all that are a registry's.
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
        "left out, because they aren't logins at a registry: {}; name them to export them",
        names.join(", ")
    ));
}

/// Replaces the file whole, readable by its owner only, whatever it was before.
fn write(session: &mut Session<'_>, file: &Path, text: &str) -> Result<(), Error> {
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

fn render(session: &Session<'_>, format: Format, logins: &[Credential]) -> Result<Zeroizing<String>, Error> {
    let mut text = Zeroizing::new(String::new());
    match format {
        Format::DockerConfigJson | Format::AuthConfig | Format::AuthJson => {
            let mut auths = Map::new();
            for login in logins {
                match entry(format, login) {
                    Ok((server, entry)) => {
                        auths.insert(server, entry);
                    }
                    // One login that has no place in this form is no reason to print none.
                    Err(error) => session.console.note(&format!("left out: {error}")),
                }
            }
            if auths.is_empty() && !logins.is_empty() {
                return Err(Error::unsupported("no login can be written in this form"));
            }
            let whole = json!({ "auths": auths });
            *text = if format == Format::AuthConfig {
                whole.to_string()
            } else {
                pretty(&whole)
            };
            text.push('\n');
        }
        Format::Netrc => {
            for login in logins {
                match netrc_line(login) {
                    Ok(line) => text.push_str(&line),
                    Err(error) => session.console.note(&format!("left out: {error}")),
                }
            }
            if text.is_empty() && !logins.is_empty() {
                return Err(Error::unsupported("no login can be written in this form"));
            }
        }
        Format::Header => {
            for login in logins {
                refuse_token(login, "a header")?;
                text.push_str("Authorization: Basic ");
                text.push_str(basic(login)?.expose());
                text.push('\n');
            }
        }
    }
    Ok(text)
}

/// With tabs, as docker writes its files.
fn pretty(value: &Value) -> String {
    let mut bytes = Vec::new();
    let tabs = serde_json::ser::PrettyFormatter::with_indent(b"\t");
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, tabs);
    // Writing a `Value` to memory cannot fail.
    let _ = value.serialize(&mut serializer);
    String::from_utf8(bytes).unwrap_or_default()
}

/// The key under which the program that reads the form looks, and what it reads there.
fn entry(format: Format, login: &Credential) -> Result<(String, Value), Error> {
    let server = login.server();
    let is_token = login.username().as_str() == TOKEN_USERNAME;
    let key = match format {
        Format::AuthJson if server.key().is_hub() => lookup::podman_key(server),
        Format::AuthJson => server.key().to_string(),
        _ if server
            .key()
            .https_parts()
            .is_some_and(|(.., path)| path.is_empty()) =>
        {
            lookup::docker_key(server)
        }
        _ => server.as_str().to_owned(),
    };
    let entry = match format {
        Format::AuthJson if is_token => json!({ "identitytoken": login.secret().expose() }),
        Format::AuthJson => json!({ "auth": basic(login)?.expose() }),
        _ => {
            refuse_token(login, "this form")?;
            json!({ "auth": basic(login)?.expose() })
        }
    };
    Ok((key, entry))
}

fn basic(login: &Credential) -> Result<crate::Secret, Error> {
    let username = login.username().as_str();
    if username.contains(':') {
        return Err(Error::unsupported(format!(
            "the user name of {} has a colon, which would end it in this form",
            login.server()
        )));
    }
    Ok(encode_auth(username, login.secret()))
}

fn refuse_token(login: &Credential, form: &str) -> Result<(), Error> {
    if login.username().as_str() == TOKEN_USERNAME {
        return Err(Error::unsupported(format!(
            "{} has an identity token, for which {form} has no place; log in with a password there",
            login.server()
        )));
    }
    Ok(())
}

/// `machine HOST login USER password SECRET`. The file knows no ports: a password for one would go to all.
fn netrc_line(login: &Credential) -> Result<Zeroizing<String>, Error> {
    let server = login.server();
    refuse_token(login, "a netrc file")?;
    let Some((host, None, "")) = server.key().https_parts() else {
        return Err(Error::unsupported(format!(
            "a netrc file knows hosts only, so {server} has no place in it"
        )));
    };
    let username = netrc_word(server, login.username().as_str())?;
    let password = netrc_word(server, login.secret().expose())?;
    Ok(Zeroizing::new(format!(
        "machine {host} login {} password {}\n",
        *username, *password
    )))
}

/// Quoted only where it must be, for not every reader of these files knows quotes.
fn netrc_word(server: &ServerUrl, text: &str) -> Result<Zeroizing<String>, Error> {
    let is_plain = !text.is_empty()
        && text
            .chars()
            .all(|c| !c.is_whitespace() && !c.is_control() && !matches!(c, '"' | '\\' | '#'));
    if is_plain {
        return Ok(Zeroizing::new(text.to_owned()));
    }
    let mut quoted = Zeroizing::new(String::from("\""));
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => {
                return Err(Error::unsupported(format!(
                    "the login of {server} has a control character, which a netrc file cannot hold"
                )));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    Ok(quoted)
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

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::{Secret, Username};

    fn login(server: &str, username: &str, secret: &str) -> Credential {
        Credential::new(
            ServerUrl::parse(server).unwrap(),
            Username::parse(username.into()).unwrap(),
            Secret::new(secret.into()),
        )
    }

    #[test]
    fn a_netrc_line_quotes_what_would_end_a_word() {
        for (secret, shown) in [
            ("plain", "plain"),
            ("", r#""""#),
            ("two words", r#""two words""#),
            ("a\"b\\c", r#""a\"b\\c""#),
            ("a\nb", r#""a\nb""#),
            ("#a", r##""#a""##),
        ] {
            assert_eq!(
                netrc_line(&login("ghcr.io", "alice", secret)).unwrap().as_str(),
                format!("machine ghcr.io login alice password {shown}\n")
            );
        }
    }

    #[test]
    fn a_netrc_file_has_no_place_for_ports_paths_and_tokens() {
        for login in [
            login("localhost:5000", "alice", "x"),
            login("quay.io/org", "alice", "x"),
            login("http://a.example", "alice", "x"),
            login("ghcr.io", "<token>", "x"),
            login("ghcr.io", "alice", "\0"),
        ] {
            assert!(netrc_line(&login).is_err(), "{}", login.server());
        }
    }

    #[test]
    fn a_user_name_with_a_colon_is_not_joined_to_its_password() {
        assert!(basic(&login("ghcr.io", "a:b", "c")).is_err());
        assert_eq!(
            basic(&login("ghcr.io", "a", "b:c")).unwrap().expose(),
            STANDARD.encode("a:b:c")
        );
    }

    #[test]
    fn each_program_finds_the_hub_by_the_key_it_knows() {
        let hub = login("https://index.docker.io/v1/", "alice", "x");
        for (format, key) in [
            (Format::DockerConfigJson, "https://index.docker.io/v1/"),
            (Format::AuthConfig, "https://index.docker.io/v1/"),
            (Format::AuthJson, "docker.io"),
        ] {
            assert_eq!(entry(format, &hub).unwrap().0, key);
        }
    }

    #[test]
    fn an_identity_token_goes_into_podman_s_file_only() {
        let token = login("a.example", "<token>", "t");
        assert_eq!(
            entry(Format::AuthJson, &token).unwrap().1,
            json!({ "identitytoken": "t" })
        );
        assert!(entry(Format::DockerConfigJson, &token).is_err());
        assert!(entry(Format::AuthConfig, &token).is_err());
    }
}
