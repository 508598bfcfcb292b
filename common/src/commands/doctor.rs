//! `doctor`: what keeps logins from working, and the command that mends it.

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::console::Color;
use super::session::Session;
use super::{Console, Finding, Level};
use crate::Error;

pub(super) fn definition() -> Command {
    Command::new("doctor")
        .about("Check that logins are kept, found and safe")
        .arg(
            Arg::new("json")
                .long("json")
                .action(ArgAction::SetTrue)
                .help("Print the findings as JSON, for programs"),
        )
}

pub(super) fn run(session: &mut Session<'_>, arguments: &ArgMatches) -> Result<(), Error> {
    let findings = session.helper.own_findings(session.environment);
    let console = &mut *session.console;
    if arguments.get_flag("json") {
        let json = serde_json::to_string_pretty(&findings).unwrap_or_default();
        console.print(&format!("{json}\n"))?;
    } else {
        for finding in &findings {
            print(console, finding)?;
        }
    }
    match findings
        .iter()
        .filter(|finding| finding.level() == Level::Error)
        .count()
    {
        0 => Ok(()),
        1 => Err(Error::Unavailable("1 error was found".into())),
        errors => Err(Error::Unavailable(format!("{errors} errors were found").into())),
    }
}

fn print(console: &mut Console, finding: &Finding) -> Result<(), Error> {
    let (color, word) = match finding.level() {
        Level::Ok => (Color::Green, "ok"),
        Level::Warning => (Color::Yellow, "warning"),
        Level::Error => (Color::Red, "error"),
    };
    let word = console.colored(color, &format!("{word:<7}"));
    console.print(&format!("{word}  {}\n", Console::plain(finding.text())))?;
    match finding.mend() {
        Some(command) => console.print(&format!("         {}\n", Console::plain(command))),
        None => Ok(()),
    }
}
