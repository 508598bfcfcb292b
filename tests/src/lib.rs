//! What the tests share: places to run a helper in, and the services that a real client needs.
#![expect(
    clippy::missing_panics_doc,
    reason = "a panic is how a part of a test says that the test fails"
)]

pub mod age_member;
pub mod age_terminal;
pub mod conformance;
pub mod elsewhere;
pub mod engine;
pub mod helper;
pub mod http;
pub mod image;
pub mod job;
pub mod keyring_bus;
pub mod keyring_gnome;
pub mod keyring_mock;
pub mod login;
pub mod matrix;
pub mod page;
pub mod password_store;
pub mod place;
pub mod program;
pub mod refusal;
pub mod registry;
pub mod requirement;
pub mod service;
pub mod token_registry;
pub mod transcript;
