//! Credentials in a store of named blobs: the kernel's keyring, the macOS Keychain, the Windows Credential
//! Manager.
//!
//! A credential is one record. A record that fits into a blob is one blob. A larger one is split into chunks,
//! whose names contain a generation that is new each time. Then a single write of a head makes it the record;
//! the head has the generation, the number of chunks, the length and the hash. So the old record answers
//! until the new one does, a partial write isn't a record, and chunks of different records are noticed.
//!
//! # Who may remove a generation
//!
//! The stores don't have locks. Chunks without a head are from a killed process, and must be removed because
//! they may hold a secret; or from a running process that will write the head next, and must stay.
//!
//! A head is written once. So if a generation's head was seen and is no longer the head, the generation is
//! dead: `store` removes the one that its own head replaced.
//!
//! `erase` removes all generations, and can't know which of them are waiting for their head. So each has a
//! seal, a blob that is written once, before its chunks:
//!
//! - `erase` deletes the seal, then reads the head, then deletes a chunk unless the head names its generation;
//! - `store` writes the head, then reads the seal, and starts again with another generation if the seal is missing.
//!
//! If `store` finds the seal, then any process that deletes the seal does so after the head was written. It
//! then sees that head; or it sees another head or none, and the generation is dead. So a stored record is
//! complete until it is replaced or erased.

use std::cell::Cell;

