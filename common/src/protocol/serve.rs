//! Which verb is asked for, and what follows from it.

use std::ffi::OsString;
use std::process::ExitCode;

use zeroize::Zeroizing;

use super::{reply, request};
use crate::commands::{self, Console, ExtraCommand, Finding};
use crate::error::one_line;
use crate::hardening::{Visibility, harden, wipe_stack};
use crate::streams::{self, Reply};
use crate::{CredentialStore, Environment, Error, ServerUrl, matching};

/// What answers instead of an error where a store is locked or cannot be reached: `not-found`.
const WHEN_UNAVAILABLE: &str = "DOCKER_CREDENTIAL_WHEN_UNAVAILABLE";

/// A helper as its users see it: its name and version, and what it adds to the [management commands](commands).
#[derive(Clone, Debug)]
pub struct Helper {
    name: &'static str,
    version: &'static str,
    visibility: Visibility,
    is_read_only: bool,
    commands: &'static [ExtraCommand],
    findings: fn(&Environment) -> Vec<Finding>,
    explanation: fn(&Environment, &ServerUrl) -> Vec<String>,
    preparation: fn(&Environment) -> Result<Option<String>, Error>,
}

impl Helper {
    /// `name` is what stands in `credsStore`: `age` for `docker-credential-age`. `version` is a semantic version,
    /// commonly `env!("CARGO_PKG_VERSION")`.
    pub const fn new(name: &'static str, version: &'static str) -> Self {
        Self {
            name,
            version,
            visibility: Visibility::Hidden,
            is_read_only: false,
            commands: &[],
            findings: |_| Vec::new(),
            explanation: |_, _| Vec::new(),
            preparation: |_| Ok(None),
        }
    }

    /// Leaves `/proc/PID` readable for other programs of the user. For stores whose service asks who is calling:
    /// `KeePassXC` shows the client's executable. It also lets debuggers attach, so the default is to hide.
    #[must_use]
    pub const fn visible(mut self) -> Self {
        self.visibility = Visibility::Visible;
        self
    }

    /// For a store that logins cannot be written to: `import` refuses, and `doctor` tries no round trip.
    #[must_use]
    pub const fn read_only(mut self) -> Self {
        self.is_read_only = true;
        self
    }

    /// Adds commands of the helper's own. Their names stay clear of the verbs and of the common commands.
    #[must_use]
    pub const fn commands(mut self, commands: &'static [ExtraCommand]) -> Self {
        self.commands = commands;
        self
    }

    /// What `doctor` is to look at beside what all helpers have in common. Whether the store opens, and keeps and
    /// gives back a login, is common. While the store is empty, and a finding here is not
    /// [`Level::Ok`](commands::Level::Ok), no login is stored for trial: it might make the key that is missing.
    #[must_use]
    pub const fn findings(mut self, findings: fn(&Environment) -> Vec<Finding>) -> Self {
        self.findings = findings;
        self
    }

    /// What `explain` is to tell about a server beside what the store answers: where in the store that comes from, and
    /// what else would have answered. One line each, without a secret.
    #[must_use]
    pub const fn explanation(mut self, explanation: fn(&Environment, &ServerUrl) -> Vec<String>) -> Self {
        self.explanation = explanation;
        self
    }

    /// What `configure` does before it names the helper in a configuration file, so that the first login works.
    /// It does nothing the second time, and returns what it did, as a sentence for its user, if anything.
    #[must_use]
    pub const fn preparation(
        mut self,
        preparation: fn(&Environment) -> Result<Option<String>, Error>,
    ) -> Self {
        self.preparation = preparation;
        self
    }

    /// The management commands with their arguments and help, for completions and manual pages.
    pub fn command_line(&self) -> clap::Command {
        commands::command_line(self)
    }

    pub(crate) fn version(&self) -> &'static str {
        self.version
    }

    pub(crate) fn extra_commands(&self) -> &'static [ExtraCommand] {
        self.commands
    }

    pub(crate) fn own_findings(&self, environment: &Environment) -> Vec<Finding> {
        (self.findings)(environment)
    }

    pub(crate) fn explain(&self, environment: &Environment, server: &ServerUrl) -> Vec<String> {
        (self.explanation)(environment, server)
    }

    pub(crate) fn prepare(&self, environment: &Environment) -> Result<Option<String>, Error> {
        (self.preparation)(environment)
    }

    pub(crate) fn is_read_only(&self) -> bool {
        self.is_read_only
    }

    /// What stands in `credsStore`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The binary's name.
    pub fn program(&self) -> String {
        format!("docker-credential-{}", self.name)
    }

    fn usage(&self) -> String {
        format!("Usage: {} <store|get|erase|list|version>\n", self.program())
    }

    fn version_line(&self) -> String {
        format!(
            "{} ({}) v{}\n",
            self.program(),
            env!("CARGO_PKG_NAME"),
            self.version
        )
    }
}

/// Answers one client, as the process's arguments ask: the whole `main` of a helper.
///
/// `open` makes the store. It is called once a well-formed request has been read, and not at all for `version` and
/// usage. It should touch nothing that not every verb needs: what only `store` needs is opened by `store`.
///
/// The exit code is 0 or 1; several clients take any other for success.
pub fn serve<S: CredentialStore>(
    helper: &Helper,
    open: impl FnOnce(&Environment) -> Result<S, Error>,
) -> ExitCode {
    harden(helper.visibility);
    let code = converse(helper, open);
    wipe_stack();
    code
}

