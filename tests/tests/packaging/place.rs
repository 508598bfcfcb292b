//! Common parts of the scripts' tests: directories, stand-ins for programs, and small archives.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use docker_credential_tests::program::find;
use docker_credential_tests::requirement::environment;
use tempfile::TempDir;

pub(crate) const HELPERS: [&str; 3] = ["age", "env", "keyring"];
/// All that is packed: the helpers and the conformance runner.
pub(crate) const PROGRAMS: [&str; 4] = ["age", "conformance", "env", "keyring"];

pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests are in the workspace")
}

/// Runs a command that must succeed, and returns what it printed.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command:?} fails: {text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

pub(crate) fn write(path: &Path, content: &str) {
    fs::create_dir_all(path.parent().expect("it is in a directory")).expect("a directory can be made");
    fs::write(path, content).expect("a file can be written");
}

pub(crate) fn write_program(path: &Path, script: &str) {
    write(path, &format!("#!/bin/sh\n{script}\n"));
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("its mode can be set");
}

/// The same command, as the last arguments of another program.
pub(crate) fn below(runner: &[&str], command: &Command) -> Command {
    let mut below = Command::new(runner[0]);
    below
        .args(&runner[1..])
        .arg(command.get_program())
        .args(command.get_args())
        .envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
    if let Some(directory) = command.get_current_dir() {
        below.current_dir(directory);
    }
    below
}

/// The files of `directory` whose names have this suffix.
pub(crate) fn named(directory: &Path, end: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = directory
        .read_dir()
        .expect("a directory of the test")
        .map(|entry| entry.expect("a directory entry").path())
        .filter(|path| path.to_string_lossy().ends_with(end))
        .collect();
    found.sort();
    found
}

/// Every file, link and directory below `directory`, by its path.
pub(crate) fn tree(directory: &Path) -> String {
    run(Command::new("sh")
        .args(["-c", "cd \"$1\" && find . | LC_ALL=C sort", "sh"])
        .arg(directory))
}

/// A prefix with all files of packaging/install, each of a few bytes, to pack quickly. The helpers are shell
/// scripts that record their arguments in `$HOME/asked`.
pub(crate) fn small_prefix() -> TempDir {
    let prefix = TempDir::new().expect("a temporary directory");
    let path = prefix.path();
    for helper in HELPERS {
        let program = format!("docker-credential-{helper}");
        write_program(
            &path.join("bin").join(&program),
            "echo \"${0##*/} $*\" >>\"$HOME/asked\"\n\
             case $1 in\n\
             list) echo \"${LIST-{\\}}\"; exit \"${LIST_EXIT:-0}\" ;;\n\
             configure) exit \"${CONFIGURE_EXIT:-0}\" ;;\n\
             unconfigure)\n\
             case ${2-} in\n\
             --podman) rm -f \"$HOME/.config/containers/registries.conf.d/50-${0##*/}.conf\" ;;\n\
             --helm) rm -f \"$HOME/.config/helm/registry/config.json\" ;;\n\
             *) echo '{}' >\"$HOME/.docker/config.json\" ;;\n\
             esac ;;\n\
             esac",
        );
        for file in [
            format!("share/man/man1/{program}.1"),
            format!("share/man/man1/{program}-configure.1"),
            format!("share/bash-completion/completions/{program}"),
            format!("share/fish/vendor_completions.d/{program}.fish"),
            format!("share/zsh/site-functions/_{program}"),
        ] {
            write(&path.join(&file), &file);
        }
    }
    let runner = "docker-credential-conformance";
    write_program(&path.join("bin").join(runner), "exit 2");
    write(&path.join("share/man/man1").join(format!("{runner}.1")), runner);
    for document in [
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "THIRD-PARTY-NOTICES",
        "BUILD-INFO",
    ] {
        write(&path.join("share/doc/credstow").join(document), document);
    }
    prefix
}

/// The name of a release's archive for this machine, without its extension.
pub(crate) fn archive_name() -> String {
    let system = if cfg!(target_os = "macos") {
        "apple-darwin"
    } else {
        "unknown-linux-gnu"
    };
    format!(
        "credstow-{}-{}-{system}",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::ARCH
    )
}

