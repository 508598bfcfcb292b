//! System calls that a helper never makes: network, writes while reading, other programs.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use docker_credential_tests::helper::AGE;
use docker_credential_tests::login::Login;
use docker_credential_tests::refusal::snapshot;
use docker_credential_tests::sandbox::Sandbox;
use docker_credential_tests::{program, require};

use crate::broken::Subject;
use crate::scale::report;

const SERVER: &str = "ghcr.io";

/// Expected calls, which are ignored.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    calls: usize,
    network: Vec<String>,
    writes: Vec<String>,
    programs: Vec<String>,
}

/// Runs a program under strace and sorts its system calls.
fn asked(place: &Sandbox, program: &Path, verb: &str, stdin: &str) -> Asked {
    let trace = place.path("tmp/trace");
    place
        .run("strace")
        .args(["-f", "-qq", "-y", "-o"])
        .arg(&trace)
        .arg(program)
        .arg(verb)
        .stdin(stdin)
        .outcome();
    let text = fs::read_to_string(&trace).expect("strace wrote its trace");
    fs::remove_file(&trace).expect("the trace can be removed");
    let mut asked = Asked::default();
    for line in text.lines() {
        let call = line
            .split_once(' ')
            .map_or(line, |(_process, call)| call.trim_start());
        let Some((name, arguments)) = call.split_once('(') else {
            continue;
        };
        asked.calls += 1;
        let failed_to_exist = call.contains("= -1 ENOENT");
        match name {
            "socket" | "connect" | "bind" if call.contains("AF_INET") || call.contains("AF_NETLINK") => {
                asked.network.push(call.to_owned());
            }
            "execve" | "execveat" if asked.calls > 1 => asked.programs.push(call.to_owned()),
            // To the client, to the terminal or to event counters, not to a file.
            "write" | "writev" | "pwrite64"
                if !["0<", "1<", "2<"]
                    .iter()
                    .any(|stream| arguments.starts_with(stream))
                    && !arguments.contains("<pipe:")
                    && !is_reply(arguments) =>
            {
                asked.writes.push(call.to_owned());
            }
            "open" | "openat" | "openat2"
                if [
                    "O_WRONLY",
                    "O_RDWR",
                    "O_CREAT",
                    "O_TRUNC",
                    "O_APPEND",
                    "O_TMPFILE",
                ]
                .iter()
                .any(|flag| arguments.contains(flag))
                    && !arguments.contains("\"/dev/") =>
            {
                asked.writes.push(call.to_owned());
            }
            "creat" | "rename" | "renameat" | "renameat2" | "link" | "linkat" | "symlink" | "symlinkat"
            | "unlink" | "unlinkat" | "mkdir" | "mkdirat" | "rmdir" | "mknod" | "mknodat" | "chmod"
            | "fchmod" | "fchmodat" | "chown" | "fchown" | "lchown" | "fchownat" | "truncate"
            | "ftruncate" | "fallocate" | "utimensat" | "setxattr" | "fsetxattr" | "flock"
                if !failed_to_exist =>
            {
                asked.writes.push(call.to_owned());
            }
            _ => {}
        }
    }
    asked
}

/// The duplicate of stdout for the reply; in a test it is a temporary file without a name.
fn is_reply(arguments: &str) -> bool {
    arguments.contains("(deleted)")
}

const VERBS: [(&str, &str); 7] = [
    ("get", SERVER),
    ("get", "https://not.there.example.com"),
    ("get", "docker.io/library/x"),
    ("get", "not a server"),
    ("list", ""),
    ("version", ""),
    ("nonsense", ""),
];

const WRITING: [(&str, &str); 3] = [
    (
        "store",
        r#"{"ServerURL":"quay.io","Username":"user","Secret":"secret"}"#,
    ),
    ("erase", "quay.io"),
    ("erase", "https://not.there.example.com"),
];

