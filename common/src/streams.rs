//! Reads stdin without a lasting buffer, and writes stdout once, protected from output of libraries.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
#[cfg(unix)]
use std::os::fd::AsFd;
#[cfg(windows)]
use std::os::windows::io::AsHandle;

use zeroize::Zeroizing;

use crate::Error;
use crate::text::one_line;

/// The maximum length of a request, in bytes. The longest known secret, a web login's token, has 5,000.
pub const INPUT_MAX: usize = 1 << 20;

/// The size of the first read: most requests are shorter.
const USUAL: usize = 1 << 12;
/// The maximum size of a read.
const CHUNK: usize = 1 << 16;

/// All of stdin.
///
/// Prints `awaited` on stderr if stdin is a terminal, because the program would seem to hang.
pub(crate) fn read_input(program: &str, awaited: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        notice(
            program,
            &format!("type {awaited}, then press Ctrl-D on an empty line"),
        );
    }
    // `io::stdin` itself uses a static buffer that is never wiped.
    #[cfg(unix)]
    let input = stdin.as_fd().try_clone_to_owned();
    #[cfg(windows)]
    let input = stdin.as_handle().try_clone_to_owned();
    let unreadable = |error: io::Error| {
        let error = Error::system_text(&error);
        Error::request(format!("cannot read the request from stdin: {error}"))
    };
    read_to_end(&mut File::from(input.map_err(unreadable)?))
        .map_err(unreadable)?
        .ok_or_else(|| {
            Error::request(format!(
                "the request on stdin is longer than {INPUT_MAX} bytes, the limit"
            ))
        })
}

/// Nothing if there is more than [`INPUT_MAX`].
fn read_to_end(input: &mut impl Read) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    let mut filled = 0;
    loop {
        if filled > INPUT_MAX {
            return Ok(None);
        }
        if bytes.len() == filled {
            let more = filled.clamp(USUAL, CHUNK);
            // Without enough memory, the process reports an error and doesn't abort.
            bytes.try_reserve(more)?;
            bytes.resize(filled + more, 0);
        }
        match input.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(Some(bytes))
}

/// The stdout that the client reads.
#[derive(Debug)]
pub(crate) struct Reply(File);

impl Reply {
    /// Reserves stdout for the protocol: from now on descriptor 1 is stderr, so a library can't print into a
    /// reply.
    #[cfg(unix)]
    pub(crate) fn take() -> io::Result<Self> {
        let reply = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        rustix::stdio::dup2_stdout(io::stderr())?;
        Ok(Self(reply))
    }

    /// Windows doesn't have a descriptor to redirect, but none of the libraries there print.
    #[cfg(windows)]
    pub(crate) fn take() -> io::Result<Self> {
        Ok(Self(File::from(io::stdout().as_handle().try_clone_to_owned()?)))
    }

    /// For the commands, which print as they work.
    #[cfg(feature = "commands")]
    pub(crate) fn into_file(self) -> File {
        self.0
    }

    /// Writes a complete reply, unbuffered. On an error, the client didn't get it.
    pub(crate) fn send(&mut self, reply: &[u8]) -> io::Result<()> {
        self.0.write_all(reply)
    }

    /// Prints a line on stderr, after the reply, if only a person sees it: stderr is a terminal, stdout
    /// isn't, and this program is in the terminal's foreground. In the background, the write could stop it,
    /// and docker with it.
    pub(crate) fn remark(&self, program: &str, text: &str) {
        /// A terminal accepts this much at once.
        const MOST: usize = 512;
        if !io::stderr().is_terminal() || self.0.is_terminal() || !is_in_foreground() {
            return;
        }
        let mut line = format!("{program}: {}", one_line(text));
        if line.len() >= MOST {
            while line.len() > MOST - 4 {
                line.pop();
            }
            line.push('…');
        }
        line.push('\n');
        let _ = io::stderr().write(line.as_bytes());
    }
}

/// Prints lines for a person who typed an invalid command. Not for a client's log.
#[cfg(feature = "commands")]
pub(crate) fn hint(text: &str) {
    if io::stderr().is_terminal() && is_in_foreground() {
        let _ = io::stderr().write_all(text.as_bytes());
    }
}

#[cfg(unix)]
fn is_in_foreground() -> bool {
    rustix::termios::tcgetpgrp(io::stderr()).is_ok_and(|group| group == rustix::process::getpgrp())
}

#[cfg(not(unix))]
fn is_in_foreground() -> bool {
    true
}

/// Prints a line on stderr for a person at the terminal. Failures are ignored.
pub(crate) fn notice(program: &str, text: &str) {
    let _ = io::stderr().write_all(format!("{program}: {}\n", one_line(text)).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_of_exactly_the_limit_is_read() {
        let input = vec![b'x'; INPUT_MAX];
        assert_eq!(read_to_end(&mut &input[..]).unwrap().unwrap().as_slice(), input);
    }

    #[test]
    fn input_beyond_the_limit_is_given_up_after_one_more_chunk() {
        let mut input = io::repeat(0).take(1 << 30);
        assert!(read_to_end(&mut input).unwrap().is_none());
        assert!((1 << 30) - input.limit() <= (INPUT_MAX + CHUNK) as u64);
    }
}
