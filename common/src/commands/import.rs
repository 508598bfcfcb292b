//! `import`: logins that stand in the clear, or that another helper keeps, come into this store.
//!
//! What is in the store is read back and compared before anything is blanked, and all is stored before the first file
//! is changed. So whenever it is interrupted each login is in its old place, in the new one, or in both; run again, it
//! finds what is stored already and goes on.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Command};

use self::plan::{Candidate, Client, Fate, Source};
use super::configure;
use super::peer::{Peer, names_file};
use super::session::Session;
use super::setting::Setting;
use super::table::Table;
use crate::config::{ConfigFile, EditError, Entry, Form, lookup};
use crate::{Credential, CredentialStore, Error, ServerUrl};

mod plan;

pub(super) fn definition() -> Command {
    let flag = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
    };
    Command::new("import")
        .about("Move logins in from plain text, or copy them from another helper")
        .long_about(
            "Move logins in that stand in the clear: from docker's config.json, from ~/.dockercfg, and\n\
             from podman's auth.json. Each is stored, read back and compared; only then it is taken\n\
             out of the file, where an empty entry stays that some clients need. That is done only\n\
             where the file's client asks this helper from then on: \"configure\" comes first, or\n\
             --configure does both.\n\n\
             From another helper (pass, secretservice, osxkeychain, wincred, desktop, …) logins are\n\
             copied; it keeps its own.",
        )
        .after_long_help(
            "A login that is in this store already is not replaced by a different one, unless --replace\n\
             is given: what stands in the clear is commonly the older. Interrupted, it is run again.\n\n\
             Examples:\n  \
             import --dry-run\n  \
             import --configure\n  \
             import --from pass\n  \
             import --from ./old/config.json --keep",
        )
        .arg(
            Arg::new("from")
                .long("from")
                .value_name("SOURCE")
                .default_value("config")
                .help("\"config\", a file (a dot or slash in its name), or a helper (pass, desktop.exe)"),
        )
        .arg(flag("keep", "Copy, and leave the files as they are"))
        .arg(flag(
            "replace",
            "Take a login that differs from the one in this store",
        ))
        .arg(flag(
            "configure",
            "Make docker, or podman, ask this helper for what is moved",
        ))
        .arg(configure::dry_run("Show what would be done, and do nothing"))
}

/// What the options say.
struct Wishes<'a>(&'a ArgMatches);

impl Wishes<'_> {
    fn keep(&self) -> bool {
        self.0.get_flag("keep")
    }

    fn replace(&self) -> bool {
        self.0.get_flag("replace")
    }

    fn configure(&self) -> bool {
        self.0.get_flag("configure")
    }

    fn dry_run(&self) -> bool {
        self.0.get_flag("dry-run")
    }
}

pub(super) fn run(session: &mut Session<'_>, arguments: &ArgMatches) -> Result<(), Error> {
    if session.helper.is_read_only() {
        return Err(Error::Refused(
            format!(
                "{} is read-only: there is nothing to import into",
                session.helper.program()
            )
            .into(),
        ));
    }
    let wishes = Wishes(arguments);
    let from = arguments
        .get_one::<String>("from")
        .map_or("config", String::as_str);
    let mut report = Report::new();
    let end = match from {
        "config" => {
            let sources = Source::all(session.environment)?;
            import_files(session, &sources, &wishes, &mut report)
        }
        file if names_file(file) => {
            // A file that is named is meant to be there.
            let path = Path::new(file);
            std::fs::metadata(path).map_err(Error::file("read", path))?;
            let source = Source::named(session.environment, path)?;
            import_files(session, &[source], &wishes, &mut report)
        }
        helper if helper == session.helper.name() => {
            Err(Error::Refused(format!("{helper} is this helper itself").into()))
        }
        helper => import_peer(session, helper, &wishes, &mut report),
    };
    // Whatever stopped it, what was done is told.
    report.print(session)?;
    end?;
    report.verdict(session, &wishes)
}

