//! `identity passphrase`: keeps the key, and sets, changes or removes the passphrase.

use std::path::{Path, PathBuf};

use docker_credential_helper::commands::Console;
use docker_credential_helper::{Environment, Error, show};

use super::{existing_file, refuse_ssh_key, sealed_with, utf8};
use crate::asking::new_passphrase;
use crate::keys::identity_file::{self, IdentityFile};
use crate::keys::sealed::Sealed;
use crate::keys::source::{self, Found};

pub(super) fn set(environment: &Environment, console: &mut Console) -> Result<(), Error> {
    let path = file_to_change(environment)?;
    let before = identity_file::read(&path)?;
    let (text, is_change) = match source::own(environment)? {
        Some(Found::Sealed(sealed)) => (sealed.open_text(environment)?, true),
        _ => (utf8(&before)?, false),
    };
    let name = show::path(environment, &path);
    let passphrase = if is_change {
        // The file that the setting names holds the passphrase that was just used.
        new_passphrase::ask(&name, environment)?
    } else {
        new_passphrase::choose(&name, environment)?
    };
    replace(
        &path,
        &before,
        &sealed_with(Some(&passphrase), &text)?,
        environment,
    )?;
    say_what_is_left_open(&path, &before, environment, console)?;
    console.print(if is_change {
        "changed the passphrase\n"
    } else {
        "the identity has a passphrase now\n"
    })
}

pub(super) fn remove(environment: &Environment, console: &mut Console) -> Result<(), Error> {
    let path = file_to_change(environment)?;
    let before = identity_file::read(&path)?;
    let Some(Found::Sealed(sealed)) = source::own(environment)? else {
        return console.print("the identity has no passphrase\n");
    };
    let text = sealed.open_text(environment)?;
    replace(&path, &before, text.as_bytes(), environment)?;
    console.note(
        "without a passphrase, anyone who reads your home directory or a backup of it can use the identity",
    );
    console.print("removed the passphrase\n")
}

/// ssh-keygen changes the passphrase of an SSH key; ssh couldn't read what we would write.
fn file_to_change(environment: &Environment) -> Result<PathBuf, Error> {
    let path = existing_file(environment)?;
    let way_out = || {
        let command = show::ShellCommand::new("ssh-keygen -p -f");
        format!("run: {}", command.path(environment, &path))
    };
    refuse_ssh_key(&path, "change the passphrase of", way_out, environment)?;
    Ok(path)
}

/// Writes the file, if no other process has changed it since this one read it.
fn replace(path: &Path, before: &[u8], content: &[u8], environment: &Environment) -> Result<(), Error> {
    let file = IdentityFile::lock(path, environment)?;
    if *file.read()? != before {
        return Err(Error::refused(
            "another process has just changed the identity; run this again",
        ));
    }
    file.write(before, content)
}

/// Removes copies without a passphrase, and reports other keys without one.
fn say_what_is_left_open(
    path: &Path,
    before: &[u8],
    environment: &Environment,
    console: &Console,
) -> Result<(), Error> {
    for copy in identity_file::copies(path)? {
        let content = identity_file::read(&copy)?;
        if Sealed::is_sealed(&content) {
            continue;
        }
        if *content == before {
            IdentityFile::lock(path, environment)?.remove_copy(&copy)?;
        } else {
            console.note(&format!(
                "a previous identity still has no passphrase; if you don't need it any more, run: {}",
                show::ShellCommand::new("rm").path(environment, &copy)
            ));
        }
    }
    Ok(())
}
