//! The list of recipients: its file, and the setting that overrides it.

use std::collections::BTreeSet;

use docker_credential_helper::{Environment, Error};

use crate::keys::recipient::{self, Recipient};
use crate::keys::ssh;
use crate::settings;

/// A shared store lists its recipients in this file, as passage does.
pub(crate) const FILE: &str = ".age-recipients";

/// The recipients in the setting, or nothing if it is unset.
pub(crate) fn from_setting(environment: &Environment) -> Result<Option<Vec<Recipient>>, Error> {
    let Some(text) = environment.setting(settings::RECIPIENTS)? else {
        return Ok(None);
    };
    let recipients: Vec<Recipient> = recipient::split(&text)
        .into_iter()
        .map(|word| {
            Recipient::parse(word, |problem| {
                Error::setting(settings::RECIPIENTS, format!("holds an entry that is {problem}"))
            })
        })
        .collect::<Result<_, _>>()?;
    if recipients.is_empty() {
        return Err(Error::setting(
            settings::RECIPIENTS,
            "does not name a recipient; give it one (age1…) or unset it",
        ));
    }
    Ok(Some(recipients))
}

/// The file of a shared store, with its comments, which name the holders of keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RecipientsFile {
    lines: Vec<String>,
}

impl RecipientsFile {
    /// `path` is the file's, for messages.
    pub(crate) fn parse(content: &[u8], path: &str) -> Result<Self, Error> {
        let text = std::str::from_utf8(content).map_err(|_| {
            Error::damaged(format!(
                "{path} is not valid UTF-8; write one recipient (age1…) on each line"
            ))
        })?;
        let file = Self {
            lines: text.lines().map(|line| line.trim().to_owned()).collect(),
        };
        for (index, line) in file.lines.iter().enumerate() {
            if ["<<<<<<<", "=======", ">>>>>>>"]
                .iter()
                .any(|mark| line.starts_with(mark))
            {
                return Err(Error::damaged(format!(
                    "{path} has a merge conflict in line {}; resolve it in an editor",
                    index + 1
                )));
            }
            if is_entry(line) {
                Recipient::parse(line, |problem| {
                    Error::damaged(format!("line {} of {path} is {problem}", index + 1))
                })?;
            }
        }
        if file.named().is_empty() {
            return Err(Error::damaged(format!(
                "{path} does not name a recipient; write one (age1…) on each line, or restore it"
            )));
        }
        Ok(file)
    }

    pub(crate) fn of(recipients: impl IntoIterator<Item = String>) -> Self {
        Self {
            lines: recipients.into_iter().collect(),
        }
    }

    /// Every recipient in it, once.
    pub(crate) fn named(&self) -> BTreeSet<String> {
        self.entries().collect()
    }

    /// The key of each line, without the comment of an SSH key: anybody may change that.
    pub(crate) fn entries(&self) -> impl Iterator<Item = String> {
        let lines = self.lines.iter().filter(|line| is_entry(line));
        lines.map(|line| ssh::without_comment(line).into_owned())
    }

    pub(crate) fn recipients(&self) -> Vec<Recipient> {
        self.named()
            .iter()
            .filter_map(|line| Recipient::parse(line, |_| Error::damaged("not a recipient")).ok())
            .collect()
    }

    /// The holder of a key, according to the comment above it or the comment of an SSH key. Anyone who can change the file
    /// may have written that.
    pub(crate) fn name_of(&self, recipient: &str) -> Option<String> {
        let position = self.position(recipient)?;
        let comment = || Some(ssh::split(&self.lines[position])?.2);
        let name = self.name_above(position).or_else(comment)?;
        (!name.is_empty()).then(|| name.to_owned())
    }

    fn name_above(&self, position: usize) -> Option<&str> {
        let name = self.lines[position.checked_sub(1)?].strip_prefix('#')?.trim();
        (!name.is_empty()).then_some(name)
    }

    /// Adds the line of a key at the end, below a comment with its holder's name. Nothing happens if the key is there.
    pub(crate) fn add(&mut self, line: String, name: Option<&str>) {
        if self.position(&ssh::without_comment(&line)).is_some() {
            return;
        }
        self.lines.extend(name.map(|name| format!("# {name}")));
        self.lines.push(line);
    }

