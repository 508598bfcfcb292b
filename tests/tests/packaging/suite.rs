//! Runs tests/run with stand-ins for cargo and the install script.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use docker_credential_tests::requirement::environment;
use docker_credential_tests::service::wait_for;
use tempfile::TempDir;

use crate::place::{outcome, repository, run, write_program};

/// A checkout with only the script, in a directory with spaces. All that it fetches is there, but no docker.
struct Suite(TempDir);

impl Suite {
    fn new() -> Self {
        let suite = Self(TempDir::new().expect("a temporary directory"));
        fs::create_dir_all(suite.path("tests")).expect("a directory can be made");
        fs::copy(repository().join("tests/run"), suite.path("tests/run")).expect("it can be copied");
        for fetched in ["peers", "peers-own", "clients-python", "clients-node"] {
            fs::create_dir_all(suite.path("target").join(fetched)).expect("a directory can be made");
        }
        suite.program("target/zizmor/bin/zizmor", ":");
        suite.program("programs/dpkg-query", "echo installed");
        // Without a namespace of its own, because these tests may already be in such a one.
        suite.program("programs/unshare", "exit 1");
        suite
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join("it's my checkout").join(name)
    }

    fn program(&self, name: &str, script: &str) {
        write_program(&self.path(name), script);
    }

    fn run(&self) -> Command {
        let machine = environment("PATH").unwrap_or_default();
        let directories = [self.path("programs")]
            .into_iter()
            .chain(std::env::split_paths(&machine));
        let mut command = Command::new(self.path("tests/run"));
        command
            .env("PATH", std::env::join_paths(directories).expect("PATH"))
            .env_remove("CARGO_TARGET_DIR");
        command
    }
}

#[test]
fn the_result_is_the_last_line() {
    let suite = Suite::new();
    suite.program("packaging/install", ":");
    suite.program(
        "programs/cargo",
        "echo 'test result: ok. 3 passed; 0 failed; finished in 0.01s'",
    );

    let printed = run(&mut suite.run());

    // More than three, if this machine has more than one docker.
    let last = printed.lines().last().unwrap_or_default();
    assert!(last.ends_with(" passed, 0 failed, 0 skipped"), "{printed}");
}

/// Programs in the background of a shell don't get its interrupts, so cargo would compile for minutes.
#[test]
fn a_failed_build_ends_the_one_in_the_background() {
    let suite = Suite::new();
    suite.program("programs/cargo", "echo $$ >started\nexec sleep 600");
    suite.program(
        "packaging/install",
        "until [ -s started ]; do sleep 0.01; done; exit 1",
    );

    let failed = outcome(&mut suite.run());

    assert_eq!(failed.status.code(), Some(1), "{failed:?}");
    let process = fs::read_to_string(suite.path("started")).expect("cargo was called");
    let process = Path::new("/proc").join(process.trim());
    wait_for("cargo ends", || (!process.exists()).then_some(()));
}
