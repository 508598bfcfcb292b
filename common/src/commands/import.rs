//! `import`: moves plain-text logins, or copies another helper's, into this store.

use std::path::Path;

use clap::{Arg, ArgMatches, Command};

use super::configure::{Change, refuse_off_path};
use super::options::flag;
use super::peer::{self, Peer, names_file};
use super::session::Session;
use super::setting::Setting;
use super::transfer::{FileImport, ImportOptions, Report, Source, StoreOptions, copy_from, regctl_advice};
use crate::config::{ConfigFile, paths};
use crate::show::ShellCommand;
use crate::{CredentialStore, Error};

pub(super) fn definition() -> Command {
    Command::new("import")
        .about("Move logins in from plain text, or copy them from another helper")
        .long_about(
            "Move logins in from plain text: docker's config.json, ~/.dockercfg, podman's auth.json and\n\
             helm's file. Each is stored, read back and compared before it is removed from its file. The\n\
             empty entry stays, because some clients need it. A login is removed only if the file's\n\
             client uses this helper from then on: run \"configure\" first, or add --configure.\n\n\
             Logins from another helper (pass, secretservice, osxkeychain, wincred, desktop, …) are\n\
             only copied, and so are those from a file that neither docker nor podman reads.",
        )
        .after_long_help(
            "A different login that is already in this store stays, unless you add --replace: the one in\n\
             plain text is usually older. If import is interrupted, run it again.\n\n\
             Examples:\n  \
             import --dry-run\n  \
             import --configure\n  \
             import --from pass\n  \
             import --from ./pull-secret.json",
        )
        .arg(
            Arg::new("from")
                .long("from")
                .value_name("SOURCE")
                .default_value("config")
                .help(
                    "\"config\", a file (with a dot or slash in its name), or a helper (pass, desktop.exe)",
                ),
        )
        .arg(flag("keep", "Copy, and don't change the files"))
        .arg(flag("replace", "Replace logins in this store that differ"))
        .arg(flag(
            "configure",
            "Also make docker, podman or helm ask this helper, as \"configure --import\" does",
        ))
        .arg(flag("dry-run", "Show what would happen, and change nothing"))
}

fn options(arguments: &ArgMatches) -> ImportOptions {
    ImportOptions {
        keep: arguments.get_flag("keep"),
        configure: arguments.get_flag("configure"),
        store: StoreOptions {
            replace: arguments.get_flag("replace"),
            dry_run: arguments.get_flag("dry-run"),
        },
    }
}

pub(super) fn run(session: &mut Session<'_>, arguments: &ArgMatches) -> Result<(), Error> {
    if session.helper.is_read_only() {
        return Err(Error::refused(format!(
            "{} is read-only, so nothing can be imported into it",
            session.helper.program()
        )));
    }
    let options = options(arguments);
    let from = arguments
        .get_one::<String>("from")
        .map_or("config", |name| peer::short_name(name));
    if options.configure && !options.store.dry_run {
        refuse_off_path(session, || command_line(session, from, options))?;
    }
    if let Some(caution) = session.helper.import_caution(session.environment) {
        session.console.note(&caution);
    }
    let mut report = Report::default();
    let end = match from {
        "config" => {
            if let Some(advice) = regctl_advice(session.environment) {
                session.console.note(&advice);
            }
            let sources = Source::all(session.environment)?;
            import_files(session, &sources, options, &mut report)
        }
        file if names_file(file) => {
            let source = Source::named(session.environment, Path::new(file))?;
            import_files(session, &[source], options, &mut report)
        }
        helper if helper == session.helper.name() => Err(Error::refused(format!(
            "cannot import from {helper}: it is this helper"
        ))),
        helper => import_helper(session, helper, options, &mut report),
    };
    // Shows the rows even if an error stopped the import.
    report.print(session)?;
    end?;
    verdict(session, &report, options)
}

/// The running command.
fn command_line(session: &Session<'_>, from: &str, options: ImportOptions) -> ShellCommand {
    let mut command = ShellCommand::new(&session.helper.program()).literal("import --configure");
    if from != "config" {
        command = command.literal("--from").word(from);
    }
    for (option, is_given) in [("--keep", options.keep), ("--replace", options.store.replace)] {
        if is_given {
            command = command.literal(option);
        }
    }
    command
}

fn import_files(
    session: &mut Session<'_>,
    sources: &[Source],
    options: ImportOptions,
    report: &mut Report,
) -> Result<(), Error> {
    let mut files = FileImport::collect(session, sources, options, report);
    if options.configure {
        files.skip_ignored(session)?;
    } else if !options.keep {
        files.skip_unconfigured(session)?;
    }
    if files.is_idle() {
        files.report_left(session, report);
        return Ok(());
    }
    let store = session.open_store()?;
    let changes = if options.configure {
        changes(session, &files)?
    } else {
        Vec::new()
    };
    let mut copied = Vec::new();
    for change in changes.iter().filter(|_| !options.store.dry_run) {
        copied.push(change.copy_from_helpers(session, &*store, report)?);
    }
    files.store(session, &*store, options, report);
    if options.store.dry_run {
        files.report_plan(session, report);
        return Ok(());
    }
    for (change, copied) in changes.iter().zip(&copied) {
        change.apply_after_import(session, &*store, copied)?;
    }
    files.clear(session, report);
    Ok(())
}

/// The changes that make the clients find the logins in this store.
fn changes(session: &Session<'_>, files: &FileImport<'_>) -> Result<Vec<Change>, Error> {
    let mut changes = Vec::new();
    for client in files.clients() {
        let change = Change::for_servers(session, client, files.servers(client))?;
        changes.extend(change.filter(|change| !changes.contains(change)));
    }
    Ok(changes)
}

fn import_helper(
    session: &mut Session<'_>,
    name: &str,
    options: ImportOptions,
    report: &mut Report,
) -> Result<(), Error> {
    let environment = session.environment;
    let peer = Peer::find(environment, name)?;
    if peer::is_maker(name) {
        session.console.note(&format!(
            "docker-credential-{name} makes credentials that expire, so a copy soon stops working; better name it \
             for its registries: \"credHelpers\": {{\"HOST\": \"{name}\"}} in docker's config.json"
        ));
    }
    let store: Box<dyn CredentialStore> = session.open_store()?;
    copy_from(session, &*store, &peer, None, options.store, report)?;
    if options.configure && !options.store.dry_run {
        let change = Change::all_of_docker(session)?;
        change.carry_out_importing(session, &*store, report)?;
    } else if !report.is_empty() && !is_named(session)? {
        let program = session.helper.program();
        session.console.note(&format!(
            "docker doesn't ask {program} yet: add --configure, or run \"{program} configure\""
        ));
    }
    Ok(())
}

/// Whether docker's file names this helper for any registry.
fn is_named(session: &Session<'_>) -> Result<bool, Error> {
    let file = ConfigFile::read(&paths::docker(session.environment)?)?;
    Ok(!Setting::naming(file.document(), session.helper.name()).is_empty())
}

/// Succeeds if all logins are in this store now.
fn verdict(session: &Session<'_>, report: &Report, options: ImportOptions) -> Result<(), Error> {
    if report.is_empty() {
        session.console.note("found no logins there; nothing to do");
    }
    if options.store.dry_run {
        session.console.note("this was a dry run; nothing was changed");
    }
    if report.is_complete() {
        return Ok(());
    }
    Err(Error::refused(format!(
        "not every login is in this store: {}",
        report.summary()
    )))
}
