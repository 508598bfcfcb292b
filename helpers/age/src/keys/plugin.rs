//! Identities and recipients of age plugins: programs named `age-plugin-name` that hold the keys, in hardware for
//! the most part.
//!
//! The age crate has a client for them. It is not used: it finds plugins through every entry of `PATH`, hands them
//! the whole environment, waits for ever, and asks about one file at a time.

use std::io;

use age_core::primitives::bech32_decode;
use docker_credential_helper::Error;
use zeroize::Zeroizing;

pub(crate) use self::file_keys::Plugins;
pub(crate) use self::wrapper::{Party, wrappers};

mod connection;
mod file_keys;
mod wrapper;

const IDENTITY_PREFIX: &str = "AGE-PLUGIN-";
const RECIPIENT_PREFIX: &str = "age1";

/// As long as the longest that can be part of a file's name together with what stands before it.
const NAME_MAX: usize = 200;

/// An identity that only its plugin can use.
#[derive(Clone)]
pub(crate) struct Identity {
    plugin: String,
    text: Zeroizing<String>,
}

impl Identity {
    /// Nothing if the line is another kind of identity; what is wrong with it if it cannot be used.
    pub(crate) fn parse(line: &str) -> Option<Result<Self, &'static str>> {
        if !line.to_ascii_uppercase().starts_with(IDENTITY_PREFIX) {
            return None;
        }
        let identity = prefix_of(line).and_then(|prefix| {
            let prefix = prefix.to_ascii_uppercase();
            let name = prefix.strip_prefix(IDENTITY_PREFIX)?.strip_suffix('-')?;
            plugin_name(name).map(|plugin| Self {
                plugin,
                text: Zeroizing::new(line.to_owned()),
            })
        });
        Some(identity.ok_or("a mistyped identity of an age plugin"))
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn plugin(&self) -> &str {
        &self.plugin
    }
}

/// A recipient that only a plugin can encrypt to.
#[derive(Clone)]
pub(crate) struct Recipient {
    plugin: String,
    text: String,
}

impl Recipient {
    /// Nothing if the word is another kind of recipient; what is wrong with it if it cannot be used.
    pub(crate) fn parse(word: &str) -> Option<Result<Self, &'static str>> {
        // The data of a native recipient contains no `1`.
        if !word.strip_prefix(RECIPIENT_PREFIX)?.contains('1') {
            return None;
        }
        let recipient = prefix_of(word).and_then(|prefix| {
            let name = prefix.strip_prefix(RECIPIENT_PREFIX)?;
            plugin_name(name).map(|plugin| Self {
                plugin,
                text: word.to_owned(),
            })
        });
        Some(recipient.ok_or("a mistyped recipient of an age plugin"))
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn plugin(&self) -> &str {
        &self.plugin
    }
}

/// The part before the data, if the checksum is right.
fn prefix_of(text: &str) -> Option<String> {
    bech32_decode(
        text,
        |_| (),
        |_| Ok(()),
        |prefix, _| Ok::<_, ()>(prefix.as_str().to_owned()),
    )
    .ok()
}

/// A name that is part of a program's name: no path, nothing hidden.
fn plugin_name(name: &str) -> Option<String> {
    let is_valid = !name.is_empty()
        && name.len() <= NAME_MAX
        && !name.starts_with('.')
        && !name.contains("..")
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'_'));
    is_valid.then(|| name.to_ascii_lowercase())
}

/// An error of ours on its way through the age crate.
#[derive(Debug)]
struct PluginError(Error);

impl PluginError {
    fn wrap(error: Error) -> io::Error {
        io::Error::other(Self(error))
    }
}

impl std::fmt::Display for PluginError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for PluginError {}

/// The error of a plugin that the age crate handed on; nothing if it is one of its own.
pub(crate) fn error_out_of(error: io::Error) -> Option<Error> {
    error
        .into_inner()
        .and_then(|inner| inner.downcast::<PluginError>().ok())
        .map(|error| error.0)
}

#[cfg(test)]
mod tests;
