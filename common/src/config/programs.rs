//! Programs, as docker and a shell find them on `PATH`, and as a helper may run them.

use std::path::{Path, PathBuf};

use crate::Environment;

/// The program of that name that may be run: the first in an absolute directory of `PATH` that not everybody may write
/// to. A helper must not run what somebody left in the current directory or in `/tmp`.
pub fn trusted(environment: &Environment, name: &str) -> Option<PathBuf> {
    find(environment, name, |directory| {
        directory.is_absolute() && !is_world_writable(directory)
    })
}

/// The program of that name that docker and a shell find: the first, in whichever directory of `PATH`. (docker goes no
/// further where that one is relative, and does not run it.)
pub fn first_on_path(environment: &Environment, name: &str) -> Option<PathBuf> {
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
