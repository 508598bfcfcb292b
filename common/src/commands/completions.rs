//! `completions`: what a shell needs to complete the commands.

use clap::builder::PossibleValue;
use clap::{Arg, ArgMatches, Command};
use clap_complete::Shell;

use super::session::Session;
use crate::Error;

const SHELLS: [(&str, Shell); 5] = [
    ("bash", Shell::Bash),
    ("elvish", Shell::Elvish),
    ("fish", Shell::Fish),
    ("powershell", Shell::PowerShell),
    ("zsh", Shell::Zsh),
];

pub(super) fn definition() -> Command {
    Command::new("completions")
        .about("Print the completions of a shell")
        .after_long_help(
            "Examples:\n  \
             completions bash > ~/.local/share/bash-completion/completions/docker-credential-…\n  \
             completions fish > ~/.config/fish/completions/docker-credential-….fish",
        )
        .arg(
            Arg::new("shell")
                .value_name("SHELL")
                .required(true)
                .value_parser(SHELLS.map(|(name, _)| PossibleValue::new(name)))
                .help("The shell"),
        )
}

pub(super) fn run(session: &mut Session<'_>, arguments: &ArgMatches) -> Result<(), Error> {
    let name = arguments.get_one::<String>("shell").map_or("", String::as_str);
    let Some((_, shell)) = SHELLS.iter().find(|(known, _)| *known == name) else {
        return Ok(());
    };
    let mut script = Vec::new();
    let mut command = super::command_line(session.helper);
    clap_complete::generate(*shell, &mut command, session.helper.program(), &mut script);
    session.console.print(&String::from_utf8_lossy(&script))
}
