//! The blocks of docs/keyring.md.

use docker_credential_tests::helper::{KEYRING, KEYRING_ALONE};
use docker_credential_tests::keyrings::gnome::{GnomeKeyring, PASSWORD};
use docker_credential_tests::login::alice;
use docker_credential_tests::pages::page::Page;
use docker_credential_tests::program::find;
use docker_credential_tests::require;
use docker_credential_tests::requirement::Missing;
use docker_credential_tests::service::wait_for;
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

#[test]
pub(crate) fn unlocked() {
    require!(find("gnome-keyring-daemon"));
    require!(find("bash"));
    require!(GnomeKeyring::available());
    let mut place = home(KEYRING);
    place.store("ghcr.io", &alice());
    place.keyring().lock();
    let [home, data, run] = place.keyring().session();
    place
        .run("bash")
        .args(["-c", &script("What do the errors mean?")])
        .env(home.0, home.1)
        .env(data.0, data.1)
        .env(run.0, run.1)
        .stdin(format!("{PASSWORD}\n"))
        .outcome()
        .assert_success("the command");
    wait_for("the unlocked keyring", || {
        (place.verb("get", "ghcr.io").code == Some(0)).then_some(())
    });
    place.assert_answers("ghcr.io", &alice());
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
