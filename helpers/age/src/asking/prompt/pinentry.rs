//! A client of pinentry and its protocol, Assuan: lines of commands, answered with `OK`, `ERR` or data.

use std::path::Path;
use std::time::Duration;

use docker_credential_helper::Environment;
use docker_credential_helper::commands::Console;
use docker_credential_helper::subprocess::{self, Breakdown, Conversation, Limits};
use zeroize::Zeroizing;

use super::{ANSWER_MAX, Answer, PATIENCE, Question};

/// Assuan's limit is 1,000 bytes; a percent escape in an answer takes three.
const LINE_MAX: usize = 3 * ANSWER_MAX + 16;

/// The limit on a pinentry's whole output.
const BYTES_MAX: usize = 64 << 10;

/// The timeout for everything that doesn't need a person.
const START_UP: Duration = Duration::from_secs(10);

/// `GnuPG`'s codes in the low 16 bits of an error: cancelled, fully cancelled, timeout.
const CANCELLED: u32 = 99;
const FULLY_CANCELLED: u32 = 198;
const TIMEOUT: u32 = 62;

pub(super) fn ask(program: &Path, question: Question<'_>, environment: &Environment) -> Answer {
    let Some(mut pinentry) = Pinentry::start(program, environment) else {
        return Answer::Impossible;
    };
    pinentry.prepare(question, environment);
    pinentry.get_pin()
}

/// A running pinentry. Dropping this ends it.
struct Pinentry(Conversation);

enum Reply {
    Ok(Zeroizing<Vec<u8>>),
    Error(u32),
    /// It ended, is silent, or violates the protocol.
    Lost,
    Late,
}

impl Pinentry {
    fn start(program: &Path, environment: &Environment) -> Option<Self> {
        let limits = Limits {
            time: START_UP,
            line: LINE_MAX,
            total: BYTES_MAX,
        };
        let command = subprocess::command(program, environment, |_| false);
        let mut pinentry = Self(Conversation::start(command, limits).ok()?);
        match pinentry.reply() {
            Reply::Ok(_) => Some(pinentry),
            _ => None,
        }
    }

    /// We ignore a pinentry's errors about unknown options.
    fn prepare(&mut self, question: Question<'_>, environment: &Environment) {
        let variable = |name| {
            environment
                .variable(name)
                .and_then(|value| value.into_string().ok())
        };
        // For those that draw on a terminal. stdin and stdout are our pipes, so we must name the terminal.
        let terminal = variable("GPG_TTY").unwrap_or_else(|| "/dev/tty".to_owned());
        let mut lines = vec![
            format!("OPTION ttyname={terminal}"),
            format!("SETTIMEOUT {}", PATIENCE.as_secs()),
            format!("SETTITLE {}", environment.program()),
            format!("SETDESC {}", escape(question.description)),
            format!("SETPROMPT {}:", escape(question.prompt)),
        ];
        lines.extend(variable("TERM").map(|terminal| format!("OPTION ttytype={terminal}")));
        lines.extend(
            variable("LC_CTYPE")
                .or_else(|| variable("LANG"))
                .map(|locale| format!("OPTION lc-ctype={locale}")),
        );
        lines.extend(
            question
                .mistake
                .map(|mistake| format!("SETERROR {}", escape(mistake))),
        );
        for line in lines {
            self.send(&line);
            let _ = self.reply();
        }
    }

    fn get_pin(&mut self) -> Answer {
        self.0.extend(PATIENCE);
        self.send("GETPIN");
        match self.reply() {
            Reply::Ok(data) => match std::str::from_utf8(&data) {
                Ok(text) => Answer::Given(Zeroizing::new(text.to_owned())),
                Err(_) => Answer::Cancelled,
            },
            Reply::Error(CANCELLED | FULLY_CANCELLED) => Answer::Cancelled,
            Reply::Error(TIMEOUT) | Reply::Late => Answer::Nobody,
            Reply::Error(_) | Reply::Lost => Answer::Impossible,
        }
    }

    fn send(&mut self, line: &str) {
        let line: String = line.chars().filter(|c| !c.is_control()).collect();
        // If the pinentry is gone, waiting for its reply fails.
        let _ = self.0.send(Zeroizing::new(format!("{line}\n").into_bytes()));
    }

    fn reply(&mut self) -> Reply {
        let mut data = Zeroizing::new(Vec::new());
        loop {
            let line = match self.0.line() {
                Ok(line) => line,
                Err(Breakdown::Late) => return Reply::Late,
                Err(_) => return Reply::Lost,
            };
            let (word, rest) =
                line.split_at(line.iter().position(|byte| *byte == b' ').unwrap_or(line.len()));
            let rest = rest.strip_prefix(b" ").unwrap_or(rest);
            match word {
                b"OK" => return Reply::Ok(data),
                b"ERR" => {
                    let digits: String = rest
                        .iter()
                        .map(|byte| char::from(*byte))
                        .take_while(char::is_ascii_digit)
                        .collect();
                    return Reply::Error(digits.parse::<u32>().unwrap_or(0) & 0xffff);
                }
                b"D" if data.len() + rest.len() <= ANSWER_MAX * 3 => unescape_to(&mut data, rest),
                // Status lines and comments.
                [b'S' | b'#', ..] => {}
                _ => return Reply::Lost,
            }
        }
    }
}

fn escape(text: &str) -> String {
    Console::plain(text).replace('%', "%25")
}

fn unescape_to(data: &mut Vec<u8>, line: &[u8]) {
    let mut rest = line;
    while let Some((byte, after)) = rest.split_first() {
        let escaped = (*byte == b'%')
            .then(|| after.get(..2))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let Some(escaped) = escaped {
            data.push(escaped);
            rest = &after[2..];
        } else {
            data.push(*byte);
            rest = after;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_assuan_escapes_is_undone() {
        for (line, data) in [
            (&b"abc"[..], &b"abc"[..]),
            (b"a%25b%0Ac%0a", b"a%b\nc\n"),
            (b"100%", b"100%"),
            (b"%zz%2", b"%zz%2"),
            ("ä%C3%A4".as_bytes(), "ää".as_bytes()),
        ] {
            let mut unescaped = Vec::new();
            unescape_to(&mut unescaped, line);
            assert_eq!(unescaped, data);
        }
    }

    #[test]
    fn a_request_is_one_line() {
        assert_eq!(escape("50%\nGETPIN"), "50%25?GETPIN");
    }
}
