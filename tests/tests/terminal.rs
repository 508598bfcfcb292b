//! The messages of `get` and `list` to a person at a terminal, because docker hides their answers.
#![cfg(target_os = "linux")]

use std::fs;

use docker_credential_tests::helper::AGE;
use docker_credential_tests::login::Login;
use docker_credential_tests::sandbox::Sandbox;
use docker_credential_tests::terminal::run_on_terminal;

const ERROR: &str = "docker-credential-age: the server URL contains a control character or a line break; send one server on one line";

fn place() -> Sandbox {
    let place = Sandbox::new(AGE);
    fs::write(place.path("wrong"), "a\nb").expect("a request");
    fs::write(place.path("right"), "ghcr.io").expect("a request");
    place
}

#[test]
fn a_failed_get_is_repeated_where_only_a_person_sees_it() {
    let place = place();
    let directory = place.path("").display().to_string();
    for (script, count) in [
        ("docker-credential-age get <wrong >reply; cat reply >/dev/null", 1),
        // The answer is already on the terminal.
        ("docker-credential-age get <wrong", 0),
        ("docker-credential-age get <wrong >reply 2>errors; cat errors", 0),
        ("docker-credential-age get <wrong 2>&1 | cat >reply", 0),
        // As in every public pull.
        ("docker-credential-age get <right >reply", 0),
        // A background process would be stopped.
        (
            "set -m; stty tostop; docker-credential-age get <wrong >reply & wait; stty -tostop",
            0,
        ),
    ] {
        let session = run_on_terminal(&place, &format!("cd '{directory}'; {script}"), &[]);
        assert_eq!(session.count(ERROR), count, "{script}: {session:?}");
    }
}

#[test]
fn a_long_error_is_a_line_of_at_most_512_bytes() {
    let place = place();
    place.store("ghcr.io", &Login::new("user", "secret"));
    // The error names the file.
    let script = format!(
        "cd '{}'; export DOCKER_CREDENTIAL_AGE_IDENTITY_FILE=/{}; docker-credential-age get <right >reply",
        place.path("").display(),
        "é/".repeat(400)
    );
    let session = run_on_terminal(&place, &script, &[]);
    let line = session.screen.trim_end();
    assert!(
        line.starts_with("docker-credential-age: ") && line.ends_with('…'),
        "{session:?}"
    );
    assert!(line.len() < 512 && line.len() > 500, "{}", line.len());
}

#[test]
fn a_list_reports_the_damaged_entries_that_it_leaves_out() {
    let place = place();
    place.store("ghcr.io", &Login::new("user", "secret"));
    let store = place.path("data/docker-credential-age");
    fs::write(store.join("quay.io.age"), "junk").expect("a damaged entry");
    let directory = place.path("").display().to_string();
    let session = run_on_terminal(
        &place,
        &format!("cd '{directory}'; docker-credential-age list >reply"),
        &[],
    );
    let line = "docker-credential-age: cannot read 1 entry, which the list leaves out; run: docker-credential-age doctor";
    assert_eq!(session.count(line), 1, "{session:?}");
    let reply = fs::read_to_string(place.path("reply")).expect("a reply");
    assert_eq!(reply, "{\"ghcr.io\":\"user\"}\n");
}
