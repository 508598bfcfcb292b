//! docker-credential-keyring on real keyrings, and on a Secret Service that misbehaves.
//!
//! One program: two tests wait for a minute each, and the others run in that time.
#![cfg(target_os = "linux")]

mod gnome;
mod interop;
mod keyutils;
mod mock;
mod quirks;
mod services;
mod trust;
