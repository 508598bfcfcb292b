//! `reset`: makes the store usable again after an identity was lost.

use docker_credential_helper::clap::{ArgMatches, Command};
use docker_credential_helper::commands::{Console, ExtraCommand};
use docker_credential_helper::directory::Directory;
use docker_credential_helper::{Environment, Error, show};

use super::{files, yes};
use crate::keys::identities::Identities;
use crate::keys::identity_file::under_a_free_name;
use crate::keys::source::{self, Found};
use crate::store::{AgeStore, Unreadable};

pub(super) const COMMAND: ExtraCommand = ExtraCommand { definition, run };

fn definition() -> Command {
    Command::new("reset")
        .about("Set aside unreadable entries, so that logins work again")
        .long_about(
            "Set aside unreadable entries, so that logins work again.\n\n\
             Nothing is deleted: each file gets a name that ends in .unreadable, and stays in case the old identity \
             turns up. Then log in again to those servers.\n\n\
             If the passphrase of the identity is lost, create a new identity first: docker-credential-age identity new --replace",
        )
        .arg(yes())
}

fn run(arguments: &ArgMatches, environment: &Environment, console: &mut Console) -> Result<(), Error> {
    let store = AgeStore::open(environment)?;
    let Some(directory) = store.existing()? else {
        return console.print("there is no store yet\n");
    };
    drop(directory);
    let directory = store.create()?;
    let find = || match source::for_reading(environment) {
        Ok(found) => Ok(Some(found)),
        Err(Error::Unavailable(_)) => Ok(None),
        Err(error) => Err(error),
    };
    let is_sure = arguments.get_flag("yes");
    // Checks again under the lock, because somebody may have changed the identity, or logged in again, while
    // the person was thinking. (Plugins report at once that a file isn't for their identities, so they don't
    // ask a person while we hold the lock.)
    let (_lock, chosen) = store.lock_after(&directory, find, |found| {
        let identities = identities(found.as_ref(), environment, console)?;
        let names = store.entry_names(&directory)?;
        let lost = choose(&store, &directory, &names, &identities, is_sure, console)?;
        Ok(lost.map(|lost| (identities, lost)))
    })?;
    let Some((identities, chosen)) = chosen else {
        return Ok(());
    };
    let (lost, _) = lost(&store, &directory, &chosen, &identities)?;
    for name in &lost {
        let path = store.path().join(name);
        under_a_free_name(name, "unreadable", |free| match directory.set_aside(name, free) {
            // Erased since.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
            result => result.map_err(Error::file("set aside", &path)),
        })?;
    }
    console.print(&format!(
        "set aside {}; log in again to the servers you still use\n",
        files(lost.len())
    ))
}

fn identities(
    found: Option<&Found>,
    environment: &Environment,
    console: &Console,
) -> Result<Identities, Error> {
    let Some(found) = found else {
        console.note("there is no identity, so none of the entries can be decrypted");
        return Ok(Identities::default());
    };
    found.open(environment)
}

/// The lost entries among `names` that the user agrees to set aside; nothing if there are none.
fn choose(
    store: &AgeStore,
    directory: &Directory,
    names: &[String],
    identities: &Identities,
    is_sure: bool,
    console: &mut Console,
) -> Result<Option<Vec<String>>, Error> {
    let (lost, notes) = lost(store, directory, names, identities)?;
    for note in &notes {
        console.note(note);
    }
    if lost.is_empty() {
        console.print(if notes.is_empty() {
            "every entry can be decrypted; nothing was set aside\n"
        } else {
            "nothing was set aside\n"
        })?;
        return Ok(None);
    }
    for name in &lost {
        console.print(&format!("{}\n", Console::plain(name)))?;
    }
    if !is_sure && !Console::confirm("Set these aside?", "--yes")? {
        return Err(Error::refused("nothing was set aside"));
    }
    Ok(Some(lost))
}

/// The entries among `names` that can never be opened here, and advice about others.
fn lost(
    store: &AgeStore,
    directory: &Directory,
    names: &[String],
    identities: &Identities,
) -> Result<(Vec<String>, Vec<String>), Error> {
    let Unreadable {
        mut closed,
        damaged: mut lost,
        others,
    } = store.unreadable(directory, names, identities)?;
    let mut notes: Vec<String> = others.iter().map(ToString::to_string).collect();
    if !lost.is_empty() {
        notes.extend(store.git_checkout(&lost));
    }
    match store.advice_for_closed(directory, identities)? {
        Some(advice) if !closed.is_empty() => notes.push(format!(
            "your identity doesn't open {}, which others can read; {advice}",
            show::count(closed.len(), "entry", "entries")
        )),
        _ => {
            if let Some((previous, opened)) = store.opened_by_previous(directory, &closed)? {
                notes.push(format!(
                    "{} opens {}; to keep {}, run: docker-credential-age rekey",
                    show::path(store.environment(), &previous),
                    show::count(opened.len(), "entry", "entries"),
                    if opened.len() == 1 { "it" } else { "them" }
                ));
                closed.retain(|name| !opened.contains(name));
            }
            lost.extend(closed);
        }
    }
    lost.sort();
    Ok((lost, notes))
}
