//! `recipients approve`: approves the recipients of a shared store.

use std::collections::BTreeSet;

use docker_credential_helper::clap::{Arg, ArgMatches, Command};
use docker_credential_helper::commands::Console;
use docker_credential_helper::directory::Directory;
use docker_credential_helper::{Environment, Error, show};

use super::{rekey, yes};
use crate::settings;
use crate::sharing::approval::{self, Approval, Newcomer};
use crate::sharing::recipients_file::{self, RecipientsFile};
use crate::store::{AgeStore, out_of_step};

pub(super) fn definition() -> Command {
    Command::new("approve")
        .about("Approve the store's current recipients")
        .long_about(
            "Approve the store's current recipients.\n\n\
             It shows which keys are new and which are yours. Ask your team whose the new ones are: anyone who can \
             change the store can write any name above a key.\n\n\
             The approval is kept in your own configuration, for this path. A clone elsewhere needs its own.",
        )
        .arg(yes())
        .arg(
            Arg::new("only")
                .long("only")
                .value_name("SUM")
                .conflicts_with("yes")
                .help("Approve only the list with this checksum, without asking; \"recipients list\" prints it"),
        )
}

pub(super) fn run(
    arguments: &ArgMatches,
    environment: &Environment,
    console: &mut Console,
) -> Result<(), Error> {
    let store = AgeStore::open(environment)?;
    let Some(directory) = store.existing()? else {
        return Err(Error::unavailable(format!(
            "cannot approve recipients: there is no store in {} yet",
            store.path().display()
        )));
    };
    if recipients_file::from_setting(environment)?.is_some() {
        console.note(&format!(
            "{} is set and replaces the store's own list and its approval",
            settings::RECIPIENTS
        ));
    }
    let list = store.recipients_file(&directory)?;
    let named = list.as_ref().map(RecipientsFile::named).unwrap_or_default();
    let only = arguments.get_one::<String>("only");
    if let Some(only) = only {
        check_sum(only, &named)?;
    }
    let is_sure = only.is_some() || arguments.get_flag("yes");
    let record = store.approval_record()?;
    let approval = record.read()?;
    if approval.is_for(list.as_ref()) {
        console.print("the recipients are already approved\n")?;
    } else {
        show_change(&store, list.as_ref(), &approval, console)?;
        for other in record.stores_with(&named) {
            console.note(&format!("you approved the same recipients for {other}"));
        }
        let question = "Do you know whose keys these are, and may they read what you store from now on?";
        if !is_sure && !Console::confirm(question, "--yes")? {
            return Err(Error::refused("nothing was approved"));
        }
        record.approve(&named)?;
        console.print("approved\n")?;
    }
    match list {
        Some(list) => offer_rekey(&store, &directory, &list, !is_sure, console),
        None => Ok(()),
    }
}

fn check_sum(only: &str, named: &BTreeSet<String>) -> Result<(), Error> {
    let sum = approval::sum(named);
    if only == sum {
        return Ok(());
    }
    Err(Error::refused(format!(
        "cannot approve the recipients: their list has the checksum {sum}, not {}; check it with: \
        docker-credential-age recipients list",
        show::name(only)
    )))
}

/// Every recipient of the store, with a plus before new ones and a minus before removed ones.
fn show_change(
    store: &AgeStore,
    list: Option<&RecipientsFile>,
    approval: &Approval,
    console: &mut Console,
) -> Result<(), Error> {
    let named = list.map(RecipientsFile::named).unwrap_or_default();
    if let Some(list) = list {
        let newcomers = store.newcomers(list)?;
        let own = store.own_keys()?;
        for recipient in &named {
            let newcomer = newcomers.iter().find(|newcomer| newcomer.recipient == *recipient);
            let sign = if newcomer.is_some() { '+' } else { ' ' };
            let notes = notes(recipient, list, own.contains(recipient), newcomer);
            console.print(&format!("{sign} {recipient}{notes}\n"))?;
        }
    } else {
        console.print(
            "the store names no recipients: only your identity will read the logins that you store\n",
        )?;
    }
    approval
        .missing_from(&named)
        .iter()
        .try_for_each(|recipient| console.print(&format!("- {recipient}\n")))
}

/// The key's holder and its approval, as a comment after the key.
pub(super) fn notes(
    recipient: &str,
    file: &RecipientsFile,
    is_own: bool,
    newcomer: Option<&Newcomer>,
) -> String {
    let name = file.name_of(recipient).map(|name| show::name(&name));
    let state = newcomer.map(|newcomer| match newcomer.last_missing {
        None => "not approved".to_owned(),
        Some(date) => format!("not approved: was removed, last missing on {date}, is back"),
    });
    let notes: Vec<String> = name
        .into_iter()
        .chain(is_own.then(|| "yours".to_owned()))
        .chain(state)
        .collect();
    if notes.is_empty() {
        String::new()
    } else {
        format!("  # {}", notes.join(", "))
    }
}

/// Entries that were stored earlier are encrypted to the recipients at that time.
fn offer_rekey(
    store: &AgeStore,
    directory: &Directory,
    list: &RecipientsFile,
    may_ask: bool,
    console: &mut Console,
) -> Result<(), Error> {
    let names = store.entry_names(directory)?;
    let closed = store.closed_to_us(directory, &names)?;
    if closed > 0 {
        console.note(&format!(
            "{} can't be opened with your identity yet; ask a colleague to run: docker-credential-age rekey",
            show::count(closed, "entry", "entries")
        ));
        return Ok(());
    }
    let count = out_of_step(directory, &names, &list.recipients()).count();
    if count == 0 {
        return Ok(());
    }
    let what = format!(
        "{} not encrypted to exactly these recipients",
        show::count(count, "entry is", "entries are")
    );
    let question = format!("{what}. Encrypt all entries again now?");
    if may_ask && Console::confirm(&question, "--yes").unwrap_or_default() {
        return rekey::encrypt_again(store.environment(), console);
    }
    console.note(&format!(
        "{what}; to encrypt them again, run: docker-credential-age rekey"
    ));
    Ok(())
}
