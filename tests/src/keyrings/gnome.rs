//! A real keyring: gnome-keyring on its own bus, without a desktop.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::process::Signal;
use zbus::{Message, OwnedObjectPath, OwnedVariant};

use crate::keyrings::bus::{PrivateBus, SECRETS};
use crate::keyrings::root::{command, find, inside};
use crate::program;
use crate::requirement::Missing;
use crate::service::{Service, last_lines, wait_for};

/// The password of its login keyring.
pub const PASSWORD: &str = "the keyring's password";
const ROOT: &str = "/org/freedesktop/secrets";
const LOGIN: &str = "/org/freedesktop/secrets/collection/login";

/// A keyring and its bus; dropping it ends both.
#[derive(Debug)]
pub struct GnomeKeyring {
    daemon: Option<Service>,
    bus: PrivateBus,
    directory: PathBuf,
    /// Its owner if that is another user, on our bus.
    uid: Option<u32>,
}

impl GnomeKeyring {
    /// Whether its requirements are installed.
    pub fn available() -> Result<(), Missing> {
        program::find("dbus-daemon")?;
        find(&["gnome-keyring-daemon"]).map(drop)
    }

    /// Starts a bus and an unlocked keyring, with its files and its socket in `directory`.
    pub fn start(directory: &Path) -> Result<Self, Missing> {
        Self::start_for(directory, None)
    }

    /// Starts another user's keyring on our bus. Only for root.
    pub fn start_as(directory: &Path, uid: u32) -> Result<Self, Missing> {
        Self::start_for(directory, Some(uid))
    }

    fn start_for(directory: &Path, uid: Option<u32>) -> Result<Self, Missing> {
        Self::available()?;
        fs::create_dir_all(directory).expect("a directory for the keyring");
        let mut keyring = Self {
            daemon: None,
            bus: PrivateBus::start(directory)?,
            directory: directory.to_owned(),
            uid,
        };
        keyring.start_daemon(true);
        Ok(keyring)
    }

    /// Its bus.
    pub fn bus(&self) -> &PrivateBus {
        &self.bus
    }

    /// Ends the keyring. Its files and its bus stay.
    pub fn end(&mut self) {
        self.daemon = None;
        wait_for("the bus without a keyring", || {
            (!self.bus.has_owner(SECRETS)).then_some(())
        });
    }

    /// Restarts it, with the password or, as after an ssh login, without.
    pub fn restart(&mut self, unlocked: bool) {
        self.end();
        self.start_daemon(unlocked);
    }

    /// Tries again if the daemon ends while it starts: it did once beside other tests, and never in 39,000
    /// starts by themselves.
    fn start_daemon(&mut self, unlocked: bool) {
        let mut said = Vec::new();
        while said.len() < 3 {
            let mut daemon = self.spawn(unlocked);
            let is_ready = || self.is_locked().filter(|locked| *locked != unlocked);
            if daemon.ready(is_ready).is_some() {
                self.daemon = Some(daemon);
                return;
            }
            said.push(last_lines(&self.log()));
        }
        panic!("gnome-keyring-daemon ends while it starts: {said:#?}");
    }

    fn spawn(&self, unlocked: bool) -> Service {
        let program = find(&["gnome-keyring-daemon"]).expect("it was there when the test began");
        let (home, run) = (self.directory.join("home"), self.directory.join("run"));
        for directory in [&home, &run] {
            fs::create_dir_all(directory).expect("a directory for the keyring");
            chown(directory, self.uid, self.uid).expect("root gives its directory away");
        }
        let log = File::create(self.log()).expect("a log");
        let mut command = command(&program);
        command
            .args(["--foreground", "--components=secrets"])
            .env_clear()
            .env("HOME", inside(&home))
            .env("XDG_RUNTIME_DIR", inside(&run))
            .env("PATH", "/usr/bin:/bin")
            .env("DBUS_SESSION_BUS_ADDRESS", self.bus.address_inside())
            .current_dir("/")
            .stdout(log.try_clone().expect("a second descriptor"))
            .stderr(log);
        if let Some(uid) = self.uid {
            command.uid(uid).gid(uid);
        }
        if unlocked {
            let password = self.directory.join("password");
            let mut file = File::create(&password).expect("a file in the test's directory");
            file.write_all(PASSWORD.as_bytes())
                .expect("a file can be written");
            let password = File::open(password).expect("a file can be read");
            command.arg("--unlock").stdin(password);
        } else {
            command.arg("--start").stdin(Stdio::null());
        }
        Service::start("gnome-keyring-daemon", &mut command)
    }

    fn log(&self) -> PathBuf {
        self.directory.join("log")
    }

    /// Whether the login keyring is locked; nothing if there is none.
    fn is_locked(&self) -> Option<bool> {
        let arguments = ("org.freedesktop.Secret.Collection", "Locked");
        let answer = self
            .call(LOGIN, "org.freedesktop.DBus.Properties", "Get", &arguments)
            .ok()?;
        let value: OwnedVariant = answer.body().deserialize().ok()?;
        bool::try_from(value).ok()
    }

    /// Locks it, as a person does when leaving the desk.
    pub fn lock(&self) {
        let path = OwnedObjectPath::try_from(LOGIN).expect("a path");
        // A Lock that comes while the daemon still starts is answered, and changes nothing.
        wait_for("the locked keyring", || {
            self.call(ROOT, "org.freedesktop.Secret.Service", "Lock", &(vec![&path],))
                .expect("the keyring locks");
            self.is_locked().filter(|locked| *locked)
        });
    }

    /// The variables of its session. A keyring that a command starts with them ends with the bus.
    pub fn session(&self) -> [(&'static str, PathBuf); 3] {
        [
            ("HOME", self.directory.join("home")),
            ("XDG_DATA_HOME", self.directory.join("home/.local/share")),
            ("XDG_RUNTIME_DIR", self.directory.join("run")),
        ]
    }

    /// Stops the process; it stays on the bus but doesn't answer.
    pub fn stop(&self) {
        self.signal(Signal::STOP);
    }

    fn signal(&self, signal: Signal) {
        if let Some(daemon) = &self.daemon {
            daemon.signal(signal);
        }
    }

    /// Whether the keyring still runs.
    pub fn is_alive(&self) -> bool {
        self.is_locked().is_some()
    }

    /// The paths of all items with this attribute.
    pub fn items(&self, attribute: &str, value: &str) -> Vec<OwnedObjectPath> {
        let attributes = std::collections::HashMap::from([(attribute, value)]);
        let answer = self
            .call(
                ROOT,
                "org.freedesktop.Secret.Service",
                "SearchItems",
                &(attributes,),
            )
            .expect("the keyring searches");
        let (mut unlocked, locked): (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) =
            answer.body().deserialize().expect("two lists of paths");
        unlocked.extend(locked);
        unlocked
    }

    fn call<B>(&self, path: &str, interface: &str, method: &str, arguments: &B) -> zbus::Result<Message>
    where
        B: serde::Serialize + zbus::DynamicType,
    {
        let connection = self.bus.connect();
        zbus::block_on(connection.call_method(Some(SECRETS), path, Some(interface), method, arguments))
    }
}

impl Drop for GnomeKeyring {
    fn drop(&mut self) {
        // A stopped process doesn't handle the signal to end.
        self.signal(Signal::CONT);
    }
}