/// Not a part of [`serve`], so that all it leaves on the stack lies where that wipes it.
#[inline(never)]
fn converse<S: CredentialStore>(
    helper: &Helper,
    open: impl FnOnce(&Environment) -> Result<S, Error>,
) -> ExitCode {
    let Ok(mut reply) = Reply::take() else {
        return ExitCode::FAILURE;
    };
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let (bytes, success) = match asked(helper, &arguments) {
        Asked::Verb(verb) => answer(helper, verb, open),
        Asked::Text(text, success) => (Zeroizing::new(text.into_bytes()), success),
        Asked::Command => return manage(helper, &arguments, reply, open),
    };
    match reply.send(&bytes) {
        Ok(()) if success => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// What the arguments ask for.
enum Asked {
    Verb(Verb),
    /// A text to be printed, and whether it is one of success.
    Text(String, bool),
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
        ["--help" | "-h"] => Asked::Text(helper.command_line().render_help().to_string(), true),
        [] | ["get" | "store" | "erase" | "list" | "version", ..] => Asked::Text(helper.usage(), false),
        [word, ..] if helper.command_line().find_subcommand(word).is_some() => Asked::Command,
        [word, ..] => {
            let text = format!("{}: unknown action: {}\n", helper.program(), one_line(word));
            Asked::Text(text, false)
        }
    }
}

fn manage<S: CredentialStore>(
    helper: &Helper,
    arguments: &[OsString],
    reply: Reply,
    open: impl FnOnce(&Environment) -> Result<S, Error>,
) -> ExitCode {
    let environment = Environment::of_process(&helper.program());
    let mut console = Console::new(&environment, reply.into_file());
    let open: commands::Open<'_> =
        Box::new(|environment| Ok(Box::new(open(environment)?) as Box<dyn CredentialStore>));
    if commands::run(helper, arguments, &environment, &mut console, open) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The whole reply, and whether it is one of success.
fn answer<S: CredentialStore>(
    helper: &Helper,
    verb: Verb,
    open: impl FnOnce(&Environment) -> Result<S, Error>,
) -> (Zeroizing<Vec<u8>>, bool) {
    let mut environment = Environment::of_process(&helper.program());
    match verb.carry_out(&mut environment, open) {
        Ok(reply) => (reply, true),
        Err(error) => {
            environment.log(|| format!("failed: {error}"));
            // docker logout discards stdout.
            if verb == Verb::Erase {
                environment.notice(&error.to_string());
            }
            (Zeroizing::new(reply::error(&error)), false)
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Get,
    Store,
    Erase,
    List,
}

impl Verb {
    fn carry_out<S: CredentialStore>(
        self,
        environment: &mut Environment,
        open: impl FnOnce(&Environment) -> Result<S, Error>,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        // The request is read first, on every path: a client that is still writing when the helper ends dies of it.
        let input = match self {
            Self::Get | Self::Erase => streams::read_input(environment.program(), "the server URL")?,
            Self::Store => streams::read_input(
                environment.program(),
                r#"{"ServerURL":"…","Username":"…","Secret":"…"}"#,
            )?,
            Self::List => Zeroizing::default(),
        };
        environment.open_log(self.name())?;
        match self {
            Self::Get => {
                let query = request::server(&input)?;
                environment.log(|| format!("asked for {query}"));
                let answer = open(environment).and_then(|store| matching::find(&store, &query));
                let credential = match answer {
                    Err(error) if is_to_be_passed_over(environment, &error)? => return Err(Error::NotFound),
                    answer => answer?,
                };
                environment.log(|| format!("answered with what is stored for {}", credential.server()));
                reply::credential(&query, &credential)
            }
            Self::List => {
                let items = match open(environment).and_then(|store| store.list()) {
                    Err(error) if is_to_be_passed_over(environment, &error)? => Vec::new(),
                    items => items?,
                };
                environment.log(|| format!("{} items", items.len()));
                reply::listing(&matching::listing(items))
            }
            Self::Store => {
                let credential = request::credential(&input)?;
                open(environment)?.store(&credential)?;
                environment.log(|| format!("stored {}", credential.server()));
                Ok(Zeroizing::default())
            }
            Self::Erase => {
                let server = request::server(&input)?;
                open(environment)?.erase(&server)?;
                environment.log(|| format!("erased {server}"));
                Ok(Zeroizing::default())
            }
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Store => "store",
            Self::Erase => "erase",
            Self::List => "list",
        }
    }
}

/// Since version 29 docker takes any helper error but "not found" for fatal, for public images, too. Whoever would
/// rather pull anonymously while the store is locked says so by this setting.
fn is_to_be_passed_over(environment: &Environment, error: &Error) -> Result<bool, Error> {
    if !matches!(error, Error::Locked(_) | Error::Unavailable(_)) {
        return Ok(false);
    }
    match environment.setting(WHEN_UNAVAILABLE)?.as_deref() {
        None => Ok(false),
        Some("not-found") => {
            environment.log(|| format!("passed over, as {WHEN_UNAVAILABLE} says: {error}"));
            Ok(true)
        }
        Some(_) => Err(Error::setting(
            WHEN_UNAVAILABLE,
            "is not \"not-found\", the one value it takes; unset it",
        )),
    }
}
