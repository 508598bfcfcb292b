//! The runner as a command: arguments in, a report and an exit code out.

mod options;

use std::ffi::OsString;
use std::io::Write;

use crate::report::{Report, tables};
use crate::run::{Helper, Input, Output};
use options::{Options, Request, USAGE};

/// Every case passed and no entry was left behind.
pub const PASSED: u8 = 0;
/// A case failed, an entry was left behind, or the report could not be written.
pub const FAILED: u8 = 1;
/// No case ran: the arguments are wrong, or the helper can't be started.
pub const WRONG_CALL: u8 = 2;

/// Runs with these arguments (without the program's name), and returns the exit code.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
) -> u8 {
    let report = match options::parse(arguments) {
        Ok(Request::Help) => Ok((USAGE.to_owned(), true)),
        Ok(Request::List(groups)) => Ok((tables(&groups), true)),
        Ok(Request::Run(options)) => judge(options),
        Err(problem) => Err(problem),
    };
    match report {
        Ok((text, clean)) => {
            let delivered = stdout
                .write_all(text.as_bytes())
                .and_then(|()| stdout.flush())
                .is_ok();
            if clean && delivered { PASSED } else { FAILED }
        }
        Err(problem) => {
            // If stderr is also gone, there is only the exit code.
            let _unheard = writeln!(stderr, "docker-credential-conformance: {problem}\nTry --help.");
            WRONG_CALL
        }
    }
}

/// The report, and whether it is clean.
fn judge(options: Options) -> Result<(String, bool), String> {
    let Options {
        helper,
        variables,
        groups,
        mode,
        json,
    } = options;
    let shown = helper.display().to_string();
    let helper = Helper::new(helper, variables);
    // If it can't be started at all, that is the caller's mistake, not the helper's.
    helper
        .run(&["version".as_ref()], Input::Bytes(Vec::new()), Output::Apart)
        .map_err(|error| format!("cannot start {shown}: {error}"))?;
    let report = Report::of(&helper, groups, mode);
    let text = if json { report.to_json() } else { report.to_text() };
    Ok((text, report.is_clean()))
}
