//! The real matching rule, with a store in memory.

use std::cell::RefCell;
use std::collections::BTreeMap;

use docker_credential_helper::{
    Credential, CredentialStore, Error, Listed, Secret, ServerKey, ServerUrl, Username, matching,
};

/// A store that trusts the given keys, as a backend does.
#[derive(Default)]
struct Memory(RefCell<BTreeMap<ServerKey, Credential>>);

impl CredentialStore for Memory {
    fn get(&self, server: &ServerUrl) -> Result<Option<Credential>, Error> {
        Ok(self.0.borrow().get(server.key()).cloned())
    }
    fn store(&self, credential: &Credential) -> Result<(), Error> {
        let key = credential.server().key().clone();
        self.0.borrow_mut().insert(key, credential.clone());
        Ok(())
    }
    fn erase(&self, server: &ServerUrl) -> Result<(), Error> {
        self.0.borrow_mut().remove(server.key());
        Ok(())
    }
    fn list(&self) -> Result<Vec<Listed>, Error> {
        Ok(self.0.borrow().values().map(Listed::from).collect())
    }
}

/// The stored server that answers for `query`, the first of those with equal keys.
pub(crate) fn released(stored: &[String], query: &str) -> Option<String> {
    let store = Memory::default();
    for server in stored.iter().rev() {
        let url = ServerUrl::parse(server).expect("only servers are stored");
        let user = Username::parse("user".into()).expect("a user name");
        let credential = Credential::new(url, user, Secret::new(server.clone()));
        store.store(&credential).expect("memory");
    }
    let query = ServerUrl::parse(query).ok()?;
    matching::find(&store, &query)
        .ok()
        .map(|credential| credential.secret().expose().to_owned())
}
