//! A home as the pages show it, and what stands in it.

use std::fs;

use crate::helper::{self, Helper};
use crate::login::Login;
use crate::pages::transcript::Reader;
use crate::sandbox::Sandbox;

/// Who logs in on the pages.
pub fn alice() -> Login {
    Login::new("alice", "correct & \"horse\"")
}

/// A home with nothing but the default places, and alice's password in a file.
pub fn home(helper: Helper) -> Sandbox {
    let mut place = Sandbox::new(helper);
    place.set("XDG_CONFIG_HOME", place.path("home/.config"));
    place.set("XDG_DATA_HOME", place.path("home/.local/share"));
    // The pages show no colours.
    place.set("NO_COLOR", "1");
    place.keep_secret(&[alice()]);
    fs::write(place.path("home/password"), alice().secret).expect("a file in the home");
    place
}

/// Somebody who calls that home as the pages do.
pub fn reader(place: &Sandbox) -> Reader<'_> {
    Reader::new(place)
        .reads("/home/alice", place.path("home").display().to_string())
        .reads("/run/user/1000", place.path("run").display().to_string())
        .reads("/usr/local/bin", helper::directory().display().to_string())
}
