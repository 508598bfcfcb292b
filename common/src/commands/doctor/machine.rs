//! The configuration files of docker and podman, each read once, and what is wrong with a file as a file.

use std::path::{Path, PathBuf};

use crate::commands::Finding;
use crate::config::{ConfigFile, paths};
use crate::show::{self, ShellCommand};
use crate::{Environment, Error};

const CHECK: &str = "config";

/// What the checks look at.
pub(super) struct Machine {
    /// docker's file, if it can be read. One that doesn't exist is empty.
    pub(super) docker: Option<ConfigFile>,
    /// `~/.dockercfg`, likewise.
    pub(super) dockercfg: Option<ConfigFile>,
    /// podman's own files that can be read, in podman's order.
    pub(super) podman: Vec<ConfigFile>,
    /// Each fault of a file, once.
    pub(super) faults: Vec<Finding>,
}

impl Machine {
    pub(super) fn read(environment: &Environment) -> Self {
        let mut faults = Vec::new();
        let docker = match paths::docker(environment) {
            Ok(path) => docker(environment, &path, &mut faults),
            Err(error) => {
                faults.push(Finding::error(CHECK, error.to_string()));
                None
            }
        };
        let dockercfg = paths::dockercfg(environment).ok();
        let docker_path = paths::docker(environment).ok();
        let searched = paths::podman_search(environment).unwrap_or_default();
        let own = |path: &PathBuf| Some(path) != docker_path.as_ref() && Some(path) != dockercfg.as_ref();
        let mut podman = Vec::new();
        for path in searched.iter().filter(|path| own(path)) {
            match ConfigFile::read(path) {
                Ok(file) => podman.push(file),
                Err(error) => faults.push(unreadable("podman", environment, path, &error)),
            }
        }
        Self {
            docker,
            dockercfg: dockercfg.and_then(|path| ConfigFile::read(&path).ok()),
            podman,
            faults,
        }
    }
}

fn docker(environment: &Environment, path: &Path, faults: &mut Vec<Finding>) -> Option<ConfigFile> {
    if let Some(fault) = misnamed(environment) {
        faults.push(fault);
        return None;
    }
    let file = match ConfigFile::read(path) {
        Ok(file) => file,
        Err(error) => {
            faults.push(unreadable(CHECK, environment, path, &error));
            return None;
        }
    };
    if let Some(blocker) = file.document().edit_blocker() {
        let text = format!("{} {blocker}", path.display());
        let advice = "docker drops that part at the next login; correct the file in an editor";
        faults.push(Finding::error(CHECK, text).advice(advice));
    }
    if file.exists() {
        faults.extend(unchangeable(environment, path));
    }
    Some(file)
}

/// `DOCKER_CONFIG` names a directory. A shell expands no `~` inside quotes or in an env file.
fn misnamed(environment: &Environment) -> Option<Finding> {
    const NAME: &str = "DOCKER_CONFIG";
    let value = PathBuf::from(environment.variable(NAME)?);
    let shown = show::name(&value.to_string_lossy());
    let export =
        |directory: &Path| ShellCommand::new("export").word(format!("{NAME}={}", directory.display()));
    if let Ok(rest) = value.strip_prefix("~") {
        let text = format!(
            "{NAME} is {shown:?}, where nothing expands the ~: docker looks for a directory of that name"
        );
        let finding = Finding::error(CHECK, text);
        return Some(match environment.home_directory() {
            Ok(home) => finding.fixed_by(export(&home.join(rest))),
            Err(_) => finding.advice("write the whole path"),
        });
    }
    if value.is_file() {
        let text = format!(
            "{NAME} is {shown:?}, which is a file; docker expects the directory that holds config.json"
        );
        let finding = Finding::error(CHECK, text);
        return Some(match value.parent().filter(|_| value.ends_with("config.json")) {
            Some(directory) => finding.fixed_by(export(directory)),
            None => finding.advice(format!(
                "name the directory, and the file in it config.json, or unset {NAME}"
            )),
        });
    }
    None
}

