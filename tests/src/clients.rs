//! What clients need to run: an engine, a store of their own.

#[cfg(target_os = "linux")]
pub mod engine;
pub mod password_store;
