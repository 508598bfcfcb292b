//! `recipients`: shows and changes the recipients of the store.

use docker_credential_helper::clap::{Arg, ArgMatches, Command};
use docker_credential_helper::commands::{Console, ExtraCommand};
use docker_credential_helper::{Environment, Error, show};

use super::approve::{self, notes};
use super::{Writing, files};
use crate::keys::recipient::{self, Recipient, include_one_of, trusted_recipients};
use crate::keys::ssh;
use crate::settings;
use crate::sharing::approval;
use crate::sharing::recipients_file::{self, RecipientsFile};
use crate::store::{AgeStore, RecipientSource, not_among};

pub(super) const COMMAND: ExtraCommand = ExtraCommand { definition, run };

fn definition() -> Command {
    Command::new("recipients")
        .about("Show, change and approve who can read the store: a team, its machines, CI")
        .long_about(
            "Show, change and approve who can read the store: a team, its machines, CI.\n\n\
             A shared store lists its recipients in .age-recipients, one public key (age1… or ssh-…) on each line, with the \
             holder's name in a comment above it. The helper doesn't store anything until you have approved \
             every key in it, because anyone who can change the list could read all passwords stored \
             later.\n\n\
             DOCKER_CREDENTIAL_AGE_RECIPIENTS replaces the list and its approval.",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(Command::new("list").about("Show the recipients of logins stored from now on"))
        .subcommand(
            Command::new("add")
                .about("Give someone access: encrypt every entry again, also to them")
                .arg(recipient())
                .arg(name()),
        )
        .subcommand(
            Command::new("remove")
                .about("Revoke someone's access: encrypt every entry again, without them")
                .long_about(
                    "Revoke someone's access: encrypt every entry again, without them.\n\n\
                     They still know the passwords that they could read, and can open old copies of the \
                     store. Change \
                     those passwords at their registries, and log in again.",
                )
                .arg(recipient()),
        )
        .subcommand(approve::definition())
}

fn recipient() -> Arg {
    Arg::new("recipient")
        .value_name("RECIPIENT")
        .required(true)
        .num_args(1..)
        .help("A public key: age1…, or an SSH key in quotes")
}

fn name() -> Arg {
    Arg::new("name")
        .long("name")
        .value_name("NAME")
        .help("The key's holder, kept as a comment above the key")
}

fn run(arguments: &ArgMatches, environment: &Environment, console: &mut Console) -> Result<(), Error> {
    match arguments.subcommand() {
        Some(("add", arguments)) => add(&new_ones(arguments)?, name_of(arguments)?, environment, console),
        Some(("remove", arguments)) => remove(&words_of(arguments), environment, console),
        Some(("approve", arguments)) => approve::run(arguments, environment, console),
        _ => list(environment, console),
    }
}

/// The keys, with the comments of SSH keys.
fn words_of(arguments: &ArgMatches) -> Vec<String> {
    let text = arguments
        .get_many::<String>("recipient")
        .into_iter()
        .flatten()
        .fold(String::new(), |mut text, word| {
            text.push_str(word.trim());
            // The shell has split an SSH key that wasn't quoted, and left one whole that was.
            text.push(if word.trim().contains(' ') { '\n' } else { ' ' });
            text
        });
    recipient::split(&text).into_iter().map(str::to_owned).collect()
}

fn new_ones(arguments: &ArgMatches) -> Result<Vec<String>, Error> {
    let words = words_of(arguments);
    for word in &words {
        Recipient::parse(word, |problem| {
            Error::refused(format!(
                "cannot add {}: it is {problem}; give a public key (age1… or ssh-…)",
                show::name(word)
            ))
        })?;
    }
    Ok(words)
}

/// A name must be one line, because the file keeps it as a comment.
fn name_of(arguments: &ArgMatches) -> Result<Option<&str>, Error> {
    let Some(name) = arguments.get_one::<String>("name").map(|name| name.trim()) else {
        return Ok(None);
    };
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(Error::refused(
            "cannot use that name: it must be one line of text, such as --name alice",
        ));
    }
    if words_of(arguments).len() > 1 {
        return Err(Error::refused(
            "cannot give one name to several keys: add them one by one",
        ));
    }
    Ok(Some(name))
}