/// Sandboxes for requests: with entries, empty, with unreadable entries.
fn places() -> Vec<Sandbox> {
    let stored = Subject::Sound.place();
    stored.store(SERVER, &Login::new("user", "secret"));
    let damaged = Subject::Sound.place();
    damaged.store(SERVER, &Login::new("user", "secret"));
    fs::write(damaged.path("data/docker-credential-age/ghcr.io.age"), "junk").expect("an entry");
    let without_identity = Subject::Sound.place();
    without_identity.store(SERVER, &Login::new("user", "secret"));
    fs::remove_dir_all(without_identity.path("config/docker-credential-age")).expect("an identity");
    vec![Subject::Sound.place(), stored, damaged, without_identity]
}

#[test]
fn reading_writes_nothing_and_no_verb_asks_the_network_or_runs_a_program() {
    require!(program::find("strace"));
    let mut calls = 0;
    for place in places() {
        for (verb, stdin) in VERBS {
            let before = snapshot(&place.path(""));
            let asked = asked(&place, place.program(), verb, stdin);
            assert_eq!(asked.writes, Vec::<String>::new(), "{verb} {stdin}");
            assert_eq!(before, snapshot(&place.path("")), "{verb} {stdin}");
            assert_eq!(
                (asked.network, asked.programs),
                Default::default(),
                "{verb} {stdin}"
            );
            calls += asked.calls;
        }
        for (verb, stdin) in WRITING {
            let asked = asked(&place, place.program(), verb, stdin);
            assert_eq!(
                (asked.network, asked.programs),
                Default::default(),
                "{verb} {stdin}"
            );
            calls += asked.calls;
        }
    }
    report(
        "10, 19, 21 system calls of all verbs",
        &format!("{calls}: 0 of the network, 0 other programs, 0 writes in get and list"),
    );
}

#[test]
fn control_a_helper_that_writes_connects_and_runs_programs_is_caught() {
    require!(program::find("strace"));
    let place = Subject::Sound.place();
    let script = place.path("home/helper");
    let program = AGE.program();
    fs::write(
        &script,
        format!(
            "#!/bin/bash\n: >\"$TMPDIR/cache\"\n: </dev/tcp/127.0.0.1/1\nexec '{}' \"$@\"\n",
            program.display()
        ),
    )
    .expect("a script");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("a script");
    let asked = asked(&place, Path::new("bash"), script.to_str().expect("UTF-8"), "");
    assert!(
        !asked.network.is_empty() && !asked.writes.is_empty() && !asked.programs.is_empty(),
        "{asked:?}"
    );
}

#[test]
fn nothing_on_a_careless_path_is_executed() {
    let mut place = Subject::Sound.place();
    place.store(SERVER, &Login::new("user", "secret"));
    // docker's working directory, with every name that such a helper might look for.
    let trap = place.path("home/trap");
    fs::write(
        &trap,
        format!("#!/bin/sh\n: >'{}'\n", place.path("home/sprung").display()),
    )
    .expect("a trap");
    fs::set_permissions(&trap, fs::Permissions::from_mode(0o777)).expect("a trap");
    for directory in ["", "home/public"] {
        let directory = place.path(directory);
        fs::create_dir_all(&directory).expect("a directory on the path");
        for name in [
            "age",
            "rage",
            "gpg",
            "pinentry",
            "pinentry-curses",
            "pass",
            "sh",
            "git",
            "docker",
            "age-plugin-yubikey",
            "dbus-launch",
            "secret-tool",
            "systemd-run",
        ] {
            let _ = symlink(&trap, directory.join(name));
        }
    }
    fs::set_permissions(place.path("home/public"), fs::Permissions::from_mode(0o777)).expect("a directory");
    place.set("PATH", format!(".::{}:", place.path("home/public").display()));
    for (verb, stdin) in VERBS.into_iter().chain(WRITING) {
        place.verb(verb, stdin);
    }
    assert!(!place.path("home/sprung").exists());
    // The control: the trap works.
    place.run(place.path("home/public/age")).outcome();
    assert!(place.path("home/sprung").exists());
}
