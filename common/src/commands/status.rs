//! `status`: the stored logins, the clients that ask for them, and the state of the store.

use clap::{ArgMatches, Command};
use serde::Serialize;

use super::options;
use super::session::Session;
use super::table::Table;
use crate::config::registries::CredentialHelpers;
use crate::config::{ConfigFile, Document, lookup, paths};
use crate::{Environment, Error, ServerUrl, show};

pub(super) fn definition() -> Command {
    Command::new("status")
        .about("Show the stored logins, who asks for them, and whether the store is locked")
        .long_about(
            "Show the stored logins with their users, which of docker and podman uses this helper for each, \
            and the state of the store and its key. It doesn't show secrets or unlock anything.",
        )
        .arg(options::json())
}

pub(super) fn run(session: &mut Session<'_>, arguments: &ArgMatches) -> Result<(), Error> {
    let status = Status::read(session);
    if arguments.get_flag("json") {
        let json = serde_json::to_string_pretty(&status).unwrap_or_default();
        session.console.print(&format!("{json}\n"))?;
    } else {
        status.print(session)?;
    }
    status
        .problem
        .map_or(Ok(()), |problem| Err(Error::unavailable(problem)))
}

#[derive(Serialize)]
struct Status {
    logins: Vec<Row>,
    /// Unreadable entries.
    unreadable: usize,
    state: Vec<State>,
    /// The reason why the store can't be listed.
    #[serde(rename = "error", skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

#[derive(Serialize)]
struct Row {
    server: String,
    user: String,
    /// The clients that ask this helper for it.
    clients: Vec<&'static str>,
}

#[derive(Serialize)]
struct State {
    name: &'static str,
    text: String,
}

impl Status {
    fn read(session: &mut Session<'_>) -> Self {
        let environment = session.environment;
        let clients = Clients::read(environment, session.helper.name());
        let listed = session
            .open_store()
            .and_then(|store| store.list().map(|items| (items, store.left_out())));
        let state = session.helper.status(environment).into_iter();
        let state = state.map(|(name, text)| State { name, text }).collect();
        let (items, unreadable, problem) = match listed {
            Ok((items, unreadable)) => (items, unreadable, None),
            Err(error) => (Vec::new(), 0, Some(error.to_string())),
        };
        let mut logins: Vec<Row> = items
            .iter()
            .map(|item| Row {
                server: show::server(item.server.as_str()),
                user: show::name(&item.username),
                clients: clients.asking_for(&item.server),
            })
            .collect();
        logins.sort_by(|one, other| one.server.cmp(&other.server));
        Self {
            logins,
            unreadable,
            state,
            problem,
        }
    }

    fn print(&self, session: &mut Session<'_>) -> Result<(), Error> {
        let environment = session.environment;
        let console = &mut *session.console;
        for State { name, text } in &self.state {
            console.print(&format!("{name}: {}\n", show::text(environment, text)))?;
        }
        if self.problem.is_none() {
            let count = show::count(self.logins.len(), "login", "logins");
            console.print(&format!("store: {count}\n"))?;
        }
        if self.unreadable > 0 {
            let count = show::count(self.unreadable, "entry", "entries");
            let program = session.helper.program();
            console.print(&format!("unreadable: {count}; {program} doctor names them\n"))?;
        }
        let mut table = Table::new(["SERVER", "USER", "ASKED FOR BY"]);
        for row in &self.logins {
            let clients = if row.clients.is_empty() {
                "nobody".to_owned()
            } else {
                row.clients.join(", ")
            };
            table.add([&row.server, &row.user, &clients]);
        }
        table.print(console)
    }
}

/// The helpers that docker and podman use.
struct Clients<'a> {
    helper: &'a str,
    docker: Option<Document>,
    podman: Vec<Document>,
    podman_asks_for_all: bool,
}

impl<'a> Clients<'a> {
    fn read(environment: &Environment, helper: &'a str) -> Self {
        let read = |path: &std::path::PathBuf| Some(ConfigFile::read(path).ok()?.document().clone());
        let helpers = CredentialHelpers::read(environment).unwrap_or_default();
        let files = paths::podman_search(environment).unwrap_or_default();
        let podman = if helpers.read_auth_files() {
            files
        } else {
            Vec::new()
        };
        Self {
            helper,
            docker: paths::docker(environment).ok().as_ref().and_then(read),
            podman: podman.iter().filter_map(read).collect(),
            podman_asks_for_all: helpers.helpers().iter().any(|name| name == helper),
        }
    }

    fn asking_for(&self, server: &ServerUrl) -> Vec<&'static str> {
        if !lookup::is_registry_login(server) {
            return Vec::new();
        }
        let key = lookup::docker_key(server);
        let docker = self
            .docker
            .as_ref()
            .is_some_and(|document| lookup::docker(document, &key).helper() == Some(self.helper));
        let key = lookup::podman_key(server);
        let podman = self.podman_asks_for_all
            || self
                .podman
                .iter()
                .find_map(|document| lookup::podman(document, &key))
                == Some(self.helper);
        [("docker", docker), ("podman", podman)]
            .into_iter()
            .filter_map(|(client, asks)| asks.then_some(client))
            .collect()
    }
}
