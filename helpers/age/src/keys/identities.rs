//! Private keys: the content of an identity file.

use age::secrecy::ExposeSecret;
use age::x25519;
use docker_credential_helper::Error;
use docker_credential_helper::trust::Doubt;
use zeroize::Zeroizing;

use super::plugin;
use super::ssh::{self, Private};

/// Private keys that are ready for use.
#[derive(Clone, Default)]
pub(crate) struct Identities {
    pub(crate) x25519: Vec<x25519::Identity>,
    pub(crate) ssh: Vec<ssh::Key>,
    pub(crate) plugins: plugin::Plugins,
    /// Why they only decrypt: others could have put them in their place.
    pub(crate) doubt: Option<Doubt>,
}

impl Identities {
    /// The keys without comments, one a line, as we keep them.
    pub(crate) fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(256));
        for identity in &self.x25519 {
            text.push_str(identity.to_string().expose_secret());
            text.push('\n');
        }
        for identity in self.plugins.iter() {
            text.push_str(identity.text());
            text.push('\n');
        }
        for key in &self.ssh {
            text.push_str(key.text());
        }
        text
    }

    /// Those of another file as well, without its plugins.
    pub(crate) fn extend(&mut self, others: Self) {
        self.x25519.extend(others.x25519);
        self.ssh.extend(others.ssh);
    }
}

/// Whether the keys are the same, from any place.
impl PartialEq for Identities {
    fn eq(&self, other: &Self) -> bool {
        self.to_text() == other.to_text()
    }
}

impl Eq for Identities {}

/// Keys, one a line, between comments and empty lines, or one SSH key and nothing else. `origin` is where they come from,
/// as messages name it.
pub(crate) fn parse(text: &str, origin: &str) -> Result<Identities, Error> {
    if let Some(text) = ssh::private_key(text.as_bytes()) {
        return match ssh::parse(text) {
            Ok(Private::Open(key)) => Ok(of_ssh(key)),
            Ok(Private::Encrypted(_)) | Err(_) => Err(damaged(origin, "holds no SSH key that is open")),
        };
    }
    let mut identities = Identities::default();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(kind) = unsupported_kind(line) {
            return Err(Error::unsupported(format!(
                "line {} of {origin} is {kind}",
                index + 1
            )));
        }
        let unusable = |problem: &str| damaged(origin, &format!("contains {problem} on line {}", index + 1));
        match plugin::Identity::parse(line) {
            Some(Ok(identity)) => identities.plugins.push(identity),
            Some(Err(problem)) => return Err(unusable(problem)),
            None => {
                let identity = line.parse().map_err(|_| unusable("an invalid age identity"))?;
                identities.x25519.push(identity);
            }
        }
    }
    if identities.x25519.is_empty() && identities.plugins.is_empty() {
        return Err(damaged(origin, "does not contain an age identity"));
    }
    Ok(identities)
}

/// One SSH key.
pub(super) fn of_ssh(key: ssh::Key) -> Identities {
    Identities {
        ssh: vec![key],
        ..Identities::default()
    }
}

fn unsupported_kind(line: &str) -> Option<&'static str> {
    if line.split_ascii_whitespace().next().is_some_and(ssh::is_kind) {
        return Some("an SSH public key; name the file of its private key, which has no .pub");
    }
    let line = line.to_ascii_uppercase();
    match () {
        () if line.starts_with("AGE-SECRET-KEY-PQ-1") => Some(
            "a post-quantum identity, which is not supported; age 1.3 converts it for its plugin: age-plugin-pq \
             -identity -o NEW FILE",
        ),
        () if line.starts_with("-----BEGIN ") => {
            Some("a private key among other lines; an SSH key needs a file of its own")
        }
        () if line.starts_with("PUTTY-USER-KEY-FILE") => {
            Some("a key of PuTTY; export it as an OpenSSH key, with PuTTYgen")
        }
        () if line.starts_with("AGE1") => {
            Some("a recipient (public key), not an identity; use the AGE-SECRET-KEY-1… that belongs to it")
        }
        () => None,
    }
}

pub(super) fn damaged(origin: &str, problem: &str) -> Error {
    Error::damaged(format!(
        "{origin} {problem}; put an age identity (AGE-SECRET-KEY-1…) there"
    ))
}

/// The text of an identity file.
pub(crate) fn file_text(identity: &x25519::Identity) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(512));
    text.push_str(
        "# The identity of docker-credential-age. Anyone who has it can read the stored logins; without it, \
        nobody can.\n\
         # public key: ",
    );
    text.push_str(&identity.to_public().to_string());
    text.push('\n');
    text.push_str(identity.to_string().expose_secret());
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";

    fn problem(text: &str) -> String {
        match parse(text, "ORIGIN") {
            Ok(_) => panic!("{text:?} was taken"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn keys_stand_between_comments_and_empty_lines() {
        for text in [
            KEY.to_owned(),
            format!("# a comment\r\n\r\n{KEY}\r\n"),
            format!("  {KEY}  \n{}\n", KEY.to_lowercase()),
        ] {
            assert!(!parse(&text, "ORIGIN").unwrap().x25519.is_empty(), "{text:?}");
        }
        let two = parse(&format!("{KEY}\n{KEY}"), "ORIGIN").unwrap();
        assert_eq!(two.x25519.len(), 2);
    }

    #[test]
    fn what_is_not_supported_is_told_by_name() {
        for (line, kind) in [
            ("AGE-SECRET-KEY-PQ-1QQQ", "post-quantum"),
            ("# x\n-----BEGIN OPENSSH PRIVATE KEY-----", "a file of its own"),
            ("ssh-ed25519 AAAA", "an SSH public key"),
            ("PuTTY-User-Key-File-3: ssh-ed25519", "a key of PuTTY"),
            (
                "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa",
                "a recipient",
            ),
        ] {
            assert!(problem(line).contains(kind), "{}", problem(line));
        }
    }

    #[test]
    fn an_unusable_line_is_told_by_its_number_and_not_quoted() {
        let text = format!("# x\n{KEY}\n{}X\n", &KEY[..40]);
        assert!(
            problem(&text).starts_with("ORIGIN contains an invalid age identity on line 3;"),
            "{}",
            problem(&text)
        );
        assert!(!problem(&text).contains(&KEY[..40]));
        assert!(problem("# only this\n").starts_with("ORIGIN does not contain an age identity;"));
    }

    #[test]
    fn the_file_that_is_written_can_be_read() {
        let identity = x25519::Identity::generate();
        let read = parse(&file_text(&identity), "ORIGIN").unwrap();
        assert_eq!(read.x25519[0].to_public(), identity.to_public());
    }
}
