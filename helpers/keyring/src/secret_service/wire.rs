//! The names and types of the Secret Service on the wire, as its specification has them.

use std::time::Duration;

use zbus::{ObjectPath, OwnedObjectPath};

/// The service's name on the bus, whichever program it is.
pub(super) const SERVICE: &str = "org.freedesktop.secrets";

/// The bus itself, which is also the name of its interface.
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

/// The path that stands for no object.
pub(super) const NO_OBJECT: &str = "/";

/// How long a prompt may stay on the screen: time to find a password, and no longer than a person would wait for
/// `docker pull` to begin.
pub(super) const PROMPT_PATIENCE: Duration = Duration::from_secs(60);

/// What a search finds: an item's path, and whether it is locked.
pub(super) type Found = Vec<(OwnedObjectPath, bool)>;

/// A secret as it crosses the bus: session, initialisation vector, value, content type.
pub(super) type WireSecret = (OwnedObjectPath, Vec<u8>, Vec<u8>, String);
