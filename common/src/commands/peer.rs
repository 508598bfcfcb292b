//! Another helper, called as docker does.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::subprocess::{self, Breakdown, Limits};
use crate::{
    Credential, CredentialStore, Environment, Error, INPUT_MAX, Listed, Secret, ServerUrl, Username, show,
};

/// The prefix that macOS and docker's desktop programs put before servers in a list.
const LABEL: &str = "Registry credentials for ";

/// The longest answer, in bytes. A list of ten thousand servers has 1 MB.
const ANSWER_MAX: usize = 64 << 20;

/// A person may have to unlock the other store, at a prompt that we don't see.
const PATIENCE: Duration = Duration::from_mins(1);
/// `list` doesn't need a secret, so it only waits if there is a person at a terminal.
const PATIENCE_FOR_LIST: Duration = Duration::from_secs(15);

/// Helpers that make new credentials for each request, from a cloud login. A copy expires within hours.
const MAKERS: [&str; 6] = ["ecr-login", "gcloud", "gcr", "acr", "acr-env", "acr-linux"];

/// Whether this helper makes its credentials, so there is nothing to copy.
pub(super) fn is_maker(name: &str) -> bool {
    MAKERS.contains(&name)
}

/// Another installed helper.
#[derive(Debug)]
pub(super) struct Peer<'a> {
    name: String,
    program: PathBuf,
    environment: &'a Environment,
    /// It timed out once. To wait again for each of its logins could take hours.
    is_silent: Cell<bool>,
}

impl<'a> Peer<'a> {
    /// `name` is the value for `credsStore`.
    ///
    /// Fails with [`Error::Refused`] for an invalid name, and with [`Error::Unavailable`] if there is no
    /// trusted program of that name.
    pub(super) fn find(environment: &'a Environment, name: &str) -> Result<Self, Error> {
        let is_name = !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
        if !is_name {
            let shown = show::name(name);
            return Err(Error::refused(format!(
                "{shown:?} is not the name of a helper; write a file with a slash, ./{shown}"
            )));
        }
        Ok(Self {
            name: name.to_owned(),
            program: subprocess::find(&format!("docker-credential-{name}"), environment)?,
            environment,
            is_silent: Cell::new(false),
        })
    }

    /// For messages.
    pub(super) fn program_name(&self) -> String {
        format!("docker-credential-{}", self.name)
    }

    /// Its servers, without the labels around them, and the user names.
    pub(super) fn servers(&self) -> Result<Vec<(String, String)>, Error> {
        let patience = if io::stdin().is_terminal() {
            PATIENCE
        } else {
            PATIENCE_FOR_LIST
        };
        let answer = self
            .ask("list", b"unused".to_vec().into(), patience)?
            .map_err(|text| self.failed("list", &text))?;
        // Go writes `null` for an empty map.
        let items: Option<BTreeMap<String, String>> =
            serde_json::from_slice(&answer).map_err(|_| self.malformed("list"))?;
        Ok(items
            .unwrap_or_default()
            .into_iter()
            .map(|(server, username)| match server.strip_prefix(LABEL) {
                Some(server) => (server.to_owned(), username),
                None => (server, username),
            })
            .collect())
    }

    /// Its stdout, or an error with that text if it failed.
    fn ask(
        &self,
        verb: &str,
        request: Zeroizing<Vec<u8>>,
        patience: Duration,
    ) -> Result<Result<Zeroizing<Vec<u8>>, String>, Error> {
        let broken = |breakdown| Error::unavailable(format!("{} {verb} {breakdown}", self.program_name()));
        if self.is_silent.get() {
            return Err(broken(Breakdown::Late));
        }
        let mut command = subprocess::command(&self.program, self.environment, |variable| {
            is_needed(variable, &self.name)
        });
        command.arg(verb);
        let limits = Limits {
            time: patience,
            line: ANSWER_MAX,
            total: ANSWER_MAX,
        };
        let outcome = subprocess::run(command, request, limits);
        self.is_silent
            .set(outcome.as_ref().is_err_and(|error| *error == Breakdown::Late));
        let outcome = outcome.map_err(broken)?;
        if outcome.status.success() {
            return Ok(Ok(outcome.output));
        }
        Ok(Err(String::from_utf8_lossy(&outcome.output).trim().to_owned()))
    }

    fn failed(&self, verb: &str, text: &str) -> Error {
        let text = if text.is_empty() {
            "failed without a message"
        } else {
            text
        };
        Error::unavailable(format!("{} {verb}: {}", self.program_name(), show::name(text)))
    }

    fn malformed(&self, verb: &str) -> Error {
        Error::damaged(format!(
            "{} {verb}: the helper sent a malformed reply",
            self.program_name()
        ))
    }
}

