//! The install script installs from an archive, and makes docker use the helper.

use std::fs;
use std::process::Command;

use docker_credential_tests::program::find;
use docker_credential_tests::require;
use docker_credential_tests::requirement::root;

use crate::place::{AS_NOBODY, Download, PROGRAMS, below, outcome, refusal, run, sum, tree, write_program};

const PROGRAM: &str = "target/bin/docker-credential-age";

#[test]
fn an_archive_is_installed_and_docker_configured() {
    let download = Download::new();

    let printed = run(&mut download.install(&[]));

    let bin = download.prefix().join("bin");
    let lines: String = PROGRAMS
        .map(|program| format!("installed {}/docker-credential-{program}\n", bin.display()))
        .concat();
    assert_eq!(printed, lines);
    assert_eq!(download.asked(), "docker-credential-age configure\n");
    for file in [
        "share/man/man1/docker-credential-age-configure.1",
        "share/bash-completion/completions/docker-credential-keyring",
        "share/doc/credstow/THIRD-PARTY-NOTICES",
    ] {
        assert!(download.prefix().join(file).is_file(), "{file}");
    }
    download.assert_nothing_is_left_behind();
}

#[test]
fn an_archive_with_another_sum_is_refused() {
    let download = Download::new();
    let archive = download.path("archive.tar.gz");
    let mut bytes = fs::read(&archive).expect("the archive can be read");
    bytes.push(0);
    fs::write(&archive, bytes).expect("the archive can be changed");

    let complaint = refusal(&mut download.install(&[]));

    assert_eq!(
        complaint,
        format!(
            "install: archive.tar.gz is not the release's: its SHA-256 is {}, not {}; download it again\n",
            sum(&archive),
            download.sum
        )
    );
    download.assert_nothing_was_written();
}

/// Replaces the archive as soon as its checksum is computed.
fn exchange_after_the_sum(download: &Download) {
    let evil = Download::new();
    fs::copy(evil.path("archive.tar.gz"), download.path("evil.tar.gz")).expect("it can be copied");
    let unpacked = "mkdir e && tar -xzf evil.tar.gz -C e && for f in e/*/bin/*; do echo exit 66 >\"$f\"; done \
                    && tar -C e -czf evil.tar.gz . && tar -C e -czf evil.tar.gz $(ls e)";
    run(Command::new("sh")
        .args(["-c", unpacked])
        .current_dir(download.directory.path()));
    let sha256sum = find("sha256sum").unwrap_or_else(|missing| panic!("{missing}"));
    let directory = download.directory.path().display();
    download.stand_in(
        "sha256sum",
        &format!(
            "{} \"$@\" && cp '{directory}/evil.tar.gz' '{directory}/archive.tar.gz'",
            sha256sum.display()
        ),
    );
}

fn is_evil(download: &Download) -> bool {
    fs::read_to_string(download.path(PROGRAM)).expect("it is installed") == "exit 66\n"
}

/// As by a broken download; the last lines are the dangerous ones.
#[test]
fn a_script_that_is_cut_off_installs_nothing() {
    let download = Download::new();
    let script = fs::read_to_string(download.path("install")).expect("the script can be read");
    let lines: Vec<&str> = script.split_inclusive('\n').collect();
    for missing in 1..60 {
        let part = lines[..lines.len() - missing].concat();
        fs::write(download.path("install"), part).expect("the script can be written");
        outcome(&mut download.install(&["--no-configure"]));
        download.assert_nothing_was_written();
    }
}

#[test]
fn an_archive_exchanged_after_its_sum_is_not_unpacked() {
    let download = Download::new();
    exchange_after_the_sum(&download);

    run(&mut download.install(&["--no-configure"]));

    assert!(!is_evil(&download));
}

