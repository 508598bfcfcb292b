//! The process's controlling terminal, independent of stdin and stdout.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use docker_credential_helper::commands::Console;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};
use signal_hook::SigId;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::flag;
use signal_hook::low_level::{pipe, unregister};
use zeroize::Zeroizing;

use super::{ANSWER_MAX, Answer, PATIENCE, Question};

pub(super) fn ask(question: Question<'_>) -> Answer {
    match Terminal::open() {
        Ok(mut terminal) => {
            let answer = terminal.ask(question).unwrap_or(Answer::Impossible);
            let signal = terminal.signals.caught();
            drop(terminal);
            if let Some(signal) = signal {
                // After restoring the terminal, delivers the delayed signal.
                let _ = signal_hook::low_level::emulate_default_handler(signal);
            }
            answer
        }
        Err(_) => Answer::Impossible,
    }
}

pub(super) fn tell(text: &str) -> bool {
    let flags = OFlags::WRONLY | OFlags::NOCTTY | OFlags::CLOEXEC;
    rustix::fs::open("/dev/tty", flags, Mode::empty()).is_ok_and(|file| {
        tcgetpgrp(&file).is_ok_and(|group| group == rustix::process::getpgrp())
            && File::from(file)
                .write_all(format!("{}\n", Console::plain(text)).as_bytes())
                .is_ok()
    })
}

/// The controlling terminal, with echo off until it is dropped.
///
/// Signals from the keyboard are also off: an interrupt arrives as a character and ends the question. Signals
/// of other programs wait until the terminal's settings are restored.
struct Terminal {
    file: File,
    before: Termios,
    signals: Signals,
}

/// Signals that would end this process, delayed while the terminal's settings are changed.
struct Signals {
    ids: Vec<SigId>,
    /// The signal that arrived; 0 for none.
    number: Arc<AtomicUsize>,
    /// Readable as soon as one arrived.
    pipe: UnixStream,
}

impl Signals {
    fn hold() -> io::Result<Self> {
        let (pipe, writer) = UnixStream::pair()?;
        let mut signals = Self {
            ids: Vec::new(),
            number: Arc::default(),
            pipe,
        };
        for signal in [SIGTERM, SIGINT, SIGHUP, SIGQUIT] {
            let number = usize::try_from(signal).unwrap_or_default();
            signals
                .ids
                .push(flag::register_usize(signal, Arc::clone(&signals.number), number)?);
            signals.ids.push(pipe::register(signal, writer.try_clone()?)?);
        }
        Ok(signals)
    }

    fn caught(&self) -> Option<i32> {
        let number = self.number.load(Ordering::Acquire);
        i32::try_from(number).ok().filter(|number| *number != 0)
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for id in self.ids.drain(..) {
            unregister(id);
        }
    }
}

impl Terminal {
    fn open() -> io::Result<Self> {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file: File = rustix::fs::open("/dev/tty", flags, Mode::empty())?.into();
        // The next calls would stop a process in the background, and it would seem to hang.
        if tcgetpgrp(&file)? != rustix::process::getpgrp() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let signals = Signals::hold()?;
        let before = tcgetattr(&file)?;
        let mut silent = before.clone();
        silent.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG | LocalModes::IEXTEN;
        tcsetattr(&file, OptionalActions::Flush, &silent)?;
        Ok(Self {
            file,
            before,
            signals,
        })
    }

    fn ask(&mut self, question: Question<'_>) -> io::Result<Answer> {
        self.file.write_all(question.on_terminal().as_bytes())?;
        let answer = self.read();
        self.file.write_all(b"\n")?;
        answer
    }

    fn read(&mut self) -> io::Result<Answer> {
        let deadline = Instant::now() + PATIENCE;
        let mut line = Line::default();
        let mut bytes = Zeroizing::new([0; 64]);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let time = Timespec::try_from(left).map_err(|_| io::ErrorKind::InvalidInput)?;
            let mut both = [&self.file as &dyn AsFd, &self.signals.pipe]
                .map(|file| PollFd::from_borrowed_fd(file.as_fd(), PollFlags::IN));
            match poll(&mut both, Some(&time)) {
                _ if self.signals.caught().is_some() => return Ok(Answer::Cancelled),
                Ok(0) => return Ok(Answer::Nobody),
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            let count = self.file.read(&mut bytes[..])?;
            // The terminal is gone.
            if count == 0 {
                return Ok(Answer::Cancelled);
            }
            if let Some(answer) = bytes[..count].iter().find_map(|byte| line.take(*byte)) {
                return Ok(answer);
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.file, OptionalActions::Flush, &self.before);
    }
}

/// The line being typed, and its editing keys.
#[derive(Default)]
struct Line(Zeroizing<Vec<u8>>);

impl Line {
    fn take(&mut self, byte: u8) -> Option<Answer> {
        match byte {
            // Ctrl-C, Ctrl-\, Ctrl-Z.
            0x03 | 0x1c | 0x1a => return Some(Answer::Cancelled),
            // Ctrl-D.
            0x04 if self.0.is_empty() => return Some(Answer::Cancelled),
            b'\r' | b'\n' | 0x04 => return Some(self.finish()),
            0x08 | 0x7f => self.erase_character(),
            // Ctrl-U.
            0x15 => self.0.clear(),
            _ if self.0.len() < ANSWER_MAX => self.0.push(byte),
            _ => {}
        }
        None
    }

    fn erase_character(&mut self) {
        while self.0.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
    }

    fn finish(&mut self) -> Answer {
        match String::from_utf8(std::mem::take(&mut *self.0)) {
            Ok(text) => Answer::Given(Zeroizing::new(text)),
            Err(error) => {
                drop(Zeroizing::new(error.into_bytes()));
                Answer::Cancelled
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &[u8]) -> Option<String> {
        let mut line = Line::default();
        match keys.iter().find_map(|key| line.take(*key)) {
            Some(Answer::Given(text)) => Some(text.to_string()),
            Some(Answer::Cancelled) => Some("CANCELLED".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn a_line_is_edited_as_a_terminal_would() {
        for (keys, answer) in [
            (&b"abc\r"[..], Some("abc")),
            (b"abc\n", Some("abc")),
            (b"abc", None),
            (b"ab\x7fc\x08d\n", Some("ad")),
            ("aä\x7f€\x7fb\n".as_bytes(), Some("ab")),
            (b"\x7f\n", Some("")),
            (b"wrong\x15right\n", Some("right")),
            (b"abc\x04", Some("abc")),
            (b"abc\x03", Some("CANCELLED")),
            (b"\x04", Some("CANCELLED")),
            (b"\xff\n", Some("CANCELLED")),
        ] {
            assert_eq!(typed(keys).as_deref(), answer, "{keys:?}");
        }
    }
}
