//! A home as the pages show it, and its files.

use std::fs;

use crate::helper::{self, Helper};
use crate::login::Login;
use crate::pages::transcript::Reader;
use crate::sandbox::Sandbox;

/// The user on the pages.
pub fn alice() -> Login {
    Login::new("alice", "correct & \"horse\"")
}

/// A home with only the default directories, and alice's password in a file.
pub fn home(helper: Helper) -> Sandbox {
    let mut place = Sandbox::new(helper);
    place.set("XDG_CONFIG_HOME", place.path("home/.config"));
    place.set("XDG_DATA_HOME", place.path("home/.local/share"));
    // The pages don't show colours.
    place.set("NO_COLOR", "1");
    place.keep_secret(&[alice()]);
    fs::write(place.path("home/password"), alice().secret).expect("a file in the home");
    place
}

/// A reader with that home.
pub fn reader(place: &Sandbox) -> Reader<'_> {
    Reader::new(place)
        .reads("/home/alice", place.path("home").display().to_string())
        .reads("/run/user/1000", place.path("run").display().to_string())
        .reads("/usr/local/bin", helper::directory().display().to_string())
}
