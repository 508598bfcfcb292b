//! The variables of isometry's helper of the same name, `DOCKER_ghcr_io_USR` and `_PSW`, for those who come from there.
//!
//! Its names do not tell `a.b` from `a-b`, and it takes them for parent domains and other ports as well. So they count
//! only for hosts that are listed, by https, without port and path.

use docker_credential_helper::{Environment, Error, ServerKey, ServerUrl};

use crate::claim::{Claim, Claims};
use crate::value;
use crate::variable_error::{VariableError, enumeration};

/// `isometry`, or `isometry:` and hosts with commas between them.
pub(crate) const SETTING: &str = "DOCKER_CREDENTIAL_ENV_COMPAT";

const HOSTS: [&str; 4] = ["ghcr.io", "quay.io", "index.docker.io", "docker.io"];

/// The hosts whose variables count.
#[derive(Debug)]
pub(crate) struct Hosts(Vec<Host>);

#[derive(Debug, PartialEq, Eq)]
struct Host {
    server: ServerUrl,
    /// As it stands in the variables.
    name: String,
}

impl Hosts {
    /// Nothing unless the setting says so.
    pub(crate) fn of(environment: &Environment) -> Result<Option<Self>, Error> {
        let Some(setting) = environment.setting(SETTING)? else {
            return Ok(None);
        };
        let hosts: Vec<&str> = match setting.split_once(':') {
            None if setting == "isometry" => HOSTS.to_vec(),
            Some(("isometry", hosts)) => hosts.split(',').map(str::trim).collect(),
            _ => return Err(malformed()),
        };
        let mut known = Vec::new();
        for host in hosts {
            let host = Host::parse(host).ok_or_else(malformed)?;
            if !known.contains(&host) {
                known.push(host);
            }
        }
        Ok(Some(Self(known)))
    }

    pub(crate) fn claims(&self, environment: &Environment) -> Claims {
        let mut claims = Claims::default();
        for host in &self.0 {
            let is_shared = self
                .0
                .iter()
                .any(|other| other != host && other.name == host.name);
            for variables in host.variables() {
                let [user, password] = &variables;
                let mut login = value::pair(environment, user, password);
                if is_shared && login.is_some() {
                    login = Some(Err(VariableError::new(
                        set_among(environment, &variables),
                        format!(
                            "could be for any of the hosts of that name in {SETTING}; {}",
                            way_out(&host.server)
                        ),
                    )));
                }
                claims.push(Ok(Some(host.server.clone())), variables.to_vec(), login);
            }
        }
        claims
    }

    /// That variables are set for a host that is not listed. isometry's helper would take them.
    pub(crate) fn unlisted(&self, environment: &Environment, server: &ServerUrl) -> Option<Claim> {
        let is_listed = |host: &Host| host.server.key() == server.key();
        let hosts = bare_hosts(server.key());
        if self.0.iter().any(is_listed) {
            return None;
        }
        let variables: Vec<String> = hosts
            .iter()
            .filter_map(|host| Host::parse(host))
            .filter(|host| !self.0.iter().any(|other| other.name == host.name))
            .flat_map(|host| host.variables())
            .flat_map(|variables| set_among(environment, &variables))
            .collect();
        if variables.is_empty() {
            return None;
        }
        Some(Claim {
            server: server.clone(),
            login: Err(VariableError::new(
                &variables,
                format!(
                    "could be for {}, which {SETTING} does not list; {}",
                    enumeration(&hosts),
                    way_out(server)
                ),
            )),
            variables,
        })
    }
}

impl Host {
    fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        let server = ServerUrl::parse(&text).ok()?;
        let is_bare = server.key().https_parts().is_some() && !text.contains([':', '/', '[']);
        is_bare.then(|| Self {
            server,
            name: text.replace(['.', '-'], "_"),
        })
    }

    /// User name and password, in lower and in upper case.
    fn variables(&self) -> Vec<[String; 2]> {
        let mut names = vec![self.name.clone(), self.name.to_ascii_uppercase()];
        names.dedup();
        names
            .iter()
            .map(|name| ["USR", "PSW"].map(|suffix| format!("DOCKER_{name}_{suffix}")))
            .collect()
    }
}

/// The hosts by which a server is known, if it has neither port nor path.
fn bare_hosts(server: &ServerKey) -> Vec<String> {
    match server.https_parts() {
        _ if server.is_hub() => vec!["index.docker.io".into(), "docker.io".into()],
        Some((host, None, "")) => vec![host.to_owned()],
        _ => Vec::new(),
    }
}

fn set_among(environment: &Environment, variables: &[String]) -> Vec<String> {
    let is_set = |name: &&String| value::is_set(environment, name);
    variables.iter().filter(is_set).cloned().collect()
}

fn way_out(server: &ServerUrl) -> String {
    format!("set DOCKER_CREDENTIAL_<LABEL>_SERVER={server} with _USERNAME and _PASSWORD instead")
}

fn malformed() -> Error {
    Error::setting(
        SETTING,
        "is neither \"isometry\" nor \"isometry:\" and hosts, as isometry:ghcr.io,quay.io",
    )
}
