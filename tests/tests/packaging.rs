//! What a release consists of, installed where nothing else is, and run there.

#![cfg(unix)]

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use docker_credential_tests::helper;
use docker_credential_tests::program::find;
use docker_credential_tests::require;
use docker_credential_tests::requirement::{Missing, environment, root};
use tempfile::TempDir;

const REQUEST: &str = r#"{"ServerURL":"https://r.example.com","Username":"u","Secret":"s&<>"}"#;

/// What packaging/install has installed for the tests: programs, manual pages and completions.
fn installed() -> Result<PathBuf, Missing> {
    let prefix = helper::directory().parent().expect("programs lie in bin");
    if prefix.join("share/man/man1").is_dir() {
        Ok(prefix.to_owned())
    } else {
        Err(Missing::new(
            "what packaging/install installs (tests/run does it)",
        ))
    }
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests lie in the workspace")
}

#[track_caller]
fn run(command: &mut Command) -> String {
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

/// What makes all packages into `directory`.
fn packer(prefix: &Path, directory: &Path) -> Command {
    let mut command = Command::new(repository().join("packaging/packages"));
    command.arg("--from").arg(prefix).arg(directory);
    command
}

fn make_packages(prefix: &Path, directory: &Path) {
    run(&mut packer(prefix, directory));
}

/// Where all packages are, made once: compressing them takes long.
fn packages(prefix: &Path) -> &'static Path {
    static PACKAGES: OnceLock<PathBuf> = OnceLock::new();
    PACKAGES.get_or_init(|| {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packages");
        if directory.exists() {
            fs::remove_dir_all(&directory).expect("what an earlier run left goes");
        }
        make_packages(prefix, &directory);
        directory
    })
}

fn named(directory: &Path, end: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = directory
        .read_dir()
        .expect("a directory of the test")
        .map(|entry| entry.expect("a directory entry").path())
        .filter(|path| path.to_string_lossy().ends_with(end))
        .collect();
    found.sort();
    found
}

fn sums(directory: &Path) -> String {
    fs::read_to_string(directory.join("SHA256SUMS")).expect("sums are made")
}

