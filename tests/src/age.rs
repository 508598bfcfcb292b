//! Somebody who shares an age store with others.

pub mod member;
