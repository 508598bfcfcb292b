//! The body of a helper's `main`: hardens the process, distinguishes verbs from commands, and runs them.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::hardening::harden;
use crate::helper::Helper;
use crate::protocol::{self, Answer, Verb};
use crate::streams::Reply;
use crate::text::one_line;
use crate::{CredentialStore, Environment, Error};

/// Answers one client according to the process's arguments: the complete `main` of a helper.
///
/// `open` opens the store. It is called after a well-formed request was read, and never for `version` and
/// usage. It should only do work that every verb needs; let `store` open things that only `store` needs.
///
/// The exit code is 0 or 1, because several clients treat any other as success.
pub fn serve<S: CredentialStore>(
    helper: &Helper,
    open: impl FnOnce(&Environment) -> Result<S, Error>,
) -> ExitCode {
    harden(helper.is_visible());
    let Ok(mut reply) = Reply::take() else {
        return ExitCode::FAILURE;
    };
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let asked = asked(helper, &arguments);
    #[cfg(feature = "commands")]
    let is_mistaken = matches!(asked, Asked::Text(_, false));
    let answer = match asked {
        Asked::Verb(verb) => protocol::answer(helper, verb, open),
        Asked::Text(text, is_success) => Answer {
            reply: text.into_bytes().into(),
            is_success,
            remark: None,
        },
        #[cfg(feature = "commands")]
        Asked::Command => return manage(helper, &arguments, reply, open),
    };
    let is_delivered = reply.send(&answer.reply).is_ok();
    #[cfg(feature = "commands")]
    if is_mistaken {
        let word = arguments.first().map(|word| word.to_string_lossy());
        crate::streams::hint(&crate::commands::suggestion(helper, word.as_deref()));
    }
    if let Some(remark) = answer.remark {
        reply.remark(&helper.program(), &remark);
    }
    if is_delivered && answer.is_success {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The action that the arguments request.
enum Asked {
    Verb(Verb),
    /// A text to print, and whether it means success.
    Text(String, bool),
    #[cfg(feature = "commands")]
    Command,
}

fn asked(helper: &Helper, arguments: &[OsString]) -> Asked {
    let words: Vec<_> = arguments.iter().map(|word| word.to_string_lossy()).collect();
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    match words[..] {
        ["get"] => Asked::Verb(Verb::Get),
        ["store"] => Asked::Verb(Verb::Store),
        ["erase"] => Asked::Verb(Verb::Erase),
        ["list"] => Asked::Verb(Verb::List),
        ["version" | "--version" | "-v"] => Asked::Text(helper.version_line(), true),
        ["--help" | "-h"] => Asked::Text(help(helper), true),
        [] | ["get" | "store" | "erase" | "list" | "version", ..] => Asked::Text(helper.usage(), false),
        #[cfg(feature = "commands")]
        [word, ..] if crate::commands::exists(helper, word) => Asked::Command,
        [word, ..] => {
            let text = format!("{}: unknown action: {}\n", helper.program(), one_line(word));
            Asked::Text(text, false)
        }
    }
}

fn help(helper: &Helper) -> String {
    #[cfg(feature = "commands")]
    return crate::commands::command_line(helper).render_help().to_string();
    #[cfg(not(feature = "commands"))]
    helper.usage()
}

#[cfg(feature = "commands")]
fn manage<S: CredentialStore>(
    helper: &Helper,
    arguments: &[OsString],
    reply: Reply,
    open: impl FnOnce(&Environment) -> Result<S, Error>,
) -> ExitCode {
    use crate::commands::{self, Console, Open};

    let environment = Environment::of_process(&helper.program());
    let mut console = Console::new(&environment, reply.into_file());
    let open: Open<'_> = Box::new(|environment| Ok(Box::new(open(environment)?) as Box<dyn CredentialStore>));
    if commands::run(helper, arguments, &environment, &mut console, open) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
