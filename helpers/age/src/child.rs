//! The programs that this one runs, pinentry and plugins: which file is run, and what it is told.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use docker_credential_helper::Environment;

/// What a child may know: where its user, screen, terminal and card reader are. It is a list of what is let through,
/// because nobody can list all the names under which secrets stand in an environment.
const PASSED_ON: &[&str] = &[
    "COLORTERM",
    "DBUS_SESSION_BUS_ADDRESS",
    "DISPLAY",
    "GPG_TTY",
    "HOME",
    "LANG",
    "LANGUAGE",
    "LOGNAME",
    "PCSCLITE_CSOCK_NAME",
    "TERM",
    "TMPDIR",
    "USER",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_CURRENT_DESKTOP",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    "XDG_SESSION_TYPE",
    // Windows.
    "APPDATA",
    "LOCALAPPDATA",
    "SystemRoot",
    "TEMP",
    "TMP",
    "USERPROFILE",
    "windir",
];

/// The program of this name, in the directories of `PATH` that are absolute, ours or root's, and not open to everybody.
pub(crate) fn find(name: &str, environment: &Environment) -> Option<PathBuf> {
    if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
        return None;
    }
    trusted_directories(environment)
        .into_iter()
        .map(|directory| directory.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
        .find(|program| is_trusted_program(program))
}

/// A program that a setting names: by its path, or by its name as [`find`] has it.
pub(crate) fn find_named(program: &str, environment: &Environment) -> Option<PathBuf> {
    let path = Path::new(program);
    if path.is_absolute() {
        let trusted = is_trusted_program(path) && path.parent().is_some_and(is_trusted_directory);
        return trusted.then(|| path.to_owned());
    }
    find(program, environment)
}

/// The command that runs the program, with its streams as pipes.
pub(crate) fn command(program: &Path, environment: &Environment) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .envs(passed_on(environment))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

fn passed_on(environment: &Environment) -> BTreeMap<OsString, OsString> {
    let mut variables: BTreeMap<_, _> = environment
        .variables()
        .into_iter()
        .filter(|(name, _)| name.to_str().is_some_and(is_passed_on))
        .collect();
    if let Ok(path) = std::env::join_paths(trusted_directories(environment)) {
        variables.insert("PATH".into(), path);
    }
    variables
}

fn is_passed_on(name: &str) -> bool {
    // Windows keeps the case of a name and does not look at it; most programs there do not start without `SystemRoot`.
    let is_same = |listed: &&str| *listed == name || cfg!(windows) && listed.eq_ignore_ascii_case(name);
    PASSED_ON.iter().any(is_same) || name.starts_with("LC_")
}

