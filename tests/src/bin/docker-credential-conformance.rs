//! Runs the conformance cases against any docker credential helper. `--help` says how.

use std::io::{self, Write};
use std::process::ExitCode;

use docker_credential_tests::conformance::options::{Options, Request, USAGE, parse};
use docker_credential_tests::conformance::report::{Report, tables};
use docker_credential_tests::conformance::run::{Helper, Input, Output};

fn main() -> ExitCode {
    let outcome = match parse(std::env::args_os().skip(1)) {
        Ok(Request::Help) => Ok(print(USAGE, true)),
        Ok(Request::List(groups)) => Ok(print(&tables(&groups), true)),
        Ok(Request::Run(options)) => run(options),
        Err(problem) => Err(problem),
    };
    outcome.unwrap_or_else(|problem| {
        // Where stderr is gone as well, the exit code has to do.
        let _unheard = writeln!(
            io::stderr(),
            "docker-credential-conformance: {problem}\nTry --help."
        );
        ExitCode::from(2)
    })
}

fn run(options: Options) -> Result<ExitCode, String> {
    let Options {
        helper,
        variables,
        groups,
        mode,
        json,
    } = options;
    let shown = helper.display().to_string();
    let helper = Helper::new(helper, variables);
    // Whether it can be started at all is the caller's mistake, not the helper's.
    helper
        .run(&["version".as_ref()], Input::Bytes(Vec::new()), Output::Apart)
        .map_err(|error| format!("{shown} cannot be started: {error}"))?;
    let report = Report::of(&helper, groups, mode);
    let text = if json { report.to_json() } else { report.to_text() };
    Ok(print(&text, report.is_clean()))
}

/// What was not delivered does not count as clean.
fn print(text: &str, clean: bool) -> ExitCode {
    let mut stdout = io::stdout().lock();
    let delivered = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .is_ok();
    if clean && delivered {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