/// The directory after downloading a release, with only the archive and the install script; and a home.
pub(crate) struct Download {
    pub(crate) directory: TempDir,
    pub(crate) sum: String,
}

/// Runs a command as a user without privileges: see [`below`]. Only for root.
pub(crate) const AS_NOBODY: [&str; 6] = [
    "setpriv",
    "--reuid",
    "65534",
    "--regid",
    "65534",
    "--clear-groups",
];

impl Download {
    /// Lets [`AS_NOBODY`] read it, and write to its home.
    pub(crate) fn open_to_everyone(&self) {
        let everyone = "chmod -R a+rX . && chmod a+rwx home tmp";
        run(Command::new("sh")
            .args(["-c", everyone])
            .current_dir(self.directory.path()));
    }

    pub(crate) fn new() -> Self {
        Self::named(&archive_name())
    }

    /// With an archive whose one directory has that name.
    pub(crate) fn named(root: &str) -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let path = directory.path();
        for made in ["home/.docker", "tmp", "programs"] {
            fs::create_dir_all(path.join(made)).expect("a directory can be made");
        }
        fs::copy(repository().join("packaging/install"), path.join("install"))
            .expect("the script can be copied");
        let prefix = small_prefix();
        let tree = TempDir::new().expect("a temporary directory");
        fs::rename(prefix.path(), tree.path().join(root)).expect("it can be renamed");
        fs::create_dir(prefix.path()).expect("it goes by itself at the end");
        let archive = path.join("archive.tar.gz");
        run(Command::new("tar")
            .arg("-C")
            .arg(tree.path())
            .arg("-czf")
            .arg(&archive)
            .arg(root));
        let sum = sum(&archive);
        Self { directory, sum }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn prefix(&self) -> PathBuf {
        self.path("target")
    }

    /// Adds a shell script before the machine's programs on PATH.
    pub(crate) fn stand_in(&self, name: &str, script: &str) {
        write_program(&self.path("programs").join(name), script);
    }

    /// The script with these arguments, in the test's home and temporary directory. The prefix is on PATH, so
    /// that docker finds the helpers.
    pub(crate) fn script(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("sh");
        command
            .arg("install")
            .args(arguments)
            .current_dir(self.directory.path())
            .env_clear()
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.path("tmp"))
            .env("PATH", self.search_path());
        command
    }

    fn search_path(&self) -> std::ffi::OsString {
        let machine = environment("PATH").unwrap_or_default();
        let own = [self.path("programs"), self.prefix().join("bin")];
        let all = own.into_iter().chain(std::env::split_paths(&machine));
        std::env::join_paths(all).expect("directories that PATH can name")
    }

    /// Installs the archive to the prefix, with more options.
    pub(crate) fn install(&self, options: &[&str]) -> Command {
        let mut command = self.script(&["--archive", "archive.tar.gz", "--sha256", &self.sum]);
        command.args(["--prefix", "target"]).args(options);
        command
    }

    /// The helpers' calls, one a line.
    pub(crate) fn asked(&self) -> String {
        fs::read_to_string(self.path("home/asked")).unwrap_or_default()
    }

    #[track_caller]
    pub(crate) fn assert_nothing_was_written(&self) {
        assert!(!self.prefix().exists(), "{}", tree(&self.prefix()));
        self.assert_nothing_is_left_behind();
    }

    #[track_caller]
    pub(crate) fn assert_nothing_is_left_behind(&self) {
        assert_eq!(tree(&self.path("tmp")), ".\n", "temporary files stay");
    }
}

pub(crate) fn sum(file: &Path) -> String {
    let line = run(Command::new("sha256sum").arg(file));
    line.split(' ').next().expect("a sum").to_owned()
}

/// The message of a refusal on stderr; it exits with 1.
#[track_caller]
pub(crate) fn refusal(command: &mut Command) -> String {
    let output = outcome(command);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) fn outcome(command: &mut Command) -> Output {
    command.output().expect("sh can be run")
}

/// A directory with only these programs of the machine, for PATH.
pub(crate) fn only(directory: &Path, programs: &[&str]) {
    fs::create_dir_all(directory).expect("a directory can be made");
    for program in programs {
        let found = find(program).unwrap_or_else(|missing| panic!("{missing}"));
        std::os::unix::fs::symlink(found, directory.join(program)).expect("a link can be made");
    }
}
