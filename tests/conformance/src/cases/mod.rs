//! The cases for the protocol, one module for each part.

#![allow(clippy::too_many_lines, reason = "a table has a line for each case")]

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
        Group::new("protocol", "the bytes of requests and answers", protocol::cases()),
        Group::new(
            "values",
            "user names and secrets come back unchanged",
            values::cases(),
        ),
        Group::new(
            "matching",
            "which credential answers for which server",
            matching::cases(),
        ),
        Group::new("list", "`get` answers for listed servers", list::cases()),
        Group::new("erase", "`erase` removes one credential only", erase::cases()),
        Group::new("errors", "malformed requests are refused", errors::cases()),
        Group::new(
            "streams",
            "standard input, output and error, in every state",
            streams::cases(),
        ),
        Group::new("hostile", "hostile input", hostile::cases()),
        Group::new("concurrency", "several at once", concurrency::cases()),
    ]
}