fn unreadable(check: &'static str, environment: &Environment, path: &Path, error: &Error) -> Finding {
    match error {
        Error::Config { .. } => Finding::error(check, error.to_string()).advice(if check == CHECK {
            "docker ignores this file and overwrites it at the next login; correct it in an editor"
        } else {
            "correct it in an editor"
        }),
        _ if path.is_dir() => is_directory(check, environment, path),
        Error::File { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => {
            let finding = Finding::error(check, error.to_string());
            match owner(path) {
                Some(Owner::This) => {
                    finding.safely_fixed_by(ShellCommand::new("chmod u+rw").path(environment, path))
                }
                _ => finding.fixed_by(take_over(environment, path)),
            }
        }
        _ => Finding::error(check, error.to_string()),
    }
}

/// Container engines make a directory where a bind mount names a file that isn't there.
fn is_directory(check: &'static str, environment: &Environment, path: &Path) -> Finding {
    let text = format!("{} is a directory where a file belongs", path.display());
    let finding = Finding::error(check, text);
    let is_empty = std::fs::read_dir(path).is_ok_and(|mut names| names.next().is_none());
    if is_empty {
        return finding.safely_fixed_by(ShellCommand::new("rmdir").path(environment, path));
    }
    let aside = PathBuf::from(format!("{}.directory", path.display()));
    if aside.exists() {
        finding.advice("move it away")
    } else {
        finding.fixed_by(
            ShellCommand::new("mv")
                .path(environment, path)
                .path(environment, &aside),
        )
    }
}

/// Why the file can be read and not be replaced by docker or a helper.
fn unchangeable(environment: &Environment, path: &Path) -> Option<Finding> {
    let target = std::fs::canonicalize(path).ok()?;
    let shown = path.display();
    if is_mount_point(&target) {
        let text = format!(
            "{shown} is mounted as a single file, so neither docker nor a helper can replace it, and writing it in \
             place could lose it"
        );
        return Some(Finding::warning(CHECK, text).advice("mount the directory that it is in instead"));
    }
    let directory = target.parent()?;
    if is_read_only(directory) {
        let text = format!("{shown} is on a read-only file system, so no login can be added");
        return Some(
            Finding::warning(CHECK, text).advice("mount the directory so that it can be written to"),
        );
    }
    if !is_writable(directory) {
        let text = format!(
            "{} belongs to another user, so docker cannot save a login there",
            directory.display()
        );
        return Some(Finding::error(CHECK, text).fixed_by(take_over(environment, directory)));
    }
    let (word, open) = if is_writable_by_others(&target) {
        ("file", target.as_path())
    } else if is_writable_by_others(directory) {
        ("directory", directory)
    } else {
        return None;
    };
    let text = format!("other users can change the {word} {}", open.display());
    Some(
        Finding::warning(CHECK, text)
            .safely_fixed_by(ShellCommand::new("chmod go-w").path(environment, open)),
    )
}

fn take_over(environment: &Environment, path: &Path) -> ShellCommand {
    ShellCommand::new("sudo chown -R")
        .literal("\"$(id -u):$(id -g)\"")
        .path(environment, path)
}

enum Owner {
    This,
    Other,
}

#[cfg(unix)]
fn owner(path: &Path) -> Option<Owner> {
    use std::os::unix::fs::MetadataExt;
    let owner = std::fs::metadata(path).ok()?.uid();
    let this = rustix::process::geteuid().as_raw();
    Some(if owner == this { Owner::This } else { Owner::Other })
}

#[cfg(unix)]
fn is_writable_by_others(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let Ok(metadata) = std::fs::metadata(path) else {
        return false;
    };
    // In a sticky directory others can't replace the file. A group of its user's own number has nobody else in it.
    let is_sticky = metadata.is_dir() && metadata.mode() & 0o1000 != 0;
    let by_group = metadata.mode() & 0o020 != 0 && metadata.gid() != metadata.uid();
    !is_sticky && (metadata.mode() & 0o002 != 0 || by_group)
}

#[cfg(unix)]
fn is_writable(directory: &Path) -> bool {
    rustix::fs::access(directory, rustix::fs::Access::WRITE_OK).is_ok()
}

#[cfg(unix)]
fn is_read_only(directory: &Path) -> bool {
    rustix::fs::access(directory, rustix::fs::Access::WRITE_OK) == Err(rustix::io::Errno::ROFS)
}

#[cfg(target_os = "linux")]
fn is_mount_point(path: &Path) -> bool {
    /// As the kernel escapes white space in its table.
    fn escaped(path: &str) -> String {
        path.replace('\\', "\\134")
            .replace(' ', "\\040")
            .replace('\t', "\\011")
            .replace('\n', "\\012")
    }
    let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let path = escaped(&path.to_string_lossy());
    table
        .lines()
        .any(|line| line.split(' ').nth(4) == Some(path.as_str()))
}

#[cfg(not(target_os = "linux"))]
fn is_mount_point(_: &Path) -> bool {
    false
}

#[cfg(not(unix))]
fn owner(_: &Path) -> Option<Owner> {
    Some(Owner::Other)
}

#[cfg(not(unix))]
fn is_writable_by_others(_: &Path) -> bool {
    false
}

#[cfg(not(unix))]
fn is_writable(_: &Path) -> bool {
    true
}

#[cfg(not(unix))]
fn is_read_only(_: &Path) -> bool {
    false
}
