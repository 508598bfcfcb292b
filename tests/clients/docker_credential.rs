//! Asks for one server through the crate `docker_credential`, the client side that testcontainers and others
//! use, and prints the answer as a JSON array: user name and secret, or only the identity token.

use std::io::{self, Write as _};
use std::process::ExitCode;

use docker_credential::{DockerCredential, get_credential};
use serde_json::json;

fn main() -> ExitCode {
    let Some(server) = std::env::args().nth(1) else {
        let _ = writeln!(io::stderr(), "usage: client-docker_credential SERVER");
        return ExitCode::FAILURE;
    };
    let (mut stream, text, code): (Box<dyn io::Write>, _, _) = match get_credential(&server) {
        Ok(credential) => (Box::new(io::stdout()), as_array(credential), ExitCode::SUCCESS),
        Err(error) => (Box::new(io::stderr()), error.to_string(), ExitCode::FAILURE),
    };
    match writeln!(stream, "{text}") {
        Ok(()) => code,
        Err(_) => ExitCode::FAILURE,
    }
}

fn as_array(credential: DockerCredential) -> String {
    match credential {
        DockerCredential::UsernamePassword(username, secret) => json!([username, secret]),
        DockerCredential::IdentityToken(token) => json!([token]),
    }
    .to_string()
}
