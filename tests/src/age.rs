//! Members of a shared age store, and people's keys.

pub mod entry;
pub mod member;
pub mod ssh;

#[cfg(target_os = "linux")]
use crate::program;
#[cfg(target_os = "linux")]
use crate::sandbox::Sandbox;
#[cfg(target_os = "linux")]
use crate::terminal::run_on_terminal;

/// Encrypts a file of the sandbox with a passphrase, using age itself on a terminal.
#[cfg(target_os = "linux")]
pub fn encrypt_with_passphrase(place: &Sandbox, file: &str, to: &str, passphrase: &str) {
    let age = program::find("age").unwrap_or_else(|missing| panic!("{missing}"));
    let script = format!("{} --passphrase --output {to} {file} </dev/null", age.display());
    let answer = format!("{passphrase}\n");
    let session = run_on_terminal(place, &script, &[&answer, &answer]);
    assert_eq!(session.code, Some(0), "{session:?}");
}
