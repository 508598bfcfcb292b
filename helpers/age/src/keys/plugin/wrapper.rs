//! Encryption to recipients that need plugins.

use std::collections::{BTreeMap, HashSet};

use age::EncryptError;
use age_core::format::{FileKey, Stanza};
use age_core::secrecy::ExposeSecret;
use docker_credential_helper::Environment;
use zeroize::Zeroizing;

use super::connection::Connection;
use super::{Identity, PluginError, Recipient};

/// A recipient that needs a plugin.
#[derive(Clone, Copy)]
pub(crate) enum Party<'a> {
    Recipient(&'a Recipient),
    /// The holder of an identity whose public key only the plugin knows.
    HolderOf(&'a Identity),
}

/// For an encryption: one for each plugin to run.
pub(crate) fn wrappers<'p, 'a>(
    parties: impl Iterator<Item = Party<'p>>,
    environment: &'a Environment,
) -> Vec<Box<dyn age::Recipient + 'a>> {
    let mut wrappers: BTreeMap<&str, Wrapper<'a>> = BTreeMap::new();
    for party in parties {
        let plugin = match party {
            Party::Recipient(recipient) => recipient.plugin(),
            Party::HolderOf(identity) => identity.plugin(),
        };
        let wrapper = wrappers.entry(plugin).or_insert_with(|| Wrapper {
            plugin: plugin.to_owned(),
            recipients: Vec::new(),
            identities: Vec::new(),
            environment,
        });
        match party {
            Party::Recipient(recipient) => wrapper.recipients.push(recipient.text.clone()),
            Party::HolderOf(identity) => wrapper.identities.push(identity.text.clone()),
        }
    }
    wrappers
        .into_values()
        .map(|wrapper| Box::new(wrapper) as Box<dyn age::Recipient + 'a>)
        .collect()
}

/// The recipients of one plugin, as one recipient for the age crate.
struct Wrapper<'a> {
    plugin: String,
    recipients: Vec<String>,
    identities: Vec<Zeroizing<String>>,
    environment: &'a Environment,
}

impl age::Recipient for Wrapper<'_> {
    fn wrap_file_key(&self, file_key: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let recipients: Vec<&str> = self.recipients.iter().map(String::as_str).collect();
        let identities: Vec<&str> = self.identities.iter().map(|text| text.as_str()).collect();
        Connection::open(&self.plugin, "recipient-v1", self.environment)
            .and_then(|connection| {
                connection.wrap_file_key(&recipients, &identities, file_key.expose_secret())
            })
            .map_err(|error| EncryptError::Io(PluginError::wrap(error)))
    }
}
