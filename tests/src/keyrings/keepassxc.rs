//! `KeePassXC` on its own bus, without a desktop, with an open database that it offers as a keyring.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use rustix::process::Signal;

use crate::keyrings::bus::PrivateBus;
use crate::keyrings::root::{self, find, inside};
use crate::requirement::Missing;
use crate::service::Service;

const PASSWORD: &str = "the database's password";

/// Without the confirmation that `KeePassXC` would ask for at every access.
const SETTINGS: &str = "\
[General]
ConfigVersion=2
AutoSaveAfterEveryChange=false
AutoSaveOnExit=false
UpdateCheckMessageShown=true

[FdoSecrets]
Enabled=true
ShowNotification=false
ConfirmAccessItem=false
ConfirmDeleteItem=false
UnlockBeforeSearch=false

[GUI]
CheckForUpdates=false

[Security]
LockDatabaseIdle=false
LockDatabaseScreenLock=false
";

/// An open database, and its bus; dropping it ends both.
#[derive(Debug)]
pub struct KeePassXc {
    program: Service,
    bus: PrivateBus,
}

impl KeePassXc {
    /// Starts a bus and `KeePassXC` with a new database, with all their files in `directory`.
    pub fn start(directory: &Path) -> Result<Self, Missing> {
        let (program, cli) = (find(&["keepassxc"])?, find(&["keepassxc-cli"])?);
        for below in [".config/keepassxc", ".cache", "run"] {
            fs::create_dir_all(directory.join(below)).expect("a directory for KeePassXC");
        }
        // Qt doesn't use another directory.
        let private = fs::Permissions::from_mode(0o700);
        fs::set_permissions(directory.join("run"), private).expect("it is ours");
        fs::write(directory.join(".config/keepassxc/keepassxc.ini"), SETTINGS).expect("its settings");
        make_database(&cli, directory);
        let bus = PrivateBus::start(directory)?;
        let log = File::create(directory.join("log")).expect("a log");
        let mut program = Service::start(
            "keepassxc",
            command(&program, directory)
                .env("DBUS_SESSION_BUS_ADDRESS", bus.address_inside())
                .stdin(Stdio::null())
                .stdout(log.try_clone().expect("a second descriptor"))
                .stderr(log),
        );
        // Not by --pw-stdin, with which 2.7.10 crashes.
        let database = inside(&directory.join("offered.kdbx"));
        program
            .ready(|| open(&bus, &database))
            .and_then(|()| program.ready(|| bus.has_open_default().then_some(())))
            .unwrap_or_else(|| panic!("KeePassXC offers no database: {}", read(&directory.join("log"))));
        Ok(Self { program, bus })
    }

    /// The bus that it is on.
    pub fn bus(&self) -> &PrivateBus {
        &self.bus
    }
}

impl Drop for KeePassXc {
    fn drop(&mut self) {
        // After a SIGTERM, it would ask whether to save.
        self.program.signal(Signal::KILL);
    }
}

/// Opens the database, once the program listens.
fn open(bus: &PrivateBus, database: &Path) -> Option<()> {
    const WINDOW: &str = "org.keepassxc.KeePassXC.MainWindow";
    let arguments = (database.to_str().expect("a path in Unicode"), PASSWORD);
    let connection = bus.connect();
    let call = connection.call_method(
        Some(WINDOW),
        "/keepassxc",
        Some(WINDOW),
        "openDatabase",
        &arguments,
    );
    zbus::block_on(call).ok().map(drop)
}

/// Creates a database that offers its first group to other programs. Only a person at the screen can set
/// that, so this edits an export of the database.
fn make_database(cli: &Path, directory: &Path) {
    let (empty, export, offered) = (
        directory.join("empty.kdbx"),
        directory.join("export.xml"),
        directory.join("offered.kdbx"),
    );
    let run = |arguments: &[&str], files: &[&Path], stdout: Stdio| {
        let done = command(cli, directory)
            .args(arguments)
            .args(files.iter().map(|file| inside(file)))
            .stdin(passwords(directory))
            .stdout(stdout)
            .stderr(Stdio::null())
            .status();
        assert!(
            done.is_ok_and(|status| status.success()),
            "keepassxc-cli {arguments:?}"
        );
    };
    run(&["db-create", "-q", "-p", "-t", "100"], &[&empty], Stdio::null());
    let file = File::create(&export).expect("a file for the export");
    run(&["export", "-q"], &[&empty], file.into());
    let text = fs::read_to_string(&export).expect("an export");
    fs::write(&export, with_offer(&text)).expect("the export can be changed");
    run(&["import", "-q", "-p"], &[&export, &offered], Stdio::null());
}

/// The export with its first group offered.
fn with_offer(export: &str) -> String {
    let (meta, root) = export.split_once("<Root>").expect("a root");
    let id = root.split_once("<UUID>").expect("a group").1;
    let id = id.split_once("</UUID>").expect("its id").0;
    let id = BASE64_STANDARD.decode(id).expect("an id in base64");
    let mut offered = String::new();
    for (at, byte) in id.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            offered.push('-');
        }
        write!(offered, "{byte:02x}").expect("a string takes it");
    }
    let item = format!("<Item><Key>FDO_SECRETS_EXPOSED_GROUP</Key><Value>{{{offered}}}</Value></Item>");
    let meta = if meta.contains("</CustomData>") {
        meta.replacen("</CustomData>", &format!("{item}</CustomData>"), 1)
    } else {
        let data = format!("<CustomData>{item}</CustomData>");
        let meta = meta.replacen("<CustomData/>", "", 1);
        meta.replacen("</Meta>", &format!("{data}</Meta>"), 1)
    };
    format!("{meta}<Root>{root}")
}

fn command(program: &Path, directory: &Path) -> Command {
    let home = inside(directory);
    let mut command = root::command(program);
    command
        .env_clear()
        .env("HOME", &home)
        .env("XDG_CONFIG_HOME", home.join(".config"))
        .env("XDG_CACHE_HOME", home.join(".cache"))
        .env("XDG_RUNTIME_DIR", home.join("run"))
        // Its single-instance lock.
        .env("TMPDIR", home.join("run"))
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C.UTF-8")
        .env("QT_QPA_PLATFORM", "offscreen");
    command
}

/// A file with the password, as often as keepassxc-cli asks for it.
fn passwords(directory: &Path) -> File {
    let path = directory.join("passwords");
    fs::write(&path, format!("{PASSWORD}\n{PASSWORD}\n")).expect("a file in the test's directory");
    File::open(path).expect("a file can be read")
}

fn read(log: &Path) -> String {
    String::from_utf8_lossy(&fs::read(log).unwrap_or_default()).into_owned()
}
