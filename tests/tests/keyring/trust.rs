//! The owners of the bus and the service that docker-credential-keyring accepts.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use docker_credential_tests::helper::KEYRING_ALONE;
use docker_credential_tests::keyrings::bus::PrivateBus;
use docker_credential_tests::keyrings::gnome::GnomeKeyring;
use docker_credential_tests::keyrings::mock::{Mock, Script};
use docker_credential_tests::keyrings::mocked::{VERBS, alice, trouble};
use docker_credential_tests::program::{Outcome, find};
use docker_credential_tests::requirement::{self, Missing};
use docker_credential_tests::sandbox::Sandbox;
use docker_credential_tests::{program, require};
use serde_json::json;

/// Two users that exist everywhere, `daemon` and `bin`, because a bus only admits users with an account.
const OWNER: u32 = 1;
const OTHER: u32 = 2;

/// The bus of `OWNER`, a service on it, and a sandbox in which any user can run the helper.
struct Foreign {
    mock: Mock,
    sandbox: Sandbox,
    bus: PrivateBus,
}

impl Foreign {
    fn start() -> Result<Self, Missing> {
        requirement::root()?;
        find("setpriv")?;
        let sandbox = open_sandbox();
        let bus = PrivateBus::start_as(&sandbox.path("run"), OWNER)?;
        let mock = Mock::start(&bus, Script::default());
        mock.add("ghcr.io", "alice", b"secret");
        Ok(Self { mock, sandbox, bus })
    }

    /// Runs a verb as a user, within `wrapper`, with this address of the bus.
    fn verb(&self, uid: u32, wrapper: &[&str], address: &str, verb: &str) -> Outcome {
        let uid = uid.to_string();
        let request = json!({ "ServerURL": "ghcr.io", "Username": "bob", "Secret": "MARKER" }).to_string();
        self.sandbox
            .run("setpriv")
            .args(["--reuid", &uid, "--regid", &uid, "--clear-groups"])
            .args(wrapper)
            .arg(program_for_all(&self.sandbox))
            .arg(verb)
            .env("DBUS_SESSION_BUS_ADDRESS", address)
            .stdin(if verb == "store" { &request } else { "ghcr.io" })
            .outcome()
    }

    #[track_caller]
    fn assert_answers(&self, outcome: &Outcome) {
        outcome.assert_success("its own bus");
        assert!(outcome.text().contains("\"Username\":\"alice\""), "{outcome:?}");
        assert_eq!(self.mock.usernames(), [alice().username]);
    }
}

fn open_sandbox() -> Sandbox {
    let sandbox = Sandbox::new(KEYRING_ALONE);
    fs::set_permissions(sandbox.path(""), fs::Permissions::from_mode(0o755)).expect("it is ours");
    sandbox
}

/// A copy of the helper that others can run.
fn program_for_all(sandbox: &Sandbox) -> PathBuf {
    let program = sandbox.path("docker-credential-keyring");
    if !program.exists() {
        program::copy(&sandbox.helper().program(), &program);
    }
    program
}

#[test]
fn another_users_bus_is_refused_by_every_address() {
    let foreign = require!(Foreign::start());
    let runtime = foreign.sandbox.path("run");
    for uid in [0, OTHER] {
        for address in [
            foreign.bus.address().to_owned(),
            foreign.bus.abstract_address(),
            // Only XDG_RUNTIME_DIR is left, which is also theirs.
            String::new(),
            format!("unix:path=/nowhere;{}", foreign.bus.address()),
        ] {
            for verb in VERBS {
                let text = trouble(&foreign.verb(uid, &[], &address, verb));
                assert!(
                    text.contains(&format!("belongs to another user (uid {OWNER})")),
                    "{uid} {address}: {text}"
                );
                assert!(text.contains("docker-credential-age"), "a way out: {text}");
            }
        }
    }
    assert!(runtime.join("bus").exists(), "the address was right");
    assert_eq!(foreign.mock.calls(), Vec::<String>::new());
}

#[test]
fn the_owner_of_a_bus_is_served_by_every_address() {
    let foreign = require!(Foreign::start());
    for address in [
        foreign.bus.address().to_owned(),
        foreign.bus.abstract_address(),
        String::new(),
        format!("unix:path=/nowhere;{}", foreign.bus.address()),
        format!("{},guid=00112233445566778899aabbccddeeff", foreign.bus.address()),
        foreign.bus.address().replace('/', "%2f"),
        "unix:runtime=yes".to_owned(),
    ] {
        foreign.assert_answers(&foreign.verb(OWNER, &[], &address, "get"));
    }
    foreign
        .verb(OWNER, &[], foreign.bus.address(), "store")
        .assert_success("store");
    assert_eq!(foreign.mock.usernames(), ["bob"]);
}

#[test]
fn the_bus_of_root_is_believed_by_others() {
    require!(requirement::root());
    let sandbox = open_sandbox();
    let bus = require!(PrivateBus::start(&sandbox.path("run")));
    let mock = Mock::start(&bus, Script::default());
    mock.add("ghcr.io", "alice", b"secret");
    let foreign = Foreign { mock, sandbox, bus };
    foreign.assert_answers(&foreign.verb(OTHER, &[], foreign.bus.address(), "get"));
}

