//! A build without SSH keys: recognises and refuses them.

use std::fmt;

use zeroize::Zeroizing;

use super::{Problem, Unusable};

const PROBLEM: Problem = Problem::Borrowed(
    "an SSH key, which this build of docker-credential-age doesn't support (the feature ssh is off)",
);

/// There is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Recipient {}

impl Recipient {
    pub(crate) fn parse(_line: &str) -> Result<Self, Problem> {
        Err(PROBLEM)
    }

    pub(crate) fn kind(&self) -> &'static str {
        match *self {}
    }

    pub(crate) fn as_age(&self) -> &dyn age::Recipient {
        match *self {}
    }

    pub(crate) fn stanza(&self) -> String {
        match *self {}
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

/// There is none.
#[derive(Clone)]
pub(crate) enum Key {}

impl Key {
    pub(crate) fn public(&self) -> &Recipient {
        match *self {}
    }

    pub(crate) fn as_age(&self) -> &dyn age::Identity {
        match *self {}
    }

    pub(crate) fn text(&self) -> &str {
        match *self {}
    }
}

pub(crate) enum Private {
    #[expect(dead_code, reason = "it is made where the feature is on")]
    Open(Key),
    #[expect(dead_code, reason = "it is made where the feature is on")]
    Encrypted(Recipient),
}

pub(crate) fn parse(_text: &str) -> Result<Private, Unusable> {
    Err(PROBLEM.into())
}

pub(crate) fn unseal(_text: &str, _passphrase: &str) -> Option<Zeroizing<String>> {
    None
}
