//! Requirements of clients: an engine, and their own store.

pub mod engine;
pub mod password_store;
