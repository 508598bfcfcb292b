//! Stages several files, to rename them together.

use std::io;

use super::{Directory, Lock, system};

/// The prefix of a staged file's name, before its final name.
pub(super) const STAGED: &str = ".docker-credential-temporary-staged-";

impl Directory {
    /// Writes the future content of `name`, for [`promote`](Self::promote), next to the current one. The
    /// content is on disk when this returns, its name only after [`sync`](Self::sync).
    ///
    /// Staged files are temporary: every [`replace`](Self::replace) removes them. To keep several staged
    /// files, write a mark, and check for the mark first whenever you take the lock.
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

    /// The names with staged content, in no particular order.
    pub fn staged(&self) -> io::Result<Vec<String>> {
        let staged = |name: String| name.strip_prefix(STAGED).map(str::to_owned);
        system::names(&self.handle)?
            .filter_map(|name| name.map(staged).transpose())
            .collect()
    }

    /// Replaces the content of `name` with the staged one. Durable after [`sync`](Self::sync).
    pub fn promote(&self, _lock: &Lock, name: &str) -> io::Result<()> {
        system::rename(&self.handle, &format!("{STAGED}{name}"), name)
    }

    /// Removes the staged content for `name`.
    pub fn unstage(&self, _lock: &Lock, name: &str) -> io::Result<()> {
        match system::remove(&self.handle, &format!("{STAGED}{name}")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