fn helpers() -> Vec<String> {
    let directories = repository()
        .join("helpers")
        .read_dir()
        .expect("the workspace has helpers");
    directories
        .map(|entry| {
            entry
                .expect("a directory entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect()
}

/// A prefix with a file of a few bytes for each that packaging/install installs: enough to be packed, and quickly.
fn small_prefix() -> TempDir {
    let prefix = TempDir::new().expect("a temporary directory");
    for helper in helpers() {
        let program = format!("docker-credential-{helper}");
        for file in [
            format!("bin/{program}"),
            format!("share/man/man1/{program}.1"),
            format!("share/man/man1/{program}-configure.1"),
            format!("share/bash-completion/completions/{program}"),
            format!("share/fish/vendor_completions.d/{program}.fish"),
            format!("share/zsh/site-functions/_{program}"),
        ] {
            write(&prefix.path().join(&file), &file);
        }
    }
    prefix
}

fn write(path: &Path, content: &str) {
    fs::create_dir_all(path.parent().expect("it lies in a directory")).expect("a directory can be made");
    fs::write(path, content).expect("a file can be written");
}

/// Programs of the test, found before those of the machine.
struct Programs(TempDir);

impl Programs {
    fn new() -> Self {
        Self(TempDir::new().expect("a temporary directory"))
    }

    /// `script` is what /bin/sh does instead.
    fn add(&self, name: &str, script: &str) {
        let path = self.0.path().join(name);
        write(&path, &format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("its mode can be set");
    }

    fn before<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let path = environment("PATH").unwrap_or_default();
        let path = [self.0.path().to_owned()]
            .into_iter()
            .chain(std::env::split_paths(&path));
        command.env(
            "PATH",
            std::env::join_paths(path).expect("directories that can stand in PATH"),
        )
    }
}

/// The names of the files in the archive of `directory`, below the one directory at its top.
fn archived(directory: &Path) -> Vec<String> {
    let archive = named(directory, ".tar.gz").pop().expect("an archive is made");
    run(Command::new("tar").arg("-tzf").arg(archive))
        .lines()
        .filter_map(|line| line.split_once('/'))
        .map(|(_, name)| name.to_owned())
        .filter(|name| !name.is_empty() && !name.ends_with('/'))
        .collect()
}

/// Every program of `directory`, seen from within `root` and with nothing but it; and the age helper keeps a login.
fn assert_programs_run_in(root: &Path, directory: &str) {
    for helper in helpers() {
        let program = format!("{directory}/docker-credential-{helper}");
        let version = run(Command::new("chroot").arg(root).args([&program, "version"]));
        assert!(
            version.starts_with(&format!("docker-credential-{helper} ")),
            "{version}"
        );
    }
    let verb = |verb: &str, stdin: &str| {
        let mut child = Command::new("chroot")
            .arg(root)
            .args([&format!("{directory}/docker-credential-age"), verb])
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", "/home")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chroot can be run");
        let mut pipe = child.stdin.take().expect("stdin is a pipe");
        pipe.write_all(stdin.as_bytes()).expect("the helper reads");
        drop(pipe);
        let output = child.wait_with_output().expect("a child can be waited for");
        assert!(
            output.status.success(),
            "{verb}: {}",
            String::from_utf8_lossy(&output.stdout)
        );
        output.stdout
    };
    fs::create_dir_all(root.join("home")).expect("a home in the root");
    verb("store", REQUEST);
    assert_eq!(
        verb("get", "https://r.example.com"),
        format!("{REQUEST}\n").into_bytes()
    );
}

#[test]
fn debian_packages_install_into_an_empty_root_and_run_there() {
    require!(root());
    require!(find("dpkg-deb"));
    let prefix = require!(installed());
    let place = TempDir::new().expect("a temporary directory");
    let packages = packages(&prefix);
    let clean = place.path().join("root");
    for directory in ["var/lib/dpkg/info", "var/lib/dpkg/updates", "var/log"] {
        fs::create_dir_all(clean.join(directory)).expect("an empty root");
    }
    fs::write(clean.join("var/lib/dpkg/status"), "").expect("an empty root");

    let debs = named(packages, ".deb");
    assert_eq!(debs.len(), helpers().len());
    run(Command::new("dpkg")
        .arg("--root")
        .arg(&clean)
        .arg("--install")
        .args(&debs));

    assert_programs_run_in(&clean, "/usr/bin");
    for deb in &debs {
        let depends = run(Command::new("dpkg-deb").arg("--field").arg(deb).arg("Depends"));
        assert_eq!(depends.trim_end(), "", "a static program needs nothing");
    }
    assert!(
        clean
            .join("usr/share/man/man1/docker-credential-age-configure.1.gz")
            .is_file()
    );
    assert!(
        clean
            .join("usr/share/bash-completion/completions/docker-credential-age")
            .is_file()
    );
    let changed = run(Command::new("dpkg").arg("--root").arg(&clean).arg("--verify"));
    assert_eq!(changed, "", "what is installed is what the package says");
}

#[test]
fn rpms_install_into_an_empty_root_and_run_there() {
    require!(root());
    require!(find("rpmbuild"));
    let prefix = require!(installed());
    let place = TempDir::new().expect("a temporary directory");
    let packages = packages(&prefix);
    let clean = place.path().join("root");
    fs::create_dir(&clean).expect("an empty root");

    let rpms = named(packages, ".rpm");
    assert_eq!(rpms.len(), helpers().len());
    let rpm = || {
        let mut rpm = Command::new("rpm");
        rpm.arg("--root").arg(&clean).args(["--dbpath", "/var/lib/rpm"]);
        rpm
    };
    // Debian's rpm asks for this word, for the machine's own packages are dpkg's.
    run(rpm().args(["--force-debian", "--install"]).args(&rpms));

    assert_programs_run_in(&clean, "/usr/bin");
    let installed = run(rpm().args(["--query", "--all"]));
    assert_eq!(installed.lines().count(), rpms.len(), "{installed}");
}

#[test]
fn what_the_container_image_holds_runs_in_an_empty_root() {
    require!(root());
    let prefix = require!(installed());
    let dockerfile =
        fs::read_to_string(repository().join("packaging/container/Dockerfile")).expect("it is there");
    let instructions: Vec<&str> = dockerfile.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(
        instructions,
        ["FROM scratch", "COPY bin/docker-credential-* /"],
        "the test copies what the image is made of"
    );
    let image = TempDir::new().expect("a temporary directory");
    for helper in helpers() {
        let program = format!("docker-credential-{helper}");
        fs::copy(prefix.join("bin").join(&program), image.path().join(&program))
            .expect("a program can be copied");
    }

    assert_programs_run_in(image.path(), "");
}

#[test]
fn control_a_program_that_needs_a_libc_does_not_run_in_an_empty_root() {
    require!(root());
    let image = TempDir::new().expect("a temporary directory");
    fs::copy(require!(find("true")), image.path().join("true")).expect("a program can be copied");

    let ran = Command::new("chroot")
        .arg(image.path())
        .arg("/true")
        .output()
        .expect("chroot can be run");

    assert!(
        !ran.status.success(),
        "an empty root is not empty, or /bin/true is static here"
    );
}

#[test]
fn packages_are_the_same_twice() {
    let prefix = require!(installed());
    let again = TempDir::new().expect("a temporary directory");

    make_packages(&prefix, again.path());

    assert_eq!(sums(packages(&prefix)), sums(again.path()));
    assert!(sums(again.path()).contains(".tar.gz"), "{}", sums(again.path()));
}

#[test]
fn nothing_that_lies_beside_the_helpers_is_packed() {
    let alone = TempDir::new().expect("a temporary directory");
    let beside = TempDir::new().expect("a temporary directory");
    let prefix = small_prefix();
    make_packages(prefix.path(), alone.path());
    for file in [
        "bin/docker-credential-foo",
        "bin/docker-credential-pass",
        "share/docker-credential-age/ghcr.io.age",
        "share/fish/fish_history",
        "share/keyrings/login.keyring",
        "share/man/man1/foo.1",
    ] {
        write(&prefix.path().join(file), "private");
    }

    make_packages(prefix.path(), beside.path());

    assert_eq!(archived(beside.path()), archived(alone.path()));
    assert_eq!(sums(beside.path()), sums(alone.path()));
}

#[test]
fn packages_are_the_same_on_two_file_systems() {
    let memory = Path::new("/dev/shm");
    let disk = Path::new(env!("CARGO_TARGET_TMPDIR"));
    require!(two_file_systems(memory, disk));
    let prefix = small_prefix();
    let sums = [memory, disk].map(|place| {
        let made = TempDir::new().expect("a temporary directory");
        run(packer(prefix.path(), made.path()).env("TMPDIR", place));
        sums(made.path())
    });
    assert_eq!(sums[0], sums[1]);
}

fn two_file_systems(one: &Path, other: &Path) -> Result<(), Missing> {
    let device = |path| {
        fs::metadata(path)
            .map(|metadata: fs::Metadata| metadata.dev())
            .ok()
    };
    if device(one).is_some_and(|it| device(other) != Some(it)) {
        return Ok(());
    }
    let places = [one, other].map(|path| path.display().to_string());
    Err(Missing::new(format!(
        "two file systems, at {}",
        places.join(" and ")
    )))
}

/// As macOS has them, as far as the script could tell them from GNU's.
#[test]
fn packages_are_the_same_with_the_date_and_touch_of_bsd() {
    let prefix = small_prefix();
    let gnu = TempDir::new().expect("a temporary directory");
    let other = TempDir::new().expect("a temporary directory");
    let bsd = Programs::new();
    let (date, touch) = (require!(find("date")), require!(find("touch")));
    bsd.add(
        "date",
        &format!(
            r#"case $* in *-d*) exit 1 ;; esac
[ "$1 $2" = "-u -r" ] || exec {date} "$@"
seconds=$3 && shift 3 && exec {date} -u -d "@$seconds" "$@""#,
            date = date.display()
        ),
    );
    bsd.add(
        "touch",
        &format!(
            r#"case $* in *-d*) exit 1 ;; esac; exec {} "$@""#,
            touch.display()
        ),
    );
    make_packages(prefix.path(), gnu.path());

    run(bsd.before(&mut packer(prefix.path(), other.path())));

    assert_eq!(sums(other.path()), sums(gnu.path()));
}

/// The release's archive that lies in `made`, copied into `directory`, and its sum.
fn archive(made: &Path, directory: &Path) -> (PathBuf, String) {
    let made = named(made, ".tar.gz").pop().expect("an archive is made");
    let archive = directory.join("archive.tar.gz");
    fs::copy(made, &archive).expect("an archive can be copied");
    let sum = run(Command::new("sha256sum").arg(&archive));
    (archive, sum.split(' ').next().expect("a sum").to_owned())
}

fn install(archive: &Path, sum: &str, prefix: &Path) -> Command {
    // Away from the sources, as it lies beside a release's archive.
    let script = archive.with_file_name("install");
    fs::copy(repository().join("packaging/install"), &script).expect("the script can be copied");
    let mut command = Command::new("sh");
    command
        .arg(script)
        .args(["--no-configure", "--sha256", sum, "--archive"])
        .arg(archive)
        .arg("--prefix")
        .arg(prefix);
    command
}

#[test]
fn an_archive_with_the_right_sum_is_installed() {
    let prefix = require!(installed());
    let place = TempDir::new().expect("a temporary directory");
    let (archive, sum) = archive(packages(&prefix), place.path());
    let target = place.path().join("target");

    run(&mut install(&archive, &sum, &target));

    for file in [
        "bin/docker-credential-age",
        "share/man/man1/docker-credential-age.1",
    ] {
        assert_eq!(
            fs::read(target.join(file)).ok(),
            fs::read(prefix.join(file)).ok(),
            "{file}"
        );
    }
}

#[test]
fn an_archive_with_another_sum_is_refused_and_nothing_installed() {
    let prefix = require!(installed());
    let place = TempDir::new().expect("a temporary directory");
    let (archive, sum) = archive(packages(&prefix), place.path());
    let mut bytes = fs::read(&archive).expect("the archive can be read");
    bytes.push(0);
    fs::write(&archive, bytes).expect("the archive can be changed");
    let target = place.path().join("target");

    let refused = install(&archive, &sum, &target).output().expect("sh can be run");

    assert_eq!(refused.status.code(), Some(1));
    let complaint = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(complaint.contains("is not what the release has"), "{complaint}");
    assert!(!target.join("bin").exists());
}

#[test]
fn what_root_installs_is_for_everyone_whatever_the_umask() {
    require!(root());
    let prefix = small_prefix();
    let made = TempDir::new().expect("a temporary directory");
    make_packages(prefix.path(), made.path());
    let place = TempDir::new().expect("a temporary directory");
    let (archive, sum) = archive(made.path(), place.path());
    let target = place.path().join("target");
    let install = install(&archive, &sum, &target);

    run(Command::new("sh")
        .args(["-c", "umask 077; exec \"$@\"", "sh"])
        .arg(install.get_program())
        .args(install.get_args()));

    let closed = run(Command::new("find").arg(&target).args(["!", "-perm", "-a=rX"]));
    assert_eq!(closed, "", "everyone may read it");
}

/// As on Fedora and openSUSE, where the library is a package of its own.
#[test]
fn without_the_static_c_library_nothing_is_built_and_its_packages_are_named() {
    let place = TempDir::new().expect("a temporary directory");
    let built = place.path().join("built");
    let programs = Programs::new();
    programs.add("rustc", "echo host: x86_64-unknown-linux-gnu");
    programs.add("cc", "echo \"${1#-print-file-name=}\"");
    programs.add("cargo", &format!("touch '{}'; exit 1", built.display()));
    let mut install = Command::new(repository().join("packaging/install"));
    install
        .arg("--no-configure")
        .arg("--prefix")
        .arg(place.path().join("target"));

    let refused = programs.before(&mut install).output().expect("sh can be run");

    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&refused.stderr),
        "packaging/install: the static C library (libc.a) is missing; install glibc-static (Fedora, RHEL), \
         glibc-devel-static (openSUSE) or libc6-dev (Debian)\n"
    );
    assert!(!built.exists());
}

