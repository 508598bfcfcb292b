//! A separate home for each test.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::helper::{self, Helper, target_directory};
use crate::keyrings::gnome::GnomeKeyring;
use crate::login::Login;
use crate::program::{Outcome, Run, files_under, find};
use crate::registries::tls;
use crate::requirement::environment;

/// The answer for "not found", byte for byte.
pub const NOT_FOUND: &[u8] = b"credentials not found in native keychain\n";

/// The user name that marks an identity token.
pub const IDENTITY_TOKEN: &str = "<token>";

/// A temporary HOME with its own docker configuration and one helper.
///
/// Programs in it only see `PATH` of the tests' environment, with the helpers first.
#[derive(Debug)]
pub struct Sandbox {
    keyring: Option<GnomeKeyring>,
    directory: TempDir,
    helper: Helper,
    program: PathBuf,
    environment: Vec<(String, OsString)>,
    logins: Vec<Login>,
}

impl Sandbox {
    /// An empty sandbox, without a helper for docker.
    pub fn new(helper: Helper) -> Self {
        Self::below(&std::env::temp_dir(), helper)
    }

    /// An empty sandbox in a chosen directory, for example on another file system.
    pub fn below(directory: &Path, helper: Helper) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("credential-")
            .tempdir_in(directory)
            .expect("a temporary directory");
        // In a directory that others can't enter, writable modes wouldn't matter.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("a mode");
        let environment = [
            ("HOME", "home"),
            ("DOCKER_CONFIG", "home/.docker"),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_DATA_HOME", "data"),
            ("XDG_RUNTIME_DIR", "run"),
            ("TMPDIR", "tmp"),
        ];
        for private in ["bin", "home", "home/.docker", "config", "data", "run", "tmp"] {
            fs::create_dir(directory.path().join(private)).expect("a directory in a new sandbox");
        }
        let mut environment = environment
            .map(|(name, below)| (name.to_owned(), directory.path().join(below).into_os_string()))
            .to_vec();
        let keyring = helper.keyring.then(|| {
            GnomeKeyring::start(&directory.path().join("keyring"))
                .unwrap_or_else(|missing| panic!("the test should have been skipped without {missing}"))
        });
        if let Some(keyring) = &keyring {
            let address = keyring.bus().address().into();
            environment.push(("DBUS_SESSION_BUS_ADDRESS".to_owned(), address));
        }
        Self {
            keyring,
            directory,
            helper,
            program: helper.program(),
            environment,
            logins: Vec::new(),
        }
    }

    /// A sandbox whose config.json names the helper in `credsStore`.
    pub fn with_creds_store(helper: Helper) -> Self {
        let sandbox = Self::new(helper);
        sandbox.write_config(&json!({ "credsStore": helper.name }));
        sandbox
    }

    /// The helper of this sandbox.
    pub fn helper(&self) -> Helper {
        self.helper
    }

    /// The program that runs as the helper.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Runs another program as the helper, such as a control's broken one.
    pub fn set_program(&mut self, program: &Path) {
        program.clone_into(&mut self.program);
    }

    /// The keyring of a sandbox of docker-credential-keyring.
    pub fn keyring(&mut self) -> &mut GnomeKeyring {
        self.keyring
            .as_mut()
            .expect("a sandbox of docker-credential-keyring")
    }

    /// A path in it.
    pub fn path(&self, below: &str) -> PathBuf {
        self.directory.path().join(below)
    }

    /// Sets a variable for everything that runs here.
    pub fn set(&mut self, name: &str, value: impl Into<OsString>) {
        self.environment.push((name.to_owned(), value.into()));
    }

    /// Hides these logins in the messages of failing tests.
    pub fn keep_secret(&mut self, logins: &[Login]) {
        self.logins.extend_from_slice(logins);
    }

    /// docker's configuration file.
    pub fn config_path(&self) -> PathBuf {
        self.path("home/.docker/config.json")
    }

    /// Replaces docker's configuration.
    pub fn write_config(&self, config: &Value) {
        fs::write(self.config_path(), config.to_string()).expect("config.json can be written");
    }

    /// docker's current configuration.
    pub fn config(&self) -> Value {
        let bytes = fs::read(self.config_path()).expect("config.json can be read");
        serde_json::from_slice(&bytes).expect("config.json is JSON")
    }

    /// Writes a file, and creates its directory if necessary.
    pub fn add_file(&self, below: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(below);
        fs::create_dir_all(path.parent().expect("it is below the sandbox"))
            .expect("a directory in the sandbox");
        fs::write(&path, content).expect("a file in the sandbox");
        path
    }

    /// Adds a program to the front of the sandbox's `PATH`, under this name.
    ///
    /// A link, because a new script may still be open in a process that another test forked, and then it
    /// can't be executed.
    pub fn add_program(&self, name: &str, program: &Path) {
        symlink(program, self.path("bin").join(name)).expect("a link in the sandbox");
    }

    /// A program to run here.
    pub fn run(&self, program: impl AsRef<Path>) -> Run {
        let inherited = environment("PATH").unwrap_or_default();
        let path = [self.path("bin"), helper::directory().to_owned()];
        let path = path.into_iter().chain(std::env::split_paths(&inherited));
        let path = std::env::join_paths(path).expect("directories that can stand in PATH");
        // Looked up here, because peers are in a directory with helpers that docker would choose by default
        // if that were on its PATH.
        let program = program.as_ref();
        let found = program.to_str().and_then(|name| find(name).ok());
        let mut command = Command::new(found.as_deref().unwrap_or(program));
        command
            .env_clear()
            .env("PATH", path)
            .env("LANG", "C.UTF-8")
            .current_dir(self.directory.path());
        // No engine, unless the test starts one: a client must not talk to this machine's engine.
        command.env(
            "DOCKER_HOST",
            format!("unix://{}", self.path("no-engine").display()),
        );
        command.env("DOCKER_CLI_EXPERIMENTAL", "enabled");
        // The variables of programs in Go and C, Python and Node.js.
        for trusted in ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"] {
            command.env(trusted, tls::certificate());
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        Run::new(command, self.logins.iter().flat_map(Login::forms).collect())
    }

    /// A peer, with the C library that was fetched with it, if any, because it may need a newer one than this
    /// machine's.
    pub fn run_peer(&self, name: &str) -> Run {
        let peers = target_directory().join("peers/usr");
        let libraries = peers
            .join("lib")
            .join(format!("{}-linux-gnu", std::env::consts::ARCH));
        let loader = libraries.join("ld-linux-x86-64.so.2");
        let peer = peers.join("bin").join(name);
        if loader.is_file() && peer.is_file() {
            self.run(loader).arg("--library-path").arg(libraries).arg(peer)
        } else {
            self.run(name)
        }
    }

    /// git as Alice, and an empty repository that others can clone.
    pub fn make_repository(&mut self, below: &str) {
        for (name, value) in [
            ("GIT_AUTHOR_NAME", "Alice"),
            ("GIT_AUTHOR_EMAIL", "alice@example"),
            ("GIT_COMMITTER_NAME", "Alice"),
            ("GIT_COMMITTER_EMAIL", "alice@example"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
        ] {
            self.set(name, value);
        }
        self.run("git")
            .args(["init", "-q", "--bare", "-b", "main", below])
            .outcome()
            .assert_success("git init");
    }

    /// One verb of the helper, with a server on its stdin, as docker sends it.
    pub fn verb(&self, verb: &str, stdin: &str) -> Outcome {
        self.run(&self.program).arg(verb).stdin(stdin).outcome()
    }

    /// One of the helper's management commands.
    pub fn command(&self, arguments: &[&str]) -> Outcome {
        self.run(self.helper.program()).args(arguments).outcome()
    }

    /// Stores through the helper, as docker does.
    #[track_caller]
    pub fn store(&self, server: &str, login: &Login) {
        let request = login.credential(server);
        let stored = self.verb("store", &request.to_string());
        stored.assert_success("store");
        assert!(stored.stdout.is_empty(), "store is silent\n{stored:?}");
    }

    /// Makes the helper answer for `server` with this login from now on: stores it or, for a read-only
    /// helper, sets its variables.
    #[track_caller]
    pub fn provide(&mut self, server: &str, login: &Login) {
        if !self.helper.read_only {
            return self.store(server, login);
        }
        // Any label, because the server is in another variable.
        let label: String = server.chars().filter(char::is_ascii_alphanumeric).collect();
        let mut set = |name, value: &str| {
            self.set(
                &format!("DOCKER_CREDENTIAL_{}_{name}", label.to_uppercase()),
                value,
            );
        };
        set("SERVER", server);
        if login.username == IDENTITY_TOKEN {
            set("TOKEN", &login.secret);
        } else {
            set("USERNAME", &login.username);
            set("PASSWORD", &login.secret);
        }
    }

    /// Checks that the helper answers for `server` with exactly this login, and doesn't write to stderr.
    #[track_caller]
    pub fn assert_answers(&self, server: &str, login: &Login) {
        let answer = self.verb("get", server);
        let expected = login.credential(server).to_string();
        // Control characters may be escaped or not; the order of the members counts, and nothing else may be
        // there.
        let shown = serde_json::from_slice(&answer.stdout).map(|value: Value| value.to_string());
        assert!(
            answer.code == Some(0)
                && shown.is_ok_and(|shown| shown == expected)
                && answer.stdout.starts_with(b"{")
                && answer.stdout.ends_with(b"}\n"),
            "get answers with the login of {server}, byte for byte\n{answer:?}"
        );
        assert!(answer.stderr.is_empty(), "get says nothing on stderr\n{answer:?}");
    }

    /// Checks that the helper has no login for `server`, and answers as docker expects.
    #[track_caller]
    pub fn assert_not_found(&self, server: &str) {
        let answer = self.verb("get", server);
        assert!(
            answer.code == Some(1) && answer.stdout == NOT_FOUND && answer.stderr.is_empty(),
            "get of {server} is \"not found\", byte for byte, and exit 1\n{answer:?}"
        );
    }

    /// Checks that the helper lists exactly these servers and user names.
    #[track_caller]
    pub fn assert_lists(&self, expected: &Value) {
        let answer = self.verb("list", "unused");
        answer.assert_success("list");
        assert!(
            serde_json::from_slice::<Value>(&answer.stdout).is_ok_and(|reply| reply == *expected),
            "list is {expected}\n{answer:?}"
        );
        assert!(
            answer.stderr.is_empty(),
            "list says nothing on stderr\n{answer:?}"
        );
    }

    /// The number of credentials in the helper's files; `None` for a helper without files.
    pub fn stored_files(&self) -> Option<usize> {
        let files = self.helper.files?;
        let directory = self.path(files.directory);
        let stored = if directory.exists() {
            files_under(&directory)
        } else {
            Vec::new()
        };
        Some(
            stored
                .iter()
                .filter(|(path, _)| path.extension().is_some_and(|end| end == files.extension))
                .count(),
        )
    }

    /// The files that contain the secret of `login` in any form; there should be none.
    pub fn traces_of(&self, login: &Login) -> Vec<PathBuf> {
        let forms = login.forms();
        files_under(self.directory.path())
            .into_iter()
            .filter(|(_, bytes)| forms.iter().any(|form| contains(bytes, form.as_bytes())))
            .map(|(path, _)| path)
            .collect()
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
