//! Times the helpers and docker's own in turn, in one run, and prints the results.
//!
//! Times stand here and not in the tests: a test that fails on a busy machine teaches people to ignore it.
#![cfg(target_os = "linux")]

mod chart;
mod contender;
mod logins;
mod measure;
mod pages;
mod report;
mod services;
mod stores;
mod tasks;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::contender::Contenders;
use crate::tasks::Effort;

/// Reads the arguments that bench/run gives, and measures.
pub fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(complaint) => {
            say(&format!("bench: {complaint}"));
            return ExitCode::FAILURE;
        }
    };
    let contenders = Contenders::find(&options.bin);
    let rows = tasks::run(&contenders, options.effort);
    let cells = report::cells(&contenders, &rows);
    let targets = report::targets(&rows);
    let _ = io::stdout().write_all(format!("{}\n{targets}", report::markdown(&cells)).as_bytes());
    if let Some(circumstances) = options.write {
        pages::write(Path::new("."), &circumstances, &cells, &targets);
    }
    ExitCode::SUCCESS
}

struct Options {
    bin: PathBuf,
    effort: Effort,
    write: Option<String>,
}

impl Options {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut bin, mut write, mut effort) = (None, None, Effort::Full);
        while let Some(word) = words.next() {
            match &*word {
                "--quick" => effort = Effort::Quick,
                "--bin" => bin = Some(words.next().ok_or("--bin needs a directory")?),
                "--write" => write = Some(words.next().ok_or("--write needs a sentence")?),
                _ => {
                    return Err(format!(
                        "unknown option {word}; bench/run's first lines name them"
                    ));
                }
            }
        }
        let bin = bin.ok_or("--bin DIR is missing; bench/run gives it")?;
        Ok(Self {
            bin: bin.into(),
            effort,
            write,
        })
    }
}

/// Progress and errors, separate from the figures.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
