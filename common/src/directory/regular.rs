//! Regular files, read within a limit.

use std::fs::File;
use std::io;

/// The content of an open file, as in [`Directory::read`](super::Directory::read).
pub(crate) fn read_regular(file: &File, limit: u64) -> io::Result<Vec<u8>> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(not_a_regular_file());
    }
    let mut content = Vec::with_capacity(usize::try_from(metadata.len().min(limit)).unwrap_or(0) + 1);
    io::Read::read_to_end(&mut io::Read::take(file, limit + 1), &mut content)?;
    if content.len() as u64 > limit {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it is larger than {limit} bytes"),
        ));
    }
    Ok(content)
}

pub(super) fn not_a_regular_file() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it is not a regular file")
}

pub(super) fn a_symbolic_link() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it is a symbolic link")
}
