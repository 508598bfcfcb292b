//! A test's own session bus, which doesn't start services on demand.

use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::fs::chown;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use zbus::{Connection, OwnedObjectPath, OwnedVariant};

use crate::keyrings::root::inside;
use crate::program::find;
use crate::requirement::Missing;
use crate::service::Service;

/// A keyring's name on its bus.
pub const SECRETS: &str = "org.freedesktop.secrets";

/// Doesn't start services on demand, and allows as many connections as a desktop's bus.
const CONFIGURATION: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=SOCKET</listen>
  <listen>unix:abstract=SOCKET</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
    RULES
  </policy>
  <limit name="max_incoming_bytes">1000000000</limit>
  <limit name="max_outgoing_bytes">1000000000</limit>
  <limit name="max_message_size">1000000000</limit>
  <limit name="max_completed_connections">100000</limit>
  <limit name="max_incomplete_connections">10000</limit>
  <limit name="max_connections_per_user">100000</limit>
  <limit name="max_pending_service_starts">10000</limit>
  <limit name="max_names_per_connection">50000</limit>
  <limit name="max_match_rules_per_connection">50000</limit>
  <limit name="max_replies_per_connection">50000</limit>
</busconfig>
"#;

/// A running bus; dropping it ends it.
#[derive(Debug)]
pub struct PrivateBus {
    address: String,
    _daemon: Service,
}

impl PrivateBus {
    /// Starts a bus with its socket in `directory`.
    pub fn start(directory: &Path) -> Result<Self, Missing> {
        Self::start_with(directory, "", |_| {})
    }

    /// Starts a bus with these additional rules of its policy, in XML.
    pub fn start_with_rules(directory: &Path, rules: &str) -> Result<Self, Missing> {
        Self::start_with(directory, rules, |_| {})
    }

    /// Starts the bus of another user, who becomes the owner of `directory`. Only for root.
    pub fn start_as(directory: &Path, uid: u32) -> Result<Self, Missing> {
        chown(directory, Some(uid), Some(uid)).expect("root gives its directory away");
        Self::start_with(directory, "", |command| {
            command.uid(uid).gid(uid);
        })
    }

    fn start_with(
        directory: &Path,
        rules: &str,
        prepare: impl FnOnce(&mut Command),
    ) -> Result<Self, Missing> {
        let program = find("dbus-daemon")?;
        let (socket, configuration) = (directory.join("bus"), directory.join("bus.conf"));
        let text = CONFIGURATION
            .replace("SOCKET", &socket.display().to_string())
            .replace("RULES", rules);
        fs::write(&configuration, text).expect("a file in the test's directory");
        let mut command = Command::new(program);
        command
            .arg("--nofork")
            .arg("--config-file")
            .arg(&configuration)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        prepare(&mut command);
        let mut daemon = Service::start("dbus-daemon", &mut command);
        daemon
            .ready(|| UnixStream::connect(&socket).ok())
            .expect("dbus-daemon starts");
        Ok(Self {
            address: format!("unix:path={}", socket.display()),
            _daemon: daemon,
        })
    }

    /// The address for a service: see [`crate::keyrings::root`].
    pub fn address_inside(&self) -> String {
        let socket = self.address.strip_prefix("unix:path=").expect("a path");
        format!("unix:path={}", inside(Path::new(socket)).display())
    }

    /// Its other address, an abstract socket.
    pub fn abstract_address(&self) -> String {
        self.address.replace("path=", "abstract=")
    }

    /// The value for `DBUS_SESSION_BUS_ADDRESS`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The test's own connection to the bus.
    pub fn connect(&self) -> Connection {
        let address = zbus::connection::Builder::address(self.address.as_str());
        // A mock waits for answers of the bus while calls of its clients queue up, and a full queue would
        // block the answers.
        let queued = NonZeroUsize::new(1 << 14).expect("it is not zero");
        zbus::block_on(address.max_queued(queued).build()).expect("the bus lets the test in")
    }

    /// Whether a program owns the name.
    pub fn has_owner(&self, name: &str) -> bool {
        let connection = self.connect();
        let bus = "org.freedesktop.DBus";
        let arguments = (name,);
        let call = connection.call_method(
            Some(bus),
            "/org/freedesktop/DBus",
            Some(bus),
            "NameHasOwner",
            &arguments,
        );
        let answer = zbus::block_on(call).expect("the bus answers");
        answer.body().deserialize().expect("a boolean")
    }

    /// Whether there is a service with a default collection.
    pub fn has_default(&self) -> bool {
        self.has_owner(SECRETS) && self.default().is_ok_and(|path| path.as_str() != "/")
    }

    /// Whether there is a service with a default collection that is unlocked.
    pub fn has_open_default(&self) -> bool {
        self.has_default() && self.default_is_open().unwrap_or(false)
    }

    fn default(&self) -> zbus::Result<OwnedObjectPath> {
        let connection = self.connect();
        let call = connection.call_method(
            Some(SECRETS),
            "/org/freedesktop/secrets",
            Some("org.freedesktop.Secret.Service"),
            "ReadAlias",
            &("default",),
        );
        zbus::block_on(call)?.body().deserialize()
    }

    fn default_is_open(&self) -> zbus::Result<bool> {
        let connection = self.connect();
        let arguments = ("org.freedesktop.Secret.Collection", "Locked");
        let call = connection.call_method(
            Some(SECRETS),
            self.default()?,
            Some("org.freedesktop.DBus.Properties"),
            "Get",
            &arguments,
        );
        let locked: OwnedVariant = zbus::block_on(call)?.body().deserialize()?;
        Ok(!bool::try_from(locked)?)
    }
}
