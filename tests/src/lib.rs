//! Drives real programs in the tests: a module for each kind, on common ones.
#![cfg(target_os = "linux")]
#![expect(
    clippy::missing_panics_doc,
    reason = "a panic is how a part of a test says that the test fails"
)]

pub mod helper;
pub mod login;
pub mod program;
pub mod requirement;
pub mod service;

pub mod keyrings;
pub mod registries;

pub mod sandbox;

pub mod age;
pub mod clients;
pub mod pages;
pub mod refusal;
pub mod terminal;
