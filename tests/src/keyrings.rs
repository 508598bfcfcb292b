//! Keyrings on a bus of the test's own: a real one, and one that misbehaves on command.

pub mod agreement;
pub mod bus;
pub mod gnome;
pub mod kernel;
pub mod mock;
pub mod mocked;
