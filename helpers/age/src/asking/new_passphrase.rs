//! A new passphrase.

use docker_credential_helper::{Environment, Error};
use zeroize::Zeroizing;

use super::passphrase_file;
use super::prompt::{self, Question};
use crate::settings;

const WAY_OUT: &str = "run this in a terminal, or set DOCKER_CREDENTIAL_AGE_PASSPHRASE_FILE";

/// A passphrase that was typed twice, or that of the file which the setting names.
pub(crate) fn choose(description: &str, environment: &Environment) -> Result<Zeroizing<String>, Error> {
    match environment.path_setting(settings::PASSPHRASE_FILE)? {
        Some(path) => passphrase_file::read(&path, environment),
        None => ask(description, environment),
    }
}

/// A passphrase that was typed twice.
pub(crate) fn ask(description: &str, environment: &Environment) -> Result<Zeroizing<String>, Error> {
    let mut mistake = None;
    loop {
        let ask = |prompt, mistake| {
            let question = Question {
                description,
                prompt,
                mistake,
            };
            prompt::passphrase(question, WAY_OUT, environment)
        };
        let first = ask("New passphrase", mistake)?;
        if first.is_empty() {
            mistake = Some("It cannot be empty");
            continue;
        }
        if *ask("Repeat it", None)? == *first {
            return Ok(first);
        }
        mistake = Some("These were not the same");
    }
}
