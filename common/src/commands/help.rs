//! The layout of help texts: paragraphs without line breaks, which clap wraps to the terminal, and examples
//! that can be pasted.

use clap::Command;

/// The first line of the examples' paragraph.
pub(super) const EXAMPLES: &str = "Examples:";

/// This helper, in an example that begins with another program.
const SOME_HELPER: &str = "docker-credential-…";

/// Lays out the texts of a command and its subcommands.
pub(super) fn laid_out(command: Command, program: &str) -> Command {
    let about = command
        .get_long_about()
        .map(|text| paragraphs(&text.to_string(), program));
    let after = command
        .get_after_long_help()
        .map(|text| paragraphs(&text.to_string(), program));
    let command = match about {
        Some(about) => command.long_about(about),
        None => command,
    };
    let command = match after {
        Some(after) => command.after_long_help(after),
        None => command,
    };
    command.mut_subcommands(|below| laid_out(below, program))
}

fn paragraphs(text: &str, program: &str) -> String {
    let laid_out: Vec<String> = text
        .split("\n\n")
        .map(|paragraph| paragraph_of(paragraph, program))
        .collect();
    laid_out.join("\n\n")
}

/// Lines that begin with white space are lists and stay; in examples they get the program's name.
fn paragraph_of(text: &str, program: &str) -> String {
    let is_examples = text.starts_with(EXAMPLES);
    let mut laid_out = String::new();
    for line in text.lines() {
        match line.strip_prefix("  ") {
            Some(example) if is_examples => {
                laid_out.push_str("\n  ");
                // A line that begins with another program, or continues the previous line, already names the
                // helper if necessary.
                if !example.starts_with(' ') && !example.contains(SOME_HELPER) {
                    laid_out.push_str(program);
                    laid_out.push(' ');
                }
                laid_out.push_str(&example.replace(SOME_HELPER, program));
            }
            Some(_) => {
                laid_out.push('\n');
                laid_out.push_str(line);
            }
            None if laid_out.is_empty() => laid_out.push_str(line),
            None => {
                laid_out.push(' ');
                laid_out.push_str(line);
            }
        }
    }
    laid_out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_lose_their_line_ends_and_lists_keep_them() {
        assert_eq!(
            paragraphs("One\ntwo.\n\nA list:\n  a\n  b", "p"),
            "One two.\n\nA list:\n  a\n  b"
        );
    }

    #[test]
    fn examples_begin_with_the_program() {
        assert_eq!(
            paragraphs(
                "Examples:\n  get x\n  echo | docker-credential-… get",
                "docker-credential-a"
            ),
            "Examples:\n  docker-credential-a get x\n  echo | docker-credential-a get"
        );
    }
}
