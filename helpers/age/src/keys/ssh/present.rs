//! Encrypts and decrypts with SSH keys, through the age crate.
//!
//! The crate also opens encrypted keys, but can't serialise the opened key, which we keep in the kernel's
//! keyring: each get would compute bcrypt again. So the ssh-key crate removes the passphrase.

use std::fmt;

use age::ssh::{self, ParseRecipientKeyError, UnsupportedKey};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD as BASE64, BASE64_STANDARD_NO_PAD};
use sha2::{Digest as _, Sha256};
use ssh_key::{LineEnding, PrivateKey};
use zeroize::Zeroizing;

use super::{Problem, Unusable, is_kind, split};

/// A file of an RSA key with 16,384 bits has 13 KB.
const TEXT_MAX: usize = 64 << 10;

/// A public key.
#[derive(Clone)]
pub(crate) struct Recipient {
    key: ssh::Recipient,
    /// Its kind and data, without the comment.
    text: String,
}

impl Recipient {
    /// Parses a line of a list: the kind, the key, and optionally a comment.
    pub(crate) fn parse(line: &str) -> Result<Self, Problem> {
        let (kind, data, comment) = split(line).ok_or_else(mistyped)?;
        if comment.split_ascii_whitespace().any(is_recipient) {
            return Err(
                "an SSH key with another recipient behind it; put a comma or a line break between them"
                    .into(),
            );
        }
        let key: ssh::Recipient = format!("{kind} {data}")
            .parse()
            .map_err(|error| problem(&error))?;
        let recipient = Self {
            text: key.to_string(),
            key,
        };
        // The crate ignores trailing text, but a key must have a single spelling in lists and approvals.
        let is_whole = recipient.text.split_once(' ') == Some((kind, data));
        is_whole.then_some(recipient).ok_or_else(mistyped)
    }

    /// The public half of a private key, under the same conditions.
    fn of(key: &ssh::Identity) -> Result<Self, Problem> {
        let key = ssh::Recipient::try_from(key.clone()).map_err(|error| problem(&error))?;
        Self::parse(&key.to_string())
    }

