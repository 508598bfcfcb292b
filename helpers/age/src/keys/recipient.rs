//! Recipients, who can read an entry.

use std::fmt;

use age::{tag, tagpq, x25519};
use docker_credential_helper::Error;
use docker_credential_helper::show::ShellCommand;

use super::identities::Identities;
use super::{plugin, ssh};
use crate::settings;

/// A recipient of an entry.
#[derive(Clone)]
pub(crate) enum Recipient {
    X25519(x25519::Recipient),
    /// A hardware key whose recipients don't need a plugin, only its identities do.
    Tagged(tag::Recipient),
    /// The same, and safe from quantum computers.
    TaggedPq(Box<tagpq::Recipient>),
    Ssh(ssh::Recipient),
    Plugin(plugin::Recipient),
    /// The holder of our own identity whose public key only its plugin knows.
    HolderOf(plugin::Identity),
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::X25519(recipient) => recipient.fmt(f),
            Self::Tagged(recipient) => recipient.fmt(f),
            Self::TaggedPq(recipient) => recipient.fmt(f),
            Self::Ssh(recipient) => recipient.fmt(f),
            Self::Plugin(recipient) => f.write_str(recipient.text()),
            Self::HolderOf(identity) => {
                write!(f, "the identity of age-plugin-{}", identity.plugin())
            }
        }
    }
}

impl Recipient {
    /// The kind of a file's stanza for this recipient; nothing if its plugin decides.
    pub(crate) fn stanza_kind(&self) -> Option<&'static str> {
        match self {
            Self::X25519(_) => Some("X25519"),
            Self::Tagged(_) => Some("p256tag"),
            Self::TaggedPq(_) => Some("mlkem768p256tag"),
            Self::Ssh(recipient) => Some(recipient.kind()),
            Self::Plugin(_) | Self::HolderOf(_) => None,
        }
    }

    /// Parses a word, or the words of an SSH key. `origin` is their place, for the error.
    pub(crate) fn parse(word: &str, origin: impl FnOnce(&str) -> Error) -> Result<Self, Error> {
        if word.split_ascii_whitespace().next().is_some_and(ssh::is_kind) {
            return ssh::Recipient::parse(word)
                .map(Self::Ssh)
                .map_err(|problem| origin(&problem));
        }
        if let Ok(recipient) = word.parse() {
            return Ok(Self::X25519(recipient));
        }
        if let Ok(recipient) = word.parse() {
            return Ok(Self::Tagged(recipient));
        }
        if let Ok(recipient) = word.parse() {
            return Ok(Self::TaggedPq(Box::new(recipient)));
        }
        let problem = match plugin::Recipient::parse(word) {
            Some(Ok(recipient)) => return Ok(Self::Plugin(recipient)),
            Some(Err(problem)) => problem,
            None if word.to_ascii_uppercase().starts_with("AGE-") => "an identity; name its public key",
            None => "not a recipient (age1… or ssh-…)",
        };
        Err(origin(problem))
    }
}

/// The recipients in a text, separated by commas or line breaks, or by spaces if none is an SSH key. An SSH
/// key ends with its line, because it has several words: its kind, the key and a comment.
pub(crate) fn split(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for mut rest in text.split([',', '\r', '\n']).map(str::trim) {
        while !rest.is_empty() {
            let (word, after) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
            if ssh::is_kind(word) {
                found.push(rest);
                break;
            }
            found.push(word);
            rest = after.trim_start();
        }
    }
    found
}

/// The holder of these identities.
pub(crate) fn own_recipients(identities: &Identities) -> Vec<Recipient> {
    let x25519 = identities
        .x25519
        .iter()
        .map(|identity| Recipient::X25519(identity.to_public()));
    let ssh = identities
        .ssh
        .iter()
        .map(|key| Recipient::Ssh(key.public().clone()));
    let plugins = identities.plugins.iter().cloned().map(Recipient::HolderOf);
    x25519.chain(ssh).chain(plugins).collect()
}

/// The holder of these identities, to encrypt to.
///
/// Fails if others could have put them in their place, because those could read new logins.
pub(crate) fn trusted_recipients(identities: &Identities) -> Result<Vec<Recipient>, Error> {
    let Some(doubt) = &identities.doubt else {
        return Ok(own_recipients(identities));
    };
    let fix = doubt.fix().map_or_else(String::new, |command| {
        format!("run: {} (or ", ShellCommand::new(command).word(doubt.path()))
    });
    let close = if fix.is_empty() { "" } else { ")" };
    Err(Error::refused(format!(
        "cannot encrypt to your identity: {doubt}; {fix}name the recipients in {}{close}",
        settings::RECIPIENTS
    )))
}

/// Whether one of these identities is among these recipients.
///
/// Only the plugin knows the public key of its identity, so an equal plugin name counts: this prevents
/// mistakes, not attacks.
pub(crate) fn include_one_of(recipients: &[Recipient], identities: &Identities) -> bool {
    recipients.iter().any(|recipient| match recipient {
        Recipient::X25519(recipient) => identities
            .x25519
            .iter()
            .any(|identity| identity.to_public() == *recipient),
        Recipient::Ssh(recipient) => identities.ssh.iter().any(|key| key.public() == recipient),
        Recipient::Tagged(_) | Recipient::TaggedPq(_) => !identities.plugins.is_empty(),
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

    #[test]
    fn an_ssh_key_ends_with_its_line() {
        for (text, expected) in [
            ("a b,c\n d\te\r\n", &["a", "b", "c", "d", "e"][..]),
            ("a ssh-rsa AAAA x y, b", &["a", "ssh-rsa AAAA x y", "b"]),
            ("ssh-rsa AAAA\nssh-rsa BBBB", &["ssh-rsa AAAA", "ssh-rsa BBBB"]),
            (" , \n", &[]),
        ] {
            assert_eq!(split(text), expected, "{text:?}");
        }
    }

    #[test]
    fn ours_are_found_among_several() {
        let (ours, other) = (Identity::generate(), Identity::generate());
        let recipients = [&other, &ours].map(|identity| Recipient::X25519(identity.to_public()));
        let identities = Identities {
            x25519: vec![ours],
            ..Identities::default()
        };
        assert!(include_one_of(&recipients, &identities));
        assert!(!include_one_of(&recipients[..1], &identities));
    }
}
