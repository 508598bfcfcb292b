//! Several files that take their names together.

use std::io;

use super::{Directory, Lock, system};

/// The name of a staged file begins so, and ends with the name that it is to take.
pub(super) const STAGED: &str = ".docker-credential-temporary-staged-";

impl Directory {
    /// Writes what `name` is to hold once it is [promoted](Self::promote), besides what it holds now. The content is
    /// on disk when this returns, its name only after [`sync`](Self::sync).
    ///
    /// Staged files are temporary: whatever [replaces](Self::replace) another file removes those it finds. Whoever
    /// stages several and must not lose them leaves a mark, and looks for the mark first whenever it takes the lock.
    pub fn stage(&self, _lock: &Lock, name: &str, content: &[u8], mode: u32) -> io::Result<()> {
        let staged = format!("{STAGED}{name}");
        match system::remove(&self.handle, &staged) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = system::create_exclusively(&self.handle, &staged)?;
        system::give_to(&file, &system::Ownership::of_mode(mode))?;
        io::Write::write_all(&mut file, content)?;
        file.sync_all()?;
        system::close(file)
    }

    /// The names for which a content is staged, in no particular order.
    pub fn staged(&self) -> io::Result<Vec<String>> {
        let staged = |name: String| name.strip_prefix(STAGED).map(str::to_owned);
        system::names(&self.handle)?
            .filter_map(|name| name.map(staged).transpose())
            .collect()
    }

    /// Gives `name` the content that is staged for it. Durable after [`sync`](Self::sync).
    pub fn promote(&self, _lock: &Lock, name: &str) -> io::Result<()> {
        system::rename(&self.handle, &format!("{STAGED}{name}"), name)
    }

    /// Forgets what is staged for `name`.
    pub fn unstage(&self, _lock: &Lock, name: &str) -> io::Result<()> {
        match system::remove(&self.handle, &format!("{STAGED}{name}")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
