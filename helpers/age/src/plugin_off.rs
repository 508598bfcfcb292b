//! A build without plugins: theirs are told by name, and no program is run.

#![expect(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    clippy::unused_self,
    reason = "the signatures of a build with plugins"
)]

use age::{Identity as AgeIdentity, Recipient as AgeRecipient};
use docker_credential_helper::{Environment, Error};

use crate::recipients;

const UNSUPPORTED: &str = "for an age plugin, which this build leaves out,";

#[derive(Clone, Debug)]
pub(crate) enum Identity {}

impl Identity {
    pub(crate) fn parse(line: &str) -> Option<Result<Self, &'static str>> {
        line.to_ascii_uppercase()
            .starts_with("AGE-PLUGIN-")
            .then_some(Err("an identity for an age plugin, which this build leaves out,"))
    }

    pub(crate) fn text(&self) -> &str {
        match *self {}
    }

    pub(crate) fn plugin(&self) -> &str {
        match *self {}
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Recipient {}

impl Recipient {
    pub(crate) fn parse(word: &str) -> Option<Result<Self, &'static str>> {
        word.strip_prefix("age1")
            .is_some_and(|rest| rest.contains('1'))
            .then_some(Err(UNSUPPORTED))
    }

    pub(crate) fn text(&self) -> &str {
        match *self {}
    }

    pub(crate) fn plugin(&self) -> &str {
        match *self {}
    }
}

/// None.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plugins(());

impl Plugins {
    pub(crate) fn push(&mut self, identity: Identity) {
        match identity {}
    }

    pub(crate) fn keep_under(&mut self, _: String) {}

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Identity> {
        [].iter()
    }

    pub(crate) fn is_empty(&self) -> bool {
        true
    }

    pub(crate) fn unwrappers(&self, _: &Environment) -> Vec<Box<dyn AgeIdentity>> {
        Vec::new()
    }

    pub(crate) fn keep_open(
        &self,
        _: impl Iterator<Item = Vec<u8>>,
        _: std::time::Duration,
        _: &Environment,
    ) -> Result<bool, Error> {
        Ok(true)
    }

    pub(crate) fn forget(&self) -> bool {
        false
    }

    pub(crate) fn open_files(&self, _: impl Iterator<Item = Vec<u8>>, _: &Environment) {}
}

pub(crate) fn wrappers(_: &[recipients::Recipient], _: &Environment) -> Vec<Box<dyn AgeRecipient>> {
    Vec::new()
}

/// No plugin, no errors of plugins.
pub(crate) fn error_out_of(_: std::io::Error) -> Option<Error> {
    None
}
