//! The checks of `doctor` in the store: who can change it, who can read it, and whether the entries can be
//! opened.

use docker_credential_helper::commands::{Finding, Level};
use docker_credential_helper::directory::Directory;
use docker_credential_helper::show::{self, ShellCommand};
use docker_credential_helper::{Environment, Error};

use crate::keys::identities::Identities;
use crate::keys::recipient::{Recipient, own_recipients};
use crate::settings;
use crate::sharing::approval::ApprovalState;
use crate::sharing::recipients_file;
use crate::sharing::work_tree::{self, WorkTree};
use crate::store::{AgeStore, Mark, out_of_step};

/// `identities` are those that could be opened without asking.
pub(super) fn findings(
    environment: &Environment,
    identities: Option<&Identities>,
    findings: &mut Vec<Finding>,
) -> Result<(), Error> {
    let store = AgeStore::open(environment)?;
    let Some(opened) = store.existing_with_doubt()? else {
        store.check_creation()?;
        let path = show::path(environment, store.path());
        findings.push(Finding::ok(
            "store",
            format!("there is no store in {path} yet; the first login creates it"),
        ));
        return Ok(());
    };
    let directory = opened.directory;
    if let Some(doubt) = opened.doubt {
        let finding = Finding::warning("store", format!("logins can be read but not stored: {doubt}"));
        findings.push(match doubt.fix() {
            Some(command) => {
                finding.safely_fixed_by(ShellCommand::new(command).path(environment, doubt.path()))
            }
            None => finding.advice("store logins as the user who owns it"),
        });
    }
    let recipients = of_recipients(&store, &directory)?;
    let may_rekey = recipients.level() == Level::Ok;
    findings.push(recipients);
    findings.extend(of_mark(&store, &directory)?);
    findings.extend(of_attributes(&store, &directory)?);
    findings.extend(of_foreign_files(&store, &directory)?);
    let names = store.entry_names(&directory)?;
    // While the list is refused, so is a rekey.
    if may_rekey {
        of_headers(&store, &directory, &names, identities, findings)?;
    }
    match identities {
        Some(identities) => of_entries(&store, &directory, &names, identities, findings),
        None if names.is_empty() => Ok(()),
        None => {
            findings.push(Finding::ok(
                "entries",
                format!(
                    "{} not opened, because that needs a person",
                    show::count(names.len(), "entry was", "entries were")
                ),
            ));
            Ok(())
        }
    }
}

fn of_recipients(store: &AgeStore, directory: &Directory) -> Result<Finding, Error> {
    if recipients_file::from_setting(store.environment())?.is_some() {
        return Ok(Finding::ok(
            "recipients",
            format!("the recipients are those of {}", settings::RECIPIENTS),
        ));
    }
    let list = store.recipients_file(directory)?;
    let count = list.as_ref().map(|list| list.named().len());
    let path = store.path().display();
    // As a login would report it, so that doctor shows this cause once.
    let refused = |objection| {
        Finding::error(
            "recipients",
            format!("cannot write to the store {path}: {objection}"),
        )
    };
    Ok(match (store.approval_state(list.as_ref())?, count) {
        // Never only the command: an attacker hopes for approval without a check.
        (ApprovalState::Refused(objection), Some(_)) => refused(objection).advice(format!(
            "ask your team whose keys these are, then run: docker-credential-age recipients approve; or restore {}",
            recipients_file::FILE
        )),
        (ApprovalState::Refused(objection), None) => refused(objection).advice(format!(
            "restore {}, or, if only you should read new logins, run: \
             docker-credential-age recipients approve",
            recipients_file::FILE
        )),
        (ApprovalState::Agreed, Some(count)) => Finding::ok(
            "recipients",
            format!("the store has {}", show::count(count, "recipient", "recipients")),
        ),
        (ApprovalState::Agreed, None) => Finding::ok("recipients", "logins are encrypted to your identity alone"),
    })
}

/// The mark of an interrupted rekey, or another file with its name.
fn of_mark(store: &AgeStore, directory: &Directory) -> Result<Option<Finding>, Error> {
    Ok(match store.mark(directory)? {
        Mark::None => None,
        Mark::Pending => Some(
            Finding::warning("rekey", "an encryption of every entry was interrupted")
                .safely_fixed_by("docker-credential-age rekey"),
        ),
        Mark::Foreign(path) => Some(
            Finding::warning(
                "rekey",
                format!(
                    "{} is not our file, and keeps rekey from working",
                    show::path(store.environment(), &path)
                ),
            )
            .fixed_by(ShellCommand::new("rm -r").path(store.environment(), &path)),
        ),
    })
}

fn of_attributes(store: &AgeStore, directory: &Directory) -> Result<Option<Finding>, Error> {
    let Some(tree) = WorkTree::around(store.path()) else {
        return Ok(None);
    };
    if !store.has_entries(directory)? || tree.keeps_entries_whole(store.path()) {
        return Ok(None);
    }
    let line = ShellCommand::new(&format!("echo '{}' >>", work_tree::ATTRIBUTE));
    Ok(Some(
        Finding::warning(
            "git",
            "git may treat an entry as text, and merge two of them into a damaged one",
        )
        .safely_fixed_by(line.path(store.environment(), &store.path().join(work_tree::ATTRIBUTES))),
    ))
}

