//! Asking the person for a passphrase: by a pinentry program or on the terminal, never on stdin or stdout, which
//! belong to the client.

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

/// How long a person may take for one answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The longest answer, in bytes. Pinentry's own limit is half of it.
const ANSWER_MAX: usize = 2048;

/// The program that asks, as other age tools have it.
const PROGRAM: &str = "PINENTRY_PROGRAM";

/// What the person is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    /// What the answer opens, in a sentence.
    pub(crate) description: &'a str,
    /// What is before the cursor, without a colon.
    pub(crate) prompt: &'a str,
    /// Whether the line on the terminal says what the answer opens. It is clear if the person asked to be asked.
    pub(crate) is_named: bool,
    /// Why it is asked once more.
    pub(crate) mistake: Option<&'a str>,
}

impl Question<'_> {
    /// As a terminal shows it: the mistake has a line of its own, so that the question fits into one.
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

/// What came of asking in one way.
#[derive(Debug)]
enum Answer {
    Given(Zeroizing<String>),
    /// The person would rather not.
    Cancelled,
    /// Nobody answered in time.
    Nobody,
    /// It cannot be asked in this way here.
    Impossible,
}

/// The passphrase that the person types. `way_out` ends the error where nobody can be asked: what to do instead.
pub(crate) fn passphrase(
    question: Question<'_>,
    way_out: &str,
    environment: &Environment,
) -> Result<Zeroizing<String>, Error> {
    let locked = |problem: &str| Err(Error::locked(format!("{problem}; {way_out}")));
    if settings::is_noninteractive(environment)? {
        return locked(&format!(
            "{} needs a passphrase, and {} forbids to ask for it",
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

/// Tells the person something, such as to touch a key. Whether there is a terminal to show it on.
pub(crate) fn tell(text: &str) -> bool {
    terminal::tell(text)
}

/// A pinentry that somebody chose comes first. On a desktop a window is better than a terminal on which several
/// programs may be writing; anywhere else the terminal is all there is.
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
                    "names {}, which cannot ask here or is no pinentry; choose another or unset it",
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
