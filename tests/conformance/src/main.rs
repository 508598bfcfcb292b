//! Tests any docker credential helper. See `--help`.

use std::io;
use std::process::ExitCode;

use docker_credential_conformance::cli;

fn main() -> ExitCode {
    let arguments = std::env::args_os().skip(1);
    ExitCode::from(cli::run(arguments, &mut io::stdout().lock(), &mut io::stderr()))
}
