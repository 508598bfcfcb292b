//! Which credential answers: against the rule written down a second time.
//!
//! The input is a line for each stored server, and one for the question.

#![no_main]

use std::cell::RefCell;
use std::collections::BTreeMap;

use docker_credential_helper::{
    Credential, CredentialStore, Error, Listed, Secret, ServerKey, ServerUrl, Username, matching,
};
use libfuzzer_sys::fuzz_target;

#[path = "../../tests/tests/promises/oracle.rs"]
mod oracle;

#[derive(Default)]
struct Memory(RefCell<BTreeMap<ServerKey, Credential>>);

impl CredentialStore for Memory {
    fn get(&self, server: &ServerUrl) -> Result<Option<Credential>, Error> {
        Ok(self.0.borrow().get(server.key()).cloned())
    }
    fn store(&self, credential: &Credential) -> Result<(), Error> {
        self.0.borrow_mut().insert(credential.server().key().clone(), credential.clone());
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

fuzz_target!(|text: &str| {
    let mut servers: Vec<ServerUrl> = text
        .split('\n')
        .filter_map(|line| ServerUrl::parse(line).ok())
        .collect();
    let Some(query) = servers.pop() else { return };
    // The store goes no further than a repository name can be long, which the oracle does not know.
    if query.as_str().len() > 255 {
        return;
    }
    let store = Memory::default();
    for server in servers.iter().rev() {
        let secret = Secret::new(server.as_str().to_owned());
        let username = Username::parse("user".into()).expect("a user name");
        store.store(&Credential::new(server.clone(), username, secret)).expect("memory");
        if let Ok(stored) = server.for_storing() {
            assert!(stored.key() == server.key());
        }
        let shortest = server.key().to_string();
        assert!(ServerUrl::parse(&shortest).is_ok_and(|again| again.key() == server.key()));
    }
    let stored: Vec<String> = servers.iter().map(|server| server.as_str().to_owned()).collect();
    let answer = matching::find(&store, &query).ok();
    let answer = answer.as_ref().map(|credential| credential.secret().expose());
    assert_eq!(answer, oracle::answering(&stored, query.as_str()).map(String::as_str));
});
