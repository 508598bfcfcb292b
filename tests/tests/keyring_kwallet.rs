//! docker-credential-keyring on a real `KWallet`.

#![cfg(target_os = "linux")]

use docker_credential_tests::keyrings::exercise::Exercise;
use docker_credential_tests::keyrings::kwallet::KWallet;
use docker_credential_tests::require;
use docker_credential_tests::requirement::Missing;
use tempfile::TempDir;

/// It drops a byte order mark at the start, and 5.103 cuts a secret at a NUL.
const ALTERED: &[&str] = &["one\0two\0", "\u{feff}abc"];

/// A service and what exercises it; the service ends first.
struct Place {
    exercise: Exercise,
    _service: KWallet,
    _directory: TempDir,
}

impl Place {
    fn start() -> Result<Self, Missing> {
        let directory = TempDir::new().expect("a temporary directory");
        let service = KWallet::start(directory.path())?;
        Ok(Self {
            exercise: Exercise::on(service.bus())?,
            _service: service,
            _directory: directory,
        })
    }
}

#[test]
fn every_verb_does_what_it_promises() {
    require!(Place::start()).exercise.verbs();
}

#[test]
fn secrets_come_back_unaltered_or_are_refused() {
    require!(Place::start()).exercise.secrets(ALTERED);
}

#[test]
fn logins_of_dockers_helper_and_ours_are_exchanged() {
    require!(Place::start()).exercise.dockers_helper();
}

#[test]
fn items_of_secret_tool_and_ours_are_exchanged() {
    require!(Place::start()).exercise.secret_tool();
}

#[test]
fn a_hundred_gets_and_sixty_stores_all_succeed() {
    require!(Place::start()).exercise.in_a_row(100, 60);
}

#[test]
fn gets_at_once_and_during_logins_are_all_answered() {
    require!(Place::start()).exercise.at_once(50, 2);
}
