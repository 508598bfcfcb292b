//! The runner as a command: arguments in, a report and an exit code out.

mod options;

use std::ffi::OsString;
use std::io::Write;

use crate::report::{Report, tables};
use crate::run::{Helper, Input, Output};
use options::{Options, Request, USAGE};

/// Every case passed and nothing was left behind.
pub const PASSED: u8 = 0;
/// A case failed, something was left behind, or the report could not be delivered.
pub const FAILED: u8 = 1;
/// Nothing was judged: the arguments are wrong, or the helper cannot be started.
pub const WRONG_CALL: u8 = 2;

/// Does what the arguments (without the program's name) ask for, and returns the exit code.
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
            // If stderr is gone as well, the exit code has to do.
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
    // That it cannot be started at all is the caller's mistake, not the helper's.
    helper
        .run(&["version".as_ref()], Input::Bytes(Vec::new()), Output::Apart)
        .map_err(|error| format!("cannot start {shown}: {error}"))?;
    let report = Report::of(&helper, groups, mode);
    let text = if json { report.to_json() } else { report.to_text() };
    Ok((text, report.is_clean()))
}
