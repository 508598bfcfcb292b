//! The helpers under test, and the paths of their programs.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::requirement::environment;

/// One of the suite's helpers, and its properties for tests.
#[derive(Debug, Clone, Copy)]
pub struct Helper {
    /// Its name in `credsStore`.
    pub name: &'static str,
    /// Its files, if its store is a directory.
    pub files: Option<Files>,
    /// Whether a sandbox has a keyring for it.
    pub keyring: bool,
    /// Whether it answers from variables and can't store logins.
    pub read_only: bool,
}

/// The place of a helper's credentials in a sandbox: one file each.
#[derive(Debug, Clone, Copy)]
pub struct Files {
    /// Below the sandbox.
    pub directory: &'static str,
    /// The extension of their names, without the dot.
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

/// docker-credential-keyring, with a keyring that starts and ends with the sandbox.
pub const KEYRING: Helper = Helper {
    name: "keyring",
    files: None,
    keyring: true,
    read_only: false,
};

/// docker-credential-keyring, for tests with their own service.
pub const KEYRING_ALONE: Helper = Helper {
    keyring: false,
    ..KEYRING
};

/// docker-credential-env, which is read-only: it answers from the variables of its sandbox.
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

/// Runs each of the named functions as one test per helper that can store logins.
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

/// Runs each of the named functions as a test of docker-credential-env: those that need a login, but don't
/// store one.
#[macro_export]
macro_rules! for_env_too {
    ($($test:ident),+ $(,)?) => {
        mod env {
            $(#[test] fn $test() { super::$test($crate::helper::ENV); })+
        }
    };
}

/// The built conformance runner, next to the helpers.
pub fn conformance_runner() -> PathBuf {
    directory().join(format!(
        "docker-credential-conformance{}",
        std::env::consts::EXE_SUFFIX
    ))
}

/// The directory of the programs under test: `DOCKER_CREDENTIAL_TEST_BIN`, or a new build.
pub fn directory() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| match environment("DOCKER_CREDENTIAL_TEST_BIN") {
        // Relative to the workspace: tests run in the directory of their crate.
        Some(directory) => workspace().join(directory),
        None => build(),
    })
}

/// Builds without a release's optimisation, which takes minutes: `tests/run` tests release builds.
fn build() -> PathBuf {
    // Not `eprintln!`: libtest would hold it back until the test fails, but somebody is waiting now.
    let _unheard = io::stderr().lock().write_all(
        b"building the helpers without optimisation, about a minute; tests/run tests release builds\n",
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

/// The target directory of this workspace.
pub fn target_directory() -> PathBuf {
    // A relative CARGO_TARGET_DIR is relative to cargo's working directory, which a test doesn't know.
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
