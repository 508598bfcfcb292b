//! Separate sources for a release's scripts, with stand-ins for the programs that they call.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use docker_credential_tests::requirement::environment;
use tempfile::TempDir;

use crate::place::{outcome, repository, run, write, write_program};

/// A separate repository with the release's scripts, one commit on main, and stand-ins for programs.
pub(crate) struct Tree(TempDir);

pub(crate) const MANIFEST: &str = "version = \"1.2.3\"\nrust-version = \"1.95\"\nauthors = [\"A\"]\n\
                        maintainer = \"A <a@b.test>\"\nrepository = \"https://git.test/credstow\"\n";
const CHANGELOG: &str = "# Changelog\n\n## 1.2.3\n\nThe new.\n\n## 1.2.2\n\nThe old.\n";

impl Tree {
    pub(crate) fn new() -> Self {
        let tree = Self(TempDir::new().expect("a temporary directory"));
        fs::create_dir_all(tree.path("sources")).expect("a directory can be made");
        run(Command::new("cp")
            .arg("-R")
            .arg(repository().join("packaging"))
            .arg(tree.path("sources")));
        write(&tree.path("sources/Cargo.toml"), MANIFEST);
        write(&tree.path("sources/CHANGELOG.md"), CHANGELOG);
        for document in ["LICENSE-APACHE", "LICENSE-MIT", "README.md"] {
            write(&tree.path("sources").join(document), document);
        }
        tree.git("init -q -b main");
        tree.commit();
        tree.git("tag v1.2.3");
        tree
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn git(&self, words: &str) {
        run(Command::new("git")
            .args(["-c", "user.name=a", "-c", "user.email=a@b.test"])
            .arg("-C")
            .arg(self.path("sources"))
            .args(words.split(' ')));
    }

    /// Commits everything, also to the origin's main.
    pub(crate) fn commit(&self) {
        self.git("add -A");
        self.git("commit -q --allow-empty -m change");
        self.git("update-ref refs/remotes/origin/main HEAD");
    }

    pub(crate) fn stand_in(&self, name: &str, script: &str) {
        write_program(&self.path("programs").join(name), script);
    }

    /// Records its name and arguments in `called`, and then runs `script`.
    pub(crate) fn recorder(&self, name: &str, script: &str) {
        let called = self.path("called").display().to_string();
        self.stand_in(name, &format!("echo \"{name} $*\" >>'{called}'\n{script}"));
    }

    pub(crate) fn called(&self) -> String {
        fs::read_to_string(self.path("called")).unwrap_or_default()
    }

    pub(crate) fn script(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.path("sources/packaging").join(name));
        let machine = environment("PATH").unwrap_or_default();
        let path = [self.path("programs")]
            .into_iter()
            .chain(std::env::split_paths(&machine));
        command
            .args(arguments)
            .current_dir(self.0.path())
            .env("PATH", std::env::join_paths(path).expect("PATH"));
        command
    }

    #[track_caller]
    pub(crate) fn assert_refuses(&self, script: &str, arguments: &[&str], message: &str) {
        let refused = outcome(&mut self.script(script, arguments));
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        assert_eq!(String::from_utf8_lossy(&refused.stderr), format!("{message}\n"));
    }
}

/// A stand-in for the releases' Rust.
pub(crate) fn rust(tree: &Tree) {
    tree.stand_in(
        "rustc",
        "case $1 in\n-vV) echo host: x86_64-unknown-linux-gnu ;;\n*) echo 'rustc 1.95.0 (59807616e 2026-04-14)' ;;\nesac",
    );
}

/// The names of the files in a directory.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = directory
        .read_dir()
        .expect("a directory of the test")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}
