//! `completions`: scripts with which a shell completes the commands.
//!
//! In bash, fish and zsh the script asks the helper itself for candidates, so they include stored servers and
//! installed helpers. (`clap_complete`'s bash script only completes the top level of a program with a hyphen
//! in its name.) The other shells get `clap_complete`'s scripts.

use clap::builder::PossibleValue;
use clap::{Arg, ArgMatches, Command};
use clap_complete::Shell;

use super::session::Session;
use crate::Error;

mod candidates;
mod scripts;

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
             docker-credential-… completions bash \
             > ~/.local/share/bash-completion/completions/docker-credential-…\n  \
             docker-credential-… completions fish > ~/.config/fish/completions/docker-credential-….fish",
        )
        .arg(
            Arg::new("shell")
                .value_name("SHELL")
                .required(true)
                .value_parser(SHELLS.map(|(name, _)| PossibleValue::new(name)))
                .help("The shell"),
        )
        // The hidden command that the scripts call.
        .arg(Arg::new("line").hide(true).allow_hyphen_values(true))
}

pub(super) fn run(session: &mut Session<'_>, arguments: &ArgMatches) -> Result<(), Error> {
    let name = arguments.get_one::<String>("shell").map_or("", String::as_str);
    let Some((_, shell)) = SHELLS.iter().find(|(known, _)| *known == name) else {
        return Ok(());
    };
    let program = session.helper.program();
    if let Some(line) = arguments.get_one::<String>("line") {
        let text = candidates::of_line(session, line).print(*shell);
        return session.console.print(&text);
    }
    let text = match shell {
        Shell::Bash => scripts::bash(&program),
        Shell::Fish => scripts::fish(&program),
        Shell::Zsh => scripts::zsh(&program),
        shell => {
            let mut script = Vec::new();
            let mut command = super::command_line(session.helper);
            clap_complete::generate(*shell, &mut command, program, &mut script);
            String::from_utf8_lossy(&script).into_owned()
        }
    };
    session.console.print(&text)
}
