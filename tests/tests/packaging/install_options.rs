//! The install script's options, and its refusals before it does anything.

use std::fs;
use std::path::Path;
use std::process::Command;

use docker_credential_tests::require;
use docker_credential_tests::requirement::root;
use tempfile::TempDir;

use crate::place::{AS_NOBODY, Download, below, only, refusal, repository, run, tree, write};

#[test]
fn options_take_their_value_after_an_equals_sign() {
    let download = Download::new();
    let sum = format!("--sha256={}", download.sum);
    let options = [
        "--archive=archive.tar.gz",
        &sum,
        "--prefix=target",
        "--helper=env",
    ];

    run(&mut download.script(&options));

    assert!(download.path("target/bin/docker-credential-age").is_file());
    assert_eq!(download.asked(), "docker-credential-env configure\n");
}

#[test]
fn a_sum_in_upper_case_is_the_same_sum() {
    let download = Download::new();
    let sum = download.sum.to_uppercase();
    let options = [
        "--archive",
        "archive.tar.gz",
        "--sha256",
        &sum,
        "--prefix",
        "target",
    ];

    run(&mut download.script(&options));

    assert!(download.path("target/bin/docker-credential-age").is_file());
}

#[test]
fn a_line_of_the_sums_is_not_a_sum() {
    let download = Download::new();
    let (line, short) = (format!("{}  archive.tar.gz", download.sum), &download.sum[1..]);
    for sum in [&line, short] {
        let complaint = refusal(&mut download.script(&["--archive", "archive.tar.gz", "--sha256", sum]));
        assert_eq!(
            complaint,
            "install: --sha256 needs 64 hexadecimal digits: the first column of the release's SHA256SUMS\n"
        );
    }
}

#[test]
fn contradictions_are_refused() {
    let download = Download::new();
    let cases: [(&[&str], &str); 9] = [
        (
            &["--sha256", &download.sum],
            "--sha256 needs --archive: the sum is that of an archive",
        ),
        (
            &["--archive", "archive.tar.gz"],
            "--archive needs --sha256: take the sum from the release's SHA256SUMS",
        ),
        (
            &["--import", "--no-import"],
            "--import and --no-import exclude each other",
        ),
        (
            &["--import", "--no-configure"],
            "--import needs docker to be configured; leave out --no-configure",
        ),
        (
            &["--helper", "env", "--no-configure"],
            "--helper needs docker to be configured; leave out --no-configure",
        ),
        (
            &["--uninstall", "--helper", "age"],
            "--uninstall takes only --prefix and --no-configure",
        ),
        (
            &["--helper", "pass"],
            "there is no helper pass; the helpers are age, keyring and env",
        ),
        (&["--prefix"], "--prefix needs a value; see --help"),
        (&["--frobnicate"], "unknown option --frobnicate; see --help"),
    ];
    for (options, message) in cases {
        let complaint = refusal(&mut download.script(options));
        assert_eq!(complaint, format!("install: {message}\n"));
    }
    download.assert_nothing_was_written();
}

#[test]
fn an_empty_value_is_refused() {
    let download = Download::new();
    for options in [&["--prefix", ""][..], &["--prefix="]] {
        let complaint = refusal(&mut download.script(options));
        assert_eq!(complaint, "install: --prefix needs a value; see --help\n");
    }
}

#[test]
fn help_is_help() {
    for script in ["install", "packages", "reproduce"] {
        let path = repository().join("packaging").join(script);
        let help = run(Command::new(path).arg("--help"));
        assert!(help.contains(&format!("    packaging/{script} ")), "{help}");
    }
}

#[test]
fn wrong_options_of_packages_are_refused() {
    let packages = repository().join("packaging/packages");
    let directory = TempDir::new().expect("a temporary directory");
    let from = "--from needs the directory that packaging/install --prefix installed to";
    for (options, message) in [
        (
            &["--frobnicate", "out"][..],
            "unknown option --frobnicate; see --help",
        ),
        (&["--from"], from),
        (&["--from=", "out"], from),
        (&["--from", "nowhere", "out"], from),
        (&[], "needs one directory for the files; see --help"),
        (&["one", "two"], "needs one directory for the files; see --help"),
    ] {
        let mut command = Command::new(&packages);
        let complaint = refusal(command.args(options).current_dir(directory.path()));
        assert_eq!(complaint, format!("packages: {message}\n"));
    }
    assert_eq!(tree(directory.path()), ".\n");
}

#[test]
fn a_script_alone_without_an_archive_says_so() {
    let download = Download::new();

    let complaint = refusal(&mut download.script(&["--prefix", "target"]));

    assert_eq!(
        complaint,
        "install: this script isn't in the source tree; beside a release's archive, run: \
         sh install --archive FILE --sha256 SUM\n"
    );
    download.assert_nothing_was_written();
}

