//! Identities and recipients of age plugins: programs named `age-plugin-name` that hold the keys, usually in
//! hardware.
//!
//! We don't use the age crate's client for them: it finds plugins in every entry of `PATH`, passes them the
//! whole environment, waits forever, and asks about one file at a time.

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

/// The longest name that fits into a file name together with the prefix.
const NAME_MAX: usize = 200;

/// An identity that only its plugin can use.
#[derive(Clone)]
pub(crate) struct Identity {
    plugin: String,
    text: Zeroizing<String>,
}

impl Identity {
    /// Nothing if the line is another kind of identity; the problem if it is unusable.
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
    /// Nothing if the word is another kind of recipient; the problem if it is unusable.
    pub(crate) fn parse(word: &str) -> Option<Result<Self, &'static str>> {
        // The data of a native recipient doesn't contain `1`.
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

/// A name that can be part of a program's name: not a path, not hidden.
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

/// Our error, passed through the age crate.
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

/// Our plugin's error that the age crate passed through; nothing for the crate's own errors.
pub(crate) fn error_out_of(error: io::Error) -> Option<Error> {
    error
        .into_inner()
        .and_then(|inner| inner.downcast::<PluginError>().ok())
        .map(|error| error.0)
}

#[cfg(test)]
mod tests;
