//! `identity rotate`: replaces the key of the identity and of every entry.

use std::path::Path;

use age::x25519;
use docker_credential_helper::commands::Console;
use docker_credential_helper::{Environment, Error, show};

use super::{existing_file, file_in_use, refuse_ssh_key, sealed_with, without_identity};
use crate::asking::new_passphrase;
use crate::commands::Writing;
use crate::keys::identities::{Identities, file_text};
use crate::keys::identity_file::{IdentityFile, behind_link};
use crate::keys::outgoing::Outgoing;
use crate::keys::recipient::{Recipient, include_one_of, own_recipients};
use crate::keys::source::{self, Found};
use crate::settings;
use crate::sharing::recipients_file;
use crate::store::{RecipientSource, rotated};

/// [`Outgoing`] describes the steps, and the result of a kill between them.
pub(super) fn rotate(
    with_new_passphrase: bool,
    environment: &Environment,
    console: &mut Console,
) -> Result<(), Error> {
    let path = file_in_use(environment)?;
    if source::own_origin(environment)?.is_none() {
        return Err(without_identity(environment));
    }
    let path = behind_link(&path)?;
    refuse_ssh_key(&path, "rotate", || another_key(environment), environment)?;
    let open = |found: &Found| {
        let (identities, passphrase) = match found {
            Found::Open(identities) => (identities.clone(), None),
            Found::Sealed(sealed) => {
                let (identities, passphrase) = sealed.open_with_passphrase(environment)?;
                (identities, Some(passphrase))
            }
        };
        Ok((identities, (passphrase, found.clone())))
    };
    let (mut writing, (mut passphrase, old)) = Writing::begin_by(open, environment)?;
    refuse_what_cannot_rotate(&writing)?;
    if with_new_passphrase {
        passphrase = Some(new_passphrase::choose(
            &show::path(environment, &path),
            environment,
        )?);
    }
    refuse_in_the_store(&path, &writing)?;
    // Also takes the identity's lock, because another store's command may be changing the same identity.
    let file = IdentityFile::lock(&path, environment)?;
    existing_file(environment)?;
    if source::own(environment)?.as_ref() != Some(&old) {
        return Err(Error::refused(
            "another process has just changed the identity; run this again",
        ));
    }

    let new = x25519::Identity::generate();
    let content = sealed_with(passphrase.as_ref(), &file_text(&new))?;
    let list = match &writing.source {
        RecipientSource::File(list) => Some(rotated(list, &writing.identities, &of(&new))),
        RecipientSource::Own | RecipientSource::Setting(_) => None,
    };
    let recipients = match &list {
        Some(list) => list.recipients(),
        None => vec![Recipient::X25519(new.to_public())],
    };
    if !include_one_of(&recipients, &of(&new)) {
        return Err(not_a_recipient(&writing.identities));
    }
    let before_it = writing.identities.clone();
    // Entries get a stanza that their writer, from now on the new key, opens fast.
    writing.identities.x25519.push(new.clone());
    let mut copy = String::new();
    let replace = || {
        let before = file.read()?;
        copy = file.keep_copy(&before)?;
        let store = writing.directory.path();
        let store = store.canonicalize().map_err(Error::file("resolve", store))?;
        Outgoing::create(&file, &store, &copy, &before_it, &new.to_public())?;
        file.write(&before, &content)
    };
    let servers = writing.encrypt_after(replace, &recipients, list.as_ref(), console)?;
    if let Some(outgoing) = Outgoing::beside(&path)? {
        outgoing.remove()?;
    }
    console.note(&format!(
        "encrypted {} to the new identity; saved the previous one as {}",
        show::count(servers.len(), "login", "logins"),
        show::path(environment, &path.with_file_name(copy))
    ));
    console.note("back up the new one with: docker-credential-age identity backup FILE");
    console.print(&format!("{}\n", new.to_public()))
}

/// How to change from an SSH key to another key by hand.
fn another_key(environment: &Environment) -> String {
    let own = source::own(environment).ok().flatten();
    let own = own.and_then(|found| found.known_recipients()?.into_iter().next());
    let remove = show::ShellCommand::new("docker-credential-age recipients remove");
    let remove = match own {
        Some(own) => remove.word(own.to_string()),
        None => remove.literal("KEY"),
    };
    format!(
        "to use another key, run docker-credential-age recipients add with its public key, let {} name its identity, then \
         run: {remove}",
        settings::IDENTITY_FILE
    )
}

fn refuse_what_cannot_rotate(writing: &Writing) -> Result<(), Error> {
    if !writing.identities.plugins.is_empty() {
        return Err(Error::unsupported(
            "an identity on hardware is changed with its plugin; afterwards use recipients add and remove",
        ));
    }
    if let RecipientSource::Setting(_) = writing.source {
        return Err(Error::refused(format!(
            "{} is set and determines the recipients; unset it first",
            settings::RECIPIENTS
        )));
    }
    Ok(())
}

/// The identity's lock is that of its directory, which we already hold if it is the store's.
fn refuse_in_the_store(path: &Path, writing: &Writing) -> Result<(), Error> {
    let real = |directory: &Path| directory.canonicalize().ok();
    if path.parent().and_then(real) != real(writing.directory.path()) {
        return Ok(());
    }
    Err(Error::refused(format!(
        "cannot rotate an identity in the directory of the store; move the store to another directory and set {} to that",
        settings::DIRECTORY
    )))
}

/// Somebody removed the key from the list. It still opens the previous entries, but the new key wouldn't.
fn not_a_recipient(identities: &Identities) -> Error {
    let key = own_recipients(identities).first().map(ToString::to_string);
    Error::refused(format!(
        "cannot rotate the identity: it isn't among the recipients in {}, so the new one couldn't read the logins; \
         add it first: docker-credential-age recipients add {}",
        recipients_file::FILE,
        key.unwrap_or_default()
    ))
}

fn of(identity: &x25519::Identity) -> Identities {
    Identities {
        x25519: vec![identity.clone()],
        ..Identities::default()
    }
}
