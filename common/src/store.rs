use std::time::SystemTime;

use crate::{Credential, Error, ServerUrl};

/// Where a helper keeps its credentials. A backend knows no protocol and no matching rule: it is asked for one key
/// at a time, and [`matching`](crate::matching) decides what that means for a client's question.
///
/// Every method but [`list`](Self::list) goes by [`ServerUrl::key`]: whatever the spelling, servers with equal keys
/// are the same server. What a method proposes is checked again before a secret leaves the process.
pub trait CredentialStore {
    /// The credential whose server has exactly this key.
    ///
    /// `Ok(None)` claims that the store was open and searched to its end. Locked, unreachable, undecryptable are
    /// errors. Where the backend may hold several items for one key, [`matching::newest`](crate::matching::newest)
    /// chooses.
    fn get(&self, server: &ServerUrl) -> Result<Option<Credential>, Error>;

    /// Keeps the credential, durably, in place of whatever is stored for the same key.
    ///
    /// There is no moment at which neither the old nor the new one can be read, and on an error the old one is
    /// still there. What the backend cannot hold byte for byte is refused with its limit in the text.
    fn store(&self, credential: &Credential) -> Result<(), Error>;

    /// Removes every item whose server has this key, and nothing else. That there is none is no error.
    fn erase(&self, server: &ServerUrl) -> Result<(), Error>;

    /// Everything that [`get`](Self::get) could answer, without loading a secret where the backend allows it.
    ///
    /// Single items that are foreign or damaged are left out. A store that as a whole is locked, unreachable or
    /// undecryptable is an error, not an empty list.
    fn list(&self) -> Result<Vec<Listed>, Error>;

    /// How many entries of its own the last [`list`](Self::list) left out because it could not read them. A person at
    /// a terminal is shown the number.
    fn left_out(&self) -> usize {
        0
    }
}

/// For helpers that choose among several backends.
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
    /// The server as it was stored.
    pub server: ServerUrl,
    /// Who logs in there.
    pub username: String,
    /// When the item was last written, where the backend can hold several for one key and knows.
    pub modified: Option<SystemTime>,
}

/// For backends that hold one item for each key.
impl From<&Credential> for Listed {
    fn from(credential: &Credential) -> Self {
        Self {
            server: credential.server().clone(),
            username: credential.username().as_str().to_owned(),
            modified: None,
        }
    }
}
