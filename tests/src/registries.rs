//! Registries that ask for a login, on loopback ports of their own.

pub mod basic;
pub mod http;
pub mod image;
pub mod tls;
pub mod token;
pub mod witness;
