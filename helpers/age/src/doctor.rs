//! The checks of `doctor` in an age store.

use std::path::Path;

use docker_credential_helper::commands::Finding;
use docker_credential_helper::{Environment, Error};

use crate::keys::identities::Identities;
use crate::keys::identity_file;
use crate::keys::origin::Origin;
use crate::keys::source::{self, Found};
use crate::{commands, settings};

mod store;

pub(crate) fn findings(environment: &Environment) -> Vec<Finding> {
    let mut findings = Vec::new();
    let identities = of_identity(environment, &mut findings);
    findings.extend(of_rotation(environment));
    if let Err(error) = store::findings(environment, identities.as_ref(), &mut findings) {
        findings.push(Finding::of_error("store", &error));
    }
    findings
}

/// The identity, if it can be used without asking.
fn of_identity(environment: &Environment, findings: &mut Vec<Finding>) -> Option<Identities> {
    let origin = match source::own_origin(environment) {
        Ok(origin) => origin,
        Err(error) => {
            findings.push(Finding::of_error("identity", &error));
            return None;
        }
    };
    if let Some(Origin::File(path)) = &origin {
        findings.extend(if_others_can_read(path, environment));
    }
    let found = match source::for_reading(environment) {
        Ok(found) => found,
        Err(error @ Error::Unavailable(_)) => {
            findings.push(without_identity(environment, &error));
            return None;
        }
        Err(error) => {
            findings.push(Finding::of_error("identity", &error));
            return None;
        }
    };
    let name = origin
        .as_ref()
        .map_or_else(|| "another program's setting".to_owned(), ToString::to_string);
    match found {
        Found::Open(identities) if identities.plugins.is_empty() => {
            findings.push(Finding::ok("identity", format!("using the identity {name}")));
            if origin.is_some() {
                let command = if identities.ssh.is_empty() {
                    "identity passphrase"
                } else {
                    "ssh-keygen -p"
                };
                findings.push(Finding::ok(
                    "passphrase",
                    format!("no passphrase: copies of your home can read logins ({command})"),
                ));
            }
            Some(identities)
        }
        Found::Open(_) => {
            findings.push(Finding::ok(
                "identity",
                format!("the identity of {name} needs its plugin, which was not run"),
            ));
            None
        }
        Found::Sealed(sealed) => {
            let opened = sealed.opened();
            let state = if opened.is_some() {
                "and open now"
            } else {
                "and locked now"
            };
            findings.push(Finding::ok(
                "identity",
                format!("the identity of {name} is encrypted with a passphrase, {state}"),
            ));
            opened.filter(|identities| identities.plugins.is_empty())
        }
    }
}

/// A rotation that was interrupted, here or in another store.
fn of_rotation(environment: &Environment) -> Option<Finding> {
    let outgoing = match source::outgoing(environment) {
        Ok(outgoing) => outgoing?,
        Err(error) => return Some(Finding::of_error("rotation", &error)),
    };
    Some(
        Finding::warning("rotation", "a rotation of the identity was interrupted")
            .safely_fixed_by(outgoing.completion()),
    )
}

fn without_identity(environment: &Environment, error: &Error) -> Finding {
    match commands::is_first_identity_due(environment) {
        Ok(true) if let Err(error) = identity_file::check_creation(environment) => {
            Finding::of_error("identity", &error)
        }
        // More than "ok", so that the round trip doesn't create it: its user should see the advice to back it
        // up.
        Ok(true) => Finding::warning(
            "identity",
            "there is no identity yet; the first login creates one",
        )
        .fixed_by("docker-credential-age identity new"),
        Ok(false) if settings::is_write_only(environment).is_ok_and(|it_is| it_is) => Finding::warning(
            "identity",
            "there is no identity: logins stored here cannot be read here",
        ),
        _ => Finding::of_error("identity", error),
    }
}

/// Only for the default file, because files that settings name are often mounted readable by everybody.
#[cfg(unix)]
fn if_others_can_read(path: &Path, environment: &Environment) -> Option<Finding> {
    use std::os::unix::fs::MetadataExt;

    use docker_credential_helper::show::ShellCommand;

    let is_default = settings::default_identity_file(environment).is_ok_and(|default| default == path);
    let is_readable =
        std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.mode() & 0o077 != 0);
    (is_default && is_readable).then(|| {
        Finding::warning(
            "identity",
            format!("other users can read the identity {}", path.display()),
        )
        .safely_fixed_by(ShellCommand::new("chmod 600").path(environment, path))
    })
}

#[cfg(not(unix))]
fn if_others_can_read(_: &Path, _: &Environment) -> Option<Finding> {
    None
}
