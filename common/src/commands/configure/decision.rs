//! Decides about logins that a client would no longer find: by the options, or by asking on the terminal.

use clap::ArgMatches;

use super::left_behind::LeftBehind;
use crate::Error;
use crate::commands::Console;
use crate::commands::session::Session;
use crate::show::ShellCommand;

/// The choice by options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    Import,
    Leave,
    Ask,
}

impl Choice {
    pub(super) fn parse(arguments: &ArgMatches) -> Self {
        match (arguments.get_flag("import"), arguments.get_flag("no-import")) {
            (true, _) => Self::Import,
            (_, true) => Self::Leave,
            (false, false) => Self::Ask,
        }
    }
}

/// Whether these logins need a decision.
pub(super) fn is_due(left_behind: &LeftBehind, choice: Choice) -> bool {
    left_behind.is_loss() || choice == Choice::Import && !left_behind.is_empty()
}

/// The decision about these logins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Import,
    Leave,
}

/// Decides about logins that `client` would no longer find. `command` is the running command.
///
/// Fails with [`Error::Refused`], which names the logins and the commands, if neither an option nor a person
/// decides.
pub(super) fn decide(
    session: &Session<'_>,
    client: &str,
    left_behind: &LeftBehind,
    choice: Choice,
    command: &ShellCommand,
) -> Result<Decision, Error> {
    let environment = session.environment;
    if choice != Choice::Leave
        && let Some(caution) = session.helper.import_caution(environment)
    {
        session.console.note(&caution);
    }
    if choice == Choice::Import {
        return Ok(Decision::Import);
    }
    let summary = left_behind.summary(environment);
    // Nothing if an import stores none of these.
    let import = (!session.helper.is_read_only() && left_behind.is_importable())
        .then(|| command.clone().literal("--import"));
    let left = || {
        leave(session, client, &summary, import.as_ref());
        Decision::Leave
    };
    for line in left_behind.details(environment) {
        session.console.note(&line);
    }
    if choice == Choice::Leave {
        return Ok(left());
    }
    if import.is_some() {
        match Console::ask(&format!("{summary}: import them?")) {
            Some(true) => return Ok(Decision::Import),
            Some(false) => return Ok(left()),
            None => {}
        }
    }
    let no_import = command.clone().literal("--no-import");
    let other = if session.helper.is_read_only() {
        let program = session.helper.program();
        format!(
            "{program} can't import; \"{program} configure --registry HOST\" leaves other logins alone, or "
        )
    } else if let Some(import) = &import {
        format!("import them with \"{import}\", or ")
    } else {
        String::new()
    };
    Err(Error::refused(format!(
        "cannot configure {client}: it would no longer find {summary}; nothing was changed; {other}leave them \
         behind with \"{no_import}\""
    )))
}

/// Reports the logins that stay behind.
fn leave(session: &Session<'_>, client: &str, summary: &str, import: Option<&ShellCommand>) {
    let later = import.map_or_else(String::new, |import| {
        format!("; to import them later, run: {import}")
    });
    session.console.note(&format!(
        "{client} doesn't find these logins from now on: {summary}{later}"
    ));
}

/// An import failed.
pub(super) fn unchanged(client: &str, problem: &str, command: &ShellCommand) -> Error {
    Error::refused(format!(
        "{client}'s configuration is unchanged: {problem}; run this again when that works, or leave the rest behind with \
         \"{}\"",
        command.clone().literal("--no-import")
    ))
}

/// For a dry run.
pub(super) fn warn(session: &Session<'_>, client: &str, left_behind: &LeftBehind) {
    for line in left_behind.details(session.environment) {
        session.console.note(&line);
    }
    session.console.note(&format!(
        "{client} would no longer find these; --import imports them, --no-import leaves them behind"
    ));
}

/// For a read-only helper.
pub(super) fn cannot_import(session: &Session<'_>) -> Error {
    let program = session.helper.program();
    Error::refused(format!(
        "cannot import: {program} is read-only; use it for single registries with \"{program} configure --registry \
         HOST\", or leave other logins behind with \"{program} configure --no-import\""
    ))
}