    /// Also the kind of its stanza.
    pub(crate) fn kind(&self) -> &'static str {
        match self.key {
            ssh::Recipient::SshRsa(..) => "ssh-rsa",
            ssh::Recipient::SshEd25519(..) => "ssh-ed25519",
        }
    }

    pub(crate) fn as_age(&self) -> &dyn age::Recipient {
        &self.key
    }

    /// The first words of a stanza for this key: its kind, and four bytes of the key's hash.
    pub(crate) fn stanza(&self) -> String {
        let (ssh::Recipient::SshRsa(blob, _) | ssh::Recipient::SshEd25519(blob, _)) = &self.key;
        format!(
            "{} {}",
            self.kind(),
            BASE64_STANDARD_NO_PAD.encode(&Sha256::digest(blob)[..4])
        )
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Recipient {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Recipient {}

/// A private key that is ready for use.
#[derive(Clone)]
pub(crate) struct Key {
    identity: ssh::Identity,
    public: Recipient,
    text: Zeroizing<String>,
}

impl Key {
    pub(crate) fn public(&self) -> &Recipient {
        &self.public
    }

    pub(crate) fn as_age(&self) -> &dyn age::Identity {
        &self.identity
    }

    /// The key as in a file without a passphrase.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

/// A private key in its file.
pub(crate) enum Private {
    Open(Key),
    /// Encrypted with a passphrase. Its public half is readable without it.
    Encrypted(Recipient),
}

/// The private key in this text.
pub(crate) fn parse(text: &str) -> Result<Private, Unusable> {
    let text = text.trim();
    if text.matches("-----BEGIN ").count() > 1 {
        return Err(Problem::from("one of several private keys; give it a file of its own").into());
    }
    // The crate ignores text after the end.
    let is_whole = text.ends_with(" PRIVATE KEY-----") && text.matches("-----END ").count() == 1;
    if !is_whole || text.len() > TEXT_MAX {
        return Err(unreadable());
    }
    let identity = ssh::Identity::from_buffer(text.as_bytes(), None).map_err(|_| unreadable())?;
    if let ssh::Identity::Unsupported(key) = &identity {
        return Err(match key {
            UnsupportedKey::EncryptedPem => Unusable {
                problem: "an SSH key that is encrypted in the old PEM form".into(),
                fix: Some(CONVERT),
            },
            UnsupportedKey::EncryptedSsh(_) => Unusable {
                problem: "an SSH key with a cipher that age doesn't read".into(),
                fix: Some("ssh-keygen -p -Z aes256-ctr -f"),
            },
            UnsupportedKey::Hardware(kind) | UnsupportedKey::Type(kind) => unsupported(kind).into(),
        });
    }
    let public = Recipient::of(&identity)?;
    if let ssh::Identity::Encrypted(_) = identity {
        // Checked before asking for its passphrase.
        encrypted(text).ok_or_else(unreadable)?;
        return Ok(Private::Encrypted(public));
    }
    Ok(Private::Open(Key {
        identity,
        public,
        text: Zeroizing::new(format!("{text}\n")),
    }))
}

/// The text of the key without its passphrase; nothing if the passphrase is wrong. Slow by design.
pub(crate) fn unseal(text: &str, passphrase: &str) -> Option<Zeroizing<String>> {
    let key = encrypted(text)?.decrypt(passphrase).ok()?;
    key.to_openssh(LineEnding::LF).ok()
}

/// Other programs write lines of other lengths than OpenSSH's, which the crate would refuse.
fn encrypted(text: &str) -> Option<PrivateKey> {
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("-----"));
    let content = BASE64.decode(lines.collect::<String>()).ok()?;
    PrivateKey::from_bytes(&content).ok()
}

fn problem(error: &ParseRecipientKeyError) -> Problem {
    const USE: &str = "which age doesn't take; use an ed25519 key";
    match error {
        ParseRecipientKeyError::Unsupported(kind) => unsupported(kind),
        ParseRecipientKeyError::RsaModulusTooSmall => {
            format!("an RSA key of less than 2048 bits, {USE}").into()
        }
        ParseRecipientKeyError::RsaModulusTooLarge => {
            format!("an RSA key of more than 4096 bits, {USE}").into()
        }
        _ => mistyped(),
    }
}

/// The name of a kind of key that age doesn't support.
fn unsupported(kind: &str) -> Problem {
    const USE: &str = "which age can't encrypt to; use an ed25519 or RSA key";
    if kind.contains("-cert-v01@") {
        return "an SSH certificate; use the key that it certifies".into();
    }
    if kind.starts_with("sk-") {
        return "an SSH key on a security key, which only signs; use an age plugin for it, such as \
                age-plugin-fido2-hmac"
            .into();
    }
    match kind {
        "ssh-dss" => format!("a DSA key, {USE}").into(),
        kind if kind.starts_with("ecdsa-") => format!("an ECDSA key, {USE}").into(),
        _ => format!("an SSH key of an unknown kind, {USE}").into(),
    }
}

/// A word that would begin a recipient, and so isn't a comment.
fn is_recipient(word: &str) -> bool {
    is_kind(word) || word.starts_with("age1")
}

fn mistyped() -> Problem {
    "a mistyped or cut SSH key".into()
}

/// Writes the key in OpenSSH's format. It asks for the old and the new passphrase, which may be the same.
const CONVERT: &str = "ssh-keygen -p -f";

fn unreadable() -> Unusable {
    Unusable {
        problem: "a private key that is damaged or not in OpenSSH's form".into(),
        fix: Some(CONVERT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN";

    fn problem_of(line: &str) -> Problem {
        Recipient::parse(line).err().unwrap()
    }

    #[test]
    fn a_public_key_is_the_same_with_any_comment() {
        for line in [ED25519.to_owned(), format!("{ED25519}  ann@example.org")] {
            let key = Recipient::parse(&line).unwrap();
            assert_eq!((key.to_string().as_str(), key.kind()), (ED25519, "ssh-ed25519"));
        }
    }

    #[test]
    fn a_public_key_is_read_to_its_end_or_not_at_all() {
        for line in [
            format!("{ED25519}AAAA"),
            format!("{ED25519}!"),
            ED25519[..ED25519.len() - 1].to_owned(),
            format!("{ED25519}="),
            "ssh-ed25519".to_owned(),
            ED25519.replace("ed25519 ", "rsa "),
        ] {
            assert_eq!(problem_of(&line), "a mistyped or cut SSH key", "{line}");
        }
    }

    #[test]
    fn a_recipient_is_not_taken_for_a_comment() {
        for other in ["age1xyz", "ssh-rsa AAAA", "bob ecdsa-sha2-nistp256"] {
            assert!(
                problem_of(&format!("{ED25519} {other}")).contains("comma"),
                "{other}"
            );
        }
    }

    #[test]
    fn a_private_key_is_one_and_whole() {
        let begin = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n";
        let end = "-----END OPENSSH PRIVATE KEY-----";
        for text in [
            begin.to_owned(),
            format!("{begin}{end}\nmore"),
            format!("{begin}{end}"),
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n".to_owned(),
        ] {
            assert_eq!(parse(&text).err().unwrap().fix, Some(CONVERT), "{text}");
        }
        let two = parse(&format!("{begin}{end}\n{begin}{end}")).err().unwrap();
        assert!(two.problem.contains("one of several"), "{}", two.problem);
    }

    #[test]
    fn kinds_that_age_does_not_take_have_names() {
        for (kind, name) in [
            ("ssh-dss", "a DSA key"),
            ("ecdsa-sha2-nistp256", "an ECDSA key"),
            ("sk-ssh-ed25519@openssh.com", "a security key"),
            ("sk-ecdsa-sha2-nistp256@openssh.com", "a security key"),
            ("ssh-ed25519-cert-v01@openssh.com", "a certificate"),
            ("sk-ssh-ed25519-cert-v01@openssh.com", "a certificate"),
            ("ssh-mldsa", "an unknown kind"),
        ] {
            let words: Vec<&str> = name.rsplitn(2, ' ').collect();
            assert!(
                unsupported(kind).contains(words[0]),
                "{kind}: {}",
                unsupported(kind)
            );
        }
    }
}
