//! Keyrings on a bus of the test's own: a real one, and one that misbehaves on command.

pub mod agreement;
pub mod bus;
pub mod exercise;
pub mod gnome;
pub mod keepassxc;
pub mod kernel;
pub mod kwallet;
pub mod mock;
pub mod mocked;
pub mod root;
