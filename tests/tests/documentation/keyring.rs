//! The blocks of docs/keyring.md.

use docker_credential_tests::helper::{KEYRING, KEYRING_ALONE};
use docker_credential_tests::keyrings::gnome::GnomeKeyring;
use docker_credential_tests::pages::page::Page;
use docker_credential_tests::require;
use docker_credential_tests::requirement::Missing;
use serde_json::json;

use docker_credential_tests::pages::home::home;

fn script(heading: &str) -> String {
    Page::read("docs/keyring.md").section(heading, "sh").concat()
}

#[test]
pub(crate) fn in_place() {
    require!(GnomeKeyring::available());
    let place = home(KEYRING);
    place.write_config(&json!({ "credsStore": "secretservice" }));
    let [there, back] = <[String; 2]>::try_from(
        script("Replace docker's own helper")
            .lines()
            .map(str::to_owned)
            .collect::<Vec<_>>(),
    )
    .expect("there and back");
    for (command, now) in [(there, "keyring"), (back, "secretservice")] {
        place
            .run("sh")
            .args(["-c", &command])
            .outcome()
            .assert_success(&command);
        assert_eq!(place.config(), json!({ "credsStore": now }), "{command}");
    }
}

/// A sandbox without a bus, in which the kernel's keyring answers.
#[test]
pub(crate) fn the_kernels() {
    let place = home(KEYRING_ALONE);
    let list = format!(
        "{}\ndocker-credential-keyring list",
        script("Use the kernel's keyring")
    );
    let listed = place.run("sh").args(["-c", &list]).outcome();
    if listed.code != Some(0) {
        require!(Err::<(), _>(Missing::new(
            "a kernel with keyrings, and leave to use them"
        )));
    }
    let without = place
        .run("sh")
        .args(["-c", "docker-credential-keyring list"])
        .outcome();
    without.assert_failure("a keyring where there is no bus");
}
