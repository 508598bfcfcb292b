//! A case's access to the helper, with throw-away servers and a clean-up.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::json;
use crate::run::{Helper, Input, Output, Run};

/// Why a check stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The helper failed the case: the expected and the actual result.
    Failed(String),
    /// The case isn't applicable to this helper, run or system, for this reason.
    NotApplicable(String),
}

/// The permissions of a run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mode {
    /// The helper can't store, so the cases use the servers that it lists.
    pub read_only: bool,
    /// The store can be thrown away: cases may store and erase Docker Hub's own entries, and leave entries
    /// that the helper should have refused and can't erase.
    pub throw_away: bool,
}

/// A credential that a case stores or expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// `ServerURL`, byte for byte.
    pub server: String,
    /// `Username`.
    pub username: String,
    /// `Secret`; made up for the case.
    pub secret: String,
}

impl Credential {
    /// The JSON that the docker CLI sends: Go's encoder escapes `<`, `>` and `&`, and adds a newline.
    pub fn to_docker_json(&self) -> Vec<u8> {
        let mut text = self.to_json();
        for (plain, escaped) in [("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")] {
            text = text.replace(plain, escaped);
        }
        text.push('\n');
        text.into_bytes()
    }

    /// The same without the escapes and the newline, as other encoders write it.
    pub fn to_json(&self) -> String {
        let [server, username, secret] =
            [&self.server, &self.username, &self.secret].map(|text| serde_json::Value::from(text.as_str()));
        format!(r#"{{"ServerURL":{server},"Username":{username},"Secret":{secret}}}"#)
    }
}

/// One case's view of the helper. On drop, it erases everything that the case may have stored.
#[derive(Debug)]
pub struct Probe<'a> {
    helper: &'a Helper,
    mode: Mode,
    label: &'a str,
    case: usize,
    count: AtomicU32,
    touched: Mutex<BTreeSet<String>>,
}

/// Clients' spellings of Docker Hub, the canonical one first.
const HUB: [&str; 6] = [
    "https://index.docker.io/v1/",
    "docker.io",
    "index.docker.io",
    "registry-1.docker.io",
    "https://registry.hub.docker.com/v2/",
    "registry-1.docker.io:443",
];

impl<'a> Probe<'a> {
    /// A view of `helper` for case number `case` of the run `label`.
    pub fn new(helper: &'a Helper, mode: Mode, label: &'a str, case: usize) -> Self {
        Self {
            helper,
            mode,
            label,
            case,
            count: AtomicU32::new(0),
            touched: Mutex::default(),
        }
    }

    /// A unique name for the run, in two parts that are valid in a host name.
    pub fn random_label() -> String {
        format!(
            "dcc-{:012x}",
            RandomState::new().build_hasher().finish() & 0xffff_ffff_ffff
        )
    }

    /// A new host. `.invalid` never resolves (RFC 2606).
    pub fn host(&self) -> String {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        format!("c{}-{number}.{}.invalid", self.case, self.label)
    }

    /// The helper's name for itself.
    pub fn name(&self) -> String {
        self.helper.name()
    }

    /// A unique secret, to search for it where it must not be.
    pub fn secret(&self) -> String {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        format!("not-a-secret-{}-{}-{number}", self.label, self.case)
    }

    /// A credential for `server`, not stored yet.
    pub fn credential(&self, server: impl Into<String>) -> Credential {
        Credential {
            server: server.into(),
            username: "conformance".into(),
            secret: self.secret(),
        }
    }

    /// A credential that the helper holds: stored here, or the first of a host that a read-only helper lists.
    pub fn given(&self) -> Result<Credential, Stop> {
        if !self.mode.read_only {
            return self.stored(&self.host());
        }
        let listed = self.list()?;
        let plain = |server: &str| !server.contains('/') && !server.contains(char::is_uppercase);
        let Some((server, username)) = listed.into_iter().find(|(server, _)| plain(server)) else {
            return Err(Stop::NotApplicable(
                "the read-only helper lists no server that is a host".into(),
            ));
        };
        let answer = json::strings(&self.get(&server)?.stdout)
            .map_err(|problem| Stop::Failed(format!("get of the listed {server}: {problem}")))?;
        let secret = answer
            .into_iter()
            .find(|(key, _)| key == "Secret")
            .map(|(_, secret)| secret);
        Ok(Credential {
            server,
            username,
            secret: secret.unwrap_or_default(),
        })
    }