#[test]
fn every_command_has_a_manual_page() {
    require!(find("mandoc"));
    let prefix = require!(installed());
    for helper in helpers() {
        let program = format!("docker-credential-{helper}");
        let help = run(Command::new(prefix.join("bin").join(&program)).arg("--help"));
        let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
        let commands: Vec<&str> = commands
            .map_while(|line| line.strip_prefix("  ")?.split(' ').next())
            .collect();
        assert!(commands.contains(&"configure"), "{help}");
        let pages = commands
            .iter()
            .filter(|command| !command.is_empty())
            .map(|command| format!("{program}-{command}.1"));
        for page in pages.chain([format!("{program}.1")]) {
            let path = prefix.join("share/man/man1").join(&page);
            assert!(path.is_file(), "{page} is missing");
            run(Command::new("mandoc").args(["-Tlint", "-Werror"]).arg(path));
        }
    }
}

/// Every file that git tracks and that is a script of a POSIX shell or bash.
fn scripts() -> Vec<String> {
    let tracked = run(Command::new("git").arg("-C").arg(repository()).arg("ls-files"));
    let is_script = |file: &&str| {
        let start = fs::read(repository().join(file)).unwrap_or_default();
        ["#!/bin/sh\n", "#!/usr/bin/env bash\n"]
            .iter()
            .any(|line| start.starts_with(line.as_bytes()))
    };
    tracked.lines().filter(is_script).map(str::to_owned).collect()
}

#[test]
fn scripts_are_clean_to_shellcheck() {
    require!(find("shellcheck"));
    let scripts = scripts();
    assert!(scripts.contains(&"packaging/install".to_owned()), "{scripts:?}");
    run(Command::new("shellcheck")
        .current_dir(repository())
        .arg("--severity=warning")
        .args(scripts));
}

#[test]
fn every_action_of_the_workflows_is_pinned_by_its_hash() {
    let workflows = named(&repository().join(".github/workflows"), ".yml");
    assert!(workflows.len() >= 3);
    for workflow in workflows {
        let text = fs::read_to_string(&workflow).expect("a workflow can be read");
        let used = text
            .lines()
            .filter_map(|line| line.trim_start_matches([' ', '-']).strip_prefix("uses: "));
        for action in used {
            let hash = action
                .split_once('@')
                .and_then(|(_, hash)| hash.split(' ').next());
            let is_hash = |hash: &str| hash.len() == 40 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
            assert!(hash.is_some_and(is_hash), "{}: {action}", workflow.display());
        }
        assert!(
            text.contains("\npermissions: {}\n"),
            "{} begins without rights",
            workflow.display()
        );
    }
}