    /// Removes a key and the comment above it; otherwise the next key would get the name. Returns whether the
    /// key was there.
    pub(crate) fn remove(&mut self, recipient: &str) -> bool {
        let mut is_there = false;
        while let Some(position) = self.position(recipient) {
            let is_named = self.name_above(position).is_some();
            self.lines.drain(position - usize::from(is_named)..=position);
            is_there = true;
        }
        is_there
    }

    /// Replaces a key with another under the same name. Returns whether it was there. Ignores the case of
    /// keys.
    pub(crate) fn replace(&mut self, recipient: &str, by: &str) -> bool {
        let mut is_there = false;
        for line in &mut self.lines {
            if !line.eq_ignore_ascii_case(recipient) {
                continue;
            }
            by.clone_into(line);
            is_there = true;
        }
        is_there
    }

    fn position(&self, recipient: &str) -> Option<usize> {
        self.lines
            .iter()
            .position(|line| ssh::without_comment(line) == recipient)
    }

    pub(crate) fn to_text(&self) -> String {
        self.lines.iter().flat_map(|line| [line, "\n"]).collect()
    }
}

fn is_entry(line: &str) -> bool {
    !line.is_empty() && !line.starts_with('#')
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
            ("ssh-dss AAAA", "SSH key"),
            ("age1yubikey1qqq", "plugin"),
            ("x", "not a recipient"),
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
        file.add(other.clone(), None);
        assert_eq!(file.to_text(), format!("# Ann\n{PUBLIC}\n\n{PUBLIC}\n{other}\n"));
        assert!(file.remove(PUBLIC) && !file.remove(PUBLIC));
        assert_eq!(file.named().into_iter().collect::<Vec<_>>(), [other]);
    }

    #[test]
    fn a_key_has_the_name_that_is_above_it() {
        let other = Identity::generate().to_public().to_string();
        let mut file = RecipientsFile::of([other.clone()]);
        file.add(PUBLIC.to_owned(), Some("alice"));
        assert_eq!(file.to_text(), format!("{other}\n# alice\n{PUBLIC}\n"));
        assert_eq!(file.name_of(PUBLIC).as_deref(), Some("alice"));
        assert_eq!(file.name_of(&other), None);
        let new = Identity::generate().to_public().to_string();
        assert!(file.replace(PUBLIC, &new));
        assert_eq!(file.name_of(&new).as_deref(), Some("alice"));
        let mut in_upper_case = RecipientsFile::of([PUBLIC.to_ascii_uppercase()]);
        assert!(in_upper_case.replace(PUBLIC, &new));
        assert_eq!(in_upper_case.to_text(), format!("{new}\n"));
    }

    #[cfg(feature = "ssh")]
    #[test]
    fn an_ssh_key_is_one_key_with_any_comment() {
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN";
        let text = format!("{PUBLIC}\n{key} ann@laptop\n");
        let mut file = RecipientsFile::parse(text.as_bytes(), "FILE").unwrap();
        assert!(file.named().contains(key));
        assert_eq!(file.name_of(key).as_deref(), Some("ann@laptop"));
        file.add(format!("{key} bob"), Some("bob"));
        assert_eq!(file.to_text(), text);
        assert!(file.remove(key));
        assert_eq!(file.to_text(), format!("{PUBLIC}\n"));
    }

    #[test]
    fn a_name_leaves_with_its_key() {
        let other = Identity::generate().to_public().to_string();
        let text = format!("# alice\n{PUBLIC}\n{other}\n");
        let mut file = RecipientsFile::parse(text.as_bytes(), "FILE").unwrap();
        assert!(file.remove(PUBLIC));
        assert_eq!(file.to_text(), format!("{other}\n"));
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
            "line 2 of FILE is not a recipient (age1… or ssh-…)"
        );
        assert_eq!(
            problem(&format!("<<<<<<< HEAD\n{PUBLIC}\n=======\n>>>>>>> main\n")),
            "FILE has a merge conflict in line 1; resolve it in an editor"
        );
        assert!(problem("# nobody\n").starts_with("FILE does not name a recipient"));
    }
}