fn list(environment: &Environment, console: &mut Console) -> Result<(), Error> {
    if let Some(recipients) = recipients_file::from_setting(environment)? {
        console.note(&format!(
            "{} is set and replaces the store's own list",
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
        console
            .note("the store has no .age-recipients: only your identity can read the logins that you store");
        return super::identity::print_recipients(environment, console);
    };
    let newcomers = store.newcomers(&file)?;
    let own = store.own_keys()?;
    for recipient in file.named() {
        let newcomer = newcomers.iter().find(|newcomer| newcomer.recipient == recipient);
        let notes = notes(&recipient, &file, own.contains(&recipient), newcomer);
        console.print(&format!("{recipient}{notes}\n"))?;
    }
    console.print(&format!(
        "# checksum of this list: {}\n",
        approval::sum(&file.named())
    ))
}

fn add(
    new: &[String],
    name: Option<&str>,
    environment: &Environment,
    console: &mut Console,
) -> Result<(), Error> {
    let writing = Writing::begin(environment)?;
    let old = list_of(&writing)?;
    let mut file = match old.clone() {
        Some(file) => file,
        None => own_list(&writing)?,
    };
    let before = file.named();
    for recipient in new {
        file.add(recipient.clone(), name);
    }
    let added = file.named().difference(&before).count();
    if added == 0 && old.is_some() {
        return console.print("they are already recipients\n");
    }
    change(&writing, &file, console)?;
    console.print(&format!("added {}\n", recipients(added)))
}

fn remove(gone: &[String], environment: &Environment, console: &mut Console) -> Result<(), Error> {
    let writing = Writing::begin(environment)?;
    let Some(mut file) = list_of(&writing)? else {
        return Err(Error::refused(
            "cannot remove anyone: the store has no .age-recipients, so only your identity can read it",
        ));
    };
    for recipient in gone {
        if !file.remove(&ssh::without_comment(recipient)) {
            return Err(Error::refused(format!(
                "cannot remove {}: it is not a recipient; see: docker-credential-age recipients list",
                show::name(recipient)
            )));
        }
    }
    if file.named().is_empty() {
        return Err(Error::refused(
            "cannot remove the last recipient: nobody could read the store; add someone else first",
        ));
    }
    let servers = change(&writing, &file, console)?;
    console.print(&format!("removed {}\n", recipients(gone.len())))?;
    if !servers.is_empty() {
        console.note(&format!(
            "they still know the passwords that they could read; change these at their registries, then log in again: {}",
            servers.join(" ")
        ));
    }
    Ok(())
}

/// Writes `file` as the store's list and encrypts everything to it; returns the servers of the entries.
fn change(writing: &Writing, file: &RecipientsFile, console: &Console) -> Result<Vec<String>, Error> {
    let list = file.recipients();
    if !include_one_of(&list, &writing.identities) && !settings::is_write_only(writing.store.environment())? {
        return Err(not_among(recipients_file::FILE));
    }
    let rekeyed = writing.encrypt_to(&list, Some(file), console)?;
    console.note(&format!(
        "encrypted {} for {}",
        files(rekeyed.len()),
        recipients(list.len())
    ));
    Ok(rekeyed.iter().map(ToString::to_string).collect())
}

/// The store's own list. With a setting that overrides it, a change would have no effect.
fn list_of(writing: &Writing) -> Result<Option<RecipientsFile>, Error> {
    match &writing.source {
        RecipientSource::File(file) => Ok(Some(file.clone())),
        RecipientSource::Own => Ok(None),
        RecipientSource::Setting(_) => Err(Error::refused(format!(
            "cannot change the recipients: {} is set and replaces the store's own list; unset it first",
            settings::RECIPIENTS
        ))),
    }
}

/// The first entry in the list of a store that wasn't shared before.
fn own_list(writing: &Writing) -> Result<RecipientsFile, Error> {
    let own = trusted_recipients(&writing.identities)?;
    if own
        .iter()
        .any(|recipient| matches!(recipient, Recipient::HolderOf(_)))
    {
        return Err(Error::unsupported(format!(
            "cannot start a list: only its plugin knows the public key of your identity; write it into {} \
            yourself, \
             then run: docker-credential-age recipients approve",
            writing.store.path().join(recipients_file::FILE).display()
        )));
    }
    Ok(RecipientsFile::of(own.iter().map(ToString::to_string)))
}

fn recipients(count: usize) -> String {
    show::count(count, "recipient", "recipients")
}
