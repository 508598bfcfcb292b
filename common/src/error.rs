//! Errors, sorted by the reader's next step.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

/// Why a verb failed. The variants are for programs, the text is for the person who reads docker's output: it
/// has the problem and the fix, and never a secret.
///
/// Only after [`Error::NotFound`] do clients continue without a credential. If a store could not be searched
/// completely, it is another variant; otherwise a locked keyring would turn into an anonymous pull.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store was open, was searched completely, and doesn't have a login for this server. Clients compare
    /// these bytes.
    #[error("credentials not found in native keychain")]
    NotFound,
    /// The client didn't send a server. Clients also compare these bytes.
    #[error("no credentials server URL")]
    NoServerUrl,
    /// The client didn't send a user name. Clients also compare these bytes.
    #[error("no credentials username")]
    NoUsername,
    /// The client's request is malformed. Nothing was looked up or changed.
    #[error("{0}")]
    Request(Cow<'static, str>),
    /// The request is well-formed but refused: the text names an acceptable form.
    #[error("{0}")]
    Refused(Cow<'static, str>),
    /// The store exists, but a person must unlock it first.
    #[error("{0}")]
    Locked(Cow<'static, str>),
    /// The store can't be reached now, for example because a service isn't running or a key is missing.
    #[error("{0}")]
    Unavailable(Cow<'static, str>),
    /// The store can never hold or do this.
    #[error("{0}")]
    Unsupported(Cow<'static, str>),
    /// The entry can't be read, or doesn't belong in its place. Logging in again replaces it.
    #[error("{0}")]
    Damaged(Cow<'static, str>),
    /// One of our settings is set but unusable. We never fall back to the next source.
    #[error("{name} {problem}")]
    Setting {
        /// The environment variable.
        name: Cow<'static, str>,
        /// The problem with its value, and a valid one; never the value itself.
        problem: Cow<'static, str>,
    },
    /// A configuration file of docker or podman can't be read, or can't be changed without losing something.
    /// It stays unchanged.
    #[error("{} {problem}", .path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// The problem with it, and its position.
        problem: Cow<'static, str>,
    },
    /// An operating system's error about a file or directory.
    #[error("cannot {action} {}: {}", .path.display(), Self::system_text(.source))]
    File {
        /// The operation, as an infinitive: `read`, `write to`.
        action: &'static str,
        /// The file or directory.
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

    /// A [refusal](Self::Refused), with an acceptable form.
    pub fn refused(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Refused(text.into())
    }

    /// A [locked](Self::Locked) store, and how to unlock it.
    pub fn locked(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Locked(text.into())
    }

    /// An [unreachable](Self::Unavailable) store, and what to start or install.
    pub fn unavailable(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Unavailable(text.into())
    }

    /// A [limit](Self::Unsupported) of a store.
    pub fn unsupported(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Unsupported(text.into())
    }

    /// [Unreadable](Self::Damaged) data, and how to replace it.
    pub fn damaged(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Damaged(text.into())
    }

    /// For `map_err`: adds the file to an operating system's error.
    pub fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File {
            action,
            path: path.to_owned(),
            source,
        }
    }

    /// The system's text for an error, for use inside a sentence: without Rust's `(os error 28)`, which
    /// doesn't help users, and without Windows' full stop.
    pub fn system_text(error: &io::Error) -> String {
        // Rust's own text for an error without the system's number is "entity not found".
        if error.kind() == io::ErrorKind::NotFound
            && error.raw_os_error().is_none()
            && error.get_ref().is_none()
        {
            return "No such file or directory".to_owned();
        }
        let text = error.to_string();
        let text = text.split(" (os error ").next().unwrap_or_default();
        text.trim_end_matches('.').to_owned()
    }

    /// A setting that is set but unusable; `problem` continues the sentence after the variable's name.
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
        let error = Error::file("read", Path::new("/x"))(io::ErrorKind::NotFound.into());
        assert_eq!(error.to_string(), "cannot read /x: No such file or directory");
        if cfg!(unix) {
            let error = Error::file("read", Path::new("/x"))(io::Error::from_raw_os_error(2));
            assert_eq!(error.to_string(), "cannot read /x: No such file or directory");
        }
    }
}
