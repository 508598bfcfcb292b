use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;

use crate::text::one_line;
use crate::{Environment, Error, streams};

/// Where a command prints and asks.
///
/// Results go to stdout and everything else to stderr, so that a result can be piped on. Text that comes from
/// outside (servers, user names) is for the caller to clean with [`plain`](Self::plain).
pub struct Console {
    program: String,
    out: Box<dyn Write>,
    is_terminal: bool,
    has_color: bool,
    /// In columns, if it is a terminal that says so.
    width: Option<usize>,
}

impl Console {
    /// `out` is the real stdout; descriptor 1 itself leads to stderr by now.
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

    /// Prints a part of the result, as it is: the line ends are in `text`.
    ///
    /// Fails where it cannot be delivered: a full disk, a closed pipe.
    pub fn print(&mut self, text: &str) -> Result<(), Error> {
        self.out
            .write_all(text.as_bytes())
            .and_then(|()| self.out.flush())
            .map_err(Error::file("write to", Path::new("standard output")))
    }

    /// Says something about the work on stderr, in one line.
    pub fn note(&self, text: &str) {
        streams::notice(&self.program, text);
    }

    /// Whether a person reads the result: tables and colour are for them.
    pub fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Asks a question that is answered with yes or no; `option` is what says yes without being asked.
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

    /// Asks a question to which the usual answer is yes. Nothing if there is no terminal to ask on, or no answer.
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

    /// Tells on the terminal how far long work has come, and clears the line when it is done.
    pub fn progress(&self, done: usize, total: usize) {
        /// Below this it is over before it can be read.
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

    /// The text in lines that fit the terminal, if it is one, the later ones indented by this many spaces.
    pub(crate) fn wrapped(&self, text: &str, indent: usize) -> String {
        match self.width {
            Some(width) => wrap(text, width.saturating_sub(indent), indent),
            None => text.to_owned(),
        }
    }

    /// Text from outside as one line that a terminal shows as it is.
    pub fn plain(text: &str) -> String {
        one_line(text)
    }

    /// Several lines on stderr, as the option parser makes them.
    pub(crate) fn complain(text: &str) {
        let _ = write!(io::stderr(), "{text}");
    }

    /// `text` in one of the terminal's colours, where there are any.
    pub(crate) fn colored(&self, color: Color, text: &str) -> String {
        if self.has_color {
            format!("\x1b[{}m{text}\x1b[0m", color as u8)
        } else {
            text.to_owned()
        }
    }
}

/// Narrower ones wrap by themselves.
const WIDTH_MIN: usize = 40;

/// Breaks at spaces only, so that a path stays in one piece.
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

/// The number is that of the terminal's escape sequence.
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