/// A shell expands the tilde in `--prefix ~/DIR` only.
#[test]
fn a_tilde_after_an_equals_sign_is_the_home() {
    let download = Download::new();
    let mut install = download.script(&["--archive", "archive.tar.gz", "--sha256", &download.sum]);

    run(install.args(["--prefix=~/mine", "--no-configure"]));

    let program = download.path("home/mine/bin/docker-credential-age");
    assert!(program.is_file());
    run(&mut download.script(&["--uninstall", "--prefix=~/mine", "--no-configure"]));
    assert!(!program.exists());
}

/// It would be the root of the file system.
#[test]
fn a_tilde_without_a_home_is_refused() {
    let download = Download::new();
    for home in ["", "relative"] {
        let mut script = download.script(&["--uninstall", "--prefix=~/mine"]);
        assert_eq!(
            refusal(script.env("HOME", home)),
            "install: HOME must be an absolute path, your home directory; set it, or use another --prefix\n"
        );
    }
}

#[test]
fn without_a_home_it_asks_for_a_prefix() {
    require!(root());
    let download = Download::new();
    download.open_to_everyone();
    for home in ["", "relative"] {
        let mut script = download.script(&["--archive", "archive.tar.gz", "--sha256", &download.sum]);
        let complaint = refusal(&mut below(&AS_NOBODY, script.env("HOME", home)));
        assert_eq!(
            complaint,
            "install: HOME must be an absolute path, your home directory; set it, or use --prefix DIR\n"
        );
    }
    download.assert_nothing_was_written();
}

#[test]
fn a_prefix_below_a_file_is_refused() {
    let download = Download::new();
    fs::write(download.path("target"), "a file").expect("a file can be written");

    let complaint = refusal(&mut download.install(&[]));

    let target = download.prefix();
    assert_eq!(
        complaint,
        format!(
            "install: cannot write to {0}: {0} is not a directory; use another --prefix\n",
            target.display()
        )
    );
    download.assert_nothing_is_left_behind();
}

#[test]
fn a_prefix_that_is_a_link_to_nowhere_is_refused() {
    let download = Download::new();
    std::os::unix::fs::symlink("nowhere", download.prefix()).expect("a link can be made");
    let target = download.prefix();
    assert_eq!(
        refusal(&mut download.install(&[])),
        format!(
            "install: cannot write to {0}: {0} is not a directory; use another --prefix\n",
            target.display()
        )
    );
}

#[test]
fn root_is_not_advised_to_become_root() {
    require!(root());
    let download = Download::new();
    fs::create_dir(download.prefix()).expect("a directory can be made");
    let mount = "mount -t tmpfs -o ro tmpfs target && exec \"$@\"";
    let alone = ["unshare", "--mount", "sh", "-c", mount, "sh"];
    let target = download.prefix();
    assert_eq!(
        refusal(&mut below(&alone, &download.install(&[]))),
        format!(
            "install: cannot write to {0}: {0} belongs to somebody else or is read-only; \
             make it writable, or use another --prefix\n",
            target.display()
        )
    );
}

/// tar's failure would look like a broken download.
#[test]
fn a_missing_tool_is_named_before_unpacking() {
    let download = Download::new();
    let all = ["find", "gzip", "tar", "sha256sum"];
    for missing in all {
        let programs = download.path(missing);
        only(&programs, &["sh", "id", "mktemp", "rm", "tr"]);
        let others: Vec<&str> = all.into_iter().filter(|tool| *tool != missing).collect();
        only(&programs, &others);
        assert_eq!(
            refusal(download.install(&[]).env("PATH", programs)),
            format!(
                "install: cannot unpack: {missing} is missing; install it with your system's package manager\n"
            )
        );
    }
    download.assert_nothing_was_written();
}

/// Before the build: cargo would run for minutes, and then mkdir would fail.
#[test]
fn a_prefix_of_somebody_else_is_refused_before_building() {
    require!(root());
    let download = Download::new();
    let built = download.path("home/built");
    download.stand_in("cargo", &format!("touch '{}'", built.display()));
    fs::create_dir(download.prefix()).expect("a directory can be made");
    // A part of the checkout, which others may not be able to enter.
    let source = download.path("source");
    for part in [
        "packaging/install",
        "packaging/notices",
        "Cargo.toml",
        "helpers/age/Cargo.toml",
    ] {
        write(
            &source.join(part),
            &fs::read_to_string(repository().join(part)).expect("a text"),
        );
    }
    download.open_to_everyone();

    let complaint = refusal(&mut below(&AS_NOBODY, &from_source(&download, &source)));

    let target = download.prefix();
    assert_eq!(
        complaint,
        format!(
            "install: cannot write to {0}: {0} belongs to somebody else or is read-only; \
             use --prefix ~/.local, or run this as root\n",
            target.display()
        )
    );
    assert!(!built.exists());
}

