//! The configuration files of docker and podman, each read once, and problems with the files themselves.

use std::path::{Path, PathBuf};

use crate::commands::Finding;
use crate::config::{ConfigFile, paths, programs};
use crate::show::{self, ShellCommand};
use crate::trust::Reason;
use crate::{Environment, Error};

const CHECK: &str = "config";
const PODMAN: &str = "podman";

/// The state that the checks examine.
pub(super) struct Machine {
    /// docker's file, if it can be read and changed. A missing file counts as empty.
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
                // Without XDG_RUNTIME_DIR, it is in root's `/run/containers`. docker doesn't mind.
                Err(error) if is_denied(&error) && !programs::are_podmans_there(environment) => {}
                Err(error) if is_denied(&error) && path.symlink_metadata().is_err() => {
                    let text = format!("podman, skopeo and buildah {error}");
                    let advice = "set XDG_RUNTIME_DIR to a directory of your own, as in a login session";
                    faults.push(Finding::error(PODMAN, text).advice(advice));
                }
                Err(error) => faults.push(unreadable(PODMAN, environment, path, &error)),
            }
        }
        Self {
            docker,
            dockercfg: dockercfg.and_then(|path| ConfigFile::read(&path).ok()),
            podman,
            faults,
        }
    }

    /// All readable files.
    pub(super) fn files(&self) -> impl Iterator<Item = &ConfigFile> {
        self.docker.iter().chain(&self.dockercfg).chain(&self.podman)
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
    // Nothing else works with the file before that, so this is the only finding about it.
    if let Some(blocker) = file.document().edit_blocker() {
        let text = format!("{} {blocker}", path.display());
        let advice = "docker drops or changes that part at the next login; correct the file in an editor";
        faults.push(Finding::error(CHECK, text).advice(advice));
        return None;
    }
    if file.exists() {
        faults.extend(unchangeable(environment, path));
    } else if let Err(error) = ConfigFile::check_creation(&environment.trust(), path) {
        faults.push(Finding::of_error(CHECK, &error));
        return None;
    }
    Some(file)
}

/// `DOCKER_CONFIG` names a directory. Shells don't expand `~` inside quotes or in an env file.
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
        error if is_denied(error) => {
            let finding = Finding::error(check, error.to_string());
            if is_ours(path) {
                finding.safely_fixed_by(ShellCommand::new("chmod u+rw").path(environment, path))
            } else {
                of_another_user(finding, environment, path)
            }
        }
        Error::File { source, .. } if source.kind() == std::io::ErrorKind::NotADirectory => {
            Finding::error(check, error.to_string())
                .advice("one of its directories is a file; move that away")
        }
        Error::File { source, .. } if source.kind() == std::io::ErrorKind::InvalidData => {
            Finding::error(check, error.to_string()).advice("move it away")
        }
        _ => Finding::error(check, error.to_string()),
    }
}

fn is_denied(error: &Error) -> bool {
    matches!(error, Error::File { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied)
}

/// Container engines create a directory if a bind mount names a missing file.
fn is_directory(check: &'static str, environment: &Environment, path: &Path) -> Finding {
    let text = format!("{} is a directory, but should be a file", path.display());
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

/// The reason why docker or a helper can't replace the file, or why others can.
fn unchangeable(environment: &Environment, path: &Path) -> Option<Finding> {
    let target = std::fs::canonicalize(path).ok()?;
    let shown = path.display();
    if is_mount_point(&target) {
        let text = format!(
            "{shown} is mounted as a single file, so neither docker nor a helper can replace it, and writing it in \
             place could lose it"
        );
        return Some(Finding::warning(CHECK, text).advice("mount its directory instead"));
    }
    let directory = target.parent()?;
    if is_read_only(directory) {
        let text = format!("{shown} is on a read-only file system, so no login can be added");
        return Some(
            Finding::warning(CHECK, text).advice("mount the directory so that it can be written to"),
        );
    }
    if is_closed(directory) {
        let text = format!("cannot change {shown}: its directory can't be written to");
        return Some(match strange_part(environment, directory) {
            _ if is_ours(directory) => Finding::error(CHECK, text)
                .safely_fixed_by(ShellCommand::new("chmod u+wx").path(environment, directory)),
            Some(_) => of_another_user(Finding::error(CHECK, text), environment, directory),
            // Such as a link to the files of Nix.
            None => Finding::warning(CHECK, text).advice(
                "no login can be added there; change it where it is managed, or use a file of your own",
            ),
        });
    }
    let doubt = environment.trust().doubt_about_change(path).ok().flatten()?;
    let text = format!("cannot trust {shown}: {doubt}");
    let finding = if environment.trust().file_to_change(path).is_err() {
        Finding::error(CHECK, text)
    } else {
        Finding::warning(CHECK, text)
    };
    Some(match (doubt.fix(), doubt.reason()) {
        (Some(command), _) => {
            finding.safely_fixed_by(ShellCommand::new(command).path(environment, doubt.path()))
        }
        (None, Reason::Owner(_)) => of_another_user(finding, environment, doubt.path()),
        (None, _) => finding,
    })
}

/// What `sudo docker login` leaves in the user's home may be taken over. A whole home or a system's directory may not.
fn of_another_user(finding: Finding, environment: &Environment, path: &Path) -> Finding {
    match strange_part(environment, path) {
        Some(part) => finding.fixed_by(
            ShellCommand::new("sudo chown -R")
                .literal("\"$(id -u):$(id -g)\"")
                .path(environment, part),
        ),
        None => finding
            .advice("run this as the user it belongs to, with that user's HOME, or use your own directory"),
    }
}

/// The first part of the path that isn't this user's, in a directory that is. For root, which owns everything above a
/// home, only in its own home.
fn strange_part<'a>(environment: &Environment, path: &'a Path) -> Option<&'a Path> {
    let is_root = is_ours(Path::new("/"));
    let own_home = environment.home_directory().ok().filter(|home| is_ours(home));
    path.ancestors().find(|part| {
        let is_in_ours = part.parent().is_some_and(is_ours);
        let is_own = own_home
            .as_ref()
            .is_some_and(|home| part != home && part.starts_with(home));
        is_in_ours && !is_ours(part) && (is_own || !is_root)
    })
}

#[cfg(unix)]
fn is_ours(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let user = rustix::process::geteuid().as_raw();
    std::fs::metadata(path).is_ok_and(|file| file.uid() == user)
}

#[cfg(unix)]
fn is_read_only(directory: &Path) -> bool {
    rustix::fs::access(directory, rustix::fs::Access::WRITE_OK) == Err(rustix::io::Errno::ROFS)
}

#[cfg(unix)]
fn is_closed(directory: &Path) -> bool {
    let wanted = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    rustix::fs::access(directory, wanted) == Err(rustix::io::Errno::ACCESS)
}

#[cfg(target_os = "linux")]
fn is_mount_point(path: &Path) -> bool {
    /// White space as the kernel escapes it in its table.
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
fn is_ours(_: &Path) -> bool {
    false
}

#[cfg(not(unix))]
fn is_read_only(_: &Path) -> bool {
    false
}

#[cfg(not(unix))]
fn is_closed(_: &Path) -> bool {
    false
}
