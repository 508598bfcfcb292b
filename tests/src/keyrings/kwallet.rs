//! `KWallet` on its own bus, without a desktop.

use std::fs::{self, File};
use std::io::{Write as _, pipe};
use std::os::fd::{AsFd, AsRawFd as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::io::{FdFlags, fcntl_setfd};

use crate::keyrings::bus::{PrivateBus, SECRETS};
use crate::keyrings::root::{command, find, inside};
use crate::requirement::Missing;
use crate::service::Service;

/// The hash that a login manager derives from the user's password to open the wallet: any bytes of this
/// length.
const HASH: [u8; 56] = [7; 56];

/// The wallet in use, no question on the first use, and the Secret Service's interface.
const SETTINGS: &str = "\
[Wallet]
Enabled=true
First Use=false
Use One Wallet=true
Default Wallet=kdewallet
Launch Manager=false
Prompt on Open=false

[org.freedesktop.secrets]
apiEnabled=true
";

/// An open wallet, and its bus; dropping it ends both.
#[derive(Debug)]
pub struct KWallet {
    _daemon: Service,
    bus: PrivateBus,
}

impl KWallet {
    /// Starts a bus and a wallet, with all their files in `directory`.
    pub fn start(directory: &Path) -> Result<Self, Missing> {
        let program = find(&["kwalletd5", "ksecretd", "kwalletd6"])?;
        for below in [".config", ".local/share/kwalletd", "run"] {
            fs::create_dir_all(directory.join(below)).expect("a directory for the wallet");
        }
        // Qt uses no other.
        let private = fs::Permissions::from_mode(0o700);
        fs::set_permissions(directory.join("run"), private).expect("it is ours");
        fs::write(directory.join(".config/kwalletrc"), SETTINGS).expect("its settings");
        let wallets = directory.join(".local/share/kwalletd");
        fs::write(wallets.join("kdewallet.salt"), [b's'; 56]).expect("its salt");
        let bus = PrivateBus::start(directory)?;
        // The first run creates the wallet, and only the next one offers it on the bus.
        let mut first = start_daemon(&program, directory, &bus);
        first
            .ready(|| is_made(&bus, &wallets.join("kdewallet.kwl")).then_some(()))
            .expect("kwalletd5 makes a wallet");
        drop(first);
        let mut daemon = start_daemon(&program, directory, &bus);
        daemon
            .ready(|| bus.has_default().then_some(()))
            .expect("kwalletd5 offers the wallet");
        Ok(Self { _daemon: daemon, bus })
    }

    /// The bus that it is on.
    pub fn bus(&self) -> &PrivateBus {
        &self.bus
    }
}

/// Whether the wallet exists and seems to be open.
fn is_made(bus: &PrivateBus, file: &Path) -> bool {
    let is_written = fs::metadata(file).is_ok_and(|file| file.len() > 0);
    let connection = bus.connect();
    let is_open = |name: &str, path: &str| {
        let interface = Some("org.kde.KWallet");
        let arguments = ("kdewallet",);
        let call = connection.call_method(Some(name), path, interface, "isOpen", &arguments);
        zbus::block_on(call).ok()?.body().deserialize::<bool>().ok()
    };
    let open = is_open("org.kde.kwalletd5", "/modules/kwalletd5")
        .or_else(|| is_open("org.kde.kwalletd6", "/modules/kwalletd6"));
    is_written && open.unwrap_or_else(|| bus.has_owner(SECRETS))
}

/// Starts it as a login manager does, which passes it the hash and the session's environment.
fn start_daemon(program: &Path, directory: &Path, bus: &PrivateBus) -> Service {
    let (hash, mut writer) = pipe().expect("a pipe");
    let socket: PathBuf = directory.join("login");
    let _ = fs::remove_file(&socket);
    let listener = UnixListener::bind(&socket).expect("a socket");
    for inherited in [hash.as_fd(), listener.as_fd()] {
        fcntl_setfd(inherited, FdFlags::empty()).expect("a descriptor can be inherited");
    }
    let environment = [
        ("HOME", inside(directory).display().to_string()),
        (
            "XDG_RUNTIME_DIR",
            inside(&directory.join("run")).display().to_string(),
        ),
        ("DBUS_SESSION_BUS_ADDRESS", bus.address_inside()),
        ("QT_QPA_PLATFORM", "offscreen".to_owned()),
        ("LC_ALL", "C.UTF-8".to_owned()),
        ("PATH", "/usr/bin:/bin".to_owned()),
        ("PAM_KWALLET5_LOGIN", inside(&socket).display().to_string()),
        ("PAM_KWALLET_LOGIN", inside(&socket).display().to_string()),
    ];
    let log = File::create(directory.join("log")).expect("a log");
    let daemon = Service::start(
        "kwalletd5",
        command(program)
            .arg("--pam-login")
            .arg(hash.as_raw_fd().to_string())
            .arg(listener.as_raw_fd().to_string())
            .env_clear()
            .envs(environment.clone())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second descriptor"))
            .stderr(log),
    );
    writer.write_all(&HASH).expect("it reads the hash");
    let mut session = UnixStream::connect(&socket).expect("it listens");
    for (name, value) in environment {
        writeln!(session, "{name}={value}").expect("it reads the environment");
    }
    daemon
}
