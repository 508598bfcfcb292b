//! docker-credential-env as a program: its answers, its effects, and its environments.

#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use docker_credential_conformance::report::Report;
use docker_credential_conformance::run::Helper as Conforming;
use docker_credential_conformance::{Mode, groups};
use docker_credential_tests::helper::ENV;
use docker_credential_tests::login::Login;
use docker_credential_tests::program::find;
use docker_credential_tests::refusal::{MARKER, assert_error, assert_refused};
use docker_credential_tests::require;
use docker_credential_tests::requirement::{self, Missing};
use docker_credential_tests::sandbox::{NOT_FOUND, Sandbox};
use serde_json::json;

const HUB: &str = "https://index.docker.io/v1/";

fn login() -> Login {
    Login::new("ci", MARKER)
}

/// A sandbox with these variables.
fn place(variables: &[(&str, &str)]) -> Sandbox {
    let mut place = Sandbox::new(ENV);
    for (name, value) in variables {
        place.set(name, value);
    }
    place
}

fn hub_and_ghcr() -> Sandbox {
    place(&[
        ("DOCKER_CREDENTIAL_HUB_SERVER", "docker.io"),
        ("DOCKER_CREDENTIAL_HUB_USERNAME", "ci"),
        ("DOCKER_CREDENTIAL_HUB_PASSWORD", MARKER),
        ("DOCKER_CREDENTIAL_GHCR_IO_USERNAME", "ci"),
        ("DOCKER_CREDENTIAL_GHCR_IO_PASSWORD", MARKER),
    ])
}

