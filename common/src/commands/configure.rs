//! `configure` and `unconfigure`: name the helper in the files of docker, podman or helm, and restore the
//! previous setting. Imports logins that the client would no longer find, unless the user leaves them behind.

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::Console;
use super::options::flag;
use super::session::Session;
use super::setting::Setting;
use crate::Error;
use crate::config::{paths, programs};
use crate::show::ShellCommand;

mod apply;
mod carry_out;
mod change;
mod current;
mod decision;
pub(super) mod left_behind;
mod podman;
mod previous;
mod reverse;

pub(super) use self::change::Change;
pub(super) use self::reverse::run as run_reverse;

use self::decision::Choice;
use super::transfer::Client;

pub(super) fn definition() -> Command {
    with_common_arguments(
        Command::new("configure")
            .about("Make docker, podman or helm keep logins here")
            .long_about(
                "Make docker keep its logins here: name this helper in docker's config.json, under\n\
                 \"credsStore\" for all registries, or with --registry under \"credHelpers\" for single\n\
                 ones. Everything else in the file stays. \"unconfigure\" restores the previous value.\n\n\
                 docker no longer finds logins in plain text, or in its previous store. So configure\n\
                 looks for them first and, on a terminal, offers to import them. Without a terminal,\n\
                 add --import or --no-import; otherwise, if there are any, configure changes nothing\n\
                 and exits with 1.",
            ),
    )
    .arg(
        flag(
            "import",
            "Also import the logins that docker would no longer find",
        )
        .conflicts_with("no-import"),
    )
    .arg(flag("no-import", "Leave those logins behind"))
    .after_long_help(
        "Examples:\n  \
         configure --dry-run\n  \
         configure --import\n  \
         configure --registry ghcr.io --registry docker.io\n  \
         configure --podman",
    )
}

pub(super) fn reverse_definition() -> Command {
    with_common_arguments(
        Command::new("unconfigure")
            .about("Undo configure: restore the previous setting")
            .long_about(
                "Remove this helper's name from docker's config.json, or with --podman or --helm from their\n\
                 files, and restore the previous values. The logins stay in this store, where docker no\n\
                 longer finds them. \"export --to HELPER\" copies them to another helper.",
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
                .help("Only for this registry, host[:port] or docker.io; may be repeated"),
        )
        .arg(flag(
            "podman",
            "For podman, skopeo and buildah, instead of docker",
        ))
        .arg(
            flag("helm", "For helm, instead of docker")
                .conflicts_with("podman")
                .conflicts_with("registry"),
        )
        .arg(flag("dry-run", "Show what would change, and change nothing"))
}

pub(super) fn run(session: &mut Session<'_>, arguments: &ArgMatches) -> Result<(), Error> {
    refuse_off_path(session, || {
        let command = command_line(session, arguments);
        match Choice::parse(arguments) {
            Choice::Import => command.literal("--import"),
            Choice::Leave => command.literal("--no-import"),
            Choice::Ask => command,
        }
    })?;
    let choice = Choice::parse(arguments);
    if choice == Choice::Import && session.helper.is_read_only() {
        return Err(decision::cannot_import(session));
    }
    let command = command_line(session, arguments);
    let is_dry = arguments.get_flag("dry-run");
    match target(session, arguments)? {
        Target::Settings(change) if is_dry => change.show(session),
        Target::Settings(change) => change.carry_out(session, choice),
        Target::PodmanForAll if is_dry => podman::show(session),
        Target::PodmanForAll => podman::carry_out(session, choice, &command),
    }
}

/// The target of the configuration.
enum Target {
    /// Settings in a file in docker's format.
    Settings(Change),
    /// podman's list for all registries.
    PodmanForAll,
}

fn target(session: &Session<'_>, arguments: &ArgMatches) -> Result<Target, Error> {
    let environment = session.environment;
    let settings = named_settings(arguments)?;
    if arguments.get_flag("helm") {
        let file = paths::helm(environment)?;
        return Ok(Target::Settings(Change::new(
            Client::Helm,
            file,
            vec![Setting::CredsStore],
        )));
    }
    Ok(match (arguments.get_flag("podman"), settings.is_empty()) {
        (true, true) => Target::PodmanForAll,
        (true, false) => Target::Settings(Change::new(Client::Podman, paths::podman(environment)?, settings)),
        (false, true) => Target::Settings(Change::all_of_docker(session)?),
        (false, false) => {
            Target::Settings(Change::new(Client::Docker, paths::docker(environment)?, settings))
        }
    })
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

/// The running command, without the options that decide about logins.
fn command_line(session: &Session<'_>, arguments: &ArgMatches) -> ShellCommand {
    let mut command = ShellCommand::new(&session.helper.program()).literal("configure");
    for option in ["podman", "helm"] {
        if arguments.get_flag(option) {
            command = command.literal(&format!("--{option}"));
        }
    }
    for registry in arguments.get_many::<String>("registry").into_iter().flatten() {
        command = command.literal("--registry").word(registry);
    }
    command
}

/// docker would fail for every registry if its file named a program that it can't find. `command` is the running one.
pub(super) fn refuse_off_path(
    session: &Session<'_>,
    command: impl FnOnce() -> ShellCommand,
) -> Result<(), Error> {
    let Some(advice) = programs::path_advice(session.environment, &session.helper.program()) else {
        return Ok(());
    };
    let command = command();
    Console::complain(&format!(
        "{}: {}\n\nAdd this line to {}, and run it now:\n\n    {}\n\nThen run:\n\n    {command}\n\n",
        session.helper.program(),
        advice.problem,
        advice.profile,
        advice.line,
    ));
    Err(Error::refused(
        "nothing was changed: docker couldn't find the program",
    ))
}
