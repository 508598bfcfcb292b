//! What the documentation shows is what happens.

use std::fs;
use std::path::Path;

use docker_credential_tests::helper::AGE;
use docker_credential_tests::login::Login;
use docker_credential_tests::place::Place;
use docker_credential_tests::registry::Registry;
use docker_credential_tests::transcript::{Step, page, run, transcripts};
use docker_credential_tests::{matrix, program, require};

const PASSWORD: &str = "correct & \"horse\"";

/// A home as the README's reader has it, with nothing but the default places.
fn home() -> Place {
    let mut place = Place::with_creds_store(AGE);
    place.set("XDG_CONFIG_HOME", place.path("home/.config"));
    place.set("XDG_DATA_HOME", place.path("home/.local/share"));
    place
}

#[test]
fn the_readmes_first_login_is_a_real_one() {
    let alice = Login::new("alice", PASSWORD);
    for name in ["docker", "age"] {
        require!(program::find(name));
    }
    let registry = require!(Registry::private(std::slice::from_ref(&alice)));
    let place = home();
    fs::write(place.path("home/password"), PASSWORD).unwrap();
    let home = place.path("home").display().to_string();
    let port = registry.other_host().rsplit_once(':').unwrap().1.to_owned();
    let stand_ins = [
        ("localhost:5000", registry.other_host()),
        ("localhost%3A5000", format!("localhost%3A{port}")),
        ("/home/alice", home),
    ];
    let stand_ins = stand_ins.each_ref().map(|(shown, real)| (*shown, real.as_str()));
    let transcripts = transcripts(&page("README.md"));
    run(&place, &transcripts[0], &stand_ins);
}

/// A row is worth what its test program says of it.
#[test]
fn every_test_program_in_the_matrix_of_clients_checks_its_rows() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    for row in matrix::rows() {
        let source = fs::read_to_string(tests.join(format!("{}.rs", row.program)));
        assert!(
            source.is_ok_and(|source| source.contains("\nmatrix_is_true!();\n")),
            "{row:?}"
        );
    }
}

#[test]
#[should_panic(expected = "hello")]
fn a_transcript_that_shows_something_else_is_noticed() {
    let step = Step {
        command: "echo hello".into(),
        output: "goodbye\n".into(),
    };
    run(&home(), &[step], &[]);
}
