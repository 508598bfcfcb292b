use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;

use crate::text::one_line;
use crate::{Environment, Error, streams};

/// The input and output of a command.
///
/// Results go to stdout and everything else to stderr, so that you can pipe a result. The caller must clean
/// untrusted text (servers, user names) with [`plain`](Self::plain).
pub struct Console {
    program: String,
    out: Box<dyn Write>,
    is_terminal: bool,
    has_color: bool,
    /// In columns, if it is a terminal with a known width.
    width: Option<usize>,
}

impl Console {
    /// `out` is the real stdout; descriptor 1 is stderr by now.
    pub(crate) fn new(environment: &Environment, out: File) -> Self {
        let is_terminal = out.is_terminal();
        let width = terminal_size::terminal_size_of(&out).map(|(width, _)| usize::from(width.0));
        let is_set = |name| environment.variable(name).is_some_and(|value| !value.is_empty());
        let is_dumb = environment.variable("TERM").is_some_and(|term| term == "dumb");
        Self {
            program: environment.program().to_owned(),
            out: Box::new(out),
            is_terminal,
            width: width.filter(|width| *width >= WIDTH_MIN),
            has_color: is_terminal && !is_set("NO_COLOR") && !is_dumb,
        }
    }

    /// Prints a part of the result unchanged; `text` includes the newlines.
    ///
    /// Fails if the output can't be written, for example to a full disk or a closed pipe.
    pub fn print(&mut self, text: &str) -> Result<(), Error> {
        self.out
            .write_all(text.as_bytes())
            .and_then(|()| self.out.flush())
            .map_err(Error::file("write to", Path::new("standard output")))
    }

    /// Reports progress on stderr, in one line.
    pub fn note(&self, text: &str) {
        streams::notice(&self.program, text);
    }

    /// Whether a person reads the result, who gets tables and colour.
    pub fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Asks a yes-or-no question; `option` is the command-line option that answers yes.
    ///
    /// Fails with [`Error::Refused`] if there is no terminal to ask on.
    pub fn confirm(question: &str, option: &str) -> Result<bool, Error> {
        if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
            return Err(Error::refused(format!(
                "this must be confirmed, and there is no terminal to ask on; add {option}"
            )));
        }
        let _ = write!(io::stderr(), "{} [y/N] ", one_line(question));
        let mut answer = String::new();
        io::stdin()
            .lock()
            .read_line(&mut answer)
            .map_err(Error::file("read", Path::new("standard input")))?;
        Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
    }

    /// Asks a question whose default is yes. Nothing if there is no terminal to ask on, or no answer.
    pub(crate) fn ask(question: &str) -> Option<bool> {
        if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
            return None;
        }
        let _ = write!(io::stderr(), "{} [Y/n] ", one_line(question));
        let mut answer = String::new();
        match io::stdin().lock().read_line(&mut answer) {
            Ok(read) if read > 0 => match answer.trim().to_ascii_lowercase().as_str() {
                "" | "y" | "yes" => Some(true),
                "n" | "no" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// Shows the progress of long work on the terminal, and clears the line at the end.
    pub fn progress(&self, done: usize, total: usize) {
        /// Shorter work ends before anyone could read it.
        const LONG: usize = 20;
        if total < LONG || !io::stderr().is_terminal() {
            return;
        }
        let line = if done < total {
            format!("\r{}: {done} of {total}", self.program)
        } else {
            "\r\x1b[K".to_owned()
        };
        let _ = write!(io::stderr(), "{line}");
    }

    /// Wraps the text to the terminal, if it is one, and indents the later lines by this many spaces.
    pub(crate) fn wrapped(&self, text: &str, indent: usize) -> String {
        match self.width {
            Some(width) => wrap(text, width.saturating_sub(indent), indent),
            None => text.to_owned(),
        }
    }

    /// Untrusted text as one line that is safe for a terminal.
    pub fn plain(text: &str) -> String {
        one_line(text)
    }

    /// Prints several lines on stderr, as the option parser formats them.
    pub(crate) fn complain(text: &str) {
        let _ = write!(io::stderr(), "{text}");
    }

    /// `text` in one of the terminal's colours, if it has any.
    pub(crate) fn colored(&self, color: Color, text: &str) -> String {
        if self.has_color {
            format!("\x1b[{}m{text}\x1b[0m", color as u8)
        } else {
            text.to_owned()
        }
    }
}

/// Narrower terminals wrap themselves.
const WIDTH_MIN: usize = 40;

/// Only breaks at spaces, so paths stay in one piece.
fn wrap(text: &str, width: usize, indent: usize) -> String {
    let mut wrapped = String::new();
    let mut column = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            wrapped.push('\n');
            wrapped.push_str(&" ".repeat(indent));
            column = 0;
        } else if column > 0 {
            wrapped.push(' ');
            column += 1;
        }
        wrapped.push_str(word);
        column += length;
    }
    wrapped
}

/// The number in the terminal's escape sequence.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Color {
    Red = 31,
    Green = 32,
    Yellow = 33,
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console")
            .field("is_terminal", &self.is_terminal)
            .finish_non_exhaustive()
    }
}
