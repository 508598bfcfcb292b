//! The description of a helper, which the protocol and the commands both read.

#[cfg(feature = "commands")]
use crate::{
    Environment, Error, ServerUrl,
    reference::Reference,
    report::{Console, Finding},
};

/// A helper as its users see it: its name and version, and its additions to the management commands.
#[derive(Clone, Debug)]
pub struct Helper {
    name: &'static str,
    version: &'static str,
    package: Option<&'static str>,
    is_visible: bool,
    #[cfg(feature = "commands")]
    additions: Additions,
}

/// The part that only the commands read.
#[cfg(feature = "commands")]
#[derive(Clone, Debug)]
struct Additions {
    is_read_only: bool,
    commands: &'static [ExtraCommand],
    findings: fn(&Environment) -> Vec<Finding>,
    explanation: fn(&Environment, &ServerUrl) -> Vec<String>,
    preparation: fn(&Environment) -> Result<Option<String>, Error>,
    status: fn(&Environment) -> Vec<(&'static str, String)>,
    caution: fn(&Environment) -> Option<String>,
    known_servers: fn(&Environment) -> Vec<String>,
    reference: Reference,
}

/// A command that only one helper has.
#[cfg(feature = "commands")]
#[derive(Clone, Copy, Debug)]
pub struct ExtraCommand {
    /// Its name, arguments and help. Called only when a management command is run.
    pub definition: fn() -> clap::Command,
    /// Runs it. It prints its result on the console; an error is printed on stderr, with exit code 1.
    pub run: fn(&clap::ArgMatches, &Environment, &mut Console) -> Result<(), Error>,
}

impl Helper {
    /// `name` is the value for `credsStore`: `age` for `docker-credential-age`. `version` is a semantic version,
    /// usually `env!("CARGO_PKG_VERSION")`.
    pub const fn new(name: &'static str, version: &'static str) -> Self {
        Self {
            name,
            version,
            package: None,
            is_visible: false,
            #[cfg(feature = "commands")]
            additions: Additions {
                is_read_only: false,
                commands: &[],
                findings: |_| Vec::new(),
                explanation: |_, _| Vec::new(),
                preparation: |_| Ok(None),
                status: |_| Vec::new(),
                caution: |_| None,
                known_servers: |_| Vec::new(),
                reference: Reference::NONE,
            },
        }
    }

    /// The helper's package, which `version` prints in parentheses: `env!("CARGO_PKG_NAME")`. By default, it
    /// is the program's name.
    #[must_use]
    pub const fn package(mut self, package: &'static str) -> Self {
        self.package = Some(package);
        self
    }

    /// Leaves `/proc/PID` readable for the user's other programs. For services that identify their callers:
    /// `KeePassXC` shows the client's executable. It also lets debuggers attach, so the default is to hide.
    #[must_use]
    pub const fn visible(mut self) -> Self {
        self.is_visible = true;
        self
    }

    /// The value for `credsStore`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The binary's name.
    pub fn program(&self) -> String {
        format!("docker-credential-{}", self.name)
    }

    /// The output of `version`, in the format of docker's own helpers.
    pub(crate) fn version_line(&self) -> String {
        let program = self.program();
        let package = self.package.unwrap_or(&program);
        format!("{program} ({package}) v{}\n", self.version)
    }

    pub(crate) fn usage(&self) -> String {
        format!("Usage: {} <store|get|erase|list|version>\n", self.program())
    }

    pub(crate) fn is_visible(&self) -> bool {
        self.is_visible
    }
}

#[cfg(feature = "commands")]
impl Helper {
    /// For a read-only store: `import` refuses, and `doctor` doesn't try a round trip.
    #[must_use]
    pub const fn read_only(mut self) -> Self {
        self.additions.is_read_only = true;
        self
    }

    /// Adds the helper's own commands. Their names must differ from the verbs and the common commands.
    #[must_use]
    pub const fn commands(mut self, commands: &'static [ExtraCommand]) -> Self {
        self.additions.commands = commands;
        self
    }

    /// The helper's own checks in `doctor`. The common ones already test whether the store opens, and keeps
    /// and returns a login. If the store is empty and a finding here isn't
    /// [`Level::Ok`](crate::commands::Level::Ok), they don't store a test login, because that might create a
    /// missing key.
    #[must_use]
    pub const fn findings(mut self, findings: fn(&Environment) -> Vec<Finding>) -> Self {
        self.additions.findings = findings;
        self
    }

    /// The additions of `explain` to the store's answer for a server: its origin in the store, and
    /// alternatives. One line each, without secrets.
    #[must_use]
    pub const fn explanation(mut self, explanation: fn(&Environment, &ServerUrl) -> Vec<String>) -> Self {
        self.additions.explanation = explanation;
        self
    }

    /// Prepares the helper so that the first login works, before `configure` names it in a configuration
    /// file. It does nothing the second time. Returns a sentence for the user if it did anything.
    #[must_use]
    pub const fn preparation(
        mut self,
        preparation: fn(&Environment) -> Result<Option<String>, Error>,
    ) -> Self {
        self.additions.preparation = preparation;
        self
    }

    /// The output of `status` besides the logins: a word for each part of the store (`identity`, `keyring`)
    /// and its state, such as whether it is locked. It must not unlock or ask anything.
    #[must_use]
    pub const fn status_lines(mut self, status: fn(&Environment) -> Vec<(&'static str, String)>) -> Self {
        self.additions.status = status;
        self
    }

    pub(crate) fn status(&self, environment: &Environment) -> Vec<(&'static str, String)> {
        (self.additions.status)(environment)
    }

    /// Before an import: a sentence about who else can read the logins, and where docker won't find them, if a variable
    /// chooses the store.
    #[must_use]
    pub const fn caution(mut self, caution: fn(&Environment) -> Option<String>) -> Self {
        self.additions.caution = caution;
        self
    }

    pub(crate) fn import_caution(&self, environment: &Environment) -> Option<String> {
        (self.additions.caution)(environment)
    }

    /// The stored servers, for shell completion: only if that doesn't need a key, a service or a person.
    #[must_use]
    pub const fn servers(mut self, servers: fn(&Environment) -> Vec<String>) -> Self {
        self.additions.known_servers = servers;
        self
    }

    pub(crate) fn known_servers(&self, environment: &Environment) -> Vec<String> {
        (self.additions.known_servers)(environment)
    }

    /// The helper's own part of its manual: its purpose, variables and files.
    #[must_use]
    pub const fn reference(mut self, reference: Reference) -> Self {
        self.additions.reference = reference;
        self
    }

    pub(crate) fn described(&self) -> &Reference {
        &self.additions.reference
    }

    pub(crate) fn version(&self) -> &'static str {
        self.version
    }

    pub(crate) fn extra_commands(&self) -> &'static [ExtraCommand] {
        self.additions.commands
    }

    pub(crate) fn own_findings(&self, environment: &Environment) -> Vec<Finding> {
        (self.additions.findings)(environment)
    }

    pub(crate) fn explain(&self, environment: &Environment, server: &ServerUrl) -> Vec<String> {
        (self.additions.explanation)(environment, server)
    }

    pub(crate) fn prepare(&self, environment: &Environment) -> Result<Option<String>, Error> {
        (self.additions.preparation)(environment)
    }

    pub(crate) fn is_read_only(&self) -> bool {
        self.additions.is_read_only
    }
}
