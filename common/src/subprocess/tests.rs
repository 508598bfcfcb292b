use super::*;

const LIMITS: Limits = Limits {
    time: Duration::from_secs(20),
    line: 100,
    total: 1_000,
};

fn shell(script: &str) -> Command {
    let environment = Environment::stated("test", [("PATH", "/usr/bin:/bin")]);
    let mut command = command(Path::new("/bin/sh"), &environment, |_| false);
    command.args(["-c", script]);
    command
}

fn text(line: Result<Zeroizing<Vec<u8>>, Breakdown>) -> Result<String, Breakdown> {
    line.map(|line| String::from_utf8_lossy(&line).into_owned())
}

#[test]
fn a_conversation_goes_line_by_line_to_its_end() {
    let mut talk = Conversation::start(shell("read a; echo \"got $a\"; echo"), LIMITS).unwrap();
    talk.send(b"it\n".to_vec().into()).unwrap();
    assert_eq!(text(talk.line()), Ok("got it".to_owned()));
    assert_eq!(text(talk.line()), Ok(String::new()));
    assert_eq!(text(talk.line()), Err(Breakdown::Ended));
}

#[test]
fn a_conversation_has_one_deadline_however_much_is_said() {
    let limits = Limits {
        time: Duration::from_millis(300),
        total: usize::MAX,
        ..LIMITS
    };
    let script = "while :; do echo x; sleep 0.01; done";
    let mut talk = Conversation::start(shell(script), limits).unwrap();
    while text(talk.line()) == Ok("x".to_owned()) {}
    assert_eq!(text(talk.line()), Err(Breakdown::Late));
}

#[test]
fn a_flood_is_cut_off() {
    let mut talk = Conversation::start(shell("while :; do echo xxxxxxxxx; done"), LIMITS).unwrap();
    let lines = std::iter::from_fn(|| talk.line().ok()).count();
    assert_eq!(lines, 100);
    let mut talk = Conversation::start(shell("head -c 101 /dev/zero"), LIMITS).unwrap();
    assert_eq!(text(talk.line()), Err(Breakdown::TooLong));
}

#[test]
fn a_program_is_run_to_its_end_within_its_limits() {
    let run = |script: &str, limits| {
        run(shell(script), b"in".to_vec().into(), limits).map(|outcome| {
            let output = String::from_utf8_lossy(&outcome.output).into_owned();
            (outcome.status.code(), output)
        })
    };
    assert_eq!(run("cat; exit 3", LIMITS), Ok((Some(3), "in".to_owned())));
    assert_eq!(run("head -c 1001 /dev/zero", LIMITS), Err(Breakdown::TooLong));
    let short = Limits {
        time: Duration::from_millis(100),
        ..LIMITS
    };
    assert_eq!(run("sleep 100", short), Err(Breakdown::Late));
    assert_eq!(run("exec >&-; sleep 100", short), Err(Breakdown::Late));
}

#[test]
fn names_that_are_paths_are_not_looked_for() {
    let environment = Environment::stated("test", [("PATH", "/bin")]);
    assert!(find("sh", &environment).is_ok());
    assert!(find("/bin/sh", &environment).is_ok());
    for name in ["", ".", "..", "../bin/sh", "./sh", "x/../sh", ".sh"] {
        assert!(find(name, &environment).is_err(), "{name:?}");
    }
    for path in [".", "", "bin", ":nowhere:"] {
        let environment = Environment::stated("test", [("PATH", path)]);
        assert!(find("sh", &environment).is_err(), "{path:?}");
    }
}

#[test]
fn a_program_left_out_is_named_with_the_reason() {
    use std::os::unix::fs::PermissionsExt;

    let place = tempfile::tempdir().unwrap();
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let open = place.path().join("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::write(open.join("sh"), "").unwrap();
    std::fs::set_permissions(open.join("sh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).unwrap();
    let find_in = |path: String| find("sh", &Environment::stated("test", [("PATH", path)]));
    let error = find_in(open.display().to_string()).unwrap_err().to_string();
    assert!(
        error.contains(&format!("everybody can change {}", open.display())),
        "{error}"
    );
    assert_eq!(
        find_in(format!("{}:/bin", open.display())).unwrap(),
        Path::new("/bin/sh")
    );
}

#[test]
fn a_program_learns_neither_secrets_nor_loaders() {
    let environment = Environment::stated(
        "test",
        [
            ("HOME", "/h"),
            ("LC_ALL", "C"),
            ("DOCKER_CREDENTIAL_AGE_IDENTITY", "secret"),
            ("REGISTRY_TOKEN", "secret"),
            ("GITHUB_PAT", "secret"),
            ("REGISTRY_PASS", "secret"),
            ("LD_PRELOAD", "/tmp/x.so"),
            ("PATH", "."),
            ("GNUPGHOME", "/g"),
        ],
    );
    let command = command(Path::new("/x"), &environment, |name| name == "GNUPGHOME");
    let passed: Vec<_> = command
        .get_envs()
        .map(|(name, value)| format!("{}={}", name.display(), value.unwrap_or_default().display()))
        .collect();
    assert_eq!(passed, ["GNUPGHOME=/g", "HOME=/h", "LC_ALL=C", "PATH="]);
}