use docker_credential_helper::{
    Credential, CredentialStore, Error, Listed, Secret, ServerUrl, Username, hex,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

mod names;

pub(crate) use names::PREFIX;
use names::{GENERATION_SAMPLE, chunk_name, chunk_owner, name, seal_name, seal_of};

/// How often to read a record again because another process replaces it, or write it again because another
/// erases it.
const ROUNDS: usize = 3;

/// A store of the operating system.
pub(crate) trait Blobs {
    /// The store's limit on the bytes in one blob.
    const BLOB_MAX: usize;
    /// The limit on the bytes in a name.
    const NAME_MAX: usize;
    /// The store's name, for messages.
    const STORE: &str;

    fn read(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Error>;
    /// Creates or replaces a blob, in one step.
    fn write(&self, name: &str, blob: &[u8]) -> Result<(), Error>;
    /// Removes a blob, if it exists.
    fn delete(&self, name: &str) -> Result<(), Error>;
    /// The names that begin with [`PREFIX`].
    fn names(&self) -> Result<Vec<String>, Error>;
}

/// docker's credentials in such a store.
#[derive(Debug)]
pub(crate) struct BlobStore<B> {
    pub(crate) blobs: B,
    /// The number of records that the last list could not read.
    left_out: Cell<usize>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Record {
    #[serde(rename = "ServerURL")]
    server_url: String,
    username: String,
    secret: String,
}

/// Replaces a record that is split into chunks.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    generation: String,
    chunks: usize,
    length: usize,
    sha256: String,
}

/// The first byte of a blob distinguishes the two.
const RECORD: u8 = b'1';
const HEAD: u8 = b'2';

impl<B: Blobs> CredentialStore for BlobStore<B> {
    fn get(&self, server: &ServerUrl) -> Result<Option<Credential>, Error> {
        let name = name(server);
        if name.len() > B::NAME_MAX {
            return Ok(None);
        }
        self.credential(&name)
    }

    fn store(&self, credential: &Credential) -> Result<(), Error> {
        let name = name(credential.server());
        let record = Zeroizing::new(
            serde_json::to_vec(&Record {
                server_url: credential.server().as_str().to_owned(),
                username: credential.username().as_str().to_owned(),
                secret: credential.secret().expose().to_owned(),
            })
            .map_err(|_| Error::damaged("the credential cannot be written as JSON"))?,
        );
        if chunk_name(&name, GENERATION_SAMPLE, usize::MAX).len() > B::NAME_MAX {
            return Err(Error::refused(format!(
                "{} cannot hold a server URL as long as this one; the limit is {} bytes",
                B::STORE,
                B::NAME_MAX
            )));
        }
        for _ in 0..ROUNDS {
            let old = self.head(&name)?;
            let is_kept = if record.len() < B::BLOB_MAX {
                self.blobs.write(&name, &tagged(RECORD, &record)).map(|()| true)
            } else {
                self.write_chunks(&name, &record)
            }?;
            // Only the previous generation: we must not remove that of a login at the same time.
            if let Some(old) = old {
                self.delete_chunks(&name, &old);
            }
            if is_kept {
                return Ok(());
            }
        }
        Err(Error::unavailable(format!(
            "{} was changed by other programs each time; try again",
            B::STORE
        )))
    }

    fn erase(&self, server: &ServerUrl) -> Result<(), Error> {
        let name = name(server);
        if name.len() > B::NAME_MAX {
            return Ok(());
        }
        // The head first: if this stops later, the rest isn't a record.
        self.blobs.delete(&name)?;
        // All generations, including those of interrupted stores.
        for other in self.blobs.names()? {
            if chunk_owner(&other) != Some(&name) {
                continue;
            }
            let seal = seal_of(&other);
            self.blobs.delete(seal)?;
            let is_head = |head: &Head| seal_name(&name, &head.generation) == seal;
            if !self.head(&name)?.as_ref().is_some_and(is_head) {
                self.blobs.delete(&other)?;
            }
        }
        Ok(())
    }

    fn list(&self) -> Result<Vec<Listed>, Error> {
        let (listed, damaged) = self.survey()?;
        self.left_out.set(damaged.len());
        Ok(listed)
    }

    fn left_out(&self) -> usize {
        self.left_out.get()
    }
}

impl<B: Blobs> BlobStore<B> {
    pub(crate) fn new(blobs: B) -> Self {
        let left_out = Cell::new(0);
        Self { blobs, left_out }
    }

    /// The reason for each record that can't be read.
    pub(crate) fn damaged(&self) -> Result<Vec<Error>, Error> {
        self.survey().map(|(_, damaged)| damaged)
    }

    /// All records, and an [`Error::Damaged`] for each that can't be read.
    fn survey(&self) -> Result<(Vec<Listed>, Vec<Error>), Error> {
        let (mut listed, mut damaged) = (Vec::new(), Vec::new());
        for name in self.blobs.names()? {
            if chunk_owner(&name).is_some() {
                continue;
            }
            match self.credential(&name) {
                Ok(Some(credential)) => listed.push(Listed::from(&credential)),
                // It was erased since.
                Ok(None) => {}
                Err(error @ Error::Damaged(_)) => damaged.push(error),
                Err(error) => return Err(error),
            }
        }
        Ok((listed, damaged))
    }

    fn credential(&self, name: &str) -> Result<Option<Credential>, Error> {
        let mut seen: Option<Head> = None;
        for _ in 0..ROUNDS {
            let Some(blob) = self.blobs.read(name)? else {
                return Ok(None);
            };
            let record = match blob.split_first() {
                Some((&RECORD, record)) => Some(Zeroizing::new(record.to_vec())),
                Some((&HEAD, _)) => match head(&blob) {
                    None => return Err(damaged(name)),
                    // Read twice and still incomplete: no other process is replacing it.
                    Some(head) if seen.as_ref() == Some(&head) => return Err(damaged(name)),
                    Some(head) => {
                        let record = self.joined(name, &head)?;
                        seen = Some(head);
                        record
                    }
                },
                _ => return Err(damaged(name)),
            };
            if let Some(record) = record {
                // Otherwise `list` would show a server that `get` doesn't find.
                let is_here = |found: &Credential| self::name(found.server()) == name;
                return parse(&record)
                    .filter(is_here)
                    .map(Some)
                    .ok_or_else(|| damaged(name));
            }
        }
        Err(damaged(name))
    }

    /// The chunks of a generation, if they are complete and unchanged.
    fn joined(&self, name: &str, head: &Head) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        if head.chunks > head.length || head.length > docker_credential_helper::INPUT_MAX * 2 {
            return Ok(None);
        }
        let mut record = Zeroizing::new(Vec::with_capacity(head.length));
        for number in 0..head.chunks {
            match self.blobs.read(&chunk_name(name, &head.generation, number))? {
                Some(chunk) => record.extend_from_slice(&chunk),
                None => return Ok(None),
            }
        }
        let is_whole = record.len() == head.length && hash(&record) == head.sha256;
        Ok(is_whole.then_some(record))
    }

    /// The head of a record that is split into chunks.
    fn head(&self, name: &str) -> Result<Option<Head>, Error> {
        match self.blobs.read(name) {
            Ok(blob) => Ok(blob.and_then(|blob| head(&blob))),
            // Unreadable records can be replaced like any other.
            Err(Error::Damaged(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes a record in chunks, and returns whether no other process has begun to remove them.
    fn write_chunks(&self, name: &str, record: &[u8]) -> Result<bool, Error> {
        let chunks: Vec<&[u8]> = record.chunks(B::BLOB_MAX).collect();
        let head = Head {
            generation: new_generation()?,
            chunks: chunks.len(),
            length: record.len(),
            sha256: hash(record),
        };
        let encoded = serde_json::to_vec(&head).expect("numbers and strings are JSON");
        let seal = seal_name(name, &head.generation);
        let written = self
            .blobs
            .write(&seal, b"seal")
            .and_then(|()| {
                chunks.iter().enumerate().try_for_each(|(number, chunk)| {
                    self.blobs
                        .write(&chunk_name(name, &head.generation, number), chunk)
                })
            })
            .and_then(|()| self.blobs.write(name, &tagged(HEAD, &encoded)));
        if written.is_err() {
            self.delete_chunks(name, &head);
        }
        written?;
        Ok(self.blobs.read(&seal)?.is_some())
    }

    /// Ignores chunks that can't be deleted until `erase`: the login itself is complete.
    fn delete_chunks(&self, name: &str, head: &Head) {
        let chunks = (0..head.chunks).map(|number| chunk_name(name, &head.generation, number));
        for blob in chunks.chain([seal_name(name, &head.generation)]) {
            if self.blobs.delete(&blob).is_err() {
                return;
            }
        }
    }
}

fn new_generation() -> Result<String, Error> {
    let mut bytes = [0; GENERATION_SAMPLE.len() / 2];
    getrandom::fill(&mut bytes)
        .map_err(|_| Error::unavailable("the system cannot generate random numbers; try again"))?;
    Ok(hex(&bytes))
}

fn head(blob: &[u8]) -> Option<Head> {
    match blob.split_first() {
        Some((&HEAD, encoded)) => serde_json::from_slice(encoded).ok(),
        _ => None,
    }
}

fn tagged(tag: u8, bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut blob = Zeroizing::new(Vec::with_capacity(bytes.len() + 1));
    blob.push(tag);
    blob.extend_from_slice(bytes);
    blob
}

fn parse(record: &[u8]) -> Option<Credential> {
    let record: Record = serde_json::from_slice(record).ok()?;
    let secret = Secret::new(record.secret);
    let server = ServerUrl::parse(&record.server_url).ok()?;
    let username = Username::parse(record.username).ok()?;
    Some(Credential::new(server, username, secret))
}

fn hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn damaged(name: &str) -> Error {
    let server = name.strip_prefix(PREFIX).unwrap_or(name);
    Error::damaged(format!(
        "the login stored for {server} is damaged or incomplete; log in to it again"
    ))
}

#[cfg(test)]
mod tests;