#[test]
fn control_without_the_private_copy_the_exchange_succeeds() {
    let download = Download::new();
    exchange_after_the_sum(&download);
    let script = fs::read_to_string(download.path("install")).expect("the script can be read");
    let broken = script.replace("\"$stage/archive.tar.gz\"", "\"$archive\"");
    let broken = broken.replace("cp -- \"$archive\" \"$archive\"", ":");
    assert_ne!(broken, script, "the control changes the script");
    fs::write(download.path("install"), broken).expect("the script can be written");

    run(&mut download.install(&["--no-configure"]));

    assert!(is_evil(&download));
}

#[test]
fn an_archive_for_another_machine_is_refused() {
    let download = Download::named("credstow-0.1.0-riscv64gc-unknown-linux-gnu");

    let complaint = refusal(&mut download.install(&[]));

    assert!(
        complaint.starts_with(
            "install: credstow-0.1.0-riscv64gc-unknown-linux-gnu is for another kind of machine: this is "
        ),
        "{complaint}"
    );
    download.assert_nothing_was_written();
}

#[test]
fn another_archive_is_refused() {
    let download = Download::named("something-else");

    let complaint = refusal(&mut download.install(&[]));

    assert_eq!(
        complaint,
        "install: archive.tar.gz is not an archive of credstow\n"
    );
    download.assert_nothing_was_written();
}

/// With its right sum, such as a copy that somebody made of a broken download.
#[test]
fn a_truncated_archive_installs_nothing() {
    let download = Download::new();
    let archive = download.path("archive.tar.gz");
    let bytes = fs::read(&archive).expect("the archive can be read");
    fs::write(&archive, &bytes[..bytes.len() / 2]).expect("the archive can be changed");
    let sum = sum(&archive);
    let mut install = download.script(&["--archive", "archive.tar.gz", "--sha256", &sum]);

    let complaint = refusal(install.args(["--prefix", "target"]));

    assert!(
        complaint.ends_with("install: cannot unpack archive.tar.gz; download it again\n"),
        "{complaint}"
    );
    download.assert_nothing_was_written();
}

#[test]
fn what_root_installs_is_for_everyone_whatever_the_umask() {
    require!(root());
    let download = Download::new();
    let umask = ["sh", "-c", "umask 077; exec \"$@\"", "sh"];

    run(&mut below(&umask, &download.install(&[])));

    let target = download.prefix();
    let closed = run(Command::new("find").arg(&target).args(["!", "-perm", "-a=rX"]));
    assert_eq!(closed, "", "everyone may read it");
}

#[test]
fn what_a_user_installs_nobody_else_can_replace() {
    require!(root());
    let download = Download::new();
    download.open_to_everyone();
    let mut install = download.script(&["--archive", "archive.tar.gz", "--sha256", &download.sum]);
    install.arg("--no-configure");
    let umask = ["sh", "-c", "umask 000; exec \"$@\"", "sh"];

    run(&mut below(&umask, &below(&AS_NOBODY, &install)));

    let local = download.path("home/.local");
    assert!(local.join("bin/docker-credential-age").is_file());
    let open = run(Command::new("find").arg(local).args(["-perm", "/022"]));
    assert_eq!(open, "", "others may write to it");
}

/// `program` interrupts the script that runs it with such arguments, as Ctrl-C does. The tests may run with interrupts ignored,
/// and the script would inherit that.
fn interrupted_in(program: &str, arguments: &str) -> Download {
    let download = Download::new();
    let real = find(program).unwrap_or_else(|missing| panic!("{missing}"));
    download.stand_in(
        program,
        &format!(
            "case $* in {arguments}) ;; *) exec {real} \"$@\" ;; esac; {real} \"$@\"; kill -s INT $PPID; exit 1",
            real = real.display()
        ),
    );
    let interrupted = outcome(&mut below(
        &["env", "--default-signal=INT"],
        &download.install(&[]),
    ));
    assert_eq!(interrupted.status.code(), Some(130), "{interrupted:?}");
    download
}

#[test]
fn an_interrupt_while_unpacking_leaves_nothing() {
    interrupted_in("tar", "*").assert_nothing_was_written();
}

