//! Recipients: to whom an entry is encrypted.

use std::collections::BTreeSet;
use std::fmt;

use age::{tag, x25519};
use docker_credential_helper::{Environment, Error};

use crate::identity::Identities;
use crate::{plugin, settings};

/// A store that several people share names its recipients in this file, as passage does.
pub(crate) const FILE: &str = ".age-recipients";

/// Somebody to whom entries are encrypted.
#[derive(Clone)]
pub(crate) enum Recipient {
    X25519(x25519::Recipient),
    /// A hardware key whose recipients need no plugin, only its identities do.
    Tagged(tag::Recipient),
    Plugin(plugin::Recipient),
    /// The holder of an identity of ours whose public half only its plugin knows.
    HolderOf(plugin::Identity),
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::X25519(recipient) => recipient.fmt(f),
            Self::Tagged(recipient) => recipient.fmt(f),
            Self::Plugin(recipient) => f.write_str(recipient.text()),
            Self::HolderOf(identity) => {
                write!(f, "the identity of age-plugin-{}", identity.plugin())
            }
        }
    }
}

impl Recipient {
    /// `origin` is where the word stands, for the error.
    pub(crate) fn parse(word: &str, origin: impl FnOnce(&str) -> Error) -> Result<Self, Error> {
        if let Ok(recipient) = word.parse() {
            return Ok(Self::X25519(recipient));
        }
        if let Ok(recipient) = word.parse() {
            return Ok(Self::Tagged(recipient));
        }
        let problem = match plugin::Recipient::parse(word) {
            Some(Ok(recipient)) => return Ok(Self::Plugin(recipient)),
            Some(Err(problem)) => problem,
            None if word.starts_with("ssh-") => "an SSH key, which is not supported",
            None if word.to_ascii_uppercase().starts_with("AGE-") => "an identity; name its public key",
            None => "not an age recipient (age1…)",
        };
        Err(origin(problem))
    }
}

/// The recipients that the setting names, or nothing if it is not set.
pub(crate) fn from_setting(environment: &Environment) -> Result<Option<Vec<Recipient>>, Error> {
    let Some(text) = environment.setting(settings::RECIPIENTS)? else {
        return Ok(None);
    };
    let recipients: Vec<Recipient> = text
        .split([',', ' ', '\t', '\r', '\n'])
        .filter(|word| !word.is_empty())
        .map(|word| {
            Recipient::parse(word, |problem| {
                Error::setting(settings::RECIPIENTS, format!("holds an entry that is {problem}"))
            })
        })
        .collect::<Result<_, _>>()?;
    if recipients.is_empty() {
        return Err(Error::setting(
            settings::RECIPIENTS,
            "names no recipient; give it one (age1…) or unset it",
        ));
    }
    Ok(Some(recipients))
}

/// The file of a shared store, with its comments, which are somebody's names for keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RecipientsFile {
    lines: Vec<String>,
}

impl RecipientsFile {
    /// `path` is the file's, for messages.
    pub(crate) fn parse(content: &[u8], path: &str) -> Result<Self, Error> {
        let text = std::str::from_utf8(content).map_err(|_| {
            Error::Damaged(
                format!("{path} is not valid UTF-8; write one recipient (age1…) on each line").into(),
            )
        })?;
        let file = Self {
            lines: text.lines().map(|line| line.trim().to_owned()).collect(),
        };
        for (index, line) in file.lines.iter().enumerate() {
            if is_entry(line) {
                Recipient::parse(line, |problem| {
                    Error::Damaged(format!("line {} of {path} is {problem}", index + 1).into())
                })?;
            }
        }
        if file.named().is_empty() {
            return Err(Error::Damaged(
                format!("{path} names no recipient; write one (age1…) on each line, or restore it").into(),
            ));
        }
        Ok(file)
    }

    pub(crate) fn of(recipients: impl IntoIterator<Item = String>) -> Self {
        Self {
            lines: recipients.into_iter().collect(),
        }
    }

    /// Everyone it names, once.
    pub(crate) fn named(&self) -> BTreeSet<String> {
        self.entries().cloned().collect()
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &String> {
        self.lines.iter().filter(|line| is_entry(line))
    }

    pub(crate) fn recipients(&self) -> Vec<Recipient> {
        self.named()
            .iter()
            .filter_map(|line| Recipient::parse(line, |_| Error::Damaged("not a recipient".into())).ok())
            .collect()
    }

    pub(crate) fn add(&mut self, recipient: String) {
        if !self.lines.contains(&recipient) {
            self.lines.push(recipient);
        }
    }

    /// Whether it was there.
    pub(crate) fn remove(&mut self, recipient: &str) -> bool {
        let before = self.lines.len();
        self.lines.retain(|line| line != recipient);
        self.lines.len() < before
    }

    pub(crate) fn to_text(&self) -> String {
        self.lines.iter().flat_map(|line| [line, "\n"]).collect()
    }
}

fn is_entry(line: &str) -> bool {
    !line.is_empty() && !line.starts_with('#')
}

/// Whether one of these identities can read what is encrypted to these recipients.
///
/// The public half of a plugin's identity is known to the plugin alone. It is taken to be meant where the plugin's
/// name is the same: this guards against a mistake, not against an enemy.
pub(crate) fn include_one_of(recipients: &[Recipient], identities: &Identities) -> bool {
    recipients.iter().any(|recipient| match recipient {
        Recipient::X25519(recipient) => identities
            .x25519
            .iter()
            .any(|identity| identity.to_public() == *recipient),
        Recipient::Tagged(_) => !identities.plugins.is_empty(),
        Recipient::Plugin(recipient) => identities
            .plugins
            .iter()
            .any(|identity| identity.plugin() == recipient.plugin()),
        Recipient::HolderOf(_) => true,
    })
}

#[cfg(test)]
mod tests {
    use age::x25519::Identity;

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
                    .err()
                    .unwrap()
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
            let error = setting(value).err().unwrap();
            assert!(error.contains(kind) && !error.contains(key), "{error}");
        }
    }

    #[test]
    fn a_file_keeps_its_comments_and_counts_everyone_once() {
        let text = format!("# Ann\n{PUBLIC}\r\n\n  {PUBLIC}  \n");
        let mut file = RecipientsFile::parse(text.as_bytes(), "FILE").unwrap();
        assert_eq!(file.named().len(), 1);
        let other = Identity::generate().to_public().to_string();
        file.add(other.clone());
        assert_eq!(file.to_text(), format!("# Ann\n{PUBLIC}\n\n{PUBLIC}\n{other}\n"));
        assert!(file.remove(PUBLIC) && !file.remove(PUBLIC));
        assert_eq!(file.named().into_iter().collect::<Vec<_>>(), [other]);
    }

    #[test]
    fn a_file_with_an_unusable_line_is_unusable_as_a_whole() {
        let problem = |text: &str| {
            RecipientsFile::parse(text.as_bytes(), "FILE")
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            problem(&format!("{PUBLIC}\nx\u{1b}[m\n")),
            "line 2 of FILE is not an age recipient (age1…)"
        );
        assert!(problem("# nobody\n").starts_with("FILE names no recipient"));
    }

    #[test]
    fn ours_are_found_among_several() {
        let (ours, other) = (Identity::generate(), Identity::generate());
        let recipients = [&other, &ours].map(|identity| Recipient::X25519(identity.to_public()));
        let identities = Identities {
            x25519: vec![ours],
            plugins: plugin::Plugins::default(),
        };
        assert!(include_one_of(&recipients, &identities));
        assert!(!include_one_of(&recipients[..1], &identities));
    }
}
