//! Options that several commands have.

use clap::{Arg, ArgAction};

/// An option without a value.
pub(super) fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

pub(super) fn json() -> Arg {
    flag("json", "Print JSON, for programs")
}
