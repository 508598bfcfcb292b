//! `names`: shows the variables that log in to a server, and which of them are set.

use docker_credential_helper::clap::{Arg, ArgMatches, Command};
use docker_credential_helper::commands::{Console, ExtraCommand};
use docker_credential_helper::{Environment, Error, ServerUrl};

use crate::{explanation, labeled, value};

pub(crate) const COMMAND: ExtraCommand = ExtraCommand { definition, run };

fn definition() -> Command {
    Command::new("names")
        .about("Show the variables that log in to a server, and which are set")
        .long_about(
            "Show the variables that log in to a server, which of them are set, and which answer now.\n\
             It doesn't show values.",
        )
        .after_long_help("Examples:\n  names ghcr.io\n  names localhost:5000\n  names docker.io")
        .arg(
            Arg::new("server")
                .value_name("SERVER")
                .required(true)
                .help("A registry: ghcr.io, localhost:5000, docker.io, registry.example.com/team"),
        )
}

fn run(arguments: &ArgMatches, environment: &Environment, console: &mut Console) -> Result<(), Error> {
    let text = arguments.get_one::<String>("server").map_or("", String::as_str);
    console.print(&answer(environment, &ServerUrl::parse(text)?.for_storing()?))
}

fn answer(environment: &Environment, server: &ServerUrl) -> String {
    let mut lines = Vec::new();
    match labeled::variables_for(server.key()) {
        Some(names) => {
            lines.push("set the user name and one of the others:".to_owned());
            let width = names.iter().map(String::len).max().unwrap_or_default();
            lines.extend(names.iter().map(|name| {
                let state = if value::is_set(environment, name) {
                    "set"
                } else {
                    "not set"
                };
                format!("  {name:<width$}  {state}")
            }));
            lines.push("or, with a label of your choice (A-Z and 0-9):".to_owned());
        }
        None => lines.push("set, with a label of your choice (A-Z and 0-9):".to_owned()),
    }
    lines.push(format!("  DOCKER_CREDENTIAL_<LABEL>_SERVER={}", server.key()));
    lines.push("  DOCKER_CREDENTIAL_<LABEL>_USERNAME, _PASSWORD (and so on)".to_owned());
    lines.push("what is set now:".to_owned());
    let set = explanation::lines(environment, server);
    if set.is_empty() {
        lines.push("  nothing for this server".to_owned());
    }
    lines.extend(set.iter().map(|line| format!("  {}", Console::plain(line))));
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests;