/// The script of a source tree, with stand-ins for the programs of Rust.
fn from_source(download: &Download, source: &Path) -> Command {
    let beside = download.script(&[]);
    let mut command = Command::new("sh");
    command
        .arg(source.join("packaging/install"))
        .arg("--prefix")
        .arg(download.prefix())
        .envs(beside.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
}

#[test]
fn without_cargo_nothing_is_created() {
    let download = Download::new();
    let programs = download.path("few");
    only(&programs, &["sh", "id", "dirname", "sed", "cat"]);

    let complaint = refusal(from_source(&download, repository()).env("PATH", programs));

    assert_eq!(
        complaint,
        "install: cannot build: cargo is missing; install Rust 1.95 or newer by rustup (https://rustup.rs)\n"
    );
    download.assert_nothing_was_written();
}

#[test]
fn an_old_rust_is_refused_with_what_is_there() {
    let download = Download::new();
    download.stand_in("cargo", "exit 1");
    download.stand_in("rustc", "echo 'rustc 1.94.0 (4a4ef493e 2026-03-02)'");
    let rustc = download.path("programs/rustc");
    let complaint = |way: &str| {
        format!(
            "install: cannot build: {} is Rust 1.94.0, and 1.95 is needed; {way}\n",
            rustc.display()
        )
    };
    download.stand_in("rustup", "exit 0");
    assert_eq!(
        refusal(&mut from_source(&download, repository())),
        complaint("run: rustup update")
    );

    fs::remove_file(download.path("programs/rustup")).expect("it can be removed");
    let programs = download.path("few");
    only(&programs, &["sh", "id", "dirname", "sed", "cat"]);
    let path = format!("{}:{}", download.path("programs").display(), programs.display());
    assert_eq!(
        refusal(from_source(&download, repository()).env("PATH", path)),
        complaint("install Rust 1.95 or newer by rustup (https://rustup.rs)")
    );
    download.assert_nothing_was_written();
}

/// As on Fedora and openSUSE, where the library is a separate package. The oldest accepted Rust gets this
/// far.
#[test]
fn without_the_static_c_library_nothing_is_built() {
    let download = Download::new();
    let built = download.path("built");
    download.stand_in(
        "rustc",
        "case $1 in\n-vV) echo host: x86_64-unknown-linux-gnu ;;\n*) echo rustc 1.95.0 ;;\nesac",
    );
    download.stand_in("cc", "echo \"${1#-print-file-name=}\"");
    download.stand_in("cargo", &format!("touch '{}'; exit 1", built.display()));

    let complaint = refusal(&mut from_source(&download, repository()));

    assert_eq!(
        complaint,
        "install: cannot build: the static C library (libc.a) is missing; install glibc-static (Fedora, RHEL), \
         glibc-devel-static (openSUSE) or libc6-dev (Debian)\n"
    );
    assert!(!built.exists());
    download.assert_nothing_was_written();
}

/// With `CDPATH`, `cd packaging/..` leads to another directory, and prints its path.
#[test]
fn cdpath_does_not_lead_elsewhere() {
    let download = Download::new();
    fs::create_dir(download.path("packaging")).expect("a directory can be made");
    let programs = download.path("few");
    only(&programs, &["sh", "id", "dirname", "sed", "cat"]);
    let mut script = Command::new("/bin/sh");
    script
        .arg("packaging/install")
        .arg("--prefix")
        .arg(download.prefix())
        .current_dir(repository())
        .env("PATH", programs)
        .env("CDPATH", download.directory.path());

    let complaint = refusal(&mut script);

    assert!(
        complaint.starts_with("install: cannot build: cargo is missing; "),
        "{complaint}"
    );
}

/// Stand-ins for Rust, of which cargo records the flags, and fails.
fn recording_the_flags(download: &Download) -> Command {
    download.stand_in(
        "rustc",
        "case $1 in\n-vV) echo host: x86_64-unknown-linux-musl ;;\n*) echo rustc 1.95.0 ;;\nesac",
    );
    let flags = download.path("flags").display().to_string();
    let cargo = format!("printf '%s' \"$CARGO_ENCODED_RUSTFLAGS\" >'{flags}'; exit 1");
    download.stand_in("cargo", &cargo);
    from_source(download, repository())
}

/// An empty flag would be a file's name for rustc.
#[test]
fn spaces_around_the_users_flags_are_no_flags() {
    let download = Download::new();

    refusal(recording_the_flags(&download).env("RUSTFLAGS", "  -C  target-cpu=x86-64-v2 "));

    let flags = fs::read_to_string(download.path("flags")).expect("cargo was called");
    let flags: Vec<&str> = flags.split('\x1f').collect();
    assert_eq!(flags[..2], ["-C", "target-cpu=x86-64-v2"]);
    assert!(!flags.contains(&""), "{flags:?}");
}

/// cargo finds its directory without it, so programs would contain that path.
#[test]
fn without_a_home_root_cannot_build() {
    require!(root());
    let download = Download::new();
    assert_eq!(
        refusal(
            recording_the_flags(&download)
                .env_remove("HOME")
                .env_remove("CARGO_HOME")
        ),
        "install: HOME must be an absolute path, your home directory; set it\n"
    );
    assert!(!download.path("flags").exists());
}

#[test]
fn a_failing_build_installs_nothing() {
    let download = Download::new();
    download.stand_in("cargo", "exit 101");

    let complaint = refusal(&mut from_source(&download, repository()));

    assert_eq!(
        complaint,
        "install: cannot build: cargo failed, as shown above; nothing is installed\n"
    );
    download.assert_nothing_was_written();
}
