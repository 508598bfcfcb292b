//! `doctor`: finds what keeps logins from working, and shows the command that fixes it.

use std::collections::BTreeSet;

use clap::{Arg, ArgMatches, Command};

use self::machine::Machine;
use super::Color;
use super::options::flag;
use super::session::Session;
use super::{Finding, Level};
use crate::{Error, ServerKey, ServerUrl, show};

mod docker;
mod fix;
mod keys;
mod logins;
mod machine;
mod podman;
mod program;
mod store;
mod unrecorded;
mod variables;

pub(super) fn definition() -> Command {
    Command::new("doctor")
        .about("Find what keeps logins from working, and show the command that fixes it")
        .long_about(
            "Check that docker can keep logins here: the program on PATH, the configuration files and \
            variables, the store and its key, and a login stored, read back and erased again. Each finding \
            comes with the \
             command that fixes it. Errors exit with 1.",
        )
        .arg(flag("json", "Print the findings as JSON, for programs"))
        .arg(
            Arg::new("fix")
                .long("fix")
                .value_name("CHECK")
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("")
                .conflicts_with("json")
                .help(
                    "Offer to run each fix that can't lose anything; --fix=CHECK runs the fixes of that check \
                     without asking",
                ),
        )
}

pub(super) fn run(session: &mut Session<'_>, arguments: &ArgMatches) -> Result<(), Error> {
    let (findings, stored) = examine(session);
    if arguments.get_flag("json") {
        let json = serde_json::to_string_pretty(&findings).unwrap_or_default();
        session.console.print(&format!("{json}\n"))?;
        return verdict(&findings);
    }
    match arguments.get_one::<String>("fix").map(String::as_str) {
        Some("") => fix::offer(session, &findings),
        Some(check) => fix::apply(session, &findings, &stored, check),
        None => {
            for finding in &findings {
                print(session, finding)?;
            }
            if findings.iter().all(|finding| finding.level() == Level::Ok) {
                session.console.print("All is well.\n")?;
            }
            verdict(&findings)
        }
    }
}

/// All findings, each cause once.
fn examine(session: &mut Session<'_>) -> (Vec<Finding>, Stored) {
    let machine = Machine::read(session.environment);
    let own = session.helper.own_findings(session.environment);
    let (of_store, stored) = store::findings(session, &machine, &own);
    let all = [
        program::findings(session),
        variables::findings(session, &machine),
        machine.faults.clone(),
        docker::findings(session, &machine, &stored),
        keys::findings(session, &machine),
        own,
        of_store,
        unrecorded::finding(session, &machine, &stored)
            .into_iter()
            .collect(),
        logins::findings(session, &machine, &stored),
        podman::findings(session, &machine, &stored),
    ];
    let mut findings: Vec<Finding> = Vec::new();
    for finding in all.into_iter().flatten() {
        let is_known = findings.iter().any(|known| known.covers(&finding));
        if !is_known {
            findings.push(finding);
        }
    }
    (findings, stored)
}

/// The check for stored servers without an entry in `auths`.
const MARKERS: &str = "markers";

/// The content of the store.
#[derive(Default)]
struct Stored {
    /// Whether the store could be listed.
    is_listed: bool,
    /// The servers that it lists, as stored.
    servers: BTreeSet<String>,
    /// docker's keys for which a file holds a different login in plain text.
    differing: BTreeSet<String>,
}

impl Stored {
    fn keys(&self) -> Vec<ServerKey> {
        let servers = self
            .servers
            .iter()
            .filter_map(|server| ServerUrl::parse(server).ok());
        servers.map(|server| server.key().clone()).collect()
    }
}

fn print(session: &mut Session<'_>, finding: &Finding) -> Result<(), Error> {
    let environment = session.environment;
    let console = &mut *session.console;
    let (color, word) = match finding.level() {
        Level::Ok => (Color::Green, "ok"),
        Level::Warning => (Color::Yellow, "warning"),
        Level::Error => (Color::Red, "error"),
    };
    let word = console.colored(color, &format!("{word:<7}"));
    let text = console.wrapped(&show::text(environment, finding.text()), INDENT);
    console.print(&format!("{word}  {text}\n"))?;
    let indent = " ".repeat(INDENT);
    if let Some(advice) = finding.advice_text() {
        let advice = console.wrapped(&show::text(environment, advice), INDENT);
        console.print(&format!("{indent}{advice}\n"))?;
    }
    match finding.fix() {
        // Never wrapped, because people paste it.
        Some(fix) => console.print(&format!("{indent}fix: {}\n", fix.command)),
        None if finding.level() == Level::Error && finding.advice_text().is_none() => {
            console.print(&format!("{indent}no command fixes this\n"))
        }
        None => Ok(()),
    }
}

/// The width of `warning  `.
const INDENT: usize = 9;

fn verdict(findings: &[Finding]) -> Result<(), Error> {
    match findings
        .iter()
        .filter(|finding| finding.level() == Level::Error)
        .count()
    {
        0 => Ok(()),
        errors => Err(Error::unavailable(format!(
            "found {}",
            show::count(errors, "error", "errors")
        ))),
    }
}
