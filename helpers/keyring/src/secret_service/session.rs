//! A session with the service, which encrypts secrets on the bus.
//!
//! Only its owner can open the bus's socket, so the encryption protects little: it keeps secrets out of the
//! buffers and core files of the bus daemon, and out of bus monitors. ARCHITECTURE.md has its cost. If a
//! service doesn't support it, we send plain text.

use zbus::{ObjectPath, OwnedObjectPath, OwnedVariant, Variant};
use zeroize::Zeroizing;

use super::agreement::{ALGORITHM, Key, KeyPair};
use super::bus::{Bus, Trusted};
use super::failure::Failure;
use super::wire::{ROOT, SERVICE_INTERFACE, WireSecret};

const PLAIN: &str = "plain";

/// A session that the service has opened, before our side has computed its key.
pub(super) struct Opened {
    path: OwnedObjectPath,
    /// Our keys and the service's half; nothing for a plain session.
    halves: Option<(KeyPair, Vec<u8>)>,
}

/// An agreement with the service on how to send secrets.
pub(super) struct Session {
    path: OwnedObjectPath,
    key: Option<Key>,
}

impl Opened {
    /// Opens an encrypted session, or a plain one if the service doesn't support encryption.
    pub(super) async fn open(bus: &Bus, _: Trusted, keys: KeyPair) -> Result<Self, Failure> {
        match open(bus, ALGORITHM, Variant::from(keys.public().to_vec())).await {
            Ok((theirs, path)) => {
                let theirs =
                    Vec::try_from(theirs).map_err(|_| Failure::Malformed("a key of the wrong type"))?;
                let halves = Some((keys, theirs));
                Ok(Self { path, halves })
            }
            Err(Failure::NotSupported(words)) => match open(bus, PLAIN, Variant::from("")).await {
                Ok((_, path)) => Ok(Self { path, halves: None }),
                // The first error is more useful.
                Err(Failure::NotSupported(_)) => Err(Failure::NotSupported(words)),
                Err(failure) => Err(failure),
            },
            Err(failure) => Err(failure),
        }
    }

    pub(super) fn path(&self) -> ObjectPath<'_> {
        self.path.as_ref()
    }

    /// Computes the key; nothing if some services would derive another key from these halves, so that another
    /// session is needed.
    pub(super) fn agree(self) -> Result<Option<Session>, Failure> {
        let path = self.path;
        Ok(match self.halves {
            None => Some(Session { path, key: None }),
            Some((keys, theirs)) => keys.agree(&theirs)?.map(|key| Session { path, key: Some(key) }),
        })
    }
}

async fn open(
    bus: &Bus,
    algorithm: &str,
    input: Variant<'_>,
) -> Result<(OwnedVariant, OwnedObjectPath), Failure> {
    bus.call(&ROOT, SERVICE_INTERFACE, "OpenSession", &(algorithm, input))
        .await
}

impl Session {
    pub(super) fn path(&self) -> ObjectPath<'_> {
        self.path.as_ref()
    }

    pub(super) fn seal(&self, secret: &str) -> Result<WireSecret, Failure> {
        let (value, parameters) = match &self.key {
            None => (secret.as_bytes().to_vec(), Vec::new()),
            Some(key) => key.encrypt(secret.as_bytes())?,
        };
        Ok((self.path.clone(), parameters, value, "text/plain".to_owned()))
    }

    /// The bytes of a secret that the service sent for this session.
    pub(super) fn unseal(
        &self,
        (_, parameters, value, _): WireSecret,
    ) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let value = Zeroizing::new(value);
        match &self.key {
            None => Ok(value),
            Some(key) => key
                .decrypt(&parameters, &value)
                .ok_or(Failure::Malformed("a secret that cannot be decrypted")),
        }
    }
}
