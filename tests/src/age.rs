//! Somebody who shares an age store with others, and the keys that people have.

pub mod entry;
pub mod member;
pub mod ssh;
