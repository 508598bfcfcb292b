//! The output of commands for people: a [`Console`] to print on, and the [`Finding`]s of `doctor`.

mod console;
mod finding;

pub(crate) use self::console::Color;
pub use self::console::Console;
pub(crate) use self::finding::Fix;
pub use self::finding::{Finding, Level};
