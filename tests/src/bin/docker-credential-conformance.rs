//! Runs the conformance cases against any docker credential helper. `--help` says how.

use std::io::{self, Write};
use std::process::ExitCode;

use docker_credential_tests::conformance::options::{Options, Request, USAGE, parse};
use docker_credential_tests::conformance::report::{Report, tables};
use docker_credential_tests::conformance::run::{Helper, Input, Output};

fn main() -> ExitCode {
    let outcome = match parse(std::env::args_os().skip(1)) {
        Ok(Request::Help) => print(USAGE, true),
        Ok(Request::List(groups)) => print(&tables(&groups), true),
        Ok(Request::Run(options)) => run(options),
        Err(problem) => Err(problem),
    };
    outcome.unwrap_or_else(|problem| {
        // Where stderr is gone as well, the exit code has to do.
        let _unheard = writeln!(io::stderr(), "docker-credential-conformance: {problem}\nTry --help.");
        ExitCode::from(2)
    })
}

fn run(options: Options) -> Result<ExitCode, String> {
    let Options { helper, variables, groups, mode, json } = options;
    let shown = helper.display().to_string();
    let helper = Helper::new(helper, variables);
    // Whether it can be started at all is the caller's mistake, not the helper's.
    helper
        .run(&["version".as_ref()], Input::Bytes(Vec::new()), Output::Apart)
        .map_err(|error| format!("{shown} cannot be started: {error}"))?;
    let report = Report::of(&helper, groups, mode);
    let text = if json { report.to_json() } else { report.to_text() };
    print(&text, report.is_clean())
}

fn print(text: &str, clean: bool) -> Result<ExitCode, String> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(|error| format!("the report could not be written: {error}"))?;
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
