//! Times the helpers, on Linux: see the library.

#[cfg(target_os = "linux")]
use docker_credential_bench::main;

#[cfg(not(target_os = "linux"))]
#[expect(clippy::print_stderr, reason = "it is for people who look for it")]
fn main() {
    eprintln!("docker-credential-bench: only on Linux");
}
