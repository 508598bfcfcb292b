//! `explain`: which login docker, podman and this helper would use for a server, and which setting decides.

use clap::{Arg, ArgMatches, Command};
use serde::Serialize;

use self::asked::Asked;
use super::Color;
use super::Console;
use super::options;
use super::session::Session;
use crate::config::{Entry, Login, programs};
use crate::{Environment, Error, show};

mod asked;
mod docker;
mod podman;
mod store;

pub(super) fn definition() -> Command {
    Command::new("explain")
        .about("Show which login docker and podman would use for a server")
        .long_about(
            "Show what docker, podman and this helper would each do for a server, in order: which setting \
            decides, which login answers and under which name it is stored, and why the others don't. It changes nothing and doesn't show secrets.",
        )
        .after_long_help(
            "Examples:\n  explain ghcr.io\n  explain docker.io\n  explain ubuntu:24.04\n  explain quay.io/org/image:tag",
        )
        .arg(
            Arg::new("server")
                .value_name("SERVER")
                .required(true)
                .help("A registry (ghcr.io, localhost:5000, docker.io) or an image (quay.io/org/image, ubuntu:24.04)"),
        )
        .arg(options::json())
}

pub(super) fn run(session: &mut Session<'_>, arguments: &ArgMatches) -> Result<(), Error> {
    let text = arguments.get_one::<String>("server").map_or("", String::as_str);
    let asked = Asked::parse(text, &asked::known_hosts(session.environment))?;
    let store = store::section(session, &asked);
    let explanation = Explanation {
        server: show::server(asked.server.as_str()),
        docker: docker::section(session.environment, &asked),
        podman: podman::section(session, &asked, &store),
        store,
    };
    if arguments.get_flag("json") {
        let json = serde_json::to_string_pretty(&explanation).unwrap_or_default();
        return session.console.print(&format!("{json}\n"));
    }
    for section in [explanation.docker, explanation.podman, explanation.store] {
        section.print(session)?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Explanation {
    server: String,
    docker: Section,
    podman: Section,
    store: Section,
}

/// The steps of one client.
#[derive(Serialize)]
struct Section {
    #[serde(skip)]
    heading: String,
    /// The name under which it looks up the server.
    asks_for: String,
    /// The name of the first step that answers; nothing if the client goes without a login.
    decides: Option<String>,
    /// The helper that it then runs.
    helper: Option<String>,
    /// The user of a login that it uses without a helper, or because the helper fails.
    user: Option<String>,
    steps: Vec<Step>,
}

#[derive(Serialize)]
struct Step {
    result: Mark,
    name: String,
    text: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<String>,
}

/// The result of a step.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Mark {
    /// This one decides.
    Decides,
    Ignored,
    Broken,
}

/// The result of a place that has something for the server.
enum Answer<'a> {
    Helper(&'a str),
    Entry(&'a Entry),
}

impl Section {
    fn new(heading: String, asks_for: &str) -> Self {
        Self {
            heading,
            asks_for: asks_for.to_owned(),
            decides: None,
            helper: None,
            user: None,
            steps: Vec::new(),
        }
    }

    fn ignored(&mut self, name: &str, text: impl Into<String>) {
        self.step(Mark::Ignored, name, text);
    }

    fn broken(&mut self, name: &str, text: impl Into<String>) {
        self.step(Mark::Broken, name, text);
    }

    /// The first that answers decides.
    fn answers(&mut self, name: &str, answer: &Answer<'_>, text: impl Into<String>) {
        if self.decides.is_some() {
            return self.ignored(name, text);
        }
        self.decides = Some(name.to_owned());
        match answer {
            Answer::Helper(helper) => self.helper = Some(show::name(helper)),
            Answer::Entry(entry) => self.user = user(entry),
        }
        self.step(Mark::Decides, name, text);
    }

    /// Whether it was searched completely without a result.
    fn holds_nothing(&self) -> bool {
        self.steps.iter().all(|step| step.result == Mark::Ignored)
    }

    fn step(&mut self, result: Mark, name: &str, text: impl Into<String>) {
        self.steps.push(Step {
            result,
            name: name.to_owned(),
            text: text.into(),
            details: Vec::new(),
        });
    }

    fn print(&self, session: &mut Session<'_>) -> Result<(), Error> {
        let environment = session.environment;
        let console = &mut *session.console;
        console.print(&format!("{}\n", Console::plain(&self.heading)))?;
        for step in &self.steps {
            let sign = match step.result {
                Mark::Decides => console.colored(Color::Green, "=>"),
                Mark::Ignored => "  ".to_owned(),
                Mark::Broken => console.colored(Color::Red, "!!"),
            };
            let text = show::text(environment, &step.text);
            console.print(&format!("{sign} {}: {text}\n", Console::plain(&step.name)))?;
            for line in &step.details {
                console.print(&format!("     {}\n", show::text(environment, line)))?;
            }
        }
        Ok(())
    }
}

fn user(entry: &Entry) -> Option<String> {
    match entry.login() {
        Ok(Some(Login::Password { username, .. })) => Some(show::name(&username)),
        _ => None,
    }
}

fn describe(entry: &Entry) -> String {
    let name = show::server(entry.server());
    match entry.login() {
        Ok(Some(Login::Password { username, .. })) => {
            format!(
                "entry {name:?}: the login of {}, in plain text",
                show::name(&username)
            )
        }
        Ok(Some(Login::IdentityToken(_))) => format!("entry {name:?}: an identity token, in plain text"),
        Ok(None) if entry.has_registry_token() => format!("entry {name:?}: a registry token, in plain text"),
        Ok(None) => format!("entry {name:?} is an empty marker"),
        Err(error) => format!("entry {name:?}: {error}"),
    }
}

/// The program that a client runs for a helper's name.
fn runs(environment: &Environment, helper: &str) -> String {
    let program = format!("docker-credential-{helper}");
    match programs::first_on_path(environment, &program) {
        Some(path) => format!("runs {}", path.display()),
        None => format!("{} is not on PATH, so it fails", show::name(&program)),
    }
}