fn import_files(
    session: &mut Session<'_>,
    sources: &[Source],
    wishes: &Wishes<'_>,
    report: &mut Report,
) -> Result<(), Error> {
    let mut candidates = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        if let Err(error) = collect(index, source, wishes, &mut candidates, report) {
            report.add("failed", "", "", &error.to_string());
        }
    }
    plan::settle(sources, &mut candidates);
    if !wishes.keep() && !wishes.configure() {
        for (index, source) in sources.iter().enumerate() {
            let own = candidates
                .iter_mut()
                .filter(|candidate| candidate.source == index);
            hold_back(session, source, own)?;
        }
    }
    let is_nothing_to_store = candidates
        .iter()
        .all(|candidate| matches!(candidate.fate, Fate::Leave(_)));
    if is_nothing_to_store {
        report_left(&candidates, sources, report);
        return Ok(());
    }

    let store = session.open_store()?;
    let total = candidates.len();
    let mut stored = Vec::new();
    for (done, candidate) in candidates.iter().enumerate() {
        session.console.progress(done, total);
        let place = sources[candidate.source].path.display().to_string();
        let row = |report: &mut Report, word, text: &str| {
            let text = if text.is_empty() {
                place.clone()
            } else {
                format!("{place}: {text}")
            };
            report.add(word, candidate.entry.server(), candidate.username(), &text);
        };
        let taken = match &candidate.fate {
            Fate::Leave(reason) => {
                row(report, "left", reason);
                continue;
            }
            Fate::Copy(_) | Fate::Move => candidate
                .credential()
                .and_then(|credential| take(&*store, &credential, wishes)),
        };
        match (taken, &candidate.fate) {
            (Err(error), _) => row(report, "failed", &error.to_string()),
            (Ok(Taken::Kept(username)), _) => row(report, "kept", &kept_text(&username)),
            (Ok(_), Fate::Copy(reason)) => row(report, "copied", reason),
            (Ok(_), _) if wishes.keep() => row(report, "copied", ""),
            (Ok(_), _) => stored.push(candidate),
        }
    }
    session.console.progress(total, total);

    if wishes.dry_run() {
        for candidate in stored {
            let place = sources[candidate.source].path.display().to_string();
            report.add("moved", candidate.entry.server(), candidate.username(), &place);
        }
        return Ok(());
    }
    if wishes.configure() {
        configure_for(session, sources, &stored)?;
    }
    for (index, source) in sources.iter().enumerate() {
        let stored: Vec<&Candidate> = stored
            .iter()
            .copied()
            .filter(|candidate| candidate.source == index)
            .collect();
        if !stored.is_empty() {
            blank(session, source, &stored, report);
        }
    }
    Ok(())
}

fn report_left(candidates: &[Candidate], sources: &[Source], report: &mut Report) {
    for candidate in candidates {
        if let Fate::Leave(reason) = &candidate.fate {
            let place = sources[candidate.source].path.display();
            report.add(
                "left",
                candidate.entry.server(),
                candidate.username(),
                &format!("{place}: {reason}"),
            );
        }
    }
}

/// The logins of a file. What holds none, or none that a store can hold, is reported at once.
fn collect(
    index: usize,
    source: &Source,
    wishes: &Wishes<'_>,
    candidates: &mut Vec<Candidate>,
    report: &mut Report,
) -> Result<(), Error> {
    let file = ConfigFile::read(&source.path)?;
    let place = source.path.display();
    let is_old = |entry: &Entry| entry.form() == Form::Lines;
    if let (Some(edit_blocker), false) = (file.document().edit_blocker(), wishes.keep())
        && !file.document().entries().iter().any(is_old)
    {
        return Err(Error::Config {
            path: source.path.clone(),
            problem: edit_blocker.to_string().into(),
        });
    }
    for entry in file.document().entries() {
        if entry.has_registry_token() {
            report.add(
                "left",
                entry.server(),
                "",
                &format!("{place}: no helper can hold a registry token"),
            );
        }
        let login = match entry.login() {
            Ok(Some(login)) => login,
            Ok(None) => continue,
            Err(error) => {
                report.add("failed", entry.server(), "", &format!("{place}: {error}"));
                continue;
            }
        };
        match plan::target(source.client, entry.server()) {
            Ok(server) => candidates.push(Candidate {
                source: index,
                entry: entry.clone(),
                login,
                server,
                fate: Fate::Move,
            }),
            Err(error) => report.add("failed", entry.server(), "", &format!("{place}: {error}")),
        }
    }
    Ok(())
}

/// Nothing is moved that its client would then not find.
fn hold_back<'a>(
    session: &Session<'_>,
    source: &Source,
    candidates: impl Iterator<Item = &'a mut Candidate>,
) -> Result<(), Error> {
    let mut moved = candidates
        .filter(|candidate| candidate.fate == Fate::Move)
        .peekable();
    // A file that cannot be read is no matter where nothing is to be moved.
    if moved.peek().is_none() {
        return Ok(());
    }
    let settings = source.settings(session.environment)?;
    for candidate in moved {
        let asked = settings.helper_asked(&candidate.server);
        if asked != Some(session.helper.name()) {
            candidate.fate = Fate::Leave(not_asked(session, source, asked));
        }
    }
    Ok(())
}

