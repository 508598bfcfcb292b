//! `doctor --fix`: runs the fixes that can't lose or approve anything, as shown.

use std::process::{Command, Stdio};

use super::{MARKERS, Stored, logins, print};
use crate::commands::session::Session;
use crate::commands::{Console, Finding, Level};
use crate::report::Fix;
use crate::show::{self, ShellCommand};
use crate::subprocess;
use crate::{Error, Helper};

/// Asks about each fix on the terminal, and checks again at the end.
pub(super) fn offer(session: &mut Session<'_>, findings: &[Finding]) -> Result<(), Error> {
    let (offered, others): (Vec<_>, Vec<_>) = findings
        .iter()
        .filter(|finding| finding.level() != Level::Ok)
        .partition(|finding| finding.fix().is_some_and(|fix| fix.is_offered));
    for finding in others {
        print(session, finding)?;
    }
    if offered.is_empty() {
        return session.console.print("There is nothing to fix automatically.\n");
    }
    for finding in offered {
        print(session, finding)?;
        if let Some(fix) = finding.fix()
            && Console::confirm("run this fix?", "--fix=CHECK for one check")?
        {
            carry_out(session, fix);
        }
    }
    session.console.print("Checking again:\n")?;
    run(
        session,
        &ShellCommand::new(&session.helper.program()).literal("doctor"),
    )
}

/// Fixes what one check found, without a question.
pub(super) fn apply(
    session: &mut Session<'_>,
    findings: &[Finding],
    stored: &Stored,
    check: &str,
) -> Result<(), Error> {
    let fixes = findings.iter().filter(|finding| finding.check() == check);
    let fixes: Vec<&Fix> = fixes
        .filter_map(Finding::fix)
        .filter(|fix| fix.is_offered)
        .collect();
    if fixes.is_empty() {
        let check = show::name(check);
        let text = format!("The check {check:?} found nothing to fix automatically.\n");
        return session.console.print(&text);
    }
    if check == MARKERS {
        return logins::write_markers(session, stored);
    }
    fixes.into_iter().try_for_each(|fix| run(session, &fix.command))
}

/// Reports a fix that fails, and still offers the next one.
fn carry_out(session: &mut Session<'_>, fix: &Fix) {
    if let Err(error) = run(session, &fix.command) {
        session
            .console
            .note(&show::text(session.environment, &error.to_string()));
    }
}

/// Runs the words of a command without a shell. It asks its own questions on the terminal.
fn run(session: &mut Session<'_>, command: &ShellCommand) -> Result<(), Error> {
    let failed = || Error::unavailable(format!("cannot run {command}"));
    let (program, arguments) = command.words().split_first().ok_or_else(failed)?;
    let name = program.to_str().ok_or_else(failed)?;
    let path = if is_own(session.helper, name) {
        std::env::current_exe().ok()
    } else {
        subprocess::find(name, session.environment).ok()
    };
    let output = Command::new(path.ok_or_else(failed)?)
        .args(arguments)
        .stdin(Stdio::inherit())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|_| failed())?;
    session.console.print(&String::from_utf8_lossy(&output.stdout))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(Error::unavailable(format!("{command} failed")))
    }
}

fn is_own(helper: &Helper, program: &str) -> bool {
    helper.program() == program
}
