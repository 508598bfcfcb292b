//! Temporary files.

use std::io;

use super::{Directory, Lock, system};

/// The prefix of a temporary file's name. They have the content of their final file, and we may remove them.
pub(super) const TEMPORARY: &str = ".docker-credential-temporary-";

impl Directory {
    pub(super) fn write_temporary(
        &self,
        content: &[u8],
        ownership: &system::Ownership,
    ) -> io::Result<Temporary<'_>> {
        let name = format!("{TEMPORARY}{}", unique());
        let mut file = system::create_exclusively(&self.handle, &name)?;
        let temporary = Temporary {
            directory: self,
            name,
        };
        system::give_to(&file, ownership)?;
        io::Write::write_all(&mut file, content)?;
        file.sync_all()?;
        system::close(file)?;
        Ok(temporary)
    }

    /// Removes leftovers of a killed writer. Without the lock, they might be a running writer's.
    pub(super) fn remove_stray_temporaries(&self, lock: &Lock) {
        if !lock.is_held() {
            return;
        }
        // Reads all names before it removes a file.
        let names: io::Result<Vec<String>> = system::names(&self.handle).and_then(Iterator::collect);
        for name in names.unwrap_or_default() {
            if name.starts_with(TEMPORARY) {
                let _ = system::remove(&self.handle, &name);
            }
        }
    }
}

/// Removed on drop, unless it was renamed.
pub(super) struct Temporary<'a> {
    directory: &'a Directory,
    pub(super) name: String,
}

impl Temporary<'_> {
    pub(super) fn keep(mut self) {
        self.name.clear();
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.name.is_empty() {
            let _ = system::remove(&self.directory.handle, &self.name);
        }
    }
}

/// A name that no other process uses now: it contains the process id, a time and a counter. If it still
/// exists, `O_EXCL` notices.
fn unique() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::{SystemTime, UNIX_EPOCH};

    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!(
        "{:x}-{:x}-{:x}",
        std::process::id(),
        now.as_nanos(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    )
}