#[test]
fn an_interrupt_while_copying_leaves_no_file() {
    let download = interrupted_in("chmod", "755*");
    download.assert_nothing_is_left_behind();
    let files = run(Command::new("find").arg(download.prefix()).args(["-type", "f"]));
    assert_eq!(files, "");
}

/// Old and new files together may not fit each other.
#[test]
fn an_interrupt_while_renaming_waits_for_the_last_file() {
    let download = Download::new();
    let real = find("mv").unwrap_or_else(|missing| panic!("{missing}"));
    let interrupt = "case $1 in -f) kill -s INT $PPID ;; esac";
    download.stand_in("mv", &format!("{interrupt}\nexec {} \"$@\"", real.display()));

    run(&mut below(
        &["env", "--default-signal=INT"],
        &download.install(&["--no-configure"]),
    ));

    for program in PROGRAMS {
        let program = download.path(&format!("target/bin/docker-credential-{program}"));
        assert!(program.is_file(), "{}", program.display());
    }
}

/// The last file is the largest that can fail.
#[test]
fn a_full_disk_leaves_the_previous_version() {
    let download = Download::new();
    run(&mut download.install(&["--no-configure"]));
    let old = download.path("target/share/man/man1/docker-credential-age.1");
    fs::write(&old, "the previous version").expect("it can be written");
    let before = tree(&download.prefix());
    let real = find("cp").unwrap_or_else(|missing| panic!("{missing}"));
    let full = "case $1 in */bin/docker-credential-keyring) exit 1 ;; esac";
    download.stand_in("cp", &format!("{full}\nexec {} \"$@\"", real.display()));

    let complaint = refusal(&mut download.install(&[]));

    assert_eq!(
        complaint,
        format!(
            "install: cannot copy to {}, so nothing is installed; if it is full, free space or use another --prefix\n",
            download.prefix().display()
        )
    );
    assert_eq!(
        fs::read_to_string(old).ok().as_deref(),
        Some("the previous version")
    );
    assert_eq!(tree(&download.prefix()), before);
    download.assert_nothing_is_left_behind();
}

#[test]
fn import_and_no_import_reach_configure() {
    for option in ["--import", "--no-import"] {
        let download = Download::new();
        run(&mut download.install(&[option]));
        assert_eq!(
            download.asked(),
            format!("docker-credential-age configure {option}\n")
        );
    }
}

#[test]
fn without_configure_docker_is_left_alone() {
    let download = Download::new();
    run(&mut download.install(&["--no-configure"]));
    assert_eq!(download.asked(), "");
}

#[test]
fn a_refusing_configure_exits_3_with_everything_installed() {
    let download = Download::new();

    let refused = outcome(download.install(&[]).env("CONFIGURE_EXIT", "1"));

    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    assert_eq!(
        String::from_utf8_lossy(&refused.stderr),
        "install: docker-credential-age is installed; docker's configuration is unchanged; to examine it, run: \
         docker-credential-age doctor\n"
    );
    assert!(download.path(PROGRAM).is_file());
}

/// The remaining commands need a new shell, and `configure` has printed them: the installation is complete.
#[test]
fn off_path_the_installation_has_not_failed() {
    let download = Download::new();
    let mut install = download.install(&[]);
    install.env("CONFIGURE_EXIT", "1").env("PATH", "/usr/bin:/bin");

    let installed = outcome(&mut install);

    assert_eq!(installed.status.code(), Some(0), "{installed:?}");
    assert_eq!(
        String::from_utf8_lossy(&installed.stderr),
        "install: docker-credential-age is installed; docker's configuration is unchanged\n"
    );
}

#[test]
fn an_older_helper_that_comes_first_is_named() {
    let download = Download::new();
    download.stand_in("docker-credential-age", "exit 0");

    let installed = outcome(&mut download.install(&[]));

    assert_eq!(installed.status.code(), Some(0), "{installed:?}");
    assert_eq!(
        String::from_utf8_lossy(&installed.stderr),
        format!(
            "install: docker finds {}, which comes before {} on PATH; remove it if it is an older one\n",
            download.path("programs/docker-credential-age").display(),
            download.prefix().join("bin").display()
        )
    );
}

