//! Runs the documentation's transcripts on a terminal, as a reader would.

use std::fs;
use std::path::PathBuf;

use crate::sandbox::Sandbox;
use crate::terminal::run_on_terminal;

/// Before each command, so that it begins a line even if the previous output doesn't end with a newline.
const MARK: char = '\u{1e}';

/// A reader, who types a page's commands and compares the output.
#[derive(Debug)]
pub struct Reader<'a> {
    place: &'a Sandbox,
    directory: PathBuf,
    names: Vec<(String, String)>,
    answers: Vec<String>,
}

impl<'a> Reader<'a> {
    /// A reader with this home.
    pub fn new(place: &'a Sandbox) -> Self {
        Self {
            place,
            directory: place.path("home"),
            names: Vec::new(),
            answers: Vec::new(),
        }
    }

    /// Starts in another directory than the home.
    #[must_use]
    pub fn is_in(mut self, directory: PathBuf) -> Self {
        self.directory = directory;
        self
    }

    /// Replaces the page's `shown` with `real`: a port, a home directory. In the order of the calls.
    #[must_use]
    pub fn reads(mut self, shown: &str, real: impl Into<String>) -> Self {
        self.names.push((shown.to_owned(), real.into()));
        self
    }

    /// Types this at a prompt; the first call is for the first prompt.
    #[must_use]
    pub fn answers(mut self, answer: &str) -> Self {
        self.answers.push(format!("{answer}\n"));
        self
    }

    /// Runs the transcript and fails the test if the screen doesn't match it.
    ///
    /// In the transcript, `…` matches anything, and on its own line any number of lines.
    #[track_caller]
    pub fn follows(&self, transcript: &str) {
        let transcript = self
            .names
            .iter()
            .fold(transcript.to_owned(), |text, (shown, real)| {
                text.replace(shown, real)
            });
        let file = self.place.path("tmp/transcript");
        fs::write(&file, script(&transcript)).expect("a script in the place");
        let run = format!(
            "cd '{}' && exec bash '{}'",
            self.directory.display(),
            file.display()
        );
        let answers: Vec<&str> = self.answers.iter().map(String::as_str).collect();
        let session = run_on_terminal(self.place, &run, &answers);
        let screen = session.screen.replace('\r', "");
        let screen = screen.replace(&format!("\n{MARK}"), "\n").replace(MARK, "\n");
        let screen: Vec<&str> = screen
            .trim_start_matches('\n')
            .lines()
            .map(str::trim_end)
            .filter(|line| !is_dockers_aside(line))
            .collect();
        let written: Vec<&str> = transcript.lines().map(str::trim_end).collect();
        assert!(
            matches(&screen, &written),
            "the screen shows\n{}\n\nand the page says\n{}",
            screen.join("\n"),
            written.join("\n")
        );
    }
}

/// Some versions of docker's client print this for any http registry.
fn is_dockers_aside(line: &str) -> bool {
    line.starts_with("time=\"") || line.starts_with("WARNING!")
}

/// A shell script that prints each command before it runs it, as in the transcript.
fn script(transcript: &str) -> String {
    // Don't wrap, and use the page's newlines.
    let mut script = String::from("stty -onlcr columns 500\n");
    for command in commands(transcript) {
        let quoted = command.replace('\'', r"'\''");
        script.extend(["printf '\\036%s\\n' '$ ", &quoted, "'\n", &command, "\n"]);
    }
    script
}

/// The commands: lines after a `$`, with continuation lines after a backslash.
fn commands(transcript: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in transcript.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            commands.push(command.to_owned());
        } else if goes_on {
            let command = commands.last_mut().expect("it goes on");
            command.extend(["\n", line]);
        } else {
            continue;
        }
        goes_on = line.ends_with('\\');
    }
    commands
}

/// Whether the screen matches the transcript.
fn matches(screen: &[&str], written: &[&str]) -> bool {
    match (written, screen) {
        ([], []) => true,
        (["…", written @ ..], screen) => {
            (0..=screen.len()).any(|skipped| matches(&screen[skipped..], written))
        }
        ([first, written @ ..], [line, screen @ ..]) => is_like(line, first) && matches(screen, written),
        _ => false,
    }
}

/// Whether a line matches, where `…` matches anything.
fn is_like(line: &str, written: &str) -> bool {
    let mut parts = written.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    let mut is_open = false;
    for part in parts {
        is_open = true;
        let Some(position) = rest.rfind(part) else {
            return false;
        };
        rest = &rest[position + part.len()..];
    }
    rest.is_empty() || (is_open && written.ends_with('…'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transcript_is_commands_with_what_they_print() {
        let typed = commands("$ one\na\n$ two \\\n    three\nb\n$ four\n");
        assert_eq!(typed, ["one", "two \\\n    three", "four"]);
    }

    #[test]
    fn the_comparison_notices_a_difference() {
        assert!(matches(&["$ a", "x", "y", "z 1 b"], &["$ a", "…", "z … b"]));
        assert!(!matches(&["$ a", "x"], &["$ a"]));
        assert!(!matches(&["$ a"], &["$ a", "x"]));
        assert!(!matches(&["$ a", "z 1 c"], &["$ a", "z … b"]));
    }
}
