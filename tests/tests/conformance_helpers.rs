//! Our own helpers pass every case of the conformance runner that applies to them.

use docker_credential_tests::helper::{AGE, ENV, KEYRING};
use docker_credential_tests::keyring_gnome::GnomeKeyring;
use docker_credential_tests::place::Place;
use docker_credential_tests::require;

const RUNNER: &str = env!("CARGO_BIN_EXE_docker-credential-conformance");

#[track_caller]
fn assert_passes(place: &Place, mode: &str) {
    let outcome = place.run(RUNNER).arg(mode).arg(place.program()).outcome();
    outcome.assert_success("every case that applies");
    let text = outcome.text();
    assert!(text.contains("| all |") && !text.contains("FAIL"), "{text}");
}

#[test]
fn age_passes_every_case() {
    assert_passes(&Place::new(AGE), "--throw-away");
}

#[test]
fn keyring_passes_every_case() {
    require!(GnomeKeyring::available());
    assert_passes(&Place::new(KEYRING), "--throw-away");
}

#[test]
fn env_passes_every_case() {
    let mut place = Place::new(ENV);
    for (name, value) in [
        ("SERVER", "registry.invalid"),
        ("USERNAME", "user"),
        ("PASSWORD", "secret"),
    ] {
        place.set(&format!("DOCKER_CREDENTIAL_CONFORMANCE_{name}"), value);
    }
    assert_passes(&place, "--read-only");
}
