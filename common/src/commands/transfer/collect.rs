//! The logins in one file.

use std::path::Path;

use super::ImportOptions;
use super::plan::Candidate;
use super::report::{Outcome, Report};
use super::source::{Client, Source};
use crate::commands::session::Session;
use crate::config::{ConfigFile, EditError, Form};
use crate::{Error, show};

/// Adds them to `candidates`. Reports entries that stores can't hold.
pub(super) fn collect_from(
    session: &Session<'_>,
    index: usize,
    source: &Source,
    options: ImportOptions,
    candidates: &mut Vec<Candidate>,
    report: &mut Report,
) -> Result<(), Error> {
    let place = show::path(session.environment, &source.path);
    if !may_be_read(session, source)? {
        return Ok(());
    }
    let file = ConfigFile::read(&source.path)?;
    let document = file.document();
    let is_changed = !options.keep && source.client != Client::Nobody;
    let is_old = document.entries().iter().any(|entry| entry.form() == Form::Lines);
    if let Some(problem) = document.edit_blocker().filter(|_| is_changed && !is_old) {
        return Err(EditError::Problem(problem.clone()).about(&source.path));
    }
    for entry in document.entries() {
        let mut add = |outcome, reason: &str| {
            report.add(outcome, entry.server(), "", &format!("{place}: {reason}"));
        };
        if entry.has_registry_token() {
            add(Outcome::Left, "helpers can't hold registry tokens");
        }
        let candidate = match entry.login() {
            Ok(Some(login)) => Candidate::new(index, source, document, entry, login),
            Ok(None) => continue,
            Err(error) => {
                let reason = format!("{error}; correct or remove this entry in an editor");
                add(Outcome::Failed, &reason);
                continue;
            }
        };
        match candidate {
            Ok(candidate) => candidates.push(candidate),
            Err(error) => add(Outcome::Failed, &error.to_string()),
        }
    }
    let has_logins = candidates.iter().any(|candidate| candidate.source == index);
    if let Some(inode) = linked(&source.path).filter(|_| is_changed && has_logins) {
        session.console.note(&format!(
            "{place} has another name (a hard link), under which its logins stay in plain text; to find it, run: \
             find / -xdev -inum {inode}"
        ));
    }
    Ok(())
}

/// The inode of a file with several names. Its replacement has one.
#[cfg(unix)]
fn linked(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path).ok()?;
    (metadata.nlink() > 1).then(|| metadata.ino())
}

#[cfg(not(unix))]
fn linked(_path: &Path) -> Option<u64> {
    None
}

/// Ignores the logins in a file that somebody else may have created, unless the user named it.
fn may_be_read(session: &Session<'_>, source: &Source) -> Result<bool, Error> {
    let opened = session.environment.trust().logins(&source.path)?;
    let Some(opened) = opened else {
        return if source.is_named {
            missing(source)
        } else {
            Ok(true)
        };
    };
    let Some(doubt) = opened.doubt() else {
        return Ok(true);
    };
    let shown = show::path(session.environment, &source.path);
    let consequence = if source.is_named {
        "using its logins because you named it"
    } else {
        "left out"
    };
    session.console.note(&format!("{shown}: {consequence}: {doubt}"));
    Ok(source.is_named)
}

fn missing(source: &Source) -> Result<bool, Error> {
    let error = std::io::ErrorKind::NotFound.into();
    Err(Error::file("read", &source.path)(error))
}
