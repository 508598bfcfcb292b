//! Where real keyrings come from: this machine, or the root of a newer Debian that `tests/keyrings-newest` makes. The
//! bus and whatever uses the keyring always run on this machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program;
use crate::requirement::{Missing, environment};

/// The directory of that root; the temporary directory of the tests is inside it.
const VARIABLE: &str = "DOCKER_CREDENTIAL_TEST_KEYRINGS";

fn root() -> Option<PathBuf> {
    environment(VARIABLE).map(PathBuf::from)
}

/// The program of the first of these names, as a path in the root.
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

/// What runs a program that [`find`] found.
pub fn command(program: &Path) -> Command {
    match root() {
        None => Command::new(program),
        Some(root) => {
            // By its path: the command's own PATH has no programs of root.
            let mut command = Command::new(program::find("chroot").expect("part of every system"));
            command.arg(root).arg(program);
            command
        }
    }
}

/// A path as that program sees it.
pub fn inside(path: &Path) -> PathBuf {
    let root = root().unwrap_or_else(|| PathBuf::from("/"));
    let below = path
        .strip_prefix(root)
        .expect("the tests' directories are inside");
    Path::new("/").join(below)
}
