//! oo7's daemon on its own bus: the Secret Service in Rust, by the authors of the client library of the same name.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use crate::keyrings::bus::PrivateBus;
use crate::program::find;
use crate::requirement::Missing;
use crate::service::Service;

/// An unlocked keyring and its bus; dropping it ends both.
#[derive(Debug)]
pub struct Oo7 {
    _daemon: Service,
    bus: PrivateBus,
}

impl Oo7 {
    /// Starts a bus and the daemon, with all their files in `directory`.
    pub fn start(directory: &Path) -> Result<Self, Missing> {
        let program = find("oo7-daemon")?;
        let bus = PrivateBus::start(directory)?;
        let password = directory.join("password");
        fs::write(&password, "the keyring's password").expect("a file in the test's directory");
        let log = File::create(directory.join("log")).expect("a log");
        let mut daemon = Service::start(
            "oo7-daemon",
            Command::new(program)
                .arg("--login")
                .env_clear()
                .env("HOME", directory)
                .env("XDG_RUNTIME_DIR", directory)
                .env("DBUS_SESSION_BUS_ADDRESS", bus.address())
                .stdin(File::open(password).expect("a file can be read"))
                .stdout(log.try_clone().expect("a second descriptor"))
                .stderr(log),
        );
        daemon
            .ready(|| bus.has_open_default().then_some(()))
            .expect("oo7-daemon offers its keyring");
        Ok(Self { _daemon: daemon, bus })
    }

    /// The bus that it is on.
    pub fn bus(&self) -> &PrivateBus {
        &self.bus
    }
}