fn not_asked(session: &Session<'_>, source: &Source, asked: Option<&str>) -> String {
    let client = match source.client {
        Client::Docker | Client::OldDocker => "docker",
        Client::Podman => "podman",
    };
    let asked = asked.filter(|helper| !helper.is_empty()).map_or_else(
        || "looks into this file".to_owned(),
        |helper| format!("asks docker-credential-{helper}"),
    );
    format!(
        "{client} {asked} for it and not {}; add --configure to change that, or --keep to copy",
        session.helper.program()
    )
}

/// What became of a login at the store.
enum Taken {
    Stored,
    /// It is there already, the same.
    Present,
    /// This user's login is there instead, and stays.
    Kept(String),
}

/// Stores a credential, reads it back and compares.
fn take(store: &dyn CredentialStore, credential: &Credential, wishes: &Wishes<'_>) -> Result<Taken, Error> {
    let is_same = |other: &Credential| {
        other.username() == credential.username() && other.secret() == credential.secret()
    };
    match store.get(credential.server()) {
        Ok(Some(present)) if is_same(&present) => return Ok(Taken::Present),
        Ok(Some(present)) if !wishes.replace() => {
            return Ok(Taken::Kept(present.username().as_str().to_owned()));
        }
        Ok(_) => {}
        // What cannot be read may be replaced by whoever says so.
        Err(Error::Damaged(_)) if wishes.replace() => {}
        Err(error) => return Err(error),
    }
    if wishes.dry_run() {
        return Ok(Taken::Stored);
    }
    store.store(credential)?;
    match store.get(credential.server())? {
        Some(present) if is_same(&present) => Ok(Taken::Stored),
        _ => Err(Error::Damaged(
            "it was stored and came back different; the entry was left as it is".into(),
        )),
    }
}

fn kept_text(username: &str) -> String {
    format!("the store has another login, of {username}; --replace takes this one")
}

/// Makes the clients ask this helper for what has been stored.
fn configure_for(session: &mut Session<'_>, sources: &[Source], stored: &[&Candidate]) -> Result<(), Error> {
    let name = session.helper.name();
    let mut needed: Vec<(PathBuf, BTreeSet<Setting>)> = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        let of_source = || stored.iter().filter(|candidate| candidate.source == index);
        if of_source().next().is_none() {
            continue;
        }
        let settings = source.settings(session.environment)?;
        let file = source.settings_file(session.environment)?;
        let config = ConfigFile::read(&file)?;
        let mut of_file = BTreeSet::new();
        for candidate in of_source() {
            if settings.helper_asked(&candidate.server) == Some(name) {
                continue;
            }
            if source.client == Client::Podman {
                of_file.extend(Setting::for_registry(&lookup::podman_key(&candidate.server))?);
                continue;
            }
            let key = lookup::docker_key(&candidate.server);
            of_file.insert(match config.document().cred_helper(&key) {
                Some(_) => Setting::CredHelper(key),
                None => Setting::CredsStore,
            });
        }
        match needed.iter_mut().find(|(known, _)| *known == file) {
            Some((_, known)) => known.append(&mut of_file),
            None => needed.push((file, of_file)),
        }
    }
    needed.retain(|(_, settings)| !settings.is_empty());
    if needed.is_empty() {
        return Ok(());
    }
    configure::prepare(session)?;
    for (file, settings) in needed {
        let settings: Vec<Setting> = settings.into_iter().collect();
        configure::apply(session, &file, &settings)?;
    }
    Ok(())
}

/// Takes what is stored out of its file. Whoever changed an entry meanwhile keeps it.
fn blank(session: &Session<'_>, source: &Source, stored: &[&Candidate], report: &mut Report) {
    let is_stored = |entry: &Entry| {
        stored.iter().any(|candidate| {
            candidate.entry.server() == entry.server()
                && candidate.entry.form() == entry.form()
                && entry.login() == Ok(Some(candidate.login.clone()))
        })
    };
    let result = ConfigFile::edit(&source.path, |document| {
        let settings = source.settings(session.environment)?;
        for candidate in stored {
            let asked = settings.helper_asked(&candidate.server);
            if asked != Some(session.helper.name()) {
                let reason = not_asked(session, source, asked);
                return Err(EditError::Other(Error::Refused(
                    format!("{}: {reason}", candidate.server).into(),
                )));
            }
        }
        Ok(document.without_logins(is_stored)?)
    });
    let place = source.path.display();
    let left = match &result {
        Ok(_) => ConfigFile::read(&source.path)
            .map(|file| file.document().entries().to_vec())
            .unwrap_or_default(),
        Err(_) => Vec::new(),
    };
    for candidate in stored {
        let is_left = left.iter().any(|entry| {
            entry.server() == candidate.entry.server()
                && entry.form() == candidate.entry.form()
                && matches!(entry.login(), Ok(Some(_)))
        });
        let (word, text) = match &result {
            Err(error) => ("failed", format!("it is stored, and still in the clear: {error}")),
            Ok(_) if is_left => (
                "failed",
                format!("{place}: it was changed meanwhile; run this again"),
            ),
            Ok(_) => ("moved", place.to_string()),
        };
        report.add(word, candidate.entry.server(), candidate.username(), &text);
    }
}

