//! Members of a shared age store, and people's keys.

pub mod entry;
pub mod member;
pub mod ssh;
