//! Asks for a new passphrase.

use docker_credential_helper::{Environment, Error};
use zeroize::Zeroizing;

use super::passphrase_file;
use super::prompt::{self, Question};
use crate::settings;

const WAY_OUT: &str = "run this in a terminal, or set DOCKER_CREDENTIAL_AGE_PASSPHRASE_FILE";

/// Anyone with the file can guess a shorter one, unless it is random.
const SHORT: usize = 12;

/// Letters and digits that can't be confused; 32 of them, so each has five bits.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// 100 bits, more than anybody can guess.
const GENERATED: usize = 20;
const GROUP: usize = 5;

/// A passphrase that was typed twice or generated, or the one in the file that the setting names.
pub(crate) fn choose(description: &str, environment: &Environment) -> Result<Zeroizing<String>, Error> {
    match environment.path_setting(settings::PASSPHRASE_FILE)? {
        Some(path) => passphrase_file::read(&path, environment),
        None => ask(description, environment),
    }
}

/// A passphrase that was typed twice, or a generated one if left empty.
pub(crate) fn ask(description: &str, environment: &Environment) -> Result<Zeroizing<String>, Error> {
    let mut mistake = None;
    loop {
        let ask = |prompt, mistake| {
            let question = Question {
                description,
                prompt,
                is_named: false,
                mistake,
            };
            prompt::passphrase(question, WAY_OUT, environment)
        };
        let first = ask("New passphrase (empty to generate one)", mistake)?;
        if first.is_empty() {
            let generated = generate()?;
            if prompt::tell(&format!("Generated passphrase: {}", *generated)) {
                return Ok(generated);
            }
            mistake = Some("There is no terminal to show a generated passphrase on; type one");
            continue;
        }
        if *ask("Again", None)? == *first {
            if first.chars().count() < SHORT {
                environment.notice(&format!(
                    "the passphrase is short: anyone with the file can guess it; {SHORT} characters or more \
                    are better"
                ));
            }
            return Ok(first);
        }
        mistake = Some("Passphrases don't match");
    }
}

fn generate() -> Result<Zeroizing<String>, Error> {
    let mut random = Zeroizing::new([0; GENERATED]);
    getrandom::getrandom(&mut *random)
        .map_err(|_| Error::unavailable("the system cannot generate random numbers; type a passphrase"))?;
    let mut text = Zeroizing::new(String::with_capacity(GENERATED + GENERATED / GROUP));
    for (index, byte) in random.iter().enumerate() {
        if index > 0 && index % GROUP == 0 {
            text.push('-');
        }
        text.push(char::from(ALPHABET[usize::from(byte % 32)]));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_passphrase_is_four_groups_and_new_each_time() {
        let (one, other) = (generate().unwrap(), generate().unwrap());
        assert_ne!(*one, *other);
        let groups: Vec<&str> = one.split('-').collect();
        assert_eq!(groups.len(), 4, "{}", *one);
        assert!(
            groups
                .iter()
                .all(|group| group.len() == GROUP && group.bytes().all(|byte| ALPHABET.contains(&byte)))
        );
    }
}
