//! What clients need to run: an engine, a store of their own.

pub mod engine;
pub mod password_store;
