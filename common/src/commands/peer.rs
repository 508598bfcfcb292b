//! Another helper, spoken to as docker does.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Console;
use crate::config::programs;
use crate::{Credential, Environment, Error, INPUT_MAX, Secret, ServerUrl, Username};

/// What macOS and docker's desktop programs put before a server in a list.
const LABEL: &str = "Registry credentials for ";

/// The most that is read of an answer. A list of ten thousand servers has 1 MB.
const ANSWER_MAX: u64 = 64 << 20;

/// A helper that is installed beside this one.
#[derive(Debug)]
pub(super) struct Peer {
    name: String,
    program: PathBuf,
    environment: Vec<(OsString, OsString)>,
}

impl Peer {
    /// `name` is what would stand in `credsStore`.
    pub(super) fn find(environment: &Environment, name: &str) -> Result<Self, Error> {
        let is_name = !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
        let name_shown = Console::plain(name);
        if !is_name {
            return Err(Error::Refused(
                format!(
                    "{name_shown:?} is not the name of a helper; a file is named with a slash, ./{name_shown}"
                )
                .into(),
            ));
        }
        let file = format!("docker-credential-{name}");
        let program = programs::trusted(environment, &file).ok_or_else(|| {
            Error::Unavailable(format!("{file} is in no absolute directory of PATH; install it").into())
        })?;
        Ok(Self {
            name: name.to_owned(),
            program,
            environment: environment
                .variables()
                .into_iter()
                .filter(|(variable, _)| is_passed_on(&variable.to_string_lossy(), name))
                .collect(),
        })
    }

    /// Its servers, with the labels around them taken off, and the user names.
    pub(super) fn list(&self) -> Result<Vec<(String, String)>, Error> {
        let answer = self
            .ask("list", b"unused")?
            .map_err(|text| self.refusal("list", &text))?;
        // Go writes `null` for an empty map.
        let items: Option<BTreeMap<String, String>> =
            serde_json::from_slice(&answer).map_err(|_| self.gibberish("list"))?;
        Ok(items
            .unwrap_or_default()
            .into_iter()
            .map(|(server, username)| match server.strip_prefix(LABEL) {
                Some(server) => (server.to_owned(), username),
                None => (server, username),
            })
            .collect())
    }

    /// What it has for this server; nothing where it says that it has nothing.
    pub(super) fn get(&self, server: &ServerUrl) -> Result<Option<Credential>, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Answer {
            username: String,
            secret: String,
        }
        let answer = match self.ask("get", server.as_str().as_bytes())? {
            Ok(answer) => answer,
            Err(text) if text == Error::NotFound.to_string() => return Ok(None),
            Err(text) => return Err(self.refusal("get", &text)),
        };
        let answer: Answer = serde_json::from_slice(&answer).map_err(|_| self.gibberish("get"))?;
        Ok(Some(Credential::new(
            server.for_storing()?,
            Username::parse(answer.username)?,
            Secret::new(answer.secret),
        )))
    }

    /// Keeps a credential there.
    pub(super) fn store(&self, credential: &Credential) -> Result<(), Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Request<'a> {
            #[serde(rename = "ServerURL")]
            server_url: &'a str,
            username: &'a str,
            secret: &'a str,
        }
        let mut request = Zeroizing::new(Vec::new());
        serde_json::to_writer(
            &mut *request,
            &Request {
                server_url: credential.server().as_str(),
                username: credential.username().as_str(),
                secret: credential.secret().expose(),
            },
        )
        .map_err(|_| self.gibberish("store"))?;
        if request.len() > INPUT_MAX {
            return Err(Error::Unsupported(
                format!(
                    "the login of {} is longer than {INPUT_MAX} bytes",
                    credential.server()
                )
                .into(),
            ));
        }
        self.ask("store", &request)?
            .map(drop)
            .map_err(|text| self.refusal("store", &text))
    }

    /// Its stdout, or what it said there when it failed.
    fn ask(&self, verb: &str, request: &[u8]) -> Result<Result<Zeroizing<Vec<u8>>, String>, Error> {
        let failed = || Error::file("run", &self.program);
        let mut child = Command::new(&self.program)
            .arg(verb)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed())?;
        // At most one pipe buffer, or a program that reads first: no helper answers before it has read.
        if let Some(mut stdin) = child.stdin.take() {
            match stdin.write_all(request) {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(failed()(error)),
                _ => {}
            }
        }
        let mut answer = Zeroizing::new(Vec::new());
        if let Some(stdout) = child.stdout.take() {
            stdout
                .take(ANSWER_MAX)
                .read_to_end(&mut answer)
                .map_err(failed())?;
        }
        let status = child.wait().map_err(failed())?;
        if status.success() {
            Ok(Ok(answer))
        } else {
            Ok(Err(Console::plain(&String::from_utf8_lossy(&answer))
                .trim()
                .to_owned()))
        }
    }

    fn refusal(&self, verb: &str, text: &str) -> Error {
        let text: String = text.chars().take(300).collect();
        Error::Unavailable(format!("docker-credential-{} {verb}: {text}", self.name).into())
    }

    fn gibberish(&self, verb: &str) -> Error {
        Error::Damaged(
            format!(
                "docker-credential-{} {verb}: the answer is not what a helper answers",
                self.name
            )
            .into(),
        )
    }
}

