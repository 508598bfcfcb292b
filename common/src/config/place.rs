//! Where docker and podman look for their configuration files.

use std::path::{Path, PathBuf};

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

/// podman's file that stays: `$REGISTRY_AUTH_FILE`, or `containers/auth.json` in the directory for configuration.
/// The one that `podman login` writes without being told otherwise is in `/run` and vanishes at reboot.
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

/// The files in which podman, skopeo and buildah look for a login, in their order; the last two are docker's. Where
/// `REGISTRY_AUTH_FILE` is set there is no other.
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
pub fn podman_runtime(environment: &Environment) -> Option<PathBuf> {
    if let Some(directory) = named(environment, "XDG_RUNTIME_DIR") {
        return Some(directory.join("containers/auth.json"));
    }
    #[cfg(target_os = "linux")]
    return Some(
        Path::new("/run/containers")
            .join(rustix::process::getuid().as_raw().to_string())
            .join("auth.json"),
    );
    #[cfg(not(target_os = "linux"))]
    None
}

/// The program of that name that may be run: the first in an absolute directory of `PATH` that not everybody may write
/// to. A helper must not run what somebody left in the current directory or in `/tmp`.
pub fn program(environment: &Environment, name: &str) -> Option<PathBuf> {
    find(environment, name, |directory| {
        directory.is_absolute() && !is_world_writable(directory)
    })
}

/// The program of that name that docker and a shell find: the first, in whichever directory of `PATH`. (docker goes no
/// further where that one is relative, and does not run it.)
pub fn first_program(environment: &Environment, name: &str) -> Option<PathBuf> {
    find(environment, name, |_| true)
}

fn find(environment: &Environment, name: &str, may_be_in: impl Fn(&Path) -> bool) -> Option<PathBuf> {
    let path = environment.variable("PATH").unwrap_or_default();
    let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(&path)
        .filter(|directory| may_be_in(directory))
        .map(|directory| directory.join(&name))
        .find(|program| is_program(program))
}

/// Whether everybody may put a program there.
#[cfg(unix)]
pub(crate) fn is_world_writable(directory: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(directory).is_ok_and(|metadata| metadata.permissions().mode() & 0o002 != 0)
}

#[cfg(not(unix))]
pub(crate) fn is_world_writable(_directory: &Path) -> bool {
    false
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path)
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

/// For docker and podman an empty variable is one that is not set.
fn named(environment: &Environment, variable: &str) -> Option<PathBuf> {
    environment
        .variable(variable)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}