/// docker finds it, and then refuses to run it.
#[test]
fn an_older_helper_of_an_empty_path_entry_is_named() {
    let download = Download::new();
    write_program(&download.path("docker-credential-age"), "exit 0");
    let mut install = download.install(&[]);
    install.env("PATH", ":/usr/bin:/bin");

    let installed = outcome(&mut install);

    assert_eq!(installed.status.code(), Some(0), "{installed:?}");
    assert_eq!(
        String::from_utf8_lossy(&installed.stderr),
        format!(
            "install: docker finds ./docker-credential-age, which comes before {} on PATH; \
             remove it if it is an older one\n",
            download.prefix().join("bin").display()
        )
    );
}

#[test]
fn with_sudo_it_says_whose_docker_is_configured() {
    require!(root());
    let download = Download::new();

    let installed = outcome(download.install(&[]).env("SUDO_USER", "alice"));

    assert_eq!(
        String::from_utf8_lossy(&installed.stderr),
        "install: this configured root's docker; for their own, each user runs: docker-credential-age configure\n"
    );
}

/// As in the shell of `sudo -u alice`.
#[test]
fn below_sudo_a_users_docker_is_not_called_roots() {
    require!(root());
    let download = Download::new();
    download.open_to_everyone();
    run(Command::new("chmod").arg("777").arg(download.directory.path()));

    let installed = outcome(below(&AS_NOBODY, &download.install(&[])).env("SUDO_USER", "bob"));

    assert_eq!(installed.status.code(), Some(0), "{installed:?}");
    assert_eq!(String::from_utf8_lossy(&installed.stderr), "");
}

#[test]
fn a_running_keyring_is_offered() {
    let download = Download::new();

    let installed = outcome(download.install(&[]).env("DISPLAY", ":0"));

    assert_eq!(
        String::from_utf8_lossy(&installed.stderr),
        "install: this desktop's keyring is running; to keep logins in it: docker-credential-keyring configure\n"
    );
    assert_eq!(
        download.asked(),
        "docker-credential-keyring list\ndocker-credential-age configure\n"
    );
}

#[test]
fn a_keyring_that_does_not_answer_is_not_offered() {
    let download = Download::new();
    let mut install = download.install(&[]);
    install
        .env("DISPLAY", ":0")
        .env("LIST_EXIT", "1")
        .env("LIST", "there is no session bus");

    let installed = outcome(&mut install);

    assert_eq!(String::from_utf8_lossy(&installed.stderr), "");
}

#[test]
fn a_chosen_helper_is_not_questioned() {
    let download = Download::new();
    run(download.install(&["--helper", "age"]).env("DISPLAY", ":0"));
    assert_eq!(download.asked(), "docker-credential-age configure\n");
}

/// The answer that a person types on a terminal decides.
#[test]
fn on_a_terminal_the_keyring_is_asked_about() {
    let script = require!(find("script"));
    for (typed, helper) in [("y\n", "keyring"), ("\n", "age")] {
        let download = Download::new();
        fs::write(download.path("typed"), typed).expect("a file can be written");
        let line = format!(
            "sh install --archive archive.tar.gz --sha256 {} --prefix target",
            download.sum
        );
        let mut terminal = Command::new(&script);
        terminal
            .args(["-qec", &line, "/dev/null"])
            .current_dir(download.directory.path())
            .envs(
                download
                    .install(&[])
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .env("DISPLAY", ":0")
            .stdin(fs::File::open(download.path("typed")).expect("it can be read"));
        run(&mut terminal);
        assert_eq!(
            download.asked(),
            format!("docker-credential-keyring list\ndocker-credential-{helper} configure\n")
        );
    }
}
