//! Errors, sorted by what the reader does next.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

/// Why a verb failed. The variants are for programs, the text is for the person who reads docker's output: it says
/// the problem and the way out, and never holds a secret.
///
/// Only [`Error::NotFound`] makes clients go on without a credential. Everything that kept a store from being
/// searched to its end is one of the others; otherwise a locked keyring would turn into an anonymous pull.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store was open, was searched to its end, and holds nothing for this server. Clients compare these bytes.
    #[error("credentials not found in native keychain")]
    NotFound,
    /// The client sent no server. Clients compare these bytes, too.
    #[error("no credentials server URL")]
    NoServerUrl,
    /// The client sent no user name. Clients compare these bytes, too.
    #[error("no credentials username")]
    NoUsername,
    /// The client's request is malformed. Nothing was looked up or changed.
    #[error("{0}")]
    Request(Cow<'static, str>),
    /// The request is well-formed and will not be carried out: the text says which form would do.
    #[error("{0}")]
    Refused(Cow<'static, str>),
    /// The store is there and a person must unlock it first.
    #[error("{0}")]
    Locked(Cow<'static, str>),
    /// The store cannot be reached now: a service that is not running, a key that is not there.
    #[error("{0}")]
    Unavailable(Cow<'static, str>),
    /// The store cannot hold or do this at all, whatever is unlocked or started.
    #[error("{0}")]
    Unsupported(Cow<'static, str>),
    /// What is stored cannot be read, or is not what its place says it is. Logging in again replaces it.
    #[error("{0}")]
    Damaged(Cow<'static, str>),
    /// A setting of ours is set and unusable. It never falls through to the next source.
    #[error("{name} {problem}")]
    Setting {
        /// The environment variable.
        name: Cow<'static, str>,
        /// What is wrong with its value, and which value would do; never the value itself.
        problem: Cow<'static, str>,
    },
    /// A configuration file of docker or podman cannot be read, or not be changed without losing something. It is
    /// left as it is.
    #[error("{} {problem}", .path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and where.
        problem: Cow<'static, str>,
    },
    /// The operating system refused something about a file or directory.
    #[error("cannot {action} {}: {}", .path.display(), Self::system_text(.source))]
    File {
        /// What was attempted, as an infinitive: `read`, `write to`.
        action: &'static str,
        /// What it was attempted on.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

impl Error {
    /// A [malformed request](Self::Request), the client's fault.
    pub fn request(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Request(text.into())
    }

    /// A [refusal](Self::Refused), with the form that would do.
    pub fn refused(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Refused(text.into())
    }

    /// A [locked](Self::Locked) store, with the way to unlock it.
    pub fn locked(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Locked(text.into())
    }

    /// A store that is [out of reach](Self::Unavailable), with what to start or install.
    pub fn unavailable(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Unavailable(text.into())
    }

    /// What a store [cannot hold or do](Self::Unsupported), with its limit.
    pub fn unsupported(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Unsupported(text.into())
    }

    /// [Unreadable](Self::Damaged) data, with what replaces it.
    pub fn damaged(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Damaged(text.into())
    }

    /// For `map_err`: names the file that an operation of the system failed on.
    pub fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File {
            action,
            path: path.to_owned(),
            source,
        }
    }

    /// The system's text for an error, to stand inside a sentence: without the `(os error 28)` that Rust adds and no user
    /// can act on, and without the full stop that Windows ends it with.
    pub fn system_text(error: &io::Error) -> String {
        let text = error.to_string();
        let text = text.split(" (os error ").next().unwrap_or_default();
        text.trim_end_matches('.').to_owned()
    }

    /// A setting that is set but unusable; `problem` goes on where the variable's name ends.
    pub fn setting(name: impl Into<Cow<'static, str>>, problem: impl Into<Cow<'static, str>>) -> Self {
        Self::Setting {
            name: name.into(),
            problem: problem.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_error_is_told_without_its_number() {
        for text in [
            "No such file or directory (os error 2)",
            "No such file or directory. (os error 2)",
        ] {
            let error = Error::file("read", Path::new("/x"))(io::Error::other(text));
            assert_eq!(error.to_string(), "cannot read /x: No such file or directory");
        }
        if cfg!(unix) {
            let error = Error::file("read", Path::new("/x"))(io::Error::from_raw_os_error(2));
            assert_eq!(error.to_string(), "cannot read /x: No such file or directory");
        }
    }
}
