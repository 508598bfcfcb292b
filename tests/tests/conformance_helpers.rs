//! Our own helpers pass every case of the conformance runner that applies to them.
#![cfg(target_os = "linux")]

use docker_credential_tests::helper::{AGE, ENV, KEYRING, conformance_runner};
use docker_credential_tests::keyrings::gnome::GnomeKeyring;
use docker_credential_tests::require;
use docker_credential_tests::sandbox::Sandbox;

#[track_caller]
fn assert_passes(place: &Sandbox, mode: &str) {
    let outcome = place
        .run(conformance_runner())
        .arg(mode)
        .arg(place.program())
        .outcome();
    outcome.assert_success("every case that applies");
    let text = outcome.text();
    assert!(text.contains("| all |") && !text.contains("FAIL"), "{text}");
}

#[test]
fn age_passes_every_case() {
    assert_passes(&Sandbox::new(AGE), "--throw-away");
}

#[test]
fn keyring_passes_every_case() {
    require!(GnomeKeyring::available());
    assert_passes(&Sandbox::new(KEYRING), "--throw-away");
}

#[test]
fn env_passes_every_case() {
    let mut place = Sandbox::new(ENV);
    for (name, value) in [
        ("SERVER", "registry.invalid"),
        ("USERNAME", "user"),
        ("PASSWORD", "secret"),
    ] {
        place.set(&format!("DOCKER_CREDENTIAL_CONFORMANCE_{name}"), value);
    }
    assert_passes(&place, "--read-only");
}
