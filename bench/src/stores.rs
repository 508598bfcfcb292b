//! Stores of a given size, one for each helper, all with the same credentials.

use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use docker_credential_tests::keyrings::gnome::GnomeKeyring;
use serde_json::json;

use crate::contender::{Contender, Contenders};
use crate::logins::{USERNAME, secret, server};
use crate::measure::{Call, Expected};
use crate::services::{Gpg, program, seed_keyring};

/// The number of people who share the team's store.
pub(crate) const TEAM: usize = 20;

/// Up to this size, a helper stores each credential. Larger stores of the peers are created in other ways,
/// because that would take hours.
const STORED_ONE_BY_ONE: usize = 100;

/// The limit for a Secret Service: gnome-keyring takes 20 s to open 5,000 items.
const KEYRING_MAX: usize = 1_000;

/// The limit for an environment, which the kernel restricts to 2 MB.
const ENVIRONMENT_MAX: usize = 1_000;

/// The stores' directory and common services.
pub(crate) struct World<'a> {
    contenders: &'a Contenders,
    gpg: Option<Gpg>,
    directory: tempfile::TempDir,
}

impl<'a> World<'a> {
    pub(crate) fn new(contenders: &'a Contenders) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("bench-")
            .tempdir()
            .expect("a temporary directory");
        let gpg = contenders
            .have(Contender::Pass)
            .then(|| Gpg::new(private(&directory.path().join("gpg"))));
        Self {
            contenders,
            gpg,
            directory,
        }
    }
}

/// The stores of one size.
pub(crate) struct Stores<'a> {
    world: &'a World<'a>,
    pub(crate) size: usize,
    directory: PathBuf,
    keyring: Option<GnomeKeyring>,
}

impl<'a> Stores<'a> {
    /// Fills stores with the first `size` servers, starting from the copies in `smaller`.
    pub(crate) fn new(world: &'a World<'a>, size: usize, smaller: Option<&Stores<'_>>) -> Self {
        let directory = private(&world.directory.path().join(size.to_string()));
        if let Some(smaller) = smaller {
            for store in ["data", "config", "pass"] {
                copy_tree(&smaller.directory.join(store), &directory.join(store));
            }
        }
        let one_by_one = size <= STORED_ONE_BY_ONE;
        let keyring = (world.contenders.have(Contender::SecretService) && size <= KEYRING_MAX).then(|| {
            let home = directory.join("keyring");
            if !one_by_one {
                seed_keyring(&home.join("home"), size);
            }
            GnomeKeyring::start(&home).unwrap_or_else(|missing| panic!("this needs {missing}"))
        });
        let place = Self {
            world,
            size,
            directory,
            keyring,
        };
        let filled = smaller.map_or(0, |smaller| smaller.size);
        place.fill_by_helper(Contender::Age, filled);
        if world.gpg.is_some() {
            place.initialize_pass();
            if one_by_one {
                place.fill_by_helper(Contender::Pass, filled);
            } else {
                place.fill_pass_with_copies(filled);
            }
        }
        if one_by_one {
            place.fill_by_helper(Contender::SecretService, 0);
        }
        place
    }

    /// The same logins in an age store that [`TEAM`] people share.
    pub(crate) fn team(&self) -> Self {
        let team = self.age_alone("team");
        for store in ["data", "config"] {
            copy_tree(&self.directory.join(store), &team.directory.join(store));
        }
        let mut add = team.age_command(&["recipients", "add"]);
        add.args((1..TEAM).map(|_| public_key()));
        carry_out(add);
        team
    }

    /// The same number of logins in an age store whose identity has a passphrase, and is unlocked for longer
    /// than any run.
    pub(crate) fn unlocked(&self) -> Self {
        let unlocked = self.age_alone("unlocked");
        let passphrase = unlocked.directory.join("passphrase");
        fs::write(&passphrase, "correct horse battery staple").expect("a passphrase can be written");
        fs::set_permissions(&passphrase, fs::Permissions::from_mode(0o600))
            .expect("a file's mode can be set");
        for arguments in [
            &["identity", "new", "--passphrase"][..],
            &["unlock", "--for", "8h"],
        ] {
            let mut command = unlocked.age_command(arguments);
            command.env("DOCKER_CREDENTIAL_AGE_PASSPHRASE_FILE", &passphrase);
            carry_out(command);
        }
        unlocked.fill_by_helper(Contender::Age, 0);
        unlocked
    }

    fn age_alone(&self, name: &str) -> Self {
        Self {
            world: self.world,
            size: self.size,
            directory: private(&self.directory.join(name)),
            keyring: None,
        }
    }

    fn age_command(&self, arguments: &[&str]) -> Command {
        let mut command = self.verb(Contender::Age, arguments[0]);
        command.args(&arguments[1..]);
        command
    }

