//! Finds programs on `PATH` as docker and a shell do, and those that a helper may run.

use std::path::{Path, PathBuf};

use crate::{Environment, show};

/// The program of that name that docker and a shell find: the first in `PATH`. (If its directory is relative,
/// docker stops there and doesn't run it.)
pub fn first_on_path(environment: &Environment, name: &str) -> Option<PathBuf> {
    let path = environment.variable("PATH").unwrap_or_default();
    let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(&path)
        .map(|directory| directory.join(&name))
        .find(|program| is_program(program))
}

/// Whether docker finds the helper that a setting names.
pub fn is_helper_installed(environment: &Environment, name: &str) -> bool {
    first_on_path(environment, &format!("docker-credential-{name}")).is_some()
}

/// Whether podman is installed, or another program that looks up logins as it does.
pub fn are_podmans_there(environment: &Environment) -> bool {
    ["podman", "skopeo", "buildah"]
        .iter()
        .any(|program| first_on_path(environment, program).is_some())
}

/// Why docker doesn't find a program, and the fix. All commands share this text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathAdvice {
    /// The problem, as a sentence without a full stop.
    pub problem: String,
    /// The file to add the line to, for people.
    pub profile: &'static str,
    /// The command that makes a shell, and docker in it, find the program.
    pub line: String,
}

/// Nothing if docker finds this program.
pub fn path_advice(environment: &Environment, program: &str) -> Option<PathAdvice> {
    if first_on_path(environment, program).is_some_and(|found| found.is_absolute()) {
        return None;
    }
    let own = std::env::current_exe().unwrap_or_else(|_| program.into());
    let directory = own.parent().unwrap_or(Path::new(""));
    let shell = environment.variable("SHELL").unwrap_or_default();
    let shell = Path::new(&shell)
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    // In double quotes, so that the shell expands `$HOME`.
    let escaped = |path: &Path| {
        let path = path.to_string_lossy();
        path.replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('$', "\\$")
            .replace('`', "\\`")
    };
    let below_home = environment
        .home_directory()
        .ok()
        .and_then(|home| directory.strip_prefix(home).ok().map(Path::to_owned));
    let shown = below_home.map_or_else(|| escaped(directory), |rest| format!("$HOME/{}", escaped(&rest)));
    let (profile, line) = match shell.as_str() {
        "fish" => ("~/.config/fish/config.fish", format!("fish_add_path \"{shown}\"")),
        "zsh" => ("~/.zprofile", format!("export PATH=\"{shown}:$PATH\"")),
        "bash" => (
            bash_profile(environment),
            format!("export PATH=\"{shown}:$PATH\""),
        ),
        _ => ("~/.profile", format!("export PATH=\"{shown}:$PATH\"")),
    };
    Some(PathAdvice {
        problem: format!(
            "{program} is in {}, which is not on PATH, so docker doesn't find it",
            show::path(environment, directory)
        ),
        profile,
        line,
    })
}

/// The first of these that exists is the only one that bash reads at a login.
fn bash_profile(environment: &Environment) -> &'static str {
    let is_there = |name: &str| {
        environment
            .home_directory()
            .is_ok_and(|home| home.join(name).exists())
    };
    match () {
        () if is_there(".bash_profile") => "~/.bash_profile",
        () if is_there(".bash_login") => "~/.bash_login",
        () => "~/.profile",
    }
}

/// Whether everybody can put a program there.
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
