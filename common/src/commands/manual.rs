//! `manual`: the manual pages and the reference, made from the same definitions as the help.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::builder::PathBufValueParser;
use clap::{Arg, ArgMatches, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::help::EXAMPLES;
use super::options::flag;
use super::session::Session;
use crate::reference::{EXIT_STATUS, FILES, VARIABLES};
use crate::{Error, Helper};

/// The date of the texts, as `man` shows it. A constant, so that two builds of one version are identical.
const DATE: &str = "2026-11-26";

const ABOUT: &str = "keep registry logins for docker, podman and similar programs";

const VERBS: &str = "docker and similar programs run the helper with one of the verbs store, get, erase and list, and a \
                     request on standard input. The other commands are for people.";

pub(super) fn definition() -> Command {
    Command::new("manual")
        .about("Write the manual pages into a directory")
        .after_long_help("Examples:\n  manual ~/.local/share/man/man1")
        .arg(
            Arg::new("directory")
                .value_name("DIRECTORY")
                .required_unless_present("reference")
                .value_parser(PathBufValueParser::new())
                .help("An existing directory; it gets one page for each command"),
        )
        .arg(flag("reference", "Print variables and files as Markdown instead").conflicts_with("directory"))
}

pub(super) fn run(session: &mut Session<'_>, arguments: &ArgMatches) -> Result<(), Error> {
    let Some(directory) = arguments.get_one::<PathBuf>("directory") else {
        return session.console.print(&markdown(session.helper));
    };
    // Gives each command its full name, `docker-credential-age configure`, and its page's name, with dashes.
    let mut command = super::command_line(session.helper).about(ABOUT);
    command.build();
    for page in pages(session.helper, &command) {
        let path = directory.join(&page.name);
        write(&page.text, &path).map_err(Error::file("write", &path))?;
        session.console.print(&format!("{}\n", path.display()))?;
    }
    Ok(())
}

struct Page {
    name: String,
    text: Vec<u8>,
}

/// The helper's own page, and one for each command below it, however deep.
fn pages(helper: &Helper, command: &Command) -> Vec<Page> {
    let mut pages = vec![main_page(helper, command)];
    let mut below: Vec<&Command> = visible(command).collect();
    while let Some(command) = below.pop() {
        pages.push(command_page(helper, command));
        below.extend(visible(command));
    }
    pages
}

fn visible(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|command| !command.is_hide_set())
}

/// The title is on both sides of a page's header. Two longer titles collide on a terminal of 80 columns.
const TITLE_MAX: usize = 32;

fn man(helper: &Helper, command: &Command) -> Man {
    let man = Man::new(command.clone())
        .date(DATE)
        .source(format!("credstow {}", helper.version()))
        .manual("credstow");
    match command.get_display_name() {
        Some(name) if name.len() > TITLE_MAX => man.title(name.trim_start_matches("docker-credential-")),
        _ => man,
    }
}

fn main_page(helper: &Helper, command: &Command) -> Page {
    let reference = helper.described();
    let man = man(helper, command);
    let mut roff = Roff::default();
    roff.control("SH", ["DESCRIPTION"]);
    let description = reference.description.iter().copied();
    paragraphs(&mut roff, description.chain([VERBS]));
    let name = format!("{}.1", helper.program());
    let mut text = rendered(&[
        &|out| man.render_title(out),
        &|out| man.render_name_section(out),
        &|out| man.render_synopsis_section(out),
    ]);
    text.extend(source(&roff));
    text.extend(rendered(&[&|out| man.render_subcommands_section(out)]));
    let mut roff = Roff::default();
    let variables = reference.variables.iter().chain(&VARIABLES);
    definitions(
        &mut roff,
        "ENVIRONMENT",
        variables.map(|variable| (variable.name, variable.meaning)),
    );
    let files: Vec<(String, &str)> = files(helper);
    definitions(
        &mut roff,
        "FILES",
        files.iter().map(|(path, meaning)| (path.as_str(), *meaning)),
    );
    definitions(&mut roff, "EXIT STATUS", EXIT_STATUS);
    examples(&mut roff, reference.examples);
    roff.control("SH", ["SEE ALSO"]);
    let mut others = reference.see_also.to_vec();
    others.extend(["docker-login(1)", "containers-registries.conf(5)"]);
    roff.text([roman(others.join(", "))]);
    text.extend(source(&roff));
    Page { name, text }
}

