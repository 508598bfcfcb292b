//! The commands for people, besides the protocol's verbs: the same in every helper, and the helper's own.
//!
//! They run only if the word isn't a verb, so clients' requests don't pay for them. They print results on
//! stdout and errors on stderr, and exit with 0 or 1, as the verbs do.
//!
//! A helper adds to them through [`Helper`]:
//!
//! ```
//! use docker_credential_helper::clap::{ArgMatches, Command};
//! use docker_credential_helper::commands::{Console, ExtraCommand, Finding};
//! use docker_credential_helper::{Environment, Error, Helper};
//!
//! const KEY: ExtraCommand = ExtraCommand {
//!     definition: || Command::new("key").about("Show where the key is"),
//!     run: |_: &ArgMatches, environment: &Environment, console: &mut Console| {
//!         console.print(&format!("{}\n", environment.config_directory()?.join("key").display()))
//!     },
//! };
//!
//! fn findings(_: &Environment) -> Vec<Finding> {
//!     vec![Finding::warning("key", "the key has no backup").advice("copy it to a medium that you keep elsewhere")]
//! }
//!
//! const HELPER: Helper = Helper::new("memory", "1.0.0").commands(&[KEY]).findings(findings);
//! ```

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{ArgMatches, Command};

use self::session::Session;
use crate::{CredentialStore, Environment, Error, Helper, show};

mod auth_config;
mod completions;
mod configure;
mod doctor;
mod explain;
mod export;
mod help;
mod import;
mod manual;
mod nearest;
mod options;
mod peer;
mod record;
mod session;
mod setting;
mod status;
mod table;
mod transfer;

pub use crate::helper::ExtraCommand;
pub use crate::reference::{FileUsed, Reference, Variable};
pub(crate) use crate::report::Color;
pub use crate::report::{Console, Finding, Level};

/// Opens the helper's store, for the commands that need it.
pub(crate) type Open<'a> = Box<dyn FnOnce(&Environment) -> Result<Box<dyn CredentialStore + 'a>, Error> + 'a>;

/// Whether `word` names a command.
pub(crate) fn exists(helper: &Helper, word: &str) -> bool {
    command_line(helper).find_subcommand(word).is_some()
}

/// The commands with their arguments and help, for completions and manual pages as well. Only the text lists
/// the verbs: they are matched before this is built.
pub fn command_line(helper: &Helper) -> Command {
    let program = helper.program();
    let command = Command::new(program.clone())
        .version(helper.version())
        .override_usage(format!(
            "{program} <store|get|erase|list|version>\n       {program} <COMMAND> [OPTIONS]"
        ))
        .after_help(
            "docker itself runs the first five, with a request on stdin; the commands are for people.\n\
             \"COMMAND --help\" shows more about each.",
        )
        .help_template("{usage-heading} {usage}\n\nCommands:\n{subcommands}{after-help}\n")
        .disable_help_subcommand(true)
        .disable_version_flag(true)
        .subcommand_required(true)
        .subcommands([
            configure::definition(),
            configure::reverse_definition(),
            // It fails if nothing can be stored, and shows the fix.
            import::definition().hide(helper.is_read_only()),
            export::definition(),
            explain::definition(),
            status::definition(),
            doctor::definition(),
            completions::definition(),
            manual::definition(),
        ])
        .subcommands(helper.extra_commands().iter().map(|extra| (extra.definition)()));
    help::laid_out(command, &program)
}

/// Help for a person who typed `word`, or nothing: the command that they may have meant. In lines for a
/// terminal.
pub(crate) fn suggestion(helper: &Helper, word: Option<&str>) -> String {
    let program = helper.program();
    let command = command_line(helper);
    let commands: Vec<&str> = command
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .map(Command::get_name)
        .collect();
    let meant = word.and_then(|word| match word {
        "help" | "-help" | "-?" => Some("--help"),
        "-V" | "-version" => Some("--version"),
        word => nearest::nearest(
            word,
            &[&commands[..], &["get", "store", "erase", "list", "version"]].concat(),
        ),
    });
    let meant = meant.map_or_else(String::new, |meant| {
        format!("Did you mean \"{program} {meant}\"?\n")
    });
    format!(
        "{meant}The commands are {}.\n\"{program} --help\" shows what each is for.\n",
        commands.join(", ")
    )
}

/// Runs the command that `arguments` name, and returns whether it succeeded.
pub(crate) fn run<'a>(
    helper: &'a Helper,
    arguments: &[OsString],
    environment: &'a Environment,
    console: &'a mut Console,
    open: Open<'a>,
) -> bool {
    let words = std::iter::once(OsString::from(helper.program())).chain(arguments.iter().cloned());
    let result = match command_line(helper).try_get_matches_from(words) {
        Ok(matches) => carry_out(helper, &matches, environment, console, open),
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp) => console.print(&error.to_string()),
        Err(error) => {
            Console::complain(&error.to_string());
            return false;
        }
    };
    match result {
        Ok(()) => true,
        Err(error) => {
            crate::streams::notice(
                environment.program(),
                &show::text(environment, &error.to_string()),
            );
            false
        }
    }
}

fn carry_out<'a>(
    helper: &'a Helper,
    matches: &ArgMatches,
    environment: &'a Environment,
    console: &'a mut Console,
    open: Open<'a>,
) -> Result<(), Error> {
    let Some((name, arguments)) = matches.subcommand() else {
        return console.print(&command_line(helper).render_help().to_string());
    };
    if let Some(extra) = helper
        .extra_commands()
        .iter()
        .find(|extra| (extra.definition)().get_name() == name)
    {
        return (extra.run)(arguments, environment, console);
    }
    let mut session = Session::new(helper, environment, console, open);
    match name {
        "configure" => configure::run(&mut session, arguments),
        "unconfigure" => configure::run_reverse(&mut session, arguments),
        "import" => import::run(&mut session, arguments),
        "explain" => explain::run(&mut session, arguments),
        "export" => export::run(&mut session, arguments),
        "completions" => completions::run(&mut session, arguments),
        "manual" => manual::run(&mut session, arguments),
        "status" => status::run(&mut session, arguments),
        "doctor" => doctor::run(&mut session, arguments),
        _ => Err(Error::refused(format!("there is no command {name}"))),
    }
}
