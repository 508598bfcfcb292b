//! Write a docker credential helper: this crate implements the protocol, decides which credential answers for
//! which server, and hardens the process; a helper provides a [`CredentialStore`].
//!
//! docker runs `docker-credential-<name>` with one of the verbs `store`, `get`, `erase` and `list`. A
//! complete helper, which keeps credentials in memory and so forgets them at once:
//!
//! ```no_run
//! use std::{cell::RefCell, collections::BTreeMap, process::ExitCode};
//! use docker_credential_helper::{
//!     Credential, CredentialStore, Error, Helper, Listed, ServerKey, ServerUrl, ZeroOnFree, serve,
//! };
//!
//! #[global_allocator]
//! static ALLOCATOR: ZeroOnFree = ZeroOnFree;
//!
//! #[derive(Default)]
//! struct Memory(RefCell<BTreeMap<ServerKey, Credential>>);
//!
//! impl CredentialStore for Memory {
//!     fn get(&self, server: &ServerUrl) -> Result<Option<Credential>, Error> {
//!         Ok(self.0.borrow().get(server.key()).cloned())
//!     }
//!     fn store(&self, credential: &Credential) -> Result<(), Error> {
//!         self.0.borrow_mut().insert(credential.server().key().clone(), credential.clone());
//!         Ok(())
//!     }
//!     fn erase(&self, server: &ServerUrl) -> Result<(), Error> {
//!         self.0.borrow_mut().remove(server.key());
//!         Ok(())
//!     }
//!     fn list(&self) -> Result<Vec<Listed>, Error> {
//!         Ok(self.0.borrow().values().map(Listed::from).collect())
//!     }
//! }
//!
//! fn main() -> ExitCode {
//!     serve(&Helper::new("memory", "1.0.0"), |_| Ok(Memory::default()))
//! }
//! ```
//!
//! Stores look up a [`ServerKey`] and never compare servers themselves; [`matching`] does the rest.
//!
//! # Errors
//!
//! A client only sees an error's text, so choose the variant by the client's next step:
//!
//! - `Ok(None)`, or [`Error::NotFound`]: it continues without a login. A store returns it only after a
//!   complete search.
//! - [`Error::Locked`], [`Error::Unavailable`], [`Error::Damaged`], [`Error::Setting`], [`Error::File`]: the
//!   store can't answer. The client stops and shows the text, or warns; docker up to version 28 ignores it.
//! - [`Error::Refused`], [`Error::Unsupported`]: nothing was stored, and the client's login fails with this text.
//! - [`Error::NoServerUrl`], [`Error::NoUsername`], [`Error::Request`]: the client's fault. The crate itself returns these
//!   before it asks a store.
//!
//! The text has the problem and the fix, and never a secret, because clients print it and CI systems keep the
//! output.

#![deny(missing_docs)]

#[cfg(feature = "commands")]
pub mod commands;
#[cfg(feature = "commands")]
pub mod config;
mod credential;
pub mod directory;
mod environment;
mod error;
mod hardening;
mod helper;
mod log;
pub mod matching;
mod protocol;
#[cfg(feature = "commands")]
mod reference;
#[cfg(feature = "commands")]
mod report;
mod secret;
mod serve;
mod server;
#[cfg(feature = "commands")]
pub mod show;
mod store;
mod streams;
#[cfg(feature = "commands")]
pub mod subprocess;
mod sys;
mod text;
pub mod trust;

/// The option parser of the [`commands`].
#[cfg(feature = "commands")]
pub use clap;

pub use crate::credential::{Credential, TOKEN_USERNAME, Username};
pub use crate::environment::Environment;
pub use crate::error::Error;
pub use crate::helper::Helper;
#[cfg(fuzzing)]
#[doc(hidden)]
pub use crate::protocol::fuzzing;
pub use crate::secret::Secret;
pub use crate::serve::serve;
pub use crate::server::{HUB_URL, ServerKey, ServerUrl};
pub use crate::store::{CredentialStore, Listed};
pub use crate::streams::INPUT_MAX;
pub use crate::sys::ZeroOnFree;
#[cfg(target_os = "linux")]
pub use crate::sys::peer_uid;
pub use crate::text::hex;
