//! Recipients: to whom an entry is encrypted.

use age::x25519::{Identity, Recipient};
use docker_credential_helper::{Environment, Error};

use crate::settings;

/// A store that several people share names its recipients in this file, as passage does.
pub(crate) const FILE: &str = ".age-recipients";

/// The recipients that the setting names, or nothing if it is not set.
pub(crate) fn from_setting(environment: &Environment) -> Result<Option<Vec<Recipient>>, Error> {
    let Some(text) = environment.setting(settings::RECIPIENTS)? else {
        return Ok(None);
    };
    let recipients: Vec<Recipient> = text
        .split([',', ' ', '\t', '\r', '\n'])
        .filter(|word| !word.is_empty())
        .map(parse)
        .collect::<Result<_, _>>()?;
    if recipients.is_empty() {
        return Err(Error::setting(
            settings::RECIPIENTS,
            "names no recipient; give it one (age1…) or unset it",
        ));
    }
    Ok(Some(recipients))
}

/// Whether one of these identities can read what is encrypted to these recipients.
pub(crate) fn include_one_of(recipients: &[Recipient], identities: &[Identity]) -> bool {
    identities
        .iter()
        .any(|identity| recipients.contains(&identity.to_public()))
}

fn parse(word: &str) -> Result<Recipient, Error> {
    word.parse().map_err(|_| {
        let kind = match word {
            _ if word.starts_with("ssh-") => "an SSH key, which is not supported",
            _ if word.to_ascii_uppercase().starts_with("AGE-SECRET-KEY-") => {
                "an identity; name its public key"
            }
            _ if is_plugin_recipient(word) => "for an age plugin, which is not supported",
            _ => "not an age recipient (age1…)",
        };
        Error::setting(settings::RECIPIENTS, format!("holds an entry that is {kind}"))
    })
}

/// `age1name1…`: the data of a native recipient contains no `1`.
fn is_plugin_recipient(word: &str) -> bool {
    word.strip_prefix("age1").is_some_and(|rest| rest.contains('1'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";

    fn setting(value: &str) -> Result<Vec<Recipient>, String> {
        let environment = Environment::stated("test", [(settings::RECIPIENTS, value)]);
        match from_setting(&environment) {
            Ok(recipients) => Ok(recipients.unwrap()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn commas_and_white_space_separate() {
        for value in [
            PUBLIC.to_owned(),
            format!(" {PUBLIC},"),
            format!("{PUBLIC}, {PUBLIC}\n{PUBLIC}"),
        ] {
            assert!(
                setting(&value)
                    .unwrap()
                    .iter()
                    .all(|recipient| recipient.to_string() == PUBLIC),
                "{value:?}"
            );
        }
        assert_eq!(setting(&format!("{PUBLIC}\t{PUBLIC}")).unwrap().len(), 2);
    }

    #[test]
    fn a_setting_without_a_recipient_is_an_error() {
        for value in ["", " ", ",", " , "] {
            assert!(
                setting(value)
                    .unwrap_err()
                    .starts_with("DOCKER_CREDENTIAL_AGE_RECIPIENTS "),
                "{value:?}"
            );
        }
    }

    #[test]
    fn what_is_no_recipient_is_told_and_not_quoted() {
        let key = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";
        for (value, kind) in [
            (key, "an identity"),
            ("ssh-ed25519", "SSH key"),
            ("age1yubikey1qqq", "plugin"),
            ("x", "not an age recipient"),
        ] {
            let error = setting(value).unwrap_err();
            assert!(error.contains(kind) && !error.contains(key), "{error}");
        }
    }

    #[test]
    fn ours_are_found_among_several() {
        let (ours, other) = (Identity::generate(), Identity::generate());
        let recipients = [other.to_public(), ours.to_public()];
        assert!(include_one_of(&recipients, std::slice::from_ref(&ours)));
        assert!(!include_one_of(&recipients[..1], &[ours]));
    }
}
