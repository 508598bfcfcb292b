//! Every file in a store costs a bounded amount of work, counted in instructions, because times depend on the
//! machine.

use std::fmt::Write as _;
use std::fs;

use docker_credential_tests::login::Login;
use docker_credential_tests::{program, require};

use crate::broken::Subject;
use crate::scale::report;

/// A third of a second on the measuring machine.
const MOST: u64 = 1_000_000_000;

const END: &str = "--- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n";

/// The instructions of one `get` of a file.
fn instructions(subject: Subject, file: &[u8]) -> u64 {
    let place = subject.place();
    place.store("ghcr.io", &Login::new("user", "secret"));
    fs::write(place.path("data/docker-credential-age/ghcr.io.age"), file).expect("an entry can be replaced");
    let counted = place
        .run("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(place.program())
        .arg("get")
        .stdin("ghcr.io")
        .outcome();
    assert_eq!(counted.code, Some(1), "the file is no entry: {counted:?}");
    let text = String::from_utf8_lossy(&counted.stderr).into_owned();
    let count = text.lines().find_map(|line| line.split_once("Collected : "));
    let (_, count) = count.unwrap_or_else(|| panic!("callgrind says how many: {text}"));
    count.trim().parse().expect("a number")
}

/// An age file with this many stanzas.
fn file(stanza: &str, count: usize) -> Vec<u8> {
    let mut text = String::from("age-encryption.org/v1\n");
    for _ in 0..count {
        text.push_str(stanza);
    }
    let _ = write!(text, "{END}{}", "x".repeat(100));
    text.into_bytes()
}

#[test]
fn no_file_costs_more_than_a_bounded_number_of_instructions() {
    require!(program::find("valgrind"));
    // A valid ephemeral share, and a body of the right length.
    let x25519 = format!("-> X25519 {}\n{}\n", "C".repeat(42) + "A", "D".repeat(42) + "A");
    let cases = [
        ("6,000 short stanzas", file("-> x\n\n", 6_000)),
        ("as many short stanzas as are read", file("-> x\n\n", 1_000)),
        ("2 MiB of stanzas", file("-> x\nAAAA\n", 200_000)),
        (
            "2 MiB of arguments",
            file(&format!("->{}\n\n", " x".repeat(1_000_000)), 1),
        ),
        (
            "2 MiB of one body",
            file(&format!("-> x\n{}\n", "A".repeat(2_000_000)), 1),
        ),
        (
            "2 MiB of payload",
            [file("-> x\n\n", 1), vec![0; 2_000_000]].concat(),
        ),
        ("2 MiB of armor", armored(1_500_000)),
    ];
    // In a debug build, a curve costs ten times as much, so figures are meaningless.
    let one =
        instructions(Subject::Sound, &file(&x25519, 1)) - instructions(Subject::Sound, &file("-> x\n\n", 1));
    let curves = ("as many X25519 stanzas as are read", file(&x25519, 640));
    let curves = (one < 2_000_000).then_some(curves);
    let mut most = 0;
    for (name, file) in cases.into_iter().chain(curves) {
        let count = instructions(Subject::Sound, &file);
        assert!(count <= MOST, "{name}: {count} instructions");
        most = most.max(count);
    }
    report("29 bounded work", &format!("{most} instructions at most"));
}

fn armored(length: usize) -> Vec<u8> {
    let body = format!("{}\n", "A".repeat(64)).repeat(length / 48);
    format!("-----BEGIN AGE ENCRYPTED FILE-----\n{body}-----END AGE ENCRYPTED FILE-----\n").into_bytes()
}

#[test]
fn control_the_crates_own_parser_is_caught() {
    require!(program::find("valgrind"));
    let count = instructions(Subject::Broken("parses-by-line"), &file("-> x\n\n", 1_500));
    assert!(count > MOST, "{count} instructions");
}
