//! The D-Bus names and types of the Secret Service, from its specification.

use std::time::Duration;

use zbus::{ObjectPath, OwnedObjectPath};

/// The service's name on the bus, for every program.
pub(super) const SERVICE: &str = "org.freedesktop.secrets";

/// The bus itself, and the name of its interface.
pub(super) const BUS: &str = "org.freedesktop.DBus";
pub(super) const BUS_PATH: ObjectPath<'static> =
    ObjectPath::from_static_str_unchecked("/org/freedesktop/DBus");

pub(super) const ROOT: ObjectPath<'static> =
    ObjectPath::from_static_str_unchecked("/org/freedesktop/secrets");

pub(super) const SERVICE_INTERFACE: &str = "org.freedesktop.Secret.Service";
pub(super) const COLLECTION_INTERFACE: &str = "org.freedesktop.Secret.Collection";
pub(super) const ITEM_INTERFACE: &str = "org.freedesktop.Secret.Item";
pub(super) const PROMPT_INTERFACE: &str = "org.freedesktop.Secret.Prompt";
pub(super) const PROPERTIES_INTERFACE: &str = "org.freedesktop.DBus.Properties";

/// The path for "no object".
pub(super) const NO_OBJECT: &str = "/";

/// The timeout of a prompt: time to find a password, but not longer than a person would wait for `docker
/// pull` to begin.
pub(super) const PROMPT_PATIENCE: Duration = Duration::from_mins(1);

/// The result of a search: an item's path, and whether it is locked.
pub(super) type Found = Vec<(OwnedObjectPath, bool)>;

/// A secret in a bus message: session, initialisation vector, value, content type.
pub(super) type WireSecret = (OwnedObjectPath, Vec<u8>, Vec<u8>, String);
