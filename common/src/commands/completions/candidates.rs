//! Candidates for the word under the cursor. Names come from configuration files, from the names of a store's files, and
//! from `PATH`; completion doesn't decrypt, unlock or ask.

use std::collections::BTreeSet;

use clap::{Arg, Command};
use clap_complete::Shell;

use crate::commands::session::Session;
use crate::config::{ConfigFile, Entry, paths, programs};
use crate::{Environment, commands, show};

/// The candidates for the last word of a line.
pub(super) struct Candidates {
    /// The part of the word that bash doesn't replace.
    split_off: String,
    /// Each with its description.
    words: Vec<(String, String)>,
}

impl Candidates {
    pub(super) fn print(&self, shell: Shell) -> String {
        let mut text = String::new();
        for (word, about) in &self.words {
            let word = match shell {
                Shell::Bash => word.strip_prefix(&self.split_off).unwrap_or(word),
                _ => word,
            };
            text.push_str(&show::name(word));
            if shell == Shell::Fish && !about.is_empty() {
                text.push('\t');
                text.push_str(&show::name(about));
            }
            text.push('\n');
        }
        text
    }
}

/// The line up to the cursor, the program's name first.
pub(super) fn of_line(session: &Session<'_>, line: &str) -> Candidates {
    let mut words: Vec<&str> = line.split_ascii_whitespace().collect();
    let last = if line.ends_with(|c: char| c.is_ascii_whitespace()) {
        ""
    } else {
        words.pop().unwrap_or_default()
    };
    let root = commands::command_line(session.helper);
    let found = Place::after(&root, words.get(1..).unwrap_or_default()).candidates(session, last);
    let split_off = last.rfind([':', '=']).map_or("", |at| &last[..=at]);
    Candidates {
        split_off: split_off.to_owned(),
        words: found
            .into_iter()
            .filter(|(word, _)| word.starts_with(last))
            .collect(),
    }
}

/// The position on the line of the word to complete.
struct Place<'a> {
    command: &'a Command,
    /// The option that waits for its value.
    option: Option<&'a Arg>,
    /// The number of positional arguments before it.
    position: usize,
}

impl<'a> Place<'a> {
    fn after(root: &'a Command, words: &[&str]) -> Self {
        let mut place = Self {
            command: root,
            option: None,
            position: 0,
        };
        for word in words {
            if place.option.take().is_some() {
                continue;
            }
            if let Some(name) = word.strip_prefix("--") {
                place.option = place.option_named(name).filter(|arg| takes_next_word(arg));
            } else if let Some(below) = place.command.find_subcommand(word) {
                place.command = below;
                place.position = 0;
            } else if !word.starts_with('-') {
                place.position += 1;
            }
        }
        place
    }

    fn option_named(&self, name: &str) -> Option<&'a Arg> {
        self.command
            .get_arguments()
            .find(|arg| arg.get_long() == Some(name))
    }

    fn candidates(&self, session: &Session<'_>, last: &str) -> Vec<(String, String)> {
        if let Some(option) = self.option {
            return plain(values(session, option));
        }
        if let Some((name, _)) = last.strip_prefix("--").and_then(|option| option.split_once('=')) {
            let values = self
                .option_named(name)
                .map_or_else(Vec::new, |arg| values(session, arg));
            return plain(values.iter().map(|value| format!("--{name}={value}")).collect());
        }
        if last.starts_with('-') {
            return self.options();
        }
        let below = self
            .command
            .get_subcommands()
            .filter(|below| !below.is_hide_set());
        let mut found: Vec<(String, String)> = below
            .map(|below| (below.get_name().to_owned(), about(below.get_about())))
            .collect();
        if self.position == 0 && self.command.get_name() == session.helper.program() {
            found.extend(plain(
                ["get", "store", "erase", "list", "version"]
                    .map(str::to_owned)
                    .to_vec(),
            ));
        }
        let mut positionals = self.command.get_positionals().filter(|arg| !arg.is_hide_set());
        let here = positionals.nth(self.position).or_else(|| {
            let last = self.command.get_positionals().last();
            last.filter(|arg| arg.get_num_args().is_some_and(|number| number.max_values() > 1))
        });
        found.extend(plain(here.map_or_else(Vec::new, |arg| values(session, arg))));
        found
    }

    fn options(&self) -> Vec<(String, String)> {
        let help = ("--help".to_owned(), "Print help".to_owned());
        let options = self.command.get_arguments().filter(|arg| !arg.is_hide_set());
        options
            .filter_map(|arg| Some((format!("--{}", arg.get_long()?), about(arg.get_help()))))
            .chain([help])
            .collect()
    }
}

fn takes_next_word(arg: &Arg) -> bool {
    arg.get_action().takes_values() && !arg.is_require_equals_set()
}

fn about(text: Option<&clap::builder::StyledStr>) -> String {
    text.map(ToString::to_string).unwrap_or_default()
}

fn plain(words: Vec<String>) -> Vec<(String, String)> {
    words.into_iter().map(|word| (word, String::new())).collect()
}

/// The kind of an argument, by its name in the help.
fn values(session: &Session<'_>, arg: &Arg) -> Vec<String> {
    let possible: Vec<String> = arg
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| value.get_name().to_owned())
        .collect();
    if !possible.is_empty() {
        return possible;
    }
    let name = arg
        .get_value_names()
        .and_then(<[_]>::first)
        .map_or("", |name| name.as_str());
    match name {
        "SERVER" | "HOST" => servers(session).into_iter().collect(),
        "HELPER" | "SOURCE" => helpers(session.environment).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// Those in docker's file, and those in the store that file names show.
fn servers(session: &Session<'_>) -> BTreeSet<String> {
    let mut servers: BTreeSet<String> = session
        .helper
        .known_servers(session.environment)
        .into_iter()
        .collect();
    if let Ok(file) = paths::docker(session.environment).and_then(|path| ConfigFile::read(&path)) {
        let document = file.document();
        servers.extend(document.auths().map(Entry::server).map(show::server));
        servers.extend(
            document
                .cred_helpers()
                .iter()
                .map(|(server, _)| show::server(server)),
        );
    }
    servers
}

/// The helpers on `PATH`, without this one.
fn helpers(environment: &Environment) -> BTreeSet<String> {
    let path = environment.variable("PATH").unwrap_or_default();
    let directories = std::env::split_paths(&path).filter(|directory| directory.is_absolute());
    let files = directories
        .filter_map(|directory| std::fs::read_dir(directory).ok())
        .flatten()
        .flatten();
    files
        .filter_map(|file| {
            let name = file.file_name().into_string().ok()?;
            let name = name.strip_suffix(std::env::consts::EXE_SUFFIX).unwrap_or(&name);
            Some(name.strip_prefix("docker-credential-")?.to_owned())
        })
        .filter(|name| {
            let program = format!("docker-credential-{name}");
            environment.program() != program && programs::first_on_path(environment, &program).is_some()
        })
        .collect()
}
