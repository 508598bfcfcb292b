//! stdin read without a buffer that outlives it; stdout written once, and out of reach of libraries.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
#[cfg(unix)]
use std::os::fd::AsFd;
#[cfg(windows)]
use std::os::windows::io::AsHandle;

use zeroize::Zeroizing;

use crate::Error;
use crate::text::one_line;

/// The longest request that is read, in bytes. The longest secret known in use, a web login's token, has 5,000.
pub const INPUT_MAX: usize = 1 << 20;

/// How much is asked for at first: most requests are shorter.
const USUAL: usize = 1 << 12;
/// How much is asked for at once, at the most.
const CHUNK: usize = 1 << 16;

/// All of stdin.
///
/// `awaited` is told on stderr if a person sits at the other end, instead of seeming to hang.
pub(crate) fn read_input(program: &str, awaited: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        notice(
            program,
            &format!("type {awaited}, then end it with Ctrl-D on a line of its own"),
        );
    }
    // `io::stdin` itself reads through a static buffer that is never wiped.
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
                "the request on stdin is longer than {INPUT_MAX} bytes, the most that is read"
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
            // A process with little memory answers with an error, not with an abort.
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
    /// Takes stdout for the protocol alone: from now on descriptor 1 is stderr, so that a library which prints
    /// something does not print it into a reply.
    #[cfg(unix)]
    pub(crate) fn take() -> io::Result<Self> {
        let reply = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        rustix::stdio::dup2_stdout(io::stderr())?;
        Ok(Self(reply))
    }

    /// On Windows there is no descriptor to redirect; nothing that is linked there prints.
    #[cfg(windows)]
    pub(crate) fn take() -> io::Result<Self> {
        Ok(Self(File::from(io::stdout().as_handle().try_clone_to_owned()?)))
    }

    /// For the commands, which print as they go.
    #[cfg(feature = "commands")]
    pub(crate) fn into_file(self) -> File {
        self.0
    }

    /// Delivers a whole reply, unbuffered. An error means that the client did not get it.
    pub(crate) fn send(&mut self, reply: &[u8]) -> io::Result<()> {
        self.0.write_all(reply)
    }

    /// A line on stderr, after the reply, where a person sees it and no client: stderr is a terminal, stdout is not,
    /// and this is a program that the terminal is with. Another one would be stopped by it, and docker with it.
    pub(crate) fn remark(&self, program: &str, text: &str) {
        /// A terminal takes so much at once.
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

/// Lines for a person who typed something that is no request. Not for a client's log.
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

/// A line on stderr for the person at the terminal. It may go nowhere.
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
