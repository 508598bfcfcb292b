use std::time::SystemTime;

use crate::{Credential, Error, ServerUrl};

/// A helper's storage of credentials. Backends don't know the protocol or the matching rule: they look up one
/// key at a time, and [`matching`](crate::matching) applies the result to a client's request.
///
/// Every method except [`list`](Self::list) uses [`ServerUrl::key`]: servers with equal keys are the same
/// server, whatever their spelling. Results are checked again before a secret leaves the process.
pub trait CredentialStore {
    /// The credential whose server has exactly this key.
    ///
    /// `Ok(None)` claims that the store was open and searched completely. Locked, unreachable and
    /// undecryptable stores are errors. If the backend may hold several items for one key,
    /// [`matching::newest`](crate::matching::newest) chooses.
    fn get(&self, server: &ServerUrl) -> Result<Option<Credential>, Error>;

    /// Stores the credential durably, and replaces the one for the same key.
    ///
    /// At any moment, either the old or the new one can be read, and after an error the old one is still
    /// there. Refuses a credential that the backend can't hold byte for byte, with the limit in the text.
    fn store(&self, credential: &Credential) -> Result<(), Error>;

    /// Removes only the items whose server has this key. It isn't an error if there are none.
    fn erase(&self, server: &ServerUrl) -> Result<(), Error>;

    /// All credentials that [`get`](Self::get) could answer, without loading secrets if the backend allows
    /// that.
    ///
    /// Omits single items that are foreign or damaged. A locked, unreachable or undecryptable store is an
    /// error, not an empty list.
    fn list(&self) -> Result<Vec<Listed>, Error>;

    /// The number of its own entries that the last [`list`](Self::list) omitted because it couldn't read
    /// them. Shown to a person at a terminal.
    fn left_out(&self) -> usize {
        0
    }
}

/// For helpers with several backends.
impl<S: CredentialStore + ?Sized> CredentialStore for Box<S> {
    fn get(&self, server: &ServerUrl) -> Result<Option<Credential>, Error> {
        (**self).get(server)
    }

    fn store(&self, credential: &Credential) -> Result<(), Error> {
        (**self).store(credential)
    }

    fn erase(&self, server: &ServerUrl) -> Result<(), Error> {
        (**self).erase(server)
    }

    fn list(&self) -> Result<Vec<Listed>, Error> {
        (**self).list()
    }

    fn left_out(&self) -> usize {
        (**self).left_out()
    }
}

/// An item of a store, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The server as stored.
    pub server: ServerUrl,
    /// The user name.
    pub username: String,
    /// The time of the last change, if the backend knows it and can hold several items for one key.
    pub modified: Option<SystemTime>,
}

/// For backends with one item for each key.
impl From<&Credential> for Listed {
    fn from(credential: &Credential) -> Self {
        Self {
            server: credential.server().clone(),
            username: credential.username().as_str().to_owned(),
            modified: None,
        }
    }
}
