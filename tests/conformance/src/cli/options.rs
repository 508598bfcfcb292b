//! The command line of the runner.

use std::ffi::OsString;

use crate::{Group, Mode, groups};

/// The output of `--help`, and of a wrong call.
pub(super) const USAGE: &str = "\
Runs the conformance cases for docker credential helpers against a helper.

Usage: docker-credential-conformance [OPTIONS] <helper-command>
       docker-credential-conformance --list [--only NAME]...

The helper is the name of a program docker-credential-<name> in PATH, or a path to one.
The runner stores logins for servers under .invalid that no other run uses, and erases them again. Only an \
interrupted run leaves some behind, for servers that end in .dcc-<run>.invalid.

Options:
      --env NAME=VALUE  Set a variable for the helper
      --only NAME       Run one group, or one case by its id; can be repeated
      --read-only       For a helper that cannot store: test the servers that it lists
      --throw-away      The store can be thrown away: also store and erase Docker Hub's own entries, and \
      servers that a helper might accept but fail to erase
      --json            Print the results as JSON
      --list            Print the cases as Markdown tables without running them
  -h, --help            Print this

Exit codes: 0 every case passed, 1 a case failed or something was left behind, 2 a wrong call.
";

/// The requested action.
#[derive(Debug)]
pub(super) enum Request {
    /// To run these cases.
    Run(Options),
    /// To print these cases.
    List(Vec<Group>),
    /// To print the usage.
    Help,
}

/// The options of a run.
#[derive(Debug)]
pub(super) struct Options {
    /// The helper's name or path.
    pub(super) helper: OsString,
    /// Variables for the helper.
    pub(super) variables: Vec<(String, String)>,
    /// The groups to run, with their requested cases.
    pub(super) groups: Vec<Group>,
    /// The permissions of the run.
    pub(super) mode: Mode,
    /// Whether to print JSON.
    pub(super) json: bool,
}

/// Reads the arguments, without the program's name.
///
/// # Errors The problem with them, and a valid form.
pub(super) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Request, String> {
    let mut arguments = arguments.into_iter();
    let (mut helper, mut variables, mut only) = (None, Vec::new(), Vec::new());
    let (mut mode, mut json, mut list) = (Mode::default(), false, false);
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("-h" | "--help") => return Ok(Request::Help),
            Some("--json") => json = true,
            Some("--list") => list = true,
            Some("--read-only") => mode.read_only = true,
            Some("--throw-away") => mode.throw_away = true,
            Some("--only") => only.push(value(&mut arguments, "--only NAME")?),
            Some("--env") => {
                let pair = value(&mut arguments, "--env NAME=VALUE")?;
                let (name, value) = pair.split_once('=').ok_or("--env takes NAME=VALUE")?;
                variables.push((name.to_owned(), value.to_owned()));
            }
            Some(option) if option.starts_with('-') => return Err(format!("there is no option {option}")),
            _ if helper.is_some() => return Err("one helper at a time".into()),
            _ => helper = Some(argument),
        }
    }
    let groups = selected(&only)?;
    if list {
        return Ok(Request::List(groups));
    }
    let helper = helper.ok_or("which helper? Give its name or its path")?;
    Ok(Request::Run(Options {
        helper,
        variables,
        groups,
        mode,
        json,
    }))
}

fn value(arguments: &mut impl Iterator<Item = OsString>, form: &str) -> Result<String, String> {
    arguments
        .next()
        .and_then(|value| value.into_string().ok())
        .ok_or_else(|| format!("{form}: the value is missing"))
}

/// The groups and cases with these names; all of them without names.
fn selected(only: &[String]) -> Result<Vec<Group>, String> {
    let mut groups = groups();
    if only.is_empty() {
        return Ok(groups);
    }
    let known = |name: &String| {
        groups
            .iter()
            .any(|group| group.name == name || group.cases.iter().any(|case| case.id == *name))
    };
    if let Some(unknown) = only.iter().find(|name| !known(name)) {
        let names: Vec<_> = groups.iter().map(|group| group.name).collect();
        return Err(format!(
            "there is no group and no case {unknown}; the groups: {}",
            names.join(", ")
        ));
    }
    for group in &mut groups {
        if !only.iter().any(|name| name == group.name) {
            group.cases.retain(|case| only.contains(&case.id));
        }
    }
    groups.retain(|group| !group.cases.is_empty());
    Ok(groups)
}
