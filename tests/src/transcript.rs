//! Transcripts in the documentation, run as a reader would run them.

use std::path::Path;

use crate::place::Place;

/// One command of a transcript and what it is said to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Behind the `$`, as typed.
    pub command: String,
    /// The lines below it, stdout and stderr as a terminal shows them.
    pub output: String,
}

/// The `console` blocks of a page, in order, each as its steps.
pub fn transcripts(page: &str) -> Vec<Vec<Step>> {
    let mut transcripts = Vec::new();
    let mut open: Option<Vec<Step>> = None;
    for line in page.lines() {
        match (&mut open, line) {
            (None, "```console") => open = Some(Vec::new()),
            (None, _) => {}
            (Some(_), "```") => transcripts.extend(open.take()),
            (Some(steps), _) => {
                if let Some(command) = line.strip_prefix("$ ") {
                    steps.push(Step {
                        command: command.to_owned(),
                        output: String::new(),
                    });
                } else {
                    let step = steps.last_mut().expect("a transcript begins with a command");
                    step.output.push_str(line);
                    step.output.push('\n');
                }
            }
        }
    }
    transcripts
}

/// Runs the steps one after the other in the place's home, and compares what each prints.
///
/// `stand_ins` are names that the page uses for what a test has otherwise: a port, a home directory.
#[track_caller]
pub fn run(place: &Place, steps: &[Step], stand_ins: &[(&str, &str)]) {
    for step in steps {
        let command = stand_ins
            .iter()
            .fold(step.command.clone(), |text, (shown, real)| {
                text.replace(shown, real)
            });
        let script = format!("cd \"$HOME\" && {{ {command}\n}} 2>&1");
        let outcome = place.run("sh").args(["-c", &script]).outcome();
        let printed = String::from_utf8_lossy(&outcome.stdout);
        let printed: String = printed
            .lines()
            .filter(|line| !is_dockers_aside(line))
            .flat_map(|line| [line, "\n"])
            .collect();
        let printed = stand_ins
            .iter()
            .fold(printed, |text, (shown, real)| text.replace(real, shown));
        assert_eq!(step.output, printed, "$ {}\n{outcome:?}", step.command);
    }
}

/// docker's client says this about any registry that is spoken to by http, in one version or another.
fn is_dockers_aside(line: &str) -> bool {
    line.starts_with("time=") || line.starts_with("WARNING!")
}

/// A page of the documentation, by its path in the repository.
pub fn page(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests lie in the workspace");
    std::fs::read_to_string(root.join(path)).expect("a page")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transcript_is_commands_with_what_they_print() {
        let page = "text\n```console\n$ one\na\nb\n$ two\n```\n```sh\n$ no\n```\n";
        let step = |command: &str, output: &str| Step {
            command: command.into(),
            output: output.into(),
        };
        assert_eq!(transcripts(page), [[step("one", "a\nb\n"), step("two", "")]]);
    }
}
