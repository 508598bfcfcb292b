//! Where there is no `/dev/tty`: Windows' console, which is not stdin either.

use zeroize::Zeroizing;

use super::{Answer, Question};

/// There is no one place for it beside stdout and stderr, which belong to the client.
pub(super) fn tell(_text: &str) {}

pub(super) fn ask(question: Question<'_>) -> Answer {
    let mistake = question
        .mistake
        .map(|mistake| format!("{mistake}. "))
        .unwrap_or_default();
    let text = format!("{mistake}{} for {}: ", question.prompt, question.description);
    match rpassword::prompt_password(text) {
        Ok(answer) => Answer::Given(Zeroizing::new(answer)),
        Err(_) => Answer::Impossible,
    }
}
