//! What the documentation shows is what happens.

use std::fs;

use docker_credential_tests::helper::AGE;
use docker_credential_tests::login::Login;
use docker_credential_tests::place::Place;
use docker_credential_tests::registry::Registry;
use docker_credential_tests::transcript::{Step, page, run, transcripts};
use docker_credential_tests::{program, require};

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

#[test]
#[should_panic(expected = "hello")]
fn a_transcript_that_shows_something_else_is_noticed() {
    let step = Step {
        command: "echo hello".into(),
        output: "goodbye\n".into(),
    };
    run(&home(), &[step], &[]);
}
