//! The parts of the protocol, one module each.

#![allow(
    clippy::too_many_lines,
    reason = "a table of cases is as long as there are cases"
)]

mod concurrency;
mod erase;
mod errors;
mod hostile;
mod list;
mod matching;
mod protocol;
mod streams;
mod values;

use crate::Group;

pub(super) fn groups() -> Vec<Group> {
    vec![
        Group::new("protocol", "the bytes that go in and come out", protocol::cases()),
        Group::new(
            "values",
            "user names and secrets come back as they went in",
            values::cases(),
        ),
        Group::new(
            "matching",
            "which credential answers for which server",
            matching::cases(),
        ),
        Group::new("list", "what is listed can be had", list::cases()),
        Group::new(
            "erase",
            "what is erased is gone, and nothing else",
            erase::cases(),
        ),
        Group::new("errors", "what is malformed is refused, and how", errors::cases()),
        Group::new(
            "streams",
            "standard input, output and error in every state",
            streams::cases(),
        ),
        Group::new("hostile", "input that means harm", hostile::cases()),
        Group::new("concurrency", "several at once", concurrency::cases()),
    ]
}
