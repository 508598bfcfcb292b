//! Opens an identity that is encrypted with a passphrase: from the kernel's keyring, with a passphrase from a
//! file, or by asking, once for all processes that need it at the same time.

use std::path::Path;
use std::time::Duration;

use age::secrecy::SecretString;
use docker_credential_helper::trust::Doubt;
use docker_credential_helper::{Environment, Error, show};
use zeroize::Zeroizing;

use super::header::{self, Split};
use super::identities::{self, Identities};
use super::origin::Origin;
use super::scrypt::{self, Unsealed};
use super::ssh;
use crate::asking::kernel_keyring::{Boxes, Kind};
use crate::asking::passphrase_file;
use crate::asking::prompt::{self, Question};
use crate::asking::prompt_lock::{ATTEMPTS, PromptLock};
use crate::settings;

/// How long a cancelled question counts for processes that waited for its answer.
const CANCELLATION: Duration = Duration::from_secs(5);

/// The alternative if we can't ask.
pub(crate) const WAY_OUT: &str =
    "run docker-credential-age unlock in a terminal first, or set DOCKER_CREDENTIAL_AGE_PASSPHRASE_FILE";

/// An identity that is encrypted with a passphrase: by age, or an SSH key as ssh-keygen writes it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Sealed {
    ciphertext: Vec<u8>,
    /// The public half of an SSH key, which is readable without the passphrase.
    ssh_recipient: Option<ssh::Recipient>,
    origin: Origin,
    /// Why its keys only decrypt.
    doubt: Option<Doubt>,
    /// The boxes for its keys after it was opened. A changed file, even under the same name, is another
    /// identity.
    boxes: Boxes,
}

impl Sealed {
    pub(crate) fn is_sealed(content: &[u8]) -> bool {
        let content = content.trim_ascii_start();
        content.starts_with(b"age-encryption.org/v1")
            || content.starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----")
    }

    pub(crate) fn new(ciphertext: Vec<u8>, origin: Origin, doubt: Option<Doubt>) -> Self {
        let boxes = Boxes::of(&ciphertext);
        Self {
            ciphertext,
            ssh_recipient: None,
            origin,
            doubt,
            boxes,
        }
    }

    /// An SSH key that is encrypted, and its public half.
    pub(crate) fn ssh(
        ciphertext: Vec<u8>,
        recipient: ssh::Recipient,
        origin: Origin,
        doubt: Option<Doubt>,
    ) -> Self {
        Self {
            ssh_recipient: Some(recipient),
            ..Self::new(ciphertext, origin, doubt)
        }
    }

    pub(crate) fn ssh_recipient(&self) -> Option<&ssh::Recipient> {
        self.ssh_recipient.as_ref()
    }

    /// Whether it could open this file. Without the passphrase that is known of an SSH key alone.
    pub(crate) fn may_open(&self, file: &[u8]) -> bool {
        let (Some(recipient), Ok(binary)) = (&self.ssh_recipient, header::binary(file)) else {
            return true;
        };
        // A damaged file is reported as such when it is read.
        Split::of(&binary).is_none_or(|split| split.has_stanza(&recipient.stanza()))
    }

    /// Whether its keys only decrypt.
    pub(crate) fn is_doubtful(&self) -> bool {
        self.doubt.is_some()
    }

    /// The keys inside. They stay open for the time in the settings.
    pub(crate) fn open(&self, environment: &Environment) -> Result<Identities, Error> {
        let time = settings::unlock_time(environment)?;
        self.open_for(time, environment)
    }

    /// As [`open`](Self::open), and they stay open for `time`.
    pub(crate) fn open_for(
        &self,
        time: Option<Duration>,
        environment: &Environment,
    ) -> Result<Identities, Error> {
        if let Some(identities) = self.opened() {
            environment.log(|| format!("{} is open", self.origin));
            return Ok(identities);
        }
        // Before the wait, so that it fails at once if we can't ask.
        let passphrase_file = environment.path_setting(settings::PASSPHRASE_FILE)?;
        let turn = PromptLock::take(environment);
        if let Some(identities) = self.opened() {
            environment.log(|| format!("{} was opened by another process", self.origin));
            return Ok(identities);
        }
        if turn.has_waited && self.boxes.recall(Kind::Cancellation).is_some() {
            return Err(Error::locked(format!(
                "the question for the passphrase was cancelled; {WAY_OUT}"
            )));
        }
        let (identities, _) = self.open_by(passphrase_file.as_deref(), environment)?;
        if let Some(time) = time {
            let kept = self.keep(&identities, time);
            environment.log(|| {
                if kept {
                    format!("{} stays open for {} s", self.origin, time.as_secs())
                } else {
                    format!("{} cannot be kept open without a kernel keyring", self.origin)
                }
            });
        }
        Ok(identities)
    }

    /// Keeps the keys open for `time` from now on. Returns whether that is possible here.
    pub(crate) fn keep(&self, identities: &Identities, time: Duration) -> bool {
        self.boxes
            .keep(Kind::Identity, identities.to_text().as_bytes(), time)
    }

    /// The keys and their passphrase. Asks for it even if the identity is open.
    pub(crate) fn open_with_passphrase(
        &self,
        environment: &Environment,
    ) -> Result<(Identities, Zeroizing<String>), Error> {
        let passphrase_file = environment.path_setting(settings::PASSPHRASE_FILE)?;
        self.open_by(passphrase_file.as_deref(), environment)
    }