fn command_page(helper: &Helper, command: &Command) -> Page {
    let man = man(helper, command);
    let mut text = rendered(&[
        &|out| man.render_title(out),
        &|out| man.render_name_section(out),
        &|out| man.render_synopsis_section(out),
        &|out| man.render_description_section(out),
        &|out| man.render_options_section(out),
    ]);
    if command.has_subcommands() {
        text.extend(rendered(&[&|out| man.render_subcommands_section(out)]));
    }
    let mut roff = Roff::default();
    if let Some(after) = command.get_after_long_help() {
        after_help(&mut roff, &after.to_string());
    }
    roff.control("SH", ["SEE ALSO"]);
    roff.text([roman(format!("{}(1)", helper.program()))]);
    text.extend(source(&roff));
    Page {
        name: format!("{}.1", command.get_display_name().unwrap_or_default()),
        text,
    }
}

/// The paragraphs after a command's help: examples in their own section, the rest as notes.
fn after_help(roff: &mut Roff, text: &str) {
    let (examples, notes): (Vec<&str>, Vec<&str>) = text
        .split("\n\n")
        .partition(|paragraph| paragraph.starts_with(EXAMPLES));
    if !notes.is_empty() {
        roff.control("SH", ["NOTES"]);
        paragraphs(roff, notes);
    }
    for paragraph in examples {
        roff.control("SH", ["EXAMPLES"]);
        roff.control("nf", []);
        roff.text(
            paragraph
                .lines()
                .skip(1)
                .map(|line| roman(format!("{}\n", line.trim_start())))
                .collect::<Vec<_>>(),
        );
        roff.control("fi", []);
    }
}

fn paragraphs<'a>(roff: &mut Roff, paragraphs: impl IntoIterator<Item = &'a str>) {
    for (number, paragraph) in paragraphs.into_iter().enumerate() {
        if number > 0 {
            roff.control("PP", []);
        }
        roff.text([roman(paragraph)]);
    }
}

fn definitions<'a>(roff: &mut Roff, section: &str, items: impl IntoIterator<Item = (&'a str, &'a str)>) {
    roff.control("SH", [section]);
    for (term, meaning) in items {
        roff.control("TP", []);
        roff.text([bold(term)]);
        roff.text([roman(meaning)]);
    }
}

fn examples(roff: &mut Roff, examples: &[(&str, &str)]) {
    if examples.is_empty() {
        return;
    }
    roff.control("SH", ["EXAMPLES"]);
    for (number, (sentence, command)) in examples.iter().enumerate() {
        if number > 0 {
            roff.control("PP", []);
        }
        roff.text([roman(*sentence)]);
        roff.control("RS", []);
        roff.control("nf", []);
        roff.text([roman(*command)]);
        roff.control("fi", []);
        roff.control("RE", []);
    }
}

fn files(helper: &Helper) -> Vec<(String, &'static str)> {
    let files = helper.described().files.iter().chain(&FILES);
    files
        .map(|file| (file.path.replace("<name>", helper.name()), file.meaning))
        .collect()
}

fn source(roff: &Roff) -> Vec<u8> {
    let mut text = Vec::new();
    // Writing to a vector can't fail.
    let _ = roff.to_writer(&mut text);
    text
}

type Part<'a> = &'a dyn Fn(&mut dyn Write) -> io::Result<()>;

fn rendered(parts: &[Part<'_>]) -> Vec<u8> {
    let mut text = Vec::new();
    for part in parts {
        let _ = part(&mut text);
    }
    text
}

fn write(page: &[u8], path: &Path) -> io::Result<()> {
    let mut file = File::create(path)?;
    // The process's umask keeps all other users out, but pages that root writes are for everybody.
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    file.write_all(page)
}

/// The reference page's section on this helper, and the one for all helpers.
fn markdown(helper: &Helper) -> String {
    let reference = helper.described();
    let mut text = format!("## {}\n\n", helper.program());
    table(
        &mut text,
        "variable",
        reference
            .variables
            .iter()
            .map(|variable| (variable.name, variable.meaning)),
    );
    table(
        &mut text,
        "file",
        reference.files.iter().map(|file| (file.path, file.meaning)),
    );
    text.push_str("## Every helper\n\n");
    table(
        &mut text,
        "variable",
        VARIABLES.iter().map(|variable| (variable.name, variable.meaning)),
    );
    table(
        &mut text,
        "file",
        FILES.iter().map(|file| (file.path, file.meaning)),
    );
    table(&mut text, "exit code", EXIT_STATUS);
    text
}

fn table<'a>(text: &mut String, head: &str, rows: impl IntoIterator<Item = (&'a str, &'a str)>) {
    let _ = writeln!(text, "| {head} | meaning |\n|---|---|");
    for (terms, meaning) in rows {
        let terms: Vec<String> = terms.split(", ").map(|term| format!("`{term}`")).collect();
        let _ = writeln!(text, "| {} | {meaning} |", terms.join(", "));
    }
    text.push('\n');
}