    /// Whether `contender` is installed and has a store here.
    pub(crate) fn has(&self, contender: Contender) -> bool {
        let holds_so_many = match contender {
            Contender::Keyring | Contender::RawKeyring | Contender::SecretService => self.keyring.is_some(),
            Contender::Env => self.size <= ENVIRONMENT_MAX,
            _ => true,
        };
        self.world.contenders.have(contender) && holds_so_many
    }

    pub(crate) fn get(&self, contender: Contender, number: usize) -> Call {
        let server = server(number);
        let expected = Expected::Reply(match contender {
            // It doesn't decrypt what it gets.
            Contender::RawKeyring => "a secret in ".to_owned(),
            _ => secret(&server),
        });
        Call::new(self.verb(contender, "get"), server, expected)
    }

    pub(crate) fn miss(&self, contender: Contender) -> Call {
        Call::new(
            self.verb(contender, "get"),
            "https://nothing.example.com",
            Expected::NotFound,
        )
    }

    pub(crate) fn store(&self, contender: Contender, number: usize) -> Call {
        let server = server(number);
        let request = json!({ "ServerURL": server, "Username": USERNAME, "Secret": secret(&server) });
        Call::new(
            self.verb(contender, "store"),
            request.to_string(),
            Expected::Reply(String::new()),
        )
    }

    pub(crate) fn list(&self, contender: Contender) -> Call {
        // Without the scheme, because not every helper writes it.
        let last = server(self.size - 1).replace("https://", "");
        Call::new(
            self.verb(contender, "list"),
            "",
            Expected::Reply(format!("{last}\":\"{USERNAME}\"")),
        )
    }

    fn verb(&self, contender: Contender, verb: &str) -> Command {
        let helper = self
            .world
            .contenders
            .program(contender)
            .expect("only what is there is measured");
        let mut command = Command::new(helper);
        command
            .arg(verb)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", &self.directory);
        match contender {
            Contender::Env => {
                for number in 0..self.size {
                    let label = format!("DOCKER_CREDENTIAL_R{number}_EXAMPLE_COM");
                    command.env(format!("{label}_USERNAME"), USERNAME);
                    command.env(format!("{label}_PASSWORD"), secret(&server(number)));
                }
            }
            Contender::Keyring | Contender::RawKeyring | Contender::SecretService => {
                let keyring = self.keyring.as_ref().expect("only what is there is measured");
                command.env("DBUS_SESSION_BUS_ADDRESS", keyring.bus().address());
            }
            Contender::Pass => {
                let gpg = self.world.gpg.as_ref().expect("only what is there is measured");
                command
                    .env("GNUPGHOME", &gpg.home)
                    .env("PASSWORD_STORE_DIR", self.directory.join("pass"));
            }
            _ => {
                command
                    .env("XDG_DATA_HOME", self.directory.join("data"))
                    .env("XDG_CONFIG_HOME", self.directory.join("config"));
            }
        }
        command
    }

    fn fill_by_helper(&self, contender: Contender, filled: usize) {
        if self.has(contender) {
            for number in filled..self.size {
                self.store(contender, number).carry_out();
            }
        }
    }

    fn initialize_pass(&self) {
        let gpg = self.world.gpg.as_ref().expect("only called with gpg");
        let done = program("pass")
            .args(["init", &gpg.key])
            .env("HOME", &self.directory)
            .env("GNUPGHOME", &gpg.home)
            .env("PASSWORD_STORE_DIR", self.directory.join("pass"))
            .output()
            .expect("pass can be run");
        assert!(
            done.status.success(),
            "pass init: {}",
            String::from_utf8_lossy(&done.stderr)
        );
    }

    /// Copies of the first file, because listing only reads names.
    fn fill_pass_with_copies(&self, filled: usize) {
        let entry = |number| {
            let encoded = base64::engine::general_purpose::URL_SAFE.encode(server(number));
            self.directory
                .join("pass/docker-credential-helpers")
                .join(encoded)
        };
        for number in filled..self.size {
            copy_tree(&entry(0), &entry(number));
        }
    }
}

/// A colleague's.
fn public_key() -> String {
    let made = program("age-keygen").output().expect("age-keygen can be run");
    let text = String::from_utf8_lossy(&made.stdout).into_owned();
    let (_, key) = text
        .split_once("public key: ")
        .expect("age-keygen shows the public key");
    key.lines().next().unwrap_or_default().to_owned()
}

fn carry_out(mut command: Command) {
    let done = command.output().expect("a helper can be run");
    assert!(
        done.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}

fn private(directory: &Path) -> PathBuf {
    fs::DirBuilder::new()
        .mode(0o700)
        .create(directory)
        .expect("a new directory");
    directory.to_owned()
}

/// Copies directories and files; does nothing if `from` is missing.
fn copy_tree(from: &Path, to: &Path) {
    let Ok(entries) = from.read_dir() else { return };
    private(to);
    for entry in entries {
        let entry = entry.expect("a directory entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a file can be copied");
        }
    }
}