    /// The identity file inside, with its comments. Asks for the passphrase even if the identity is open.
    pub(crate) fn open_text(&self, environment: &Environment) -> Result<Zeroizing<String>, Error> {
        let passphrase_file = environment.path_setting(settings::PASSPHRASE_FILE)?;
        Ok(self.text_by(passphrase_file.as_deref(), environment)?.0)
    }

    /// The keys inside; nothing if the passphrase is wrong.
    pub(crate) fn keys_by(&self, passphrase: &str) -> Result<Option<Identities>, Error> {
        self.unseal(passphrase)?
            .map(|text| self.parse(&text, &self.origin.to_string()))
            .transpose()
    }

    fn open_by(
        &self,
        passphrase_file: Option<&Path>,
        environment: &Environment,
    ) -> Result<(Identities, Zeroizing<String>), Error> {
        let (text, passphrase) = self.text_by(passphrase_file, environment)?;
        Ok((self.parse(&text, &self.origin.to_string())?, passphrase))
    }

    fn text_by(
        &self,
        passphrase_file: Option<&Path>,
        environment: &Environment,
    ) -> Result<(Zeroizing<String>, Zeroizing<String>), Error> {
        match passphrase_file {
            Some(path) => self.unseal_with_file(path, environment),
            None => self.ask(environment),
        }
    }

    /// The keys, if they are available without asking.
    pub(crate) fn opened(&self) -> Option<Identities> {
        let content = self.boxes.recall(Kind::Identity)?;
        self.parse(std::str::from_utf8(&content).ok()?, "the kernel keyring")
            .ok()
    }

    fn parse(&self, text: &str, origin: &str) -> Result<Identities, Error> {
        let mut identities = identities::parse(text, origin)?;
        identities.doubt.clone_from(&self.doubt);
        identities.plugins.keep_in(self.boxes.clone());
        Ok(identities)
    }

    /// The identity file inside, and the passphrase from a file.
    fn unseal_with_file(
        &self,
        path: &Path,
        environment: &Environment,
    ) -> Result<(Zeroizing<String>, Zeroizing<String>), Error> {
        let passphrase = passphrase_file::read(path, environment)?;
        let text = self.unseal(&passphrase)?.ok_or_else(|| {
            Error::setting(
                settings::PASSPHRASE_FILE,
                format!("does not hold the passphrase of {}", self.origin),
            )
        })?;
        Ok((text, passphrase))
    }

    /// The identity file inside, and the passphrase that a person typed.
    fn ask(&self, environment: &Environment) -> Result<(Zeroizing<String>, Zeroizing<String>), Error> {
        let mut mistake = None;
        let name = match &self.origin {
            Origin::File(path) => show::path(environment, path),
            Origin::Setting(name) => (*name).to_owned(),
        };
        for _ in 0..ATTEMPTS {
            let question = Question {
                description: &format!("the identity {name}"),
                prompt: "Passphrase",
                is_named: true,
                mistake,
            };
            let passphrase = prompt::passphrase(question, WAY_OUT, environment).inspect_err(|_| {
                self.boxes.keep(Kind::Cancellation, b"1", CANCELLATION);
            })?;
            if let Some(text) = self.unseal(&passphrase)? {
                return Ok((text, passphrase));
            }
            mistake = Some("That passphrase is wrong");
        }
        self.boxes.keep(Kind::Cancellation, b"1", CANCELLATION);
        Err(Error::locked(format!(
            "{ATTEMPTS} wrong passphrases for {}; {WAY_OUT}",
            self.origin
        )))
    }

    /// The identity file inside; nothing if the passphrase is wrong.
    fn unseal(&self, passphrase: &str) -> Result<Option<Zeroizing<String>>, Error> {
        if let Some(text) = ssh::private_key(&self.ciphertext) {
            return Ok(ssh::unseal(text, passphrase));
        }
        let damaged = |problem: &str| Error::damaged(format!("{} {problem}", self.origin));
        match scrypt::unseal(&self.ciphertext, SecretString::from(passphrase)) {
            Unsealed::Plaintext(plaintext) => std::str::from_utf8(&plaintext)
                .map(|text| Some(Zeroizing::new(text.to_owned())))
                .map_err(|_| damaged("does not hold an identity; restore it from your backup")),
            Unsealed::WrongPassphrase => Ok(None),
            Unsealed::NoPassphrase => Err(Error::unsupported(format!(
                "{} is encrypted to another identity and not with a passphrase; decrypt it, or encrypt it with age -p",
                self.origin
            ))),
            Unsealed::ExcessiveWork => Err(Error::unsupported(format!(
                "{} was encrypted with a work factor above {}, the limit; encrypt it again with age -p",
                self.origin,
                scrypt::WORK_FACTOR_MAX
            ))),
            Unsealed::Damaged => Err(damaged("is damaged; restore it from your backup")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_an_encrypted_file_are_told_from_a_key() {
        for (content, is_sealed) in [
            ("age-encryption.org/v1\n-> scrypt", true),
            ("\n-----BEGIN AGE ENCRYPTED FILE-----\n", true),
            ("# age-encryption.org/v1\n", false),
            ("AGE-SECRET-KEY-1", false),
            ("", false),
        ] {
            assert_eq!(Sealed::is_sealed(content.as_bytes()), is_sealed, "{content}");
        }
    }
}
