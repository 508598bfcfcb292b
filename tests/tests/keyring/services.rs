//! docker-credential-keyring on a real `KWallet`, a real `KeePassXC`, and oo7's daemon.

use docker_credential_tests::keyrings::exercise::Exercise;
use docker_credential_tests::keyrings::keepassxc::KeePassXc;
use docker_credential_tests::keyrings::kwallet::KWallet;
#[cfg(feature = "oo7")]
use docker_credential_tests::keyrings::oo7::Oo7;
use docker_credential_tests::require;
use docker_credential_tests::requirement::Missing;
use tempfile::TempDir;

/// A service and its exercise; the service ends first.
struct Place<S> {
    exercise: Exercise,
    _service: S,
    _directory: TempDir,
}

macro_rules! exercises {
    ($name:ident, $service:ident, altered: $altered:expr, writers: $writers:expr) => {
        mod $name {
            use super::*;

            fn start() -> Result<Place<$service>, Missing> {
                let directory = TempDir::new().expect("a temporary directory");
                let service = $service::start(directory.path())?;
                Ok(Place {
                    exercise: Exercise::on(service.bus())?,
                    _service: service,
                    _directory: directory,
                })
            }

            #[test]
            fn every_verb_does_what_it_promises() {
                require!(start()).exercise.verbs();
            }

            #[test]
            fn secrets_come_back_unaltered_or_are_refused() {
                require!(start()).exercise.secrets(&$altered);
            }

            #[test]
            fn logins_of_dockers_helper_and_ours_are_exchanged() {
                require!(start()).exercise.dockers_helper();
            }

            #[test]
            fn items_of_secret_tool_and_ours_are_exchanged() {
                require!(start()).exercise.secret_tool();
            }

            #[test]
            fn a_hundred_gets_and_sixty_stores_all_succeed() {
                require!(start()).exercise.in_a_row(100, 60);
            }

            #[test]
            fn gets_at_once_and_during_logins_are_all_answered() {
                require!(start()).exercise.at_once(50, $writers);
            }
        }
    };
}

// It drops a byte order mark at the start, and 5.103 cuts a secret at a NUL.
exercises!(kwallet, KWallet, altered: ["one\0two\0", "\u{feff}abc"], writers: 2);

// It drops a byte order mark at the start, and 2.7.4 crashes when two programs delete one item.
exercises!(keepassxc, KeePassXc, altered: ["\u{feff}abc"], writers: 1);

#[cfg(feature = "oo7")]
exercises!(oo7, Oo7, altered: [], writers: 2);