/// Whether a helper is told this variable: any but a secret, and a secret that was set for this very helper.
///
/// docker runs a helper with all variables, and it is in its variables that a user gives a secret to docker-credential-age
/// and -env. Without them the one stores under a key that it makes for itself, and the other says that it has nothing:
/// both succeed, and the login cannot be found afterwards. Nothing is shown to anybody new: the secret has been in this
/// process's environment all the time, and goes to the one program that it was put there for.
fn is_passed_on(variable: &str, helper: &str) -> bool {
    const IDENTITY: &str = "DOCKER_CREDENTIAL_AGE_IDENTITY";
    let is_meant_for_it = match helper {
        "age" => variable.eq_ignore_ascii_case(IDENTITY),
        // Its variables are its store. Their names cannot be listed: labels, and what a dozen CI systems set.
        "env" => !variable.eq_ignore_ascii_case(IDENTITY),
        _ => false,
    };
    is_meant_for_it || !is_secret_variable(variable)
}

/// Whether this variable looks like one that holds a secret. What says where things are does not: `pass` needs its
/// `PASSWORD_STORE_DIR`; nor does what has to do with a keyring.
fn is_secret_variable(name: &str) -> bool {
    let name = name.to_ascii_uppercase().replace("KEYRING", "");
    let tells_a_place = ["_DIR", "_FILE", "_PATH", "_HOME", "_SOCK", "_SERVER"]
        .iter()
        .any(|end| name.ends_with(end));
    let is_setting_of_pass = name.starts_with("PASSWORD_STORE_");
    let holds_secret = [
        "PASSWORD",
        "PASSWD",
        "PASSPHRASE",
        "TOKEN",
        "SECRET",
        "AUTH_CONFIG",
        "_KEY",
        "_IDENTITY",
        "_PSW",
    ]
    .iter()
    .any(|word| name.contains(word));
    holds_secret && !tells_a_place && !is_setting_of_pass
}

/// Whether `--from` or `--to` names a file rather than a helper. (In WSL there are helpers by the names of `desktop.exe` and
/// `wincred.exe`.)
pub(super) fn names_file(text: &str) -> bool {
    let path = Path::new(text);
    let is_program = path
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("exe"));
    text.contains('/') || path.components().count() > 1 || text.contains('.') && !is_program
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_told_from_places_by_their_names() {
        for name in [
            "DOCKER_CREDENTIAL_AGE_IDENTITY",
            "DOCKER_CREDENTIAL_PROD_PASSWORD",
            "DOCKER_CREDENTIAL_HUB_TOKEN",
            "DOCKER_AUTH_CONFIG",
            "SOPS_AGE_KEY",
            "GITHUB_TOKEN",
            "AWS_SECRET_ACCESS_KEY",
            "CI_REGISTRY_PASSWORD",
        ] {
            assert!(is_secret_variable(name), "{name}");
        }
        for name in [
            "PATH",
            "HOME",
            "PASSWORD_STORE_DIR",
            "PASSWORD_STORE_GPG_OPTS",
            "GNUPGHOME",
            "DBUS_SESSION_BUS_ADDRESS",
            "DOCKER_CREDENTIAL_AGE_DIR",
            "DOCKER_CREDENTIAL_AGE_IDENTITY_FILE",
            "DOCKER_CREDENTIAL_KEYRING_BACKEND",
            "GNOME_KEYRING_CONTROL",
            "SSH_AUTH_SOCK",
        ] {
            assert!(!is_secret_variable(name), "{name}");
        }
    }

    #[test]
    fn a_file_is_told_from_a_helper_by_a_slash_or_dot_but_for_a_windows_program() {
        for file in ["./x", "auth.json", ".dockercfg", "./desktop.exe", "a/b"] {
            assert!(names_file(file), "{file}");
        }
        for helper in ["pass", "desktop.exe", "wincred.exe"] {
            assert!(!names_file(helper), "{helper}");
        }
    }

    #[test]
    fn a_secret_is_passed_on_to_the_helper_that_it_is_set_for_and_to_no_other() {
        for (variable, helpers) in [
            ("DOCKER_CREDENTIAL_AGE_IDENTITY", &["age"][..]),
            ("DOCKER_CREDENTIAL_PROD_PASSWORD", &["env"]),
            ("DOCKER_AUTH_CONFIG", &["env"]),
            ("GITHUB_TOKEN", &["env"]),
            ("PATH", &["age", "env", "keyring", "pass"]),
        ] {
            for helper in ["age", "env", "keyring", "pass"] {
                assert_eq!(
                    is_passed_on(variable, helper),
                    helpers.contains(&helper),
                    "{variable} {helper}"
                );
            }
        }
    }
}
