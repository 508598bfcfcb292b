//! Reads the documentation: pages, transcripts, CI jobs, the matrix of clients.

pub mod home;
pub mod job;
pub mod matrix;
pub mod page;
pub mod transcript;