#[test]
fn a_user_namespace_reaches_its_users_bus() {
    let foreign = require!(Foreign::start());
    require!(namespaces(&foreign));
    for wrapper in [
        &["unshare", "-r"][..],
        &["unshare", "--map-current-user"],
        &["unshare", "-r", "unshare", "-r"],
        &["unshare", "--user", "--map-user=1000"],
        // As in a container, where the kernel doesn't show the bus's process.
        &["unshare", "-r", "--pid", "--fork"],
    ] {
        foreign.assert_answers(&foreign.verb(OWNER, wrapper, foreign.bus.address(), "get"));
        let text = trouble(&foreign.verb(OTHER, wrapper, foreign.bus.address(), "get"));
        assert!(text.contains("belongs to another user"), "{wrapper:?}: {text}");
    }
}

#[test]
fn a_namespace_that_hides_whose_bus_it_is_is_refused() {
    let foreign = require!(Foreign::start());
    require!(namespaces(&foreign));
    for uid in [OWNER, OTHER] {
        let text = trouble(&foreign.verb(uid, &["unshare", "-U"], foreign.bus.address(), "get"));
        assert!(text.contains("this user namespace hides its owner"), "{text}");
    }
    assert_eq!(foreign.mock.calls(), Vec::<String>::new());
}

/// Whether users may create namespaces here.
fn namespaces(foreign: &Foreign) -> Result<(), Missing> {
    find("unshare")?;
    let uid = OWNER.to_string();
    let tried = foreign
        .sandbox
        .run("setpriv")
        .args(["--reuid", &uid, "--regid", &uid, "--clear-groups"])
        .args(["unshare", "-r", "true"])
        .outcome();
    match tried.code {
        Some(0) => Ok(()),
        _ => Err(Missing::new("a kernel that lets users make namespaces")),
    }
}

#[test]
fn nothing_is_said_to_another_users_socket() {
    require!(requirement::root());
    let sandbox = open_sandbox();
    let socket = sandbox.path("tmp/listener");
    let mut listener = Listener::start(&sandbox, &socket);
    let get = |uid| {
        sandbox
            .run("setpriv")
            .args(["--reuid", uid, "--regid", uid, "--clear-groups"])
            .arg(program_for_all(&sandbox))
            .arg("get")
            .env(
                "DBUS_SESSION_BUS_ADDRESS",
                format!("unix:path={}", socket.display()),
            )
            .stdin("ghcr.io")
            .outcome()
    };
    for uid in ["0", "2"] {
        assert!(trouble(&get(uid)).contains("belongs to another user"));
    }
    trouble(&get("1"));
    // The control: the last one was its own, and it received data, twice because it hung up.
    assert_eq!(listener.heard(), ["nothing", "nothing", "something", "something"]);
}

#[test]
fn another_users_service_on_our_bus_is_refused() {
    require!(requirement::root());
    let sandbox = open_sandbox();
    let mut keyring = require!(GnomeKeyring::start_as(&sandbox.path("run"), OTHER));
    for verb in VERBS {
        let request = json!({ "ServerURL": "ghcr.io", "Username": "bob", "Secret": "MARKER" }).to_string();
        let refused = sandbox
            .run(program_for_all(&sandbox))
            .arg(verb)
            .env("DBUS_SESSION_BUS_ADDRESS", keyring.bus().address())
            .stdin(if verb == "store" { &request } else { "ghcr.io" })
            .outcome();
        let text = trouble(&refused);
        assert!(
            text.contains(&format!("belongs to another user (uid {OTHER})")),
            "{verb}: {text}"
        );
    }
    assert!(keyring.items("docker_cli", "1").is_empty());
    // The valid counterpart: the same bus with our own service.
    keyring.end();
    drop(keyring);
    let keyring = require!(GnomeKeyring::start(&sandbox.path("tmp")));
    sandbox
        .run(program_for_all(&sandbox))
        .arg("list")
        .env("DBUS_SESSION_BUS_ADDRESS", keyring.bus().address())
        .outcome()
        .assert_success("list");
}

/// A listening socket of `OWNER`.
struct Listener {
    child: std::process::Child,
    lines: std::io::Lines<std::io::BufReader<std::process::ChildStdout>>,
}

impl Listener {
    fn start(sandbox: &Sandbox, socket: &Path) -> Self {
        use std::io::BufRead as _;
        use std::os::unix::process::CommandExt as _;
        std::os::unix::fs::chown(sandbox.path("tmp"), Some(OWNER), Some(OWNER)).expect("root gives it away");
        let program = sandbox.path("listener");
        program::copy(Path::new(env!("CARGO_BIN_EXE_other-user")), &program);
        let mut child = std::process::Command::new(program)
            .arg("listen")
            .arg(socket)
            .uid(OWNER)
            .gid(OWNER)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("another user's program can be run");
        let mut lines = std::io::BufReader::new(child.stdout.take().expect("a pipe")).lines();
        assert_eq!(lines.next().expect("a line").expect("text"), "ready");
        Self { child, lines }
    }

    /// The data received on each connection so far.
    fn heard(&mut self) -> Vec<String> {
        drop(self.child.stdin.take());
        let heard = self.lines.by_ref().map(|line| line.expect("text")).collect();
        let _ = self.child.wait();
        heard
    }
}
