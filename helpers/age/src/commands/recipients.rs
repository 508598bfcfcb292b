//! `recipients`: who shares the store.

use docker_credential_helper::clap::{Arg, ArgMatches, Command};
use docker_credential_helper::commands::{Console, ExtraCommand};
use docker_credential_helper::{Environment, Error};

use super::{Writing, files, yes};
use crate::keys::recipient::{Recipient, include_one_of, own_recipients};
use crate::settings;
use crate::sharing::approval::{ApprovalState, Named};
use crate::sharing::recipients_file::{self, RecipientsFile};
use crate::store::{AgeStore, RecipientSource, not_among};

pub(super) const COMMAND: ExtraCommand = ExtraCommand { definition, run };

fn definition() -> Command {
    Command::new("recipients")
        .about("Say who can read the store: a team, its machines, CI")
        .long_about(
            "Say who can read the store: a team, its machines, CI.\n\n\
             A store that several people share names them in its .age-recipients, one public key (age1…) on each line. \
             You approve that list once; from then on nothing is stored while it names anyone you have not approved, \
             because whoever can change the list would receive what is stored.\n\n\
             With DOCKER_CREDENTIAL_AGE_RECIPIENTS set, that list counts and the store's own does not.",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(Command::new("list").about("Show who can read what is stored from now on"))
        .subcommand(
            Command::new("add")
                .about("Let someone read the store: everything in it is encrypted again")
                .arg(recipient()),
        )
        .subcommand(
            Command::new("remove")
                .about("Let someone read no more of it: everything is encrypted again without them")
                .long_about(
                    "Let someone read no more of it: everything is encrypted again without them.\n\n\
                     They still know what they could read, and old copies of the store stay readable to them. Change \
                     those passwords at their registries, and log in again.",
                )
                .arg(recipient()),
        )
        .subcommand(
            Command::new("approve")
                .about("Agree to the recipients that the store names now")
                .arg(yes()),
        )
}

fn recipient() -> Arg {
    Arg::new("recipient")
        .value_name("RECIPIENT")
        .required(true)
        .num_args(1..)
        .help("A public key: age1…")
}

fn run(arguments: &ArgMatches, environment: &Environment, console: &mut Console) -> Result<(), Error> {
    match arguments.subcommand() {
        Some(("add", arguments)) => add(&named_by(arguments)?, environment, console),
        Some(("remove", arguments)) => remove(&words_of(arguments), environment, console),
        Some(("approve", arguments)) => approve(arguments.get_flag("yes"), environment, console),
        _ => list(environment, console),
    }
}

fn words_of(arguments: &ArgMatches) -> Vec<String> {
    arguments
        .get_many::<String>("recipient")
        .into_iter()
        .flatten()
        .map(|word| word.trim().to_owned())
        .collect()
}

fn named_by(arguments: &ArgMatches) -> Result<Vec<String>, Error> {
    let words = words_of(arguments);
    for word in &words {
        Recipient::parse(word, |problem| {
            Error::Refused(format!("an argument is {problem}; give a public key (age1…)").into())
        })?;
    }
    Ok(words)
}

fn list(environment: &Environment, console: &mut Console) -> Result<(), Error> {
    if let Some(recipients) = recipients_file::from_setting(environment)? {
        console.note(&format!(
            "{} is set, and the store's own list does not count",
            settings::RECIPIENTS
        ));
        return recipients
            .iter()
            .try_for_each(|recipient| console.print(&format!("{recipient}\n")));
    }
    let store = AgeStore::open(environment)?;
    let file = match store.existing()? {
        Some(directory) => store.recipients_file(&directory)?,
        None => None,
    };
    let Some(file) = file else {
        console.note("the store has no .age-recipients: only your identity can read what you store");
        return super::identity::print_recipients(environment, console);
    };
    let approved = store.approval_record()?.approved()?;
    for recipient in file.named() {
        let note = match &approved {
            // The first store will approve all of them.
            None => "",
            Some(Some(approved)) if approved.contains(&recipient) => "",
            Some(_) => "  # not approved",
        };
        console.print(&format!("{recipient}{note}\n"))?;
    }
    Ok(())
}

fn add(new: &[String], environment: &Environment, console: &mut Console) -> Result<(), Error> {
    let writing = Writing::begin(environment)?;
    let old = list_of(&writing)?;
    let mut file = match old.clone() {
        Some(file) => file,
        None => own_list(&writing)?,
    };
    let before = file.named();
    for recipient in new {
        file.add(recipient.clone());
    }
    let added = file.named().difference(&before).count();
    if added == 0 && old.is_some() {
        return console.print("they are among the recipients already\n");
    }
    change(&writing, &file, console)?;
    console.print(&format!("added {}\n", count(added)))
}

fn remove(gone: &[String], environment: &Environment, console: &mut Console) -> Result<(), Error> {
    let writing = Writing::begin(environment)?;
    let Some(old) = list_of(&writing)? else {
        return Err(Error::Refused(
            "the store has no .age-recipients, so there is nobody to remove".into(),
        ));
    };
    let mut file = old.clone();
    for recipient in gone {
        if !file.remove(recipient) {
            return Err(Error::Refused(
                format!(
                    "{} is not among the recipients; see: docker-credential-age recipients list",
                    Console::plain(recipient)
                )
                .into(),
            ));
        }
    }
    if file.named().is_empty() {
        return Err(Error::Refused(
            "nobody would be left to read the store; add someone else first".into(),
        ));
    }
    let servers = change(&writing, &file, console)?;
    console.print(&format!("removed {}\n", count(gone.len())))?;
    if !servers.is_empty() {
        console.note(&format!(
            "they still know what they could read; change these passwords at their registries, then log in again: {}",
            servers.join(" ")
        ));
    }
    Ok(())
}

/// Makes `file` the store's list and encrypts everything to it; the servers of what was encrypted.
fn change(writing: &Writing, file: &RecipientsFile, console: &Console) -> Result<Vec<String>, Error> {
    let list = file.recipients();
    if !include_one_of(&list, &writing.identities) && !settings::is_write_only(writing.store.environment())? {
        return Err(not_among(recipients_file::FILE));
    }
    let rekeyed = writing.encrypt_to(&list, Some(file), console)?;
    console.note(&format!(
        "encrypted {} for {}",
        files(rekeyed.len()),
        count(list.len())
    ));
    Ok(rekeyed.iter().map(ToString::to_string).collect())
}

fn approve(is_sure: bool, environment: &Environment, console: &mut Console) -> Result<(), Error> {
    let store = AgeStore::open(environment)?;
    let Some(directory) = store.existing()? else {
        return Err(Error::Unavailable(
            format!("there is no store in {} yet", store.path().display()).into(),
        ));
    };
    let named: Named = store
        .recipients_file(&directory)?
        .as_ref()
        .map(RecipientsFile::named);
    let record = store.approval_record()?;
    let (added, removed) = match record.state(&named)? {
        ApprovalState::Same => return console.print("the recipients are approved already\n"),
        ApprovalState::New | ApprovalState::Fewer => (named.iter().flatten().cloned().collect(), Vec::new()),
        ApprovalState::Changed(change) => (change.added, change.removed),
    };
    if named.is_none() {
        console.print("the store names no recipients: only your identity will read what you store\n")?;
    }
    for (sign, list) in [('+', added), ('-', removed)] {
        for recipient in list {
            console.print(&format!("{sign} {recipient}\n"))?;
        }
    }
    if !is_sure
        && !Console::confirm(
            "Do you know that each of these is meant to read what you store?",
            "--yes",
        )?
    {
        return Err(Error::Refused("nothing was approved".into()));
    }
    record.approve(&named)?;
    console.print("approved\n")
}

/// The store's own list. A setting that overrules it would make a change without effect.
fn list_of(writing: &Writing) -> Result<Option<RecipientsFile>, Error> {
    match &writing.source {
        RecipientSource::File(file) => Ok(Some(file.clone())),
        RecipientSource::Own => Ok(None),
        RecipientSource::Setting(_) => Err(Error::Refused(
            format!(
                "{} is set and overrules the store's own list; change the setting, or unset it first",
                settings::RECIPIENTS
            )
            .into(),
        )),
    }
}

/// What a store of one begins its list with.
fn own_list(writing: &Writing) -> Result<RecipientsFile, Error> {
    let own = own_recipients(&writing.identities);
    if own
        .iter()
        .any(|recipient| matches!(recipient, Recipient::HolderOf(_)))
    {
        return Err(Error::Unsupported(
            format!(
                "only its plugin knows the public key of your identity; write it into {} yourself, then run: \
                 docker-credential-age recipients approve",
                writing.store.path().join(recipients_file::FILE).display()
            )
            .into(),
        ));
    }
    Ok(RecipientsFile::of(own.iter().map(ToString::to_string)))
}

pub(super) fn count(recipients: usize) -> String {
    match recipients {
        1 => "1 recipient".to_owned(),
        recipients => format!("{recipients} recipients"),
    }
}