fn of_foreign_files(store: &AgeStore, directory: &Directory) -> Result<Option<Finding>, Error> {
    let foreign = store.foreign_names(directory)?;
    if foreign.is_empty() {
        return Ok(None);
    }
    let text = format!(
        "{} no server's entry and ignored: {}",
        show::count(foreign.len(), "file is", "files are"),
        some(&foreign)
    );
    let advice = "move what you don't know out of the store";
    Ok(Some(Finding::warning("foreign", text).advice(advice)))
}

/// Whether the entries are encrypted to the store's recipients, according to their headers.
fn of_headers(
    store: &AgeStore,
    directory: &Directory,
    names: &[String],
    identities: Option<&Identities>,
    findings: &mut Vec<Finding>,
) -> Result<(), Error> {
    let Some(recipients) = recipients(store, directory, identities)? else {
        return Ok(());
    };
    let out = out_of_step(directory, names, &recipients);
    if !out.too_few.is_empty() {
        let text = format!(
            "{} not encrypted to every recipient: {}",
            show::count(out.too_few.len(), "entry is", "entries are"),
            some(&out.too_few)
        );
        findings.push(Finding::warning("in-step", text).fixed_by("docker-credential-age rekey"));
    }
    if !out.too_many.is_empty() {
        let text = format!(
            "{} may have more recipients than the store's list: {}; encrypt again, and change these \
            passwords at their registries",
            show::count(out.too_many.len(), "entry", "entries"),
            some(&out.too_many)
        );
        findings.push(Finding::warning("in-step", text).fixed_by("docker-credential-age rekey"));
    }
    Ok(())
}

/// The current recipients, if known.
fn recipients(
    store: &AgeStore,
    directory: &Directory,
    identities: Option<&Identities>,
) -> Result<Option<Vec<Recipient>>, Error> {
    if let Some(recipients) = recipients_file::from_setting(store.environment())? {
        return Ok(Some(recipients));
    }
    let list = store.recipients_file(directory)?;
    Ok(list
        .map(|list| list.recipients())
        .or_else(|| identities.map(own_recipients)))
}

fn of_entries(
    store: &AgeStore,
    directory: &Directory,
    names: &[String],
    identities: &Identities,
    findings: &mut Vec<Finding>,
) -> Result<(), Error> {
    let unreadable = store.unreadable(directory, names, identities)?;
    if unreadable.is_none() {
        findings.push(Finding::ok(
            "entries",
            format!(
                "your identity opens {}",
                show::count(names.len(), "entry", "entries")
            ),
        ));
        return Ok(());
    }
    if !unreadable.closed.is_empty() {
        let text = format!(
            "your identity doesn't open {} of {}: {}",
            unreadable.closed.len(),
            show::count(names.len(), "entry", "entries"),
            some(&unreadable.closed)
        );
        let finding = Finding::error("entries", text);
        findings.push(match store.advice_for_closed(directory, identities)? {
            Some(advice) => finding.advice(advice),
            None => of_closed(store, directory, (names, &unreadable.closed), finding)?,
        });
    }
    if !unreadable.damaged.is_empty() {
        let text = format!(
            "{} damaged: {}",
            show::count(unreadable.damaged.len(), "entry is", "entries are"),
            some(&unreadable.damaged)
        );
        let finding = Finding::error("entries", text);
        findings.push(match store.git_checkout(&unreadable.damaged) {
            Some(advice) => finding.advice(advice),
            None => finding.advice(LOG_IN_AGAIN),
        });
    }
    let others = unreadable.others.iter();
    findings.extend(others.map(|error| Finding::of_error("entries", error)));
    Ok(())
}

/// Advice for entries that the identity doesn't open: a previous one may. Setting them aside is the last
/// resort.
fn of_closed(
    store: &AgeStore,
    directory: &Directory,
    (names, closed): (&[String], &[String]),
    finding: Finding,
) -> Result<Finding, Error> {
    let Some((previous, opened)) = store.opened_by_previous(directory, closed)? else {
        return Ok(finding.advice(LOG_IN_AGAIN));
    };
    Ok(if opened.len() == names.len() {
        let restore = ShellCommand::new("docker-credential-age identity restore");
        finding.safely_fixed_by(restore.path(store.environment(), &previous))
    } else {
        // The identity opens others, so keep it and encrypt these to it.
        finding.safely_fixed_by("docker-credential-age rekey")
    })
}

/// No command restores them: `reset` asks first, and only sets them aside.
const LOG_IN_AGAIN: &str =
    "log in to these registries again; docker-credential-age reset sets the unreadable entries aside";

/// Shortens a list of names.
fn some(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let mut shown: Vec<String> = names.iter().take(SHOWN).map(|name| show::name(name)).collect();
    if names.len() > SHOWN {
        shown.push(format!("and {} more", names.len() - SHOWN));
    }
    shown.join(" ")
}
