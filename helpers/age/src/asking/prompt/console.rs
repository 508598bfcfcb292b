//! Systems without `/dev/tty`: Windows' console, which isn't stdin either.

use zeroize::Zeroizing;

use super::{Answer, Question};

/// The console's only outputs are stdout and stderr, which belong to the client.
pub(super) fn tell(_text: &str) -> bool {
    false
}

pub(super) fn ask(question: Question<'_>) -> Answer {
    match rpassword::prompt_password(question.on_terminal()) {
        Ok(answer) => Answer::Given(Zeroizing::new(answer)),
        Err(_) => Answer::Impossible,
    }
}
