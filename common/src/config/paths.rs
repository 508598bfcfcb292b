//! The paths of docker's and podman's configuration files.

use std::path::PathBuf;

use crate::{Environment, Error};

/// docker's `config.json`: in `$DOCKER_CONFIG`, which is a directory, or in `~/.docker`.
pub fn docker(environment: &Environment) -> Result<PathBuf, Error> {
    let directory = match named(environment, "DOCKER_CONFIG") {
        Some(directory) => directory,
        None => environment.home_directory()?.join(".docker"),
    };
    Ok(directory.join("config.json"))
}

/// `~/.dockercfg`, which docker wrote before version 1.7. podman still reads it.
pub fn dockercfg(environment: &Environment) -> Result<PathBuf, Error> {
    Ok(environment.home_directory()?.join(".dockercfg"))
}

/// podman's persistent file: `$REGISTRY_AUTH_FILE`, or `containers/auth.json` in the directory for
/// configuration. `podman login` by default writes one in `/run`, which vanishes at reboot.
pub fn podman(environment: &Environment) -> Result<PathBuf, Error> {
    if let Some(file) = named(environment, "REGISTRY_AUTH_FILE") {
        return Ok(file);
    }
    let directory = match named(environment, "XDG_CONFIG_HOME") {
        Some(directory) => directory,
        None => environment.home_directory()?.join(".config"),
    };
    Ok(directory.join("containers/auth.json"))
}

/// helm's own file: `$HELM_REGISTRY_CONFIG`, or `registry/config.json` in helm's directory for configuration.
/// `helm registry login` always writes there; without a login there, helm looks up logins as docker does.
pub fn helm(environment: &Environment) -> Result<PathBuf, Error> {
    if let Some(file) = named(environment, "HELM_REGISTRY_CONFIG") {
        return Ok(file);
    }
    let directory = match (
        named(environment, "HELM_CONFIG_HOME"),
        named(environment, "XDG_CONFIG_HOME"),
    ) {
        (Some(helm), _) => helm,
        (None, Some(xdg)) => xdg.join("helm"),
        (None, None) if cfg!(target_os = "macos") => {
            environment.home_directory()?.join("Library/Preferences/helm")
        }
        (None, None) => environment.config_directory()?.join("helm"),
    };
    Ok(directory.join("registry/config.json"))
}

/// regctl's file, in which `regctl registry login` keeps logins in plain text, in its own format.
pub fn regctl(environment: &Environment) -> Result<PathBuf, Error> {
    match named(environment, "REGCTL_CONFIG") {
        Some(file) => Ok(file),
        None => Ok(environment.home_directory()?.join(".regctl/config.json")),
    }
}

/// The files in which podman, skopeo and buildah look for a login, in their order; the last two are docker's.
/// If `REGISTRY_AUTH_FILE` is set, it is the only one.
pub fn podman_search(environment: &Environment) -> Result<Vec<PathBuf>, Error> {
    if let Some(file) = named(environment, "REGISTRY_AUTH_FILE") {
        return Ok(vec![file]);
    }
    let mut files: Vec<PathBuf> = podman_runtime(environment).into_iter().collect();
    files.extend([
        podman(environment)?,
        docker(environment)?,
        dockercfg(environment)?,
    ]);
    Ok(files)
}

/// The file that `podman login` writes on Linux.
///
/// Without `XDG_RUNTIME_DIR` it is below `/run/containers`, which root's podman creates for root only. Then this user
/// can't have a login there.
pub fn podman_runtime(environment: &Environment) -> Option<PathBuf> {
    if let Some(directory) = named(environment, "XDG_RUNTIME_DIR") {
        return Some(directory.join("containers/auth.json"));
    }
    if !cfg!(target_os = "linux") {
        return None;
    }
    let directory = PathBuf::from("/run/containers").join(user_id());
    let is_closed = std::fs::metadata(&directory)
        .is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied);
    (!is_closed).then(|| directory.join("auth.json"))
}

#[cfg(unix)]
fn user_id() -> String {
    rustix::process::getuid().as_raw().to_string()
}

#[cfg(not(unix))]
fn user_id() -> String {
    String::new()
}

/// How to log in to a registry where [`podman_writes_dockers`].
pub(crate) const PODMAN_LOGIN_FOR_HELPERS: &str = "env -u DOCKER_CONFIG podman login HOST";

/// docker's file, if it is where newer versions of `podman login` write plain text although registries.conf names a
/// helper: they take `DOCKER_CONFIG` for a wish to log docker in. Reading a login still asks the helper.
pub fn podman_writes_dockers(environment: &Environment) -> Option<PathBuf> {
    let is_set = |variable| named(environment, variable).is_some();
    if is_set("REGISTRY_AUTH_FILE") || !is_set("DOCKER_CONFIG") {
        return None;
    }
    docker(environment).ok()
}

/// For docker and podman, an empty variable is unset.
fn named(environment: &Environment, variable: &str) -> Option<PathBuf> {
    environment
        .variable(variable)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}