impl CredentialStore for Peer<'_> {
    /// Some, such as docker-credential-pass 0.6.4, answer for an unknown server with an empty login and exit
    /// code 0.
    fn get(&self, server: &ServerUrl) -> Result<Option<Credential>, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Reply {
            #[serde(rename = "ServerURL", default)]
            server_url: String,
            username: String,
            secret: String,
        }
        let reply = match self.ask("get", server.as_str().as_bytes().to_vec().into(), PATIENCE)? {
            Ok(reply) => reply,
            Err(text) if text == Error::NotFound.to_string() => return Ok(None),
            Err(text) => return Err(self.failed("get", &text)),
        };
        let reply: Reply = serde_json::from_slice(&reply).map_err(|_| self.malformed("get"))?;
        let secret = Secret::new(reply.secret);
        if reply.username.is_empty() && secret.expose().is_empty() {
            return Ok(None);
        }
        let named = reply.server_url.strip_prefix(LABEL).unwrap_or(&reply.server_url);
        let is_asked =
            named.is_empty() || ServerUrl::parse(named).is_ok_and(|named| named.key() == server.key());
        if !is_asked {
            return Err(Error::damaged(format!(
                "{} get: the helper replied with a login for another server, {}",
                self.program_name(),
                show::server(named)
            )));
        }
        Ok(Some(Credential::new(
            server.for_storing()?,
            Username::parse(reply.username)?,
            secret,
        )))
    }

    fn store(&self, credential: &Credential) -> Result<(), Error> {
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
        .map_err(|_| self.malformed("store"))?;
        if request.len() > INPUT_MAX {
            return Err(Error::unsupported(format!(
                "the login for {} is longer than {INPUT_MAX} bytes",
                credential.server()
            )));
        }
        self.ask("store", request, PATIENCE)?
            .map(drop)
            .map_err(|text| self.failed("store", &text))
    }

    fn erase(&self, server: &ServerUrl) -> Result<(), Error> {
        self.ask("erase", server.as_str().as_bytes().to_vec().into(), PATIENCE)?
            .map(drop)
            .map_err(|text| self.failed("erase", &text))
    }

    fn list(&self) -> Result<Vec<Listed>, Error> {
        let items = self.servers()?.into_iter();
        Ok(items
            .filter_map(|(server, username)| {
                let server = ServerUrl::parse(&server).ok()?;
                Some(Listed {
                    server,
                    username,
                    modified: None,
                })
            })
            .collect())
    }
}

/// Whether this helper needs the variable to find its logins, in addition to those for every program.
///
/// docker runs a helper with all variables. Without its settings, docker-credential-age would store under a
/// new key, and docker-credential-env would find nothing. A secret only reaches the program that it is meant
/// for.
fn is_needed(variable: &str, helper: &str) -> bool {
    let begins_with = |prefixes: &[&str]| prefixes.iter().any(|prefix| variable.starts_with(prefix));
    let is_interactive = variable == "DOCKER_CREDENTIAL_NONINTERACTIVE";
    is_interactive
        || match helper {
            "age" => begins_with(&["DOCKER_CREDENTIAL_AGE_"]),
            "keyring" => begins_with(&["DOCKER_CREDENTIAL_KEYRING"]),
            // Its variables are its store, and can't be listed here: labels, and those of a dozen CI systems.
            "env" => !begins_with(&["DOCKER_CREDENTIAL_AGE_", "LD_"]),
            "pass" => variable == "GNUPGHOME" || begins_with(&["PASSWORD_STORE_"]),
            "ecr-login" => begins_with(&["AWS_"]),
            "gcloud" | "gcr" => begins_with(&["CLOUDSDK_", "GOOGLE_"]),
            "acr" | "acr-env" | "acr-linux" => begins_with(&["AZURE_"]),
            // A Windows program, run in WSL.
            name if is_windows_program(name) => begins_with(&["WSL"]),
            _ => false,
        }
}

/// The value for `credsStore` of a program's name.
pub(super) fn short_name(name: &str) -> &str {
    name.strip_prefix("docker-credential-").unwrap_or(name)
}

/// Whether `--from` or `--to` names a file rather than a helper.
pub(super) fn names_file(text: &str) -> bool {
    let is_path = text.contains('/') || Path::new(text).components().count() > 1;
    is_path || text.contains('.') && !is_windows_program(text)
}

/// In WSL there are helpers with names such as `desktop.exe` and `wincred.exe`.
fn is_windows_program(name: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("exe"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_helper_that_timed_out_is_not_run_again() {
        let environment = Environment::stated("docker-credential-test", [("HOME", "/")]);
        let peer = Peer {
            name: "other".to_owned(),
            program: "/nonexistent".into(),
            environment: &environment,
            is_silent: Cell::new(true),
        };
        let server = ServerUrl::parse("ghcr.io").unwrap();
        assert_eq!(
            peer.get(&server).unwrap_err().to_string(),
            "docker-credential-other get doesn't answer in time"
        );
        peer.is_silent.set(false);
        let error = peer.get(&server).unwrap_err().to_string();
        assert!(error.contains("cannot be started"), "{error}");
    }

    #[test]
    fn a_file_has_a_slash_or_dot_unless_it_is_a_windows_program() {
        for file in ["./x", "auth.json", ".dockercfg", "./desktop.exe", "a/b"] {
            assert!(names_file(file), "{file}");
        }
        for helper in ["pass", "desktop.exe", "wincred.exe"] {
            assert!(!names_file(helper), "{helper}");
        }
    }

    #[test]
    fn a_helper_gets_its_own_settings_and_no_others() {
        for (variable, helpers) in [
            ("DOCKER_CREDENTIAL_AGE_IDENTITY", &["age"][..]),
            ("DOCKER_CREDENTIAL_PROD_PASSWORD", &["env"]),
            ("DOCKER_AUTH_CONFIG", &["env"]),
            ("GITHUB_TOKEN", &["env"]),
            ("GITHUB_PAT", &["env"]),
            ("REGISTRY_PASS", &["env"]),
            ("LD_PRELOAD", &[]),
            ("PASSWORD_STORE_DIR", &["env", "pass"]),
            ("DOCKER_CREDENTIAL_KEYRING_BACKEND", &["env", "keyring"]),
            ("AWS_SECRET_ACCESS_KEY", &["ecr-login", "env"]),
        ] {
            for helper in ["age", "ecr-login", "env", "keyring", "pass", "other"] {
                assert_eq!(
                    is_needed(variable, helper),
                    helpers.contains(&helper),
                    "{variable} {helper}"
                );
            }
        }
    }
}
