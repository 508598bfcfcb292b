//! The configuration files with which docker and podman choose where to keep logins: reads them as they do,
//! and changes them without touching anything else.
//!
//! [`Document`] is the text of one such file, [`ConfigFile`] the file itself. [`paths`] has their paths, and
//! [`lookup`] finds the setting that decides for a server. It is also useful without a helper:
//!
//! ```
//! use docker_credential_helper::Environment;
//! use docker_credential_helper::config::ConfigFile;
//!
//! let home = tempfile::tempdir()?;
//! let path = home.path().join("config.json");
//! std::fs::write(&path, r#"{"auths": {"ghcr.io": {"auth": "YWxpY2U6aHVudGVyMg=="}}, "mine": 1.0}"#)?;
//!
//! let trust = Environment::of_process("docker-credential-age").trust();
//! ConfigFile::edit(&trust, &path, |document| Ok(document.with_creds_store(Some("age"))?))?;
//! let file = ConfigFile::read(&path)?;
//! assert_eq!(file.document().creds_store(), Some("age"));
//! assert_eq!(file.document().entries()[0].server(), "ghcr.io");
//! assert!(file.document().as_str().contains("\"mine\": 1.0"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Doesn't rewrite a file that could lose something: one that isn't JSON, continues after its value, or has a
//! key twice. docker itself overwrites it.

pub mod default_store;
mod document;
mod entry;
mod fields;
mod file;
mod json;
pub mod lookup;
pub mod paths;
pub mod programs;
pub mod registries;
mod splice;

pub use self::document::{Document, Problem};
pub use self::entry::{AuthError, Entry, Form, Login, decode_auth, encode_auth};
pub use self::file::{ConfigFile, EditError, SIZE_MAX};

#[cfg(test)]
mod tests;