#[test]
fn it_conforms_for_every_known_client() {
    let variables = [
        ("DOCKER_CREDENTIAL_HUB_SERVER", "docker.io"),
        ("DOCKER_CREDENTIAL_HUB_USERNAME", "ci"),
        ("DOCKER_CREDENTIAL_HUB_PASSWORD", "a \"quoted\" <secret>"),
        ("DOCKER_CREDENTIAL_GHCR_IO_USERNAME", "ci"),
        ("DOCKER_CREDENTIAL_GHCR_IO_PASSWORD", "another"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let program = ENV.program();
    let helper = Conforming::new(program.to_str().expect("a path in UTF-8"), variables.to_vec());
    let mode = Mode {
        read_only: true,
        throw_away: false,
    };
    let report = Report::of(&helper, groups(), mode);
    assert!(report.is_clean(), "{}", report.to_text());
}

/// Each client's request for the Hub, byte for byte.
#[test]
fn the_hub_is_answered_to_every_client() {
    let place = hub_and_ghcr();
    for (client, questions) in [
        (
            "docker, buildx, compose, docker-py, Spring Boot, testcontainers",
            &[HUB][..],
        ),
        ("podman, skopeo, buildah", &["docker.io"]),
        (
            "crane, ko, cosign, kaniko",
            &["index.docker.io/library/alpine", HUB],
        ),
        (
            "nerdctl",
            &[
                "docker.io",
                "https://docker.io",
                "index.docker.io",
                "registry-1.docker.io",
                "registry-1.docker.io:443",
                "https://registry-1.docker.io",
                "https://registry-1.docker.io:443",
            ],
        ),
        ("docker_credential, oci-client", &["index.docker.io"]),
        (
            "jib",
            &[
                "registry.hub.docker.com",
                "index.docker.io",
                "registry-1.docker.io",
                "docker.io",
            ],
        ),
        ("docker-maven-plugin", &[HUB, "https://docker.io", "docker.io"]),
    ] {
        for question in questions {
            for end in ["", "\n", "\r\n"] {
                let answer = place.verb("get", &format!("{question}{end}"));
                let expected = json!({ "ServerURL": question, "Username": "ci", "Secret": MARKER });
                assert_eq!(
                    answer.stdout,
                    format!("{expected}\n").as_bytes(),
                    "{client} asks for {question:?}{end:?}"
                );
                assert_eq!((answer.code, &answer.stderr[..]), (Some(0), &b""[..]), "{client}");
            }
        }
    }
    for other in [
        "http://docker.io",
        "docker.io:5000",
        "https://index.docker.io/v1/access-token",
    ] {
        place.assert_not_found(other);
    }
}

#[test]
fn the_hub_is_listed_by_its_url() {
    hub_and_ghcr().assert_lists(&json!({ "ghcr.io": "ci", HUB: "ci" }));
    place(&[]).assert_lists(&json!({}));
}

#[test]
fn a_broken_source_costs_list_only_its_own_servers() {
    let place = place(&[
        ("DOCKER_CREDENTIAL_GHCR_IO_USERNAME", "ci"),
        ("DOCKER_CREDENTIAL_GHCR_IO_PASSWORD", MARKER),
        ("DOCKER_CREDENTIAL_QUAY_IO_PASSWORD", MARKER),
        ("DOCKER_CREDENTIAL_PROD_SERVER", ""),
        ("DOCKER_AUTH_CONFIG", MARKER),
        ("GITLAB_CI", "true"),
        ("CI_REGISTRY", "registry.example.com"),
        ("CI_REGISTRY_USER", "ci"),
    ]);
    place.assert_lists(&json!({ "ghcr.io": "ci" }));
    place.assert_answers("ghcr.io", &login());
    for (server, problem) in [
        (
            "quay.io",
            "DOCKER_CREDENTIAL_QUAY_IO_PASSWORD is set without DOCKER_CREDENTIAL_QUAY_IO_USERNAME",
        ),
        (
            "registry.example.com",
            "CI_REGISTRY_USER is set without CI_REGISTRY_PASSWORD",
        ),
        (
            "nowhere.example",
            "DOCKER_CREDENTIAL_PROD_SERVER is set but empty",
        ),
    ] {
        assert_refused(&place, problem, || place.verb("get", server));
    }
}

#[test]
fn a_missing_file_may_count_as_no_login_half_a_login_not() {
    let variables = [
        ("DOCKER_CREDENTIAL_GHCR_IO_USERNAME", "ci"),
        (
            "DOCKER_CREDENTIAL_GHCR_IO_PASSWORD_FILE",
            "/nowhere/MARKER-5up3r-s3cr3t",
        ),
        ("DOCKER_CREDENTIAL_QUAY_IO_USERNAME", "ci"),
    ];
    let mut place = place(&variables);
    let problem =
        "DOCKER_CREDENTIAL_GHCR_IO_PASSWORD_FILE names a file that cannot be read: No such file or directory";
    assert_refused(&place, problem, || place.verb("get", "ghcr.io"));
    place.set("DOCKER_CREDENTIAL_WHEN_UNAVAILABLE", "not-found");
    place.assert_not_found("ghcr.io");
    assert_error(
        &place.verb("get", "quay.io"),
        "DOCKER_CREDENTIAL_QUAY_IO_USERNAME has no secret beside it",
    );
}

#[test]
fn an_unusable_file_never_counts_as_no_login() {
    let mut place = place(&[("DOCKER_CREDENTIAL_GHCR_IO_USERNAME", "ci")]);
    place.set("DOCKER_CREDENTIAL_WHEN_UNAVAILABLE", "not-found");
    let home = place.path("home").to_string_lossy().into_owned();
    place.set("DOCKER_CREDENTIAL_GHCR_IO_PASSWORD_FILE", &home);
    assert_error(
        &place.verb("get", "ghcr.io"),
        "DOCKER_CREDENTIAL_GHCR_IO_PASSWORD_FILE names a file that cannot be read: it is not a regular file",
    );
}

#[test]
fn a_login_is_refused_in_one_line_and_changes_nothing() {
    let place = place(&[]);
    let request = json!({ "ServerURL": "ghcr.io", "Username": "ci", "Secret": MARKER }).to_string();
    let text = "docker-credential-env is read-only: set DOCKER_CREDENTIAL_GHCR_IO_USERNAME and \
                DOCKER_CREDENTIAL_GHCR_IO_PASSWORD instead of docker login";
    assert_refused(&place, text, || place.verb("store", &request));
}

#[test]
fn erase_says_nothing_and_does_nothing() {
    let place = hub_and_ghcr();
    for server in ["ghcr.io", "nowhere.example", HUB] {
        let erased = place.verb("erase", server);
        assert_eq!((erased.code, erased.text()), (Some(0), String::new()), "{server}");
    }
    place.assert_answers("ghcr.io", &login());
}

#[test]
fn the_log_names_variables_and_never_their_values() {
    let mut place = hub_and_ghcr();
    let log = place.path("log");
    place.set("DOCKER_CREDENTIAL_LOG", &log);
    place.set("DOCKER_AUTH_CONFIG", MARKER);
    place.assert_answers("ghcr.io", &login());
    assert_error(&place.verb("get", "quay.io"), "DOCKER_AUTH_CONFIG");
    place.verb("list", "");
    let text = fs::read_to_string(log).expect("a log");
    assert!(
        text.contains(
            "own: DOCKER_CREDENTIAL_GHCR_IO_USERNAME, DOCKER_CREDENTIAL_GHCR_IO_PASSWORD for ghcr.io"
        )
    );
    assert!(text.contains("own: nothing for quay.io"), "{text}");
    assert!(!text.contains(MARKER), "the log shows the secret");
}

#[test]
fn explain_tells_of_every_source_that_would_answer() {
    let mut place = hub_and_ghcr();
    place.set("GITHUB_ACTIONS", "true");
    place.set("GITHUB_SERVER_URL", "https://github.com");
    place.set("GITHUB_TOKEN", MARKER);
    let explained = place.command(&["explain", "ghcr.io"]);
    explained.assert_success("explain");
    let text = explained.text();
    for line in [
        "own: DOCKER_CREDENTIAL_GHCR_IO_USERNAME, DOCKER_CREDENTIAL_GHCR_IO_PASSWORD answers",
        "github: GITHUB_TOKEN would also answer, but an earlier source decides",
    ] {
        assert!(text.contains(line), "{line}\n{explained:?}");
    }
    assert!(!text.contains(MARKER));
}

#[test]
fn names_tells_the_variables_and_no_value() {
    let named = hub_and_ghcr().command(&["names", "docker.io"]);
    named.assert_success("names");
    let text = named.text();
    assert!(
        text.contains("DOCKER_CREDENTIAL_DOCKER_IO_USERNAME       not set\n"),
        "{named:?}"
    );
    assert!(text.contains("own: DOCKER_CREDENTIAL_HUB_SERVER, DOCKER_CREDENTIAL_HUB_USERNAME, DOCKER_CREDENTIAL_HUB_PASSWORD answers"));
    assert!(!text.contains(MARKER));
}

#[test]
fn import_is_refused() {
    let place = place(&[]);
    let file = place.config_path();
    fs::write(
        &file,
        json!({ "auths": { "ghcr.io": { "auth": login().basic() } } }).to_string(),
    )
    .expect("a file");
    let before = fs::read(&file).expect("the file");
    place
        .command(&["import"])
        .assert_failure("import into a store that can be read only");
    assert_eq!(fs::read(&file).expect("the file"), before);
}

/// Its system calls only read: it doesn't execute programs or open sockets.
#[test]
fn it_opens_no_socket_writes_no_file_and_runs_no_program() {
    let strace = require!(find("strace"));
    let place = hub_and_ghcr();
    for (verb, stdin) in [
        ("get", "ghcr.io"),
        ("get", "quay.io"),
        ("list", ""),
        ("erase", "ghcr.io"),
    ] {
        let trace = place.path("trace");
        place
            .run(&strace)
            .args(["-f", "-e", "trace=%network,%process,%file,write", "-o"])
            .arg(&trace)
            .arg(ENV.program())
            .arg(verb)
            .stdin(stdin)
            .outcome();
        let trace = fs::read_to_string(trace).expect("a trace");
        let calls: Vec<_> = trace
            .lines()
            .filter_map(|line| line.split_whitespace().nth(1))
            .collect();
        assert!(
            calls.iter().any(|call| call.starts_with("execve(")),
            "strace saw it\n{trace}"
        );
        let count = |name: &str| calls.iter().filter(|call| call.starts_with(name)).count();
        assert_eq!(count("execve("), 1, "{verb} runs nothing");
        for name in [
            "socket", "connect", "clone", "fork", "creat", "mkdir", "unlink", "rename", "chmod",
        ] {
            assert_eq!(count(name), 0, "{verb} calls {name}");
        }
        assert!(count("write(") <= 1, "{verb} writes its reply only");
        let opened = trace.lines().filter(|line| line.contains("open"));
        for line in opened {
            assert!(line.contains("O_RDONLY"), "{verb} opens for reading only: {line}");
        }
    }
}

/// `FROM scratch`: only the program, as a user without a name, in a directory that can't be listed.
#[test]
fn it_runs_in_an_empty_root() {
    require!(requirement::root());
    let chroot = require!(find("chroot"));
    require!(is_static(&ENV.program()));
    let root = tempfile::TempDir::new().expect("a directory");
    let program = root.path().join("docker-credential-env");
    docker_credential_tests::program::copy(&ENV.program(), &program);
    let secrets = root.path().join("run/secrets");
    fs::create_dir_all(&secrets).expect("a directory");
    fs::write(secrets.join("quay"), format!("{MARKER}\n")).expect("a secret");
    let mode =
        |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
    mode(&program, 0o111);
    mode(root.path(), 0o111);
    for path in ["run", "run/secrets"] {
        mode(&root.path().join(path), 0o711);
    }
    mode(&secrets.join("quay"), 0o444);
    let run = |verb: &str, stdin: &str| {
        let mut command = Command::new(&chroot);
        command
            .env_clear()
            .args(["--userspec=65534:65534"])
            .arg(root.path())
            .arg("/docker-credential-env")
            .arg(verb);
        for (name, value) in [
            ("DOCKER_CREDENTIAL_GHCR_IO_USERNAME", "ci"),
            ("DOCKER_CREDENTIAL_GHCR_IO_PASSWORD", MARKER),
            ("DOCKER_CREDENTIAL_QUAY_IO_USERNAME", "ci"),
            ("DOCKER_CREDENTIAL_QUAY_IO_PASSWORD_FILE", "quay"),
        ] {
            command.env(name, value);
        }
        docker_credential_tests::program::Run::new(command, login().forms())
            .stdin(stdin)
            .outcome()
    };
    for server in ["ghcr.io", "quay.io"] {
        let answer = run("get", server);
        let expected = json!({ "ServerURL": server, "Username": "ci", "Secret": MARKER });
        assert_eq!(answer.stdout, format!("{expected}\n").as_bytes(), "{answer:?}");
        assert_eq!((answer.code, answer.stderr.len()), (Some(0), 0), "{answer:?}");
    }
    let nothing = run("get", "docker.io");
    assert_eq!(
        (nothing.code, &nothing.stdout[..]),
        (Some(1), NOT_FOUND),
        "{nothing:?}"
    );
    assert_eq!(
        run("list", "unused").stdout,
        b"{\"ghcr.io\":\"ci\",\"quay.io\":\"ci\"}\n"
    );
    assert_eq!(run("erase", "ghcr.io").code, Some(0));
}

/// Whether the program is static: it doesn't have an interpreter (`PT_INTERP` in its program headers).
fn is_static(program: &Path) -> Result<(), Missing> {
    const PT_INTERP: u32 = 3;
    let bytes = fs::read(program).expect("the program can be read");
    let number = |at: usize, size: usize| {
        let field = bytes[at..at + size].iter().rev();
        field.fold(0, |number: usize, byte| number << 8 | usize::from(*byte))
    };
    let (table, size, count) = (number(32, 8), number(54, 2), number(56, 2));
    let is_interpreter = |index| number(table + index * size, 4) == PT_INTERP as usize;
    if (0..count).any(is_interpreter) {
        return Err(Missing::new("a static program, as packaging/install builds it"));
    }
    Ok(())
}
