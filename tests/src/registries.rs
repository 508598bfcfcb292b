//! Registries that require a login, on separate loopback ports.

pub mod basic;
pub mod http;
pub mod image;
pub mod tls;
pub mod token;
pub mod witness;
