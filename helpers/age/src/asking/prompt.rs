//! Asks for a passphrase: with a pinentry program or on the terminal, never on stdin or stdout, which belong
//! to the client.

use std::time::Duration;

use docker_credential_helper::commands::Console;
use docker_credential_helper::{Environment, Error, subprocess};
use zeroize::Zeroizing;

use crate::settings;

mod pinentry;
#[cfg(unix)]
#[path = "prompt/terminal.rs"]
mod terminal;
#[cfg(not(unix))]
#[path = "prompt/console.rs"]
mod terminal;

/// The timeout for one answer.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The longest answer, in bytes. Pinentry's own limit is half of this.
const ANSWER_MAX: usize = 2048;

/// The program that asks, as for other age tools.
const PROGRAM: &str = "PINENTRY_PROGRAM";

/// The question.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    /// The purpose of the answer, in a sentence.
    pub(crate) description: &'a str,
    /// The text before the cursor, without a colon.
    pub(crate) prompt: &'a str,
    /// Whether the line on the terminal shows the purpose, which is clear if the user's own command asks.
    pub(crate) is_named: bool,
    /// Why it asks again.
    pub(crate) mistake: Option<&'a str>,
}

impl Question<'_> {
    /// As a terminal shows it: the mistake is on its own line, so that the question fits into one.
    fn on_terminal(&self) -> String {
        let mistake = self
            .mistake
            .map_or_else(String::new, |mistake| format!("{}\n", Console::plain(mistake)));
        let name = if self.is_named {
            format!(" for {}", Console::plain(self.description))
        } else {
            String::new()
        };
        format!("{mistake}{}{name}: ", self.prompt)
    }
}

/// The result of asking in one way.
#[derive(Debug)]
enum Answer {
    Given(Zeroizing<String>),
    /// The person cancelled it.
    Cancelled,
    /// It timed out.
    Nobody,
    /// This way doesn't work here.
    Impossible,
}

/// Asks for the passphrase. If it can't ask, the error ends with `way_out`, the alternative.
pub(crate) fn passphrase(
    question: Question<'_>,
    way_out: &str,
    environment: &Environment,
) -> Result<Zeroizing<String>, Error> {
    let locked = |problem: &str| Err(Error::locked(format!("{problem}; {way_out}")));
    if settings::is_noninteractive(environment)? {
        return locked(&format!(
            "{} needs a passphrase, and {} forbids asking for it",
            question.description,
            settings::NONINTERACTIVE
        ));
    }
    match ask(question, environment)? {
        Answer::Given(passphrase) => Ok(passphrase),
        Answer::Cancelled => locked("the question for the passphrase was cancelled"),
        Answer::Nobody => locked("nobody answered the question for the passphrase"),
        Answer::Impossible => locked(&format!(
            "{} needs a passphrase, and there is neither a terminal nor a pinentry program to ask for it",
            question.description
        )),
    }
}

/// Shows a message, such as to touch a key. Returns whether there is a terminal to show it on.
pub(crate) fn tell(text: &str) -> bool {
    terminal::tell(text)
}

/// A pinentry that the user chose comes first. On a desktop, a window is better than a terminal on which
/// several programs may be writing; elsewhere there is only the terminal.
fn ask(question: Question<'_>, environment: &Environment) -> Result<Answer, Error> {
    if let Some(program) = environment
        .variable(PROGRAM)
        .filter(|program| !program.is_empty())
    {
        let program = program
            .to_str()
            .ok_or_else(|| Error::setting(PROGRAM, "is not valid UTF-8"))?;
        let program = subprocess::find(program, environment)
            .map_err(|error| Error::setting(PROGRAM, format!("cannot be used: {error}")))?;
        return match pinentry::ask(&program, question, environment) {
            Answer::Impossible => Err(Error::setting(
                PROGRAM,
                format!(
                    "names {}, which cannot ask here or is not a pinentry; choose another or unset it",
                    program.display()
                ),
            )),
            answer => Ok(answer),
        };
    }
    let is_set = |name| environment.variable(name).is_some_and(|value| !value.is_empty());
    if (is_set("DISPLAY") || is_set("WAYLAND_DISPLAY"))
        && let Ok(program) = subprocess::find("pinentry", environment)
    {
        match pinentry::ask(&program, question, environment) {
            Answer::Impossible => {}
            answer => return Ok(answer),
        }
    }
    Ok(terminal::ask(question))
}
