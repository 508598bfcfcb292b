//! `manual`: the manual pages, made from the same definitions as the help.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use clap::builder::PathBufValueParser;
use clap::{Arg, ArgMatches, Command};
use clap_mangen::Man;

use super::session::Session;
use crate::Error;

pub(super) fn definition() -> Command {
    Command::new("manual")
        .about("Write the manual pages into a directory")
        .after_long_help("Examples:\n  manual ~/.local/share/man/man1")
        .arg(
            Arg::new("directory")
                .value_name("DIRECTORY")
                .required(true)
                .value_parser(PathBufValueParser::new())
                .help("Where they go, one page for each command; it must exist"),
        )
}

pub(super) fn run(session: &mut Session<'_>, arguments: &ArgMatches) -> Result<(), Error> {
    let Some(directory) = arguments.get_one::<PathBuf>("directory") else {
        return Ok(());
    };
    let version = format!("{} {}", session.helper.program(), session.helper.version());
    // The help has its own form and shows neither; a page without them would begin with nothing.
    let mut command = super::command_line(session.helper)
        .about("keep the logins of registries for docker, podman and their like")
        .long_about(
            "A docker credential helper. docker and other clients run it with a verb (store, get, erase, list) and a \
             request on standard input; \"configure\" makes them do so. The other commands are for people.",
        );
    // Gives each command its whole name, `docker-credential-age configure`, and its page's, with a dash between.
    command.build();
    let commands = command.get_subcommands().filter(|command| !command.is_hide_set());
    for command in commands.chain([&command]) {
        let page = Man::new(command.clone())
            .source(version.as_str())
            .manual("credstow");
        let path = directory.join(page.get_filename());
        write(&page, &path).map_err(Error::file("write", &path))?;
        session.console.print(&format!("{}\n", path.display()))?;
    }
    Ok(())
}

fn write(page: &Man, path: &Path) -> io::Result<()> {
    let mut file = File::create(path)?;
    // The process's mask keeps everybody else out, and pages that root writes are for everybody.
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    page.render(&mut file)
}
