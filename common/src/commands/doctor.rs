//! `doctor`: what keeps logins from working, and the command that fixes it.

use std::collections::BTreeSet;
use std::time::SystemTime;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::Color;
use super::session::Session;
use super::{Console, Finding, Level};
use crate::Error;

mod configuration;
mod store;

pub(super) fn definition() -> Command {
    Command::new("doctor")
        .about("Check that logins are kept, found and safe")
        .long_about(
            "Check what docker needs to keep logins here: the program on PATH, the configuration files,\n\
             the store and what opens it, and a login stored, read back and erased again.\n\
             Each finding comes with the command that puts it right. Errors exit with 1.",
        )
        .arg(
            Arg::new("json")
                .long("json")
                .action(ArgAction::SetTrue)
                .help("Print the findings as JSON, for programs"),
        )
}

pub(super) fn run(session: &mut Session<'_>, arguments: &ArgMatches) -> Result<(), Error> {
    let mut findings = configuration::program(session);
    let (settings, logins) = configuration::docker(session);
    findings.extend(settings);
    let own = session.helper.own_findings(session.environment);
    let (of_store, stored) = store::findings(session, &own);
    findings.extend(own);
    findings.extend(of_store);
    findings.extend(logins);
    findings.extend(configuration::markers(session, &stored));
    findings.extend(configuration::podman(session, &stored));
    findings.extend(clock(SystemTime::now()));

    let console = &mut *session.console;
    if arguments.get_flag("json") {
        let json = serde_json::to_string_pretty(&findings).unwrap_or_default();
        console.print(&format!("{json}\n"))?;
    } else {
        for finding in &findings {
            print(console, finding)?;
        }
    }
    let errors = findings
        .iter()
        .filter(|finding| finding.level() == Level::Error)
        .count();
    match errors {
        0 => Ok(()),
        1 => Err(Error::Unavailable("1 error was found".into())),
        errors => Err(Error::Unavailable(format!("{errors} errors were found").into())),
    }
}

/// The servers that the store lists, each as it is stored.
type Stored = BTreeSet<String>;

fn print(console: &mut Console, finding: &Finding) -> Result<(), Error> {
    let (color, word) = match finding.level() {
        Level::Ok => (Color::Green, "ok"),
        Level::Warning => (Color::Yellow, "warning"),
        Level::Error => (Color::Red, "error"),
    };
    let word = console.colored(color, &format!("{word:<7}"));
    console.print(&format!("{word}  {}\n", Console::plain(finding.text())))?;
    if let Some(advice) = finding.advice_text() {
        console.print(&format!("         {}\n", Console::plain(advice)))?;
    }
    match finding.fix() {
        Some(fix) => console.print(&format!("         fix: {}\n", fix.command)),
        None if finding.level() == Level::Error && finding.advice_text().is_none() => {
            console.print("         no command fixes this\n")
        }
        None => Ok(()),
    }
}

/// A machine whose clock is far off takes every registry's certificate for expired, or not yet valid, which looks like
/// a login that does not work.
fn clock(now: SystemTime) -> Option<Finding> {
    /// 2026-01-01 and 2100-01-01, in seconds since 1970.
    const PLAUSIBLE: std::ops::Range<u64> = 1_767_225_600..4_102_444_800;
    let seconds = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |time| time.as_secs());
    if PLAUSIBLE.contains(&seconds) {
        return None;
    }
    Some(
        Finding::warning(
            "clock",
            "the clock is far off, so the certificates of registries will seem invalid",
        )
        .fixed_by("timedatectl set-ntp true"),
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_clock_at_1970_or_2106_is_noticed() {
        let at = |seconds| clock(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert!(at(0).is_some());
        assert!(at(1_800_000_000).is_none());
        assert!(at(4_291_747_200).is_some());
    }
}