fn import_peer(
    session: &mut Session<'_>,
    name: &str,
    wishes: &Wishes<'_>,
    report: &mut Report,
) -> Result<(), Error> {
    let peer = Peer::find(session.environment, name)?;
    let mut items = peer.list()?;
    // As with files: the name that docker asks by goes before other spellings of the same server.
    items.sort_by_key(|(server, _)| {
        ServerUrl::parse(server).map_or(true, |parsed| lookup::docker_key(&parsed) != *server)
    });
    let store = session.open_store()?;
    let from = format!("docker-credential-{name}");
    let mut seen = Vec::new();
    for (done, (server, username)) in items.iter().enumerate() {
        session.console.progress(done, items.len());
        let parsed = match ServerUrl::parse(server) {
            Ok(parsed) => parsed,
            Err(error) => {
                report.add("failed", server, username, &format!("{from}: {error}"));
                continue;
            }
        };
        if seen.contains(parsed.key()) {
            let text = format!("{from}: another spelling of the server goes first");
            report.add("left", server, username, &text);
            continue;
        }
        let taken = peer.get(&parsed).and_then(|credential| {
            let credential = credential.ok_or(Error::NotFound)?;
            take(&*store, &credential, wishes)
        });
        match taken {
            Ok(Taken::Kept(present)) => report.add("kept", server, username, &kept_text(&present)),
            Ok(Taken::Stored | Taken::Present) => {
                seen.push(parsed.key().clone());
                report.add("copied", server, username, &from);
            }
            Err(error) => report.add("failed", server, username, &error.to_string()),
        }
    }
    session.console.progress(items.len(), items.len());
    if wishes.configure() && !wishes.dry_run() {
        configure::prepare(session)?;
        let file = crate::config::paths::docker(session.environment)?;
        configure::apply(session, &file, &[Setting::CredsStore])?;
    }
    Ok(())
}

/// What became of each login.
struct Report {
    rows: Vec<[String; 4]>,
}

impl Report {
    fn new() -> Self {
        Self { rows: Vec::new() }
    }

    fn add(&mut self, word: &str, server: &str, username: &str, text: &str) {
        // A user name and password before the host are not shown.
        let server = match (server.is_empty(), ServerUrl::parse(server)) {
            (false, Ok(parsed)) => parsed.to_string(),
            _ => server.rsplit('@').next().unwrap_or_default().to_owned(),
        };
        self.rows
            .push([word.to_owned(), server, username.to_owned(), text.to_owned()]);
    }

    fn print(&self, session: &mut Session<'_>) -> Result<(), Error> {
        let mut table = Table::new(["RESULT", "SERVER", "USER", "WHERE AND WHY"]);
        for row in &self.rows {
            table.add(row.each_ref().map(String::as_str));
        }
        table.print(session.console)
    }

    fn count(&self, word: &str) -> usize {
        self.rows.iter().filter(|row| row[0] == word).count()
    }

    /// Success, where everything that was found is in this store now.
    fn verdict(&self, session: &Session<'_>, wishes: &Wishes<'_>) -> Result<(), Error> {
        if self.rows.is_empty() {
            session
                .console
                .note("no login was found there; nothing is to be done");
        }
        if wishes.dry_run() {
            session.console.note("this was a dry run; nothing was changed");
        }
        let counted = |word| match self.count(word) {
            0 => None,
            count => Some(format!("{count} {word}")),
        };
        let words = ["moved", "copied", "kept", "left", "failed"];
        let text = words
            .into_iter()
            .filter_map(counted)
            .collect::<Vec<_>>()
            .join(", ");
        let is_complete = self.count("kept") + self.count("left") + self.count("failed") == 0;
        if is_complete {
            return Ok(());
        }
        Err(Error::Refused(
            format!("not everything is in this store: {text}").into(),
        ))
    }
}
