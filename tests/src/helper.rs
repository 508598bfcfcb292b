//! The helpers under test, and where their programs are.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::requirement::environment;

/// One of the suite's helpers, and what a test must know about it.
#[derive(Debug, Clone, Copy)]
pub struct Helper {
    /// What stands in `credsStore`.
    pub name: &'static str,
    /// Its files, if its store is a directory.
    pub files: Option<Files>,
    /// Whether a place has a keyring for it.
    pub keyring: bool,
    /// Whether it answers from variables and can keep no login.
    pub read_only: bool,
}

/// Where a helper keeps its credentials in a place: one file each.
#[derive(Debug, Clone, Copy)]
pub struct Files {
    /// Beneath the place.
    pub directory: &'static str,
    /// What their names end in, without the dot.
    pub extension: &'static str,
}

/// docker-credential-age.
pub const AGE: Helper = Helper {
    name: "age",
    files: Some(Files {
        directory: "data/docker-credential-age",
        extension: "age",
    }),
    keyring: false,
    read_only: false,
};

/// docker-credential-keyring, with a keyring that starts and ends with the place.
pub const KEYRING: Helper = Helper {
    name: "keyring",
    files: None,
    keyring: true,
    read_only: false,
};

/// docker-credential-keyring, for tests that bring what it talks to.
pub const KEYRING_ALONE: Helper = Helper {
    keyring: false,
    ..KEYRING
};

/// docker-credential-env, which keeps nothing: it answers from the variables of its place.
pub const ENV: Helper = Helper {
    name: "env",
    files: None,
    keyring: false,
    read_only: true,
};

impl Helper {
    /// The built program.
    pub fn program(self) -> PathBuf {
        directory().join(format!(
            "docker-credential-{}{}",
            self.name,
            std::env::consts::EXE_SUFFIX
        ))
    }
}

/// Runs each of the named functions as one test per helper that can keep a login.
#[macro_export]
macro_rules! for_each_helper {
    ($($test:ident),+ $(,)?) => {
        mod age {
            $(#[test] fn $test() { super::$test($crate::helper::AGE); })+
        }
        mod keyring {
            $(
                #[test]
                fn $test() {
                    $crate::require!($crate::keyrings::gnome::GnomeKeyring::available());
                    super::$test($crate::helper::KEYRING);
                }
            )+
        }
    };
}

/// Runs each of the named functions as a test of docker-credential-env: those that need a login, but keep none.
#[macro_export]
macro_rules! for_env_too {
    ($($test:ident),+ $(,)?) => {
        mod env {
            $(#[test] fn $test() { super::$test($crate::helper::ENV); })+
        }
    };
}

/// The built conformance runner, which lies beside the helpers.
pub fn conformance_runner() -> PathBuf {
    directory().join(format!(
        "docker-credential-conformance{}",
        std::env::consts::EXE_SUFFIX
    ))
}

/// The directory of the programs under test: `DOCKER_CREDENTIAL_TEST_BIN`, or a build made here and now.
pub fn directory() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| match environment("DOCKER_CREDENTIAL_TEST_BIN") {
        // Relative to the workspace: tests run in the directory of their crate.
        Some(directory) => workspace().join(directory),
        None => build(),
    })
}

/// Builds without the optimisation of a release, which takes minutes: `tests/run` tests the programs that are shipped.
fn build() -> PathBuf {
    // Not `eprintln!`: libtest would keep it until the test has failed, and somebody is waiting now.
    let _unheard = io::stderr().lock().write_all(
        b"building the helpers unoptimised, about a minute; tests/run tests them as they are released\n",
    );
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(workspace()).args([
        "build",
        "--locked",
        "--quiet",
        "-p",
        "docker-credential-conformance",
    ]);
    for helper in workspace()
        .join("helpers")
        .read_dir()
        .expect("the workspace has helpers")
    {
        let helper = helper.expect("a directory entry").file_name();
        cargo
            .arg("-p")
            .arg(format!("docker-credential-{}", helper.to_string_lossy()));
    }
    let built = cargo.status().expect("cargo can be run").success();
    assert!(built, "the helpers do not build: {cargo:?}");
    target_directory().join("debug")
}

/// Where cargo builds this workspace.
pub fn target_directory() -> PathBuf {
    // A relative CARGO_TARGET_DIR is relative to where cargo was called, which a test is not told.
    match environment("CARGO_TARGET_DIR").map(PathBuf::from) {
        Some(directory) if directory.is_absolute() => directory,
        Some(directory) => workspace().join(directory),
        None => workspace().join("target"),
    }
}

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests lie in the workspace")
}
