//! Keyrings on the test's own bus: real ones, and a mock that misbehaves on command.

pub mod agreement;
pub mod both;
pub mod bus;
pub mod exercise;
pub mod gnome;
pub mod keepassxc;
pub mod kernel;
pub mod kwallet;
pub mod mock;
pub mod mocked;
#[cfg(feature = "oo7")]
pub mod oo7;
pub mod root;
