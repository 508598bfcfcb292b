//! The files of entries: read within bounds, and deciphered many at once.

use std::io;
use std::num::NonZero;

use docker_credential_helper::Error;
use docker_credential_helper::directory::Directory;

use super::AgeStore;
use super::cipher::Natives;
use super::decipher::{Deciphered, Problem, decipher, decipher_natively};
use crate::keys::identities::Identities;
use crate::parallel;

/// The longest request fits twice; larger files aren't ours, and would only take time to decrypt.
pub(super) const ENTRY_MAX: u64 = 2 << 20;

/// A second thread may need half a millisecond until it runs on another processor, as long as thirty
/// decryptions; this many make it worthwhile.
const WORTH_A_THREAD: NonZero<usize> = NonZero::new(64).expect("64 is not 0");

impl AgeStore {
    /// The content of these files, without those that were erased since the names were read.
    pub(crate) fn decipher_all<'a>(
        &self,
        directory: &Directory,
        names: &'a [String],
        identities: &Identities,
    ) -> Vec<(&'a String, Result<Deciphered, Problem>)> {
        let deciphered: Vec<_> = if identities.plugins.is_empty() {
            let natives = Natives::of(identities);
            parallel::map(names, WORTH_A_THREAD, |name| {
                decipher_one(directory, name, |file| decipher_natively(file, name, &natives))
            })
        } else {
            // Asks plugins about all files at once, so that a person has to touch or type something only
            // once.
            identities
                .plugins
                .open_files(contents(directory, names), self.environment());
            let decipher = |name| {
                decipher_one(directory, name, |file| {
                    decipher(file, name, identities, self.environment())
                })
            };
            names.iter().map(decipher).collect()
        };
        deciphered.into_iter().flatten().collect()
    }
}

/// The content of this file; nothing if it was erased since the name was read.
fn decipher_one<'a>(
    directory: &Directory,
    name: &'a String,
    decipher: impl FnOnce(&[u8]) -> Result<Deciphered, Problem>,
) -> Option<(&'a String, Result<Deciphered, Problem>)> {
    let file = read(directory, name, || name.clone()).transpose()?;
    let deciphered = file.map_err(Problem::Unread).and_then(|file| decipher(&file));
    Some((name, deciphered))
}

/// `shown` returns its name for messages.
pub(super) fn read(
    directory: &Directory,
    name: &str,
    shown: impl FnOnce() -> String,
) -> Result<Option<Vec<u8>>, Error> {
    directory.read(name, ENTRY_MAX).map_err(|error| {
        let path = directory.path().join(shown());
        match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::FileTooLarge => Error::damaged(format!(
                "{} is not one of our entries: {error}; move it away and log in again",
                path.display()
            )),
            _ => Error::file("read", &path)(error),
        }
    })
}

/// The encrypted content of the readable files.
pub(super) fn contents(directory: &Directory, names: &[String]) -> impl Iterator<Item = Vec<u8>> {
    contents_of(directory, names).map(|(_, file)| file)
}

pub(super) fn contents_of<'a>(
    directory: &Directory,
    names: &'a [String],
) -> impl Iterator<Item = (&'a String, Vec<u8>)> {
    names
        .iter()
        .filter_map(|name| Some((name, directory.read(name, ENTRY_MAX).ok().flatten()?)))
}
