//! `identity backup` and `identity restore`: write a copy that a passphrase protects, and restore it.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use docker_credential_helper::commands::Console;
use docker_credential_helper::directory::{Directory, read_file};
use docker_credential_helper::{Environment, Error, show};
use zeroize::Zeroizing;

use super::{
    ANOTHER_FILE, confirm, existing_file, file_in_use, print_recipients, put_in_place,
    refuse_during_rotation, refuse_ssh_key, sealed_with, utf8,
};
use crate::asking::new_passphrase;
use crate::keys::identities::{self, Identities};
use crate::keys::identity_file::{self, behind_link};
use crate::keys::origin::Origin;
use crate::keys::sealed::Sealed;
use crate::keys::source::{self, Found};
use crate::keys::ssh;
use crate::settings;
use crate::store::AgeStore;

/// The first line of a backup whose identity doesn't have its own passphrase, and won't get one when it is
/// restored.
const WITHOUT_PASSPHRASE: &str =
    "# a backup of docker-credential-age; the identity itself has no passphrase\n";

const BACKUP_MAX: u64 = 1 << 20;

pub(super) fn backup(file: &Path, environment: &Environment, console: &mut Console) -> Result<(), Error> {
    let identity = existing_file(environment)?;
    let way_out = || "back it up with your other SSH keys".to_owned();
    refuse_ssh_key(&identity, "back up", way_out, environment)?;
    let content = identity_file::read(&identity)?;
    let (content, passphrase) = if let Some(Found::Sealed(sealed)) = source::own(environment)? {
        // It already has a passphrase; don't add a second one to forget.
        let (_, passphrase) = sealed.open_with_passphrase(environment)?;
        (content, passphrase)
    } else {
        let passphrase = new_passphrase::choose("the backup", environment)?;
        let mut text = Zeroizing::new(String::with_capacity(content.len() + 128));
        text.push_str(WITHOUT_PASSPHRASE);
        text.push_str(&utf8(&content)?);
        (sealed_with(Some(&passphrase), &text)?, passphrase)
    };
    write(file, &content)?;
    // Check the file on the disk.
    let written = read_file(file, BACKUP_MAX).map_err(Error::file("read", file))?;
    Sealed::new(written, Origin::File(file.to_owned()), None)
        .keys_by(&passphrase)?
        .ok_or_else(|| {
            Error::damaged(format!(
                "{} differs from the written backup",
                show::path(environment, file)
            ))
        })?;
    console.print(&format!(
        "wrote the backup; its passphrase opens it. To use it on another machine, run there: {}\n",
        show::ShellCommand::new("docker-credential-age identity restore").path(environment, file)
    ))
}

/// Writes a new file, which is on disk when this returns. Doesn't use links, which memory sticks don't
/// support.
fn write(file: &Path, content: &[u8]) -> Result<(), Error> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;

        options.mode(0o600);
    }
    let mut open = options.open(file).map_err(Error::file("create", file))?;
    let written = open.write_all(content).and_then(|()| open.sync_all());
    if let Err(error) = written {
        let _ = std::fs::remove_file(file);
        return Err(Error::file("write", file)(error));
    }
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    Directory::open(parent.unwrap_or(Path::new(".")))
        .and_then(|directory| directory.sync())
        .map_err(Error::file("write", file))
}

pub(super) fn restore(
    file: &Path,
    is_sure: bool,
    environment: &Environment,
    console: &mut Console,
) -> Result<(), Error> {
    let path = behind_link(&file_in_use(environment)?)?;
    refuse_ssh_key(&path, "replace", || ANOTHER_FILE.to_owned(), environment)?;
    refuse_during_rotation(&path, environment)?;
    let (content, identities) = read(file, environment)?;
    let exists = path.symlink_metadata().is_ok();
    if exists && *identity_file::read(&path)? == *content {
        return console.print("this identity is already in use\n");
    }
    confirm_what_it_opens(&identities, is_sure, environment)?;
    put_in_place(&path, &content, exists, environment, console)?;
    if !Sealed::is_sealed(&content) {
        console.note(
            "the identity has no passphrase, as when it was saved; to set one, run: docker-credential-age identity passphrase",
        );
    }
    console.note(&format!("restored {}", show::path(environment, &path)));
    if Sealed::is_sealed(&content) {
        return Ok(());
    }
    print_recipients(environment, console)
}

/// The new content of the identity file, and its keys.
fn read(file: &Path, environment: &Environment) -> Result<(Zeroizing<Vec<u8>>, Identities), Error> {
    let content = Zeroizing::new(read_file(file, BACKUP_MAX).map_err(Error::file("read", file))?);
    let name = show::path(environment, file);
    if ssh::private_key(&content).is_some() {
        return Err(Error::refused(format!(
            "cannot restore {name}: it is an SSH key; to use it where it is, set {} to it",
            settings::IDENTITY_FILE
        )));
    }
    if !Sealed::is_sealed(&content) {
        let text = std::str::from_utf8(&content)
            .map_err(|_| Error::damaged(format!("{name} does not contain an identity")))?;
        let identities = identities::parse(text, &name)?;
        return Ok((content, identities));
    }
    let text = Sealed::new(content.to_vec(), Origin::File(file.to_owned()), None).open_text(environment)?;
    let identities = identities::parse(&text, &name)?;
    Ok(match text.strip_prefix(WITHOUT_PASSPHRASE) {
        Some(text) => (Zeroizing::new(text.as_bytes().to_vec()), identities),
        None => (content, identities),
    })
}

/// An identity that doesn't open the stored logins is probably the wrong one.
fn confirm_what_it_opens(
    identities: &Identities,
    is_sure: bool,
    environment: &Environment,
) -> Result<(), Error> {
    let store = AgeStore::open(environment)?;
    let Some(directory) = store.existing()? else {
        return Ok(());
    };
    // For a plugin, only the plugin knows.
    if is_sure || !identities.plugins.is_empty() {
        return Ok(());
    }
    let names = store.entry_names(&directory)?;
    let unreadable = store.unreadable(&directory, &names, identities)?;
    if unreadable.closed.is_empty() {
        return Ok(());
    }
    confirm(
        &format!(
            "this identity doesn't open {} of the {} in {}",
            unreadable.closed.len(),
            show::count(names.len(), "login", "logins"),
            show::path(environment, store.path())
        ),
        "Restore it anyway?",
        "nothing was restored",
    )
}