    /// Stores a credential for `server` and returns it.
    pub fn stored(&self, server: &str) -> Result<Credential, Stop> {
        let credential = self.credential(server);
        self.store(&credential)?;
        Ok(credential)
    }

    /// Stores as docker does; the case fails if this doesn't succeed.
    pub fn store(&self, credential: &Credential) -> Result<(), Stop> {
        self.try_store(credential)?.exits(0)
    }

    /// Stores as docker does, and ignores the result.
    pub fn try_store(&self, credential: &Credential) -> Result<Run, Stop> {
        self.store_bytes(&credential.server, credential.to_docker_json())
    }

    /// Sends these bytes to `store`, which may store a credential for `server`.
    pub fn store_bytes(&self, server: &str, bytes: impl Into<Vec<u8>>) -> Result<Run, Stop> {
        self.writing()?;
        self.will_store(server);
        self.verb("store", bytes)
    }

    /// Erases it at the end of the case.
    pub fn will_store(&self, server: &str) {
        self.touched().insert(server.to_owned());
    }

    /// Stops a case that isn't applicable to read-only helpers.
    pub fn writing(&self) -> Result<(), Stop> {
        if self.mode.read_only {
            return Err(Stop::NotApplicable("the helper is read-only".into()));
        }
        Ok(())
    }

    /// Stops a case that is only for read-only helpers.
    pub fn only_read_only(&self) -> Result<(), Stop> {
        if !self.mode.read_only {
            return Err(Stop::NotApplicable("the helper can store".into()));
        }
        Ok(())
    }

    /// Stops a case that only throw-away stores allow.
    pub fn throw_away(&self) -> Result<(), Stop> {
        self.writing()?;
        if !self.mode.throw_away {
            return Err(Stop::NotApplicable("it needs a throw-away store".into()));
        }
        Ok(())
    }

    /// Stops a case that stores for Docker Hub, unless the store is a throw-away without an entry for it.
    pub fn hub(&self) -> Result<(), Stop> {
        self.throw_away()?;
        for spelling in HUB {
            if self.get(spelling)?.not_found().is_err() {
                return Err(Stop::NotApplicable(format!(
                    "the store already answers for {spelling}"
                )));
            }
        }
        Ok(())
    }

    /// The answer to `get`, with docker's input: the bare server.
    pub fn get(&self, server: &str) -> Result<Run, Stop> {
        self.verb("get", server)
    }

    /// The answer to `erase`, with docker's input.
    pub fn erase(&self, server: &str) -> Result<Run, Stop> {
        self.verb("erase", server)
    }

    /// The output of `list`, including other entries.
    pub fn list(&self) -> Result<Vec<(String, String)>, Stop> {
        let run = self.verb("list", "unused")?;
        run.exits(0)?;
        json::strings(&run.stdout).map_err(|problem| run.failed(&format!("an object of strings ({problem})")))
    }

    /// The output of `list` for this case's servers.
    pub fn list_mine(&self) -> Result<Vec<(String, String)>, Stop> {
        let mine = format!("c{}-", self.case);
        let mut listed = self.list()?;
        if !self.mode.read_only {
            listed.retain(|(server, _)| {
                let server = server.to_lowercase();
                server.contains(&mine) && server.contains(self.label)
            });
        }
        Ok(listed)
    }

    /// Runs a verb on these bytes.
    pub fn verb(&self, verb: &str, input: impl Into<Vec<u8>>) -> Result<Run, Stop> {
        self.run(&[verb], Input::Bytes(input.into()), Output::Apart)
    }

    /// Runs the helper with these arguments and streams.
    pub fn run(&self, arguments: &[&str], input: Input, output: Output) -> Result<Run, Stop> {
        let arguments: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
        self.run_os(&arguments, input, output)
    }

    /// The same for arguments that are not text.
    pub fn run_os(&self, arguments: &[&OsStr], input: Input, output: Output) -> Result<Run, Stop> {
        let run = self
            .helper
            .run(arguments, input, output)
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::Unsupported => {
                    Stop::NotApplicable("such streams cannot be made here".into())
                }
                _ => Stop::Failed(format!("the helper could not be run: {error}")),
            })?;
        // A read-only helper answers with real credentials, such as a CI job's.
        Ok(Run {
            private: self.mode.read_only,
            ..run
        })
    }

    fn touched(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Probe<'_> {
    fn drop(&mut self) {
        for server in std::mem::take(&mut *self.touched()) {
            // The check at the end of the run finds and reports entries that it couldn't erase.
            let _best_effort = self.erase(&server);
        }
    }
}
