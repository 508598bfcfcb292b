//! Finds the header of an entry's file in one pass, within limits.
//!
//! The age crate parses a header again for each of its lines, so 6,000 stanzas, a file of 200 KB, take 20
//! seconds. Anyone who can write to a store could block everybody's logins with one such file. So we find the
//! end of the header ourselves, within limits, and pass the whole header to the crate, which then parses it
//! once.

use std::borrow::Cow;
use std::io::{self, BufRead, Read};

use age::armor::ArmoredReader;

/// The maximum bytes in a header: 660 people with X25519 keys, or 40 with post-quantum ones.
const BYTES_MAX: usize = 64 << 10;

/// The maximum number of stanzas in a header. Each may cost two scalar multiplications for each identity.
const STANZAS_MAX: usize = 1024;

/// The file itself, or the content of its armor.
pub(crate) fn binary(file: &[u8]) -> io::Result<Cow<'_, [u8]>> {
    if file.starts_with(b"age-encryption.org/") {
        return Ok(Cow::Borrowed(file));
    }
    let mut binary = Vec::with_capacity(file.len());
    ArmoredReader::new(file).read_to_end(&mut binary)?;
    Ok(Cow::Owned(binary))
}

/// A file, split after its header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Split<'a> {
    header: &'a [u8],
    file: &'a [u8],
}

impl<'a> Split<'a> {
    /// Nothing for a file whose header doesn't end, or is larger than ours ever are.
    pub(crate) fn of(file: &'a [u8]) -> Option<Self> {
        let mut stanzas = 0;
        let mut end = 0;
        for line in file[..file.len().min(BYTES_MAX)].split_inclusive(|byte| *byte == b'\n') {
            end += line.len();
            // A stanza's body is base64, which doesn't contain hyphens.
            if line.starts_with(b"---") {
                return line.ends_with(b"\n").then_some(Self {
                    header: &file[..end],
                    file,
                });
            }
            stanzas += usize::from(line.starts_with(STANZA));
            if stanzas > STANZAS_MAX {
                return None;
            }
        }
        None
    }

    /// The kind of each stanza.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = &'a [u8]> {
        let lines = self.header.split(|byte| *byte == b'\n');
        lines
            .filter_map(|line| line.strip_prefix(STANZA))
            .map(|words| words.split(|byte| *byte == b' ').next().unwrap_or_default())
    }

    /// Whether there is a stanza that begins with these words.
    pub(crate) fn has_stanza(&self, words: &str) -> bool {
        let mut lines = self.header.split(|byte| *byte == b'\n');
        lines.any(|line| {
            let rest = line
                .strip_prefix(STANZA)
                .and_then(|line| line.strip_prefix(words.as_bytes()));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b" "))
        })
    }

    /// A reader of the file that returns the header as one line.
    pub(crate) fn reader(&self) -> HeaderAtOnce<'a> {
        HeaderAtOnce {
            rest: self.file,
            header: self.header.len(),
        }
    }
}

const STANZA: &[u8] = b"-> ";

/// The kind of an X25519 recipient's stanza.
pub(crate) const X25519: &[u8] = b"X25519";

/// The age crate adds a stanza of a random kind to each file, so that readers learn to ignore unknown ones.
/// Such a kind ends in this.
pub(crate) fn is_grease(kind: &[u8]) -> bool {
    kind.ends_with(b"-grease")
}

/// Reads a file like any reader, except that [`read_until`](BufRead::read_until), which the age crate calls
/// for each line of a header, returns the whole rest of the header.
pub(crate) struct HeaderAtOnce<'a> {
    rest: &'a [u8],
    /// The number of bytes of `rest` that belong to the header.
    header: usize,
}

impl Read for HeaderAtOnce<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.rest.read(buffer)?;
        self.header = self.header.saturating_sub(count);
        Ok(count)
    }
}

impl BufRead for HeaderAtOnce<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Ok(self.rest)
    }

    fn consume(&mut self, count: usize) {
        self.rest.consume(count);
        self.header = self.header.saturating_sub(count);
    }

    fn read_until(&mut self, delimiter: u8, line: &mut Vec<u8>) -> io::Result<usize> {
        if self.header == 0 {
            return self.rest.read_until(delimiter, line);
        }
        let count = self.header;
        line.extend_from_slice(&self.rest[..count]);
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: &str = "--- fgMiVLJHMlg9fW7CVG/hPS5EAU4Zeg19LyCP7SoH5nA\n";

    fn file(stanzas: usize, end: &str) -> Vec<u8> {
        let mut file = b"age-encryption.org/v1\n".to_vec();
        for _ in 0..stanzas {
            file.extend_from_slice(b"-> X a b\nAAAA\n");
        }
        file.extend_from_slice(end.as_bytes());
        file.extend_from_slice(b"payload\n--- \n");
        file
    }

    #[test]
    fn a_header_ends_with_its_first_line_of_hyphens() {
        let file = file(2, END);
        let split = Split::of(&file).unwrap();
        assert!(split.header.ends_with(END.as_bytes()));
        assert_eq!(split.header.len() + b"payload\n--- \n".len(), file.len());
        assert_eq!(split.kinds().collect::<Vec<_>>(), [b"X", b"X"]);
        assert!(split.has_stanza("X a") && split.has_stanza("X a b") && split.has_stanza("X"));
        assert!(!split.has_stanza("X b") && !split.has_stanza("X a b c") && !split.has_stanza("X a bc"));
    }

    #[test]
    fn a_header_without_an_end_or_beyond_the_bounds_is_none() {
        assert!(Split::of(b"").is_none());
        assert!(Split::of(b"age-encryption.org/v1\n-> X\n\n--- AAA").is_none());
        assert!(Split::of(&file(STANZAS_MAX, END)).is_some());
        assert!(Split::of(&file(STANZAS_MAX + 1, END)).is_none());
        let body = "A".repeat(BYTES_MAX);
        assert!(Split::of(&file(1, &format!("{body}\n{END}"))).is_none());
    }

    #[test]
    fn the_reader_delivers_the_header_at_once_and_then_the_rest() {
        let file = file(2, END);
        let split = Split::of(&file).unwrap();
        let mut reader = split.reader();
        let mut line = Vec::new();
        assert_eq!(reader.read_until(b'\n', &mut line).unwrap(), split.header.len());
        assert_eq!(line, split.header);
        line.clear();
        reader.read_until(b'\n', &mut line).unwrap();
        assert_eq!(line, b"payload\n");
        let mut all = Vec::new();
        split.reader().read_to_end(&mut all).unwrap();
        assert_eq!(all, file);
    }
}
