use super::{Console, Open};
use crate::{CredentialStore, Environment, Error, Helper};

/// The context of a command.
pub(super) struct Session<'a> {
    pub(super) helper: &'a Helper,
    pub(super) environment: &'a Environment,
    pub(super) console: &'a mut Console,
    open: Option<Open<'a>>,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        helper: &'a Helper,
        environment: &'a Environment,
        console: &'a mut Console,
        open: Open<'a>,
    ) -> Self {
        Self {
            helper,
            environment,
            console,
            open: Some(open),
        }
    }

    /// Opens the helper's store, at most once per command.
    pub(super) fn open_store(&mut self) -> Result<Box<dyn CredentialStore + 'a>, Error> {
        match self.open.take() {
            Some(open) => open(self.environment),
            None => Err(Error::unavailable("the store is already open")),
        }
    }
}
