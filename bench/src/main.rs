//! Times the helpers beside docker's own, in one run and in turn, and prints what came out.
//!
//! Times stand here and not in the tests: a test that fails on a busy machine teaches people to ignore it.

mod chart;
mod contender;
mod logins;
mod measure;
mod report;
mod services;
mod stores;
mod tasks;

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use crate::contender::Contenders;
use crate::tasks::Effort;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(complaint) => {
            say(&format!("bench: {complaint}"));
            return ExitCode::FAILURE;
        }
    };
    let contenders = Contenders::find(&options.bin);
    let rows = tasks::run(&contenders, options.effort);
    let table = report::table(&contenders, &rows);
    let _ = io::stdout().write_all(format!("{table}\n{}", report::targets(&rows)).as_bytes());
    if let Some(file) = options.markdown {
        fs::write(&file, &table)
            .unwrap_or_else(|error| panic!("{} cannot be written: {error}", file.display()));
    }
    if let Some(file) = options.svg {
        fs::write(&file, chart::svg(&rows))
            .unwrap_or_else(|error| panic!("{} cannot be written: {error}", file.display()));
        say(&format!("picture: {}", file.display()));
    }
    ExitCode::SUCCESS
}

struct Options {
    bin: PathBuf,
    effort: Effort,
    svg: Option<PathBuf>,
    markdown: Option<PathBuf>,
}

impl Options {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut bin, mut svg, mut markdown, mut effort) = (None, None, None, Effort::Full);
        while let Some(word) = words.next() {
            let place = match &*word {
                "--quick" => {
                    effort = Effort::Quick;
                    continue;
                }
                "--bin" => &mut bin,
                "--svg" => &mut svg,
                "--markdown" => &mut markdown,
                _ => {
                    return Err(format!(
                        "unknown option {word}; bench/run's first lines name them"
                    ));
                }
            };
            *place = Some(PathBuf::from(words.next().ok_or(format!("{word} needs a path"))?));
        }
        let bin = bin.ok_or("--bin DIR is missing; bench/run gives it")?;
        Ok(Self {
            bin,
            effort,
            svg,
            markdown,
        })
    }
}

/// Progress and complaints, apart from the figures.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
