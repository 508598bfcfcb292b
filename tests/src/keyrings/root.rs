//! The source of real keyrings: this machine, or the root of a newer Debian from `tests/keyrings-newest`. The
//! bus and the clients of the keyring always run on this machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program;
use crate::requirement::{Missing, environment};

/// The directory of that root; the temporary directory of the tests is inside it.
const VARIABLE: &str = "DOCKER_CREDENTIAL_TEST_KEYRINGS";

fn root() -> Option<PathBuf> {
    environment(VARIABLE).map(PathBuf::from)
}

/// The first existing program of these names, as a path in the root.
pub fn find(names: &[&str]) -> Result<PathBuf, Missing> {
    let Some(root) = root() else {
        let mut found = names.iter().map(|name| program::find(name));
        let first = found.next().expect("there is a name");
        return first.or_else(|missing| found.find_map(Result::ok).ok_or(missing));
    };
    let programs = names.iter().map(|name| Path::new("/usr/bin").join(name));
    programs
        .clone()
        .find(|program| {
            root.join(program.strip_prefix("/").expect("it is absolute"))
                .exists()
        })
        .ok_or_else(|| Missing::new(format!("one of {names:?} in {}", root.display())))
}

/// A command that runs a program from [`find`].
pub fn command(program: &Path) -> Command {
    match root() {
        None => Command::new(program),
        Some(root) => {
            // By its path, because the command's own PATH doesn't have root's programs.
            let mut command = Command::new(program::find("chroot").expect("part of every system"));
            command.arg(root).arg(program);
            command
        }
    }
}

/// A path from that program's view.
pub fn inside(path: &Path) -> PathBuf {
    let root = root().unwrap_or_else(|| PathBuf::from("/"));
    let below = path
        .strip_prefix(root)
        .expect("the tests' directories are inside");
    Path::new("/").join(below)
}