fn trusted_directories(environment: &Environment) -> Vec<PathBuf> {
    let path = environment.variable("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .filter(|directory| directory.is_absolute() && is_trusted_directory(directory))
        .collect()
}

/// Whether not just any user can put a program there: neither into it, nor by putting another directory in its place.
///
/// A group that can is its owner's choice. Homebrew's directories belong to the group `admin`, Debian's `/usr/local/bin`
/// belonged to `staff` for decades, and where everyone has a group of their own a umask of 002 is usual: refusing these
/// would refuse most plugins that are installed by hand. Modes do not tell which group has other members, and whoever
/// can write to a directory of `PATH` can put a `docker` there, too.
#[cfg(unix)]
fn is_trusted_directory(directory: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    let Ok(directory) = directory.canonicalize() else {
        return false;
    };
    directory.ancestors().enumerate().all(|(height, directory)| {
        directory.metadata().is_ok_and(|metadata| {
            // In a sticky directory others can make new names; they cannot take away the one above.
            let is_sticky = height > 0 && metadata.mode() & 0o1000 != 0;
            is_our_own(metadata.uid()) && (metadata.mode() & 0o002 == 0 || is_sticky)
        })
    })
}

#[cfg(unix)]
fn is_trusted_program(program: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    program.metadata().is_ok_and(|metadata| {
        metadata.is_file()
            && metadata.mode() & 0o111 != 0
            && metadata.mode() & 0o002 == 0
            && is_our_own(metadata.uid())
    })
}

#[cfg(unix)]
fn is_our_own(uid: u32) -> bool {
    uid == 0 || uid == rustix::process::geteuid().as_raw()
}

/// Who can write where is not told by modes there; the directories of `PATH` are taken as they are.
#[cfg(not(unix))]
fn is_trusted_directory(directory: &Path) -> bool {
    directory.is_dir()
}

#[cfg(not(unix))]
fn is_trusted_program(program: &Path) -> bool {
    program.is_file()
}

#[cfg(all(test, unix))]
#[expect(
    clippy::unwrap_used,
    reason = "a panic is how a part of a test says that it fails"
)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn directory_with_program(place: &Path, name: &str) -> PathBuf {
        let directory = place.join(name);
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("program"), "").unwrap();
        set_mode(&directory.join("program"), 0o755);
        directory
    }

    fn environment(path: &[&Path]) -> Environment {
        let path = std::env::join_paths(path).unwrap();
        Environment::stated("test", [("PATH", path)])
    }

    #[test]
    fn a_directory_that_others_can_write_to_is_passed_over() {
        let place = tempfile::tempdir().unwrap();
        let open = directory_with_program(place.path(), "open");
        let ours = directory_with_program(place.path(), "ours");
        set_mode(&open, 0o777);
        let environment = environment(&[&open, &ours]);
        assert_eq!(find("program", &environment), Some(ours.join("program")));
        assert_eq!(
            find_named(open.join("program").to_str().unwrap(), &environment),
            None
        );
    }

    #[test]
    fn a_group_that_can_write_to_a_directory_is_its_owners_choice() {
        let place = tempfile::tempdir().unwrap();
        let directory = directory_with_program(place.path(), "local");
        set_mode(&directory, 0o2775);
        set_mode(&directory.join("program"), 0o775);
        let environment = environment(&[&directory]);
        assert_eq!(find("program", &environment), Some(directory.join("program")));
    }

    #[test]
    fn a_directory_below_one_that_others_can_write_to_is_passed_over() {
        let place = tempfile::tempdir().unwrap();
        let above = place.path().join("above");
        fs::create_dir(&above).unwrap();
        let below = directory_with_program(&above, "below");
        set_mode(&above, 0o777);
        assert_eq!(find("program", &environment(&[&below])), None);
        let link = place.path().join("link");
        symlink(&below, &link).unwrap();
        assert_eq!(find("program", &environment(&[&link])), None);
        set_mode(&above, 0o1777);
        assert!(find("program", &environment(&[&below])).is_some());
    }

    #[test]
    fn a_program_that_others_can_write_or_nobody_can_run_is_passed_over() {
        let place = tempfile::tempdir().unwrap();
        let directory = directory_with_program(place.path(), "ours");
        for mode in [0o757, 0o644] {
            set_mode(&directory.join("program"), mode);
            assert_eq!(find("program", &environment(&[&directory])), None, "{mode:o}");
        }
    }

    #[test]
    fn relative_and_empty_entries_are_passed_over() {
        for path in [".", "", "bin", ":/nowhere:"] {
            let environment = Environment::stated("test", [("PATH", path)]);
            assert!(trusted_directories(&environment).is_empty(), "{path:?}");
        }
    }

    #[test]
    fn names_that_are_paths_are_refused() {
        let place = tempfile::tempdir().unwrap();
        let directory = directory_with_program(place.path(), "ours");
        let environment = environment(&[&directory]);
        for name in ["", ".", "..", "../ours/program", "./program", "x/../program"] {
            assert_eq!(find(name, &environment), None, "{name:?}");
            assert_eq!(find_named(name, &environment), None, "{name:?}");
        }
    }

    #[test]
    fn a_child_learns_neither_identity_nor_secret() {
        let environment = Environment::stated(
            "test",
            [
                ("HOME", "/h"),
                ("LC_ALL", "C"),
                ("DOCKER_CREDENTIAL_AGE_IDENTITY", "secret"),
                ("SOPS_AGE_KEY", "secret"),
                ("REGISTRY_TOKEN", "secret"),
                ("AGEDEBUG", "plugin"),
                ("LD_PRELOAD", "/tmp/x.so"),
                ("PATH", "."),
            ],
        );
        let passed: Vec<_> = passed_on(&environment)
            .into_iter()
            .map(|(name, value)| format!("{}={}", name.display(), value.display()))
            .collect();
        assert_eq!(passed, ["HOME=/h", "LC_ALL=C", "PATH="]);
    }
}

#[cfg(all(test, windows))]
mod windows_tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_in_any_case() {
        for name in ["SystemRoot", "SYSTEMROOT", "windir", "Temp"] {
            assert!(is_passed_on(name), "{name}");
        }
        assert!(!is_passed_on("REGISTRY_TOKEN"));
    }
}
