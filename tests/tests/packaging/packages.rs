//! Installs the files of a release in an empty root, and runs them there.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use docker_credential_tests::helper;
use docker_credential_tests::program::find;
use docker_credential_tests::require;
use docker_credential_tests::requirement::{Missing, environment, root};
use tempfile::TempDir;

use crate::place::{HELPERS, PROGRAMS, named, refusal, repository, run, small_prefix, write, write_program};

const REQUEST: &str = r#"{"ServerURL":"https://r.example.com","Username":"u","Secret":"s&<>"}"#;

/// The prefix of packaging/install for the tests: programs, manual pages and completions.
pub(crate) fn installed() -> Result<PathBuf, Missing> {
    let prefix = helper::directory().parent().expect("programs lie in bin");
    if prefix.join("share/doc/credstow").is_dir() {
        Ok(prefix.to_owned())
    } else {
        Err(Missing::new(
            "what packaging/install installs (tests/run does it)",
        ))
    }
}

/// The command that builds all packages into `directory`.
pub(crate) fn packer(prefix: &Path, directory: &Path) -> Command {
    let mut command = Command::new(repository().join("packaging/packages"));
    command.arg("--from").arg(prefix).arg(directory);
    command
}

pub(crate) fn make_packages(prefix: &Path, directory: &Path) {
    run(&mut packer(prefix, directory));
}

/// The directory of all packages, built once, because compression is slow.
pub(crate) fn packages(prefix: &Path) -> &'static Path {
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

pub(crate) fn sums(directory: &Path) -> String {
    fs::read_to_string(directory.join("SHA256SUMS")).expect("sums are made")
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

/// Runs every program of `directory` in `root`, without anything else, and stores a login with the age
/// helper.
fn assert_programs_run_in(root: &Path, directory: &str) {
    for helper in HELPERS {
        let program = format!("{directory}/docker-credential-{helper}");
        let version = run(Command::new("chroot").arg(root).args([&program, "version"]));
        assert!(
            version.starts_with(&format!("docker-credential-{helper} ")),
            "{version}"
        );
    }
    let runner = format!("{directory}/docker-credential-conformance");
    let helper = format!("{directory}/docker-credential-env");
    let cases = ["--read-only", "--only", "protocol", &helper];
    run(Command::new("chroot").arg(root).arg(runner).args(cases));
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
    assert_eq!(debs.len(), PROGRAMS.len());
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
    assert_eq!(rpms.len(), PROGRAMS.len());
    let rpm = || {
        let mut rpm = Command::new("rpm");
        rpm.arg("--root").arg(&clean).args(["--dbpath", "/var/lib/rpm"]);
        rpm
    };
    // Debian's rpm up to 4.18 requires this option, because the machine's own packages are dpkg's.
    let force = ["--force-debian"];
    let knows = Command::new("rpm").args(force).arg("--version").output();
    let force = &force[..usize::from(knows.is_ok_and(|output| output.status.success()))];
    run(rpm().args(force).arg("--install").args(&rpms));

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
        [
            "FROM scratch",
            "COPY bin/docker-credential-* /",
            "COPY share/doc/credstow/ /licenses/"
        ],
        "the test copies what the image is made of"
    );
    let image = TempDir::new().expect("a temporary directory");
    for program in PROGRAMS {
        let program = format!("docker-credential-{program}");
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

/// A quotation mark in the name of another file made packing fail.
#[test]
fn only_the_files_made_have_sums() {
    let made = TempDir::new().expect("a temporary directory");
    write(&made.path().join("it's mine.txt"), "another's");

    make_packages(small_prefix().path(), made.path());

    let sums = sums(made.path());
    assert!(sums.contains(".tar.gz\n") && !sums.contains("mine"), "{sums}");
}

#[test]
fn a_machine_without_releases_is_refused_before_the_build() {
    let programs = TempDir::new().expect("a temporary directory");
    let made = TempDir::new().expect("a temporary directory");
    write_program(
        &programs.path().join("uname"),
        "case $1 in -s) echo Linux ;; *) echo armv7l ;; esac",
    );
    let machine = environment("PATH").unwrap_or_default();
    let directories = [programs.path().to_owned()]
        .into_iter()
        .chain(std::env::split_paths(&machine));

    let complaint = refusal(
        Command::new(repository().join("packaging/packages"))
            .arg(made.path().join("out"))
            .env("PATH", std::env::join_paths(directories).expect("PATH")),
    );

    assert_eq!(
        complaint,
        "packages: cannot pack for Linux on armv7l: releases have no name for it; use packaging/install\n"
    );
    assert!(!made.path().join("out").exists());
}

/// Such as busybox's, which doesn't have the options: the archive was empty, and had its sum.
#[test]
fn no_archive_is_made_if_tar_fails() {
    let (prefix, made) = (small_prefix(), TempDir::new().expect("a temporary directory"));
    let programs = TempDir::new().expect("a temporary directory");
    write_program(&programs.path().join("tar"), "exit 1");
    let machine = environment("PATH").unwrap_or_default();
    let directories = [programs.path().to_owned()]
        .into_iter()
        .chain(std::env::split_paths(&machine));

    let complaint = refusal(
        packer(prefix.path(), made.path()).env("PATH", std::env::join_paths(directories).expect("PATH")),
    );

    assert_eq!(complaint, "packages: cannot pack: it needs GNU tar or bsdtar\n");
    assert!(named(made.path(), "").is_empty());
}

/// Its overrides are in the packages, each with its reason.
#[test]
fn debian_packages_are_clean_to_lintian() {
    require!(find("lintian"));
    let packages = packages(&require!(installed()));
    let lintian = run(Command::new("lintian")
        .args(["--allow-root", "--fail-on", "warning"])
        .args(named(packages, ".deb")));
    assert_eq!(lintian, "");
}

/// Its filters are in packaging/rpmlint.toml, each with its reason.
#[test]
fn rpms_are_clean_to_rpmlint() {
    require!(find("rpmlint"));
    require!(find("rpmbuild"));
    let packages = packages(&require!(installed()));
    let report = run(Command::new("rpmlint")
        .arg("--config")
        .arg(repository().join("packaging/rpmlint.toml"))
        .args(named(packages, ".rpm")));
    assert!(report.contains(" 0 errors, 0 warnings"), "{report}");
}

#[test]
fn while_the_address_is_a_placeholder_packages_show_none() {
    require!(find("dpkg-deb"));
    let made = TempDir::new().expect("a temporary directory");
    make_packages(small_prefix().path(), made.path());
    let manifest = fs::read_to_string(repository().join("Cargo.toml")).expect("it is there");
    let address = manifest
        .lines()
        .find_map(|line| line.strip_prefix("repository = \"")?.strip_suffix('"'))
        .expect("the workspace has an address");
    let shown = if address.contains(".example/") {
        ""
    } else {
        address
    };
    for deb in named(made.path(), ".deb") {
        let homepage = run(Command::new("dpkg-deb").arg("--field").arg(deb).arg("Homepage"));
        assert_eq!(homepage.trim_end(), shown);
    }
}
