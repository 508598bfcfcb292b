//! `identity`: the private key that opens the store.

use std::path::PathBuf;

use age::x25519;
use docker_credential_helper::clap::{Arg, ArgAction, ArgMatches, Command};
use docker_credential_helper::commands::{Console, ExtraCommand};
use docker_credential_helper::{Environment, Error};
use zeroize::Zeroizing;

use super::{Writing, files};
use crate::asking::new_passphrase;
use crate::keys::identities::file_text;
use crate::keys::identity_file::{self, IdentityFile, behind_link, under_a_free_name};
use crate::keys::origin::Origin;
use crate::keys::recipient::{Recipient, own_recipients};
use crate::keys::scrypt;
use crate::keys::source::{self, Found};
use crate::settings;
use crate::store::RecipientSource;

pub(super) const COMMAND: ExtraCommand = ExtraCommand { definition, run };

fn definition() -> Command {
    Command::new("identity")
        .about("Make, show or change the private key that opens the store")
        .long_about(
            "Make, show or change the private key that opens the store.\n\n\
             The first login makes one by itself. Back it up: what is encrypted to it cannot be read without it. \
             If it is lost, make a new one with \"identity new --replace\", set aside what it cannot open with \"reset\", \
             and log in again.",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            Command::new("new")
                .about("Make an identity and print its public key")
                .arg(with_passphrase())
                .arg(
                    Arg::new("replace")
                        .long("replace")
                        .action(ArgAction::SetTrue)
                        .help("Put the present one aside under another name"),
                ),
        )
        .subcommand(Command::new("show").about("Print its public key: what others encrypt to"))
        .subcommand(
            Command::new("rotate")
                .about("Make a new identity and encrypt everything to it instead of the present one")
                .long_about(
                    "Make a new identity and encrypt everything to it instead of the present one.\n\n\
                     The present one is put aside under another name, for other stores and old backups. Whoever got hold \
                     of it still knows what it opened: change those passwords at their registries.",
                ),
        )
}

fn with_passphrase() -> Arg {
    Arg::new("passphrase")
        .long("passphrase")
        .action(ArgAction::SetTrue)
        .help("Encrypt it with a passphrase, which is asked for when it is needed")
}

fn run(arguments: &ArgMatches, environment: &Environment, console: &mut Console) -> Result<(), Error> {
    match arguments.subcommand() {
        Some(("new", arguments)) => new(
            arguments.get_flag("passphrase"),
            arguments.get_flag("replace"),
            environment,
            console,
        ),
        Some(("rotate", _)) => rotate(environment, console),
        _ => print_recipients(environment, console),
    }
}

fn new(
    with_passphrase: bool,
    is_to_replace: bool,
    environment: &Environment,
    console: &mut Console,
) -> Result<(), Error> {
    let path = file_in_use(environment)?;
    let exists = path.symlink_metadata().is_ok();
    if exists && !is_to_replace {
        return Err(Error::Refused(
            format!(
                "{} exists; to put it aside and make another, add --replace; to change to another key, run: \
                 docker-credential-age identity rotate",
                path.display()
            )
            .into(),
        ));
    }
    let identity = x25519::Identity::generate();
    let passphrase = with_passphrase
        .then(|| new_passphrase::choose(&format!("the identity {}", path.display()), environment))
        .transpose()?;
    let content = sealed_with(passphrase.as_ref(), &file_text(&identity))?;
    let file = IdentityFile::lock(path.clone())?;
    if exists {
        let aside = under_a_free_name(&file.name, "old", |free| file.set_aside(free))?;
        console.note(&format!(
            "the identity of before is now {}",
            path.with_file_name(aside).display()
        ));
    }
    if !identity_file::create_file(&path, &content, environment)? {
        return Err(Error::Refused(
            format!("{} was made by another process in the meantime", path.display()).into(),
        ));
    }
    console.note(&format!(
        "made {}; back it up, for without it what is encrypted to it cannot be read",
        path.display()
    ));
    console.print(&format!("{}\n", identity.to_public()))
}

/// The public keys of our identities, one a line.
pub(super) fn print_recipients(environment: &Environment, console: &mut Console) -> Result<(), Error> {
    let Some(found) = source::own(environment)? else {
        return Err(without_identity());
    };
    for recipient in own_recipients(&found.open(environment)?) {
        match recipient {
            Recipient::HolderOf(identity) => console.note(&format!(
                "only age-plugin-{} knows the public key of one of your identities",
                identity.plugin()
            )),
            recipient => console.print(&format!("{recipient}\n"))?,
        }
    }
    Ok(())
}

fn without_identity() -> Error {
    Error::Unavailable(
        "there is no identity yet; the first login makes one, or: docker-credential-age identity new".into(),
    )
}

fn rotate(environment: &Environment, console: &mut Console) -> Result<(), Error> {
    let path = file_in_use(environment)?;
    if source::own_origin(environment)?.is_none() {
        return Err(without_identity());
    }
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
    let (writing, (passphrase, old)) = Writing::begin_by(open, environment)?;
    if !writing.identities.plugins.is_empty() {
        return Err(Error::Unsupported(
            "an identity on hardware is changed with its plugin; then use recipients add and remove".into(),
        ));
    }
    if let RecipientSource::Setting(_) = writing.source {
        return Err(Error::Refused(
            format!(
                "{} is set and says to whom is encrypted; unset it, or make a new identity with identity new --replace",
                settings::RECIPIENTS
            )
            .into(),
        ));
    }
    // Its own lock as well: another store may be about to change the same identity.
    let file = IdentityFile::lock(behind_link(&path)?)?;
    if source::own(environment)?.as_ref() != Some(&old) {
        return Err(Error::Refused(
            "another process has changed the identity in the meantime; run this again".into(),
        ));
    }
    let before = identity_file::read(&path)?;
    let new = x25519::Identity::generate();
    let aside = under_a_free_name(&file.name, "old", |free| file.create_beside(free, &before))?;

    // From here on both open the store, until nothing is encrypted to the old one any more.
    let mut both = file_text(&new);
    both.push_str(&writing.identities.to_text());
    file.write(&sealed_with(passphrase.as_ref(), &both)?)?;
    let count = match encrypt_to(&new, &writing, console) {
        Ok(count) => count,
        Err(error) => {
            // Unless it failed half-way: then the next writer completes it, and both are needed.
            if !writing.store.is_rekey_pending(&writing.directory)? {
                file.write(&before)?;
                file.remove_beside(&aside)?;
            }
            return Err(error);
        }
    };
    file.write(&sealed_with(passphrase.as_ref(), &file_text(&new))?)?;
    if let Found::Sealed(sealed) = &old {
        sealed.lock();
    }
    console.note(&format!(
        "encrypted {} to the new identity; the identity of before is now {}",
        files(count),
        file.path.with_file_name(aside).display()
    ));
    console.note(&format!("back up {}", file.path.display()));
    console.print(&format!("{}\n", new.to_public()))
}

/// Encrypts the store to the new identity in the place of the old ones; how many files.
fn encrypt_to(new: &x25519::Identity, writing: &Writing, console: &Console) -> Result<usize, Error> {
    let rekeyed = match &writing.source {
        RecipientSource::File(before) => {
            let mut file = before.clone();
            for recipient in own_recipients(&writing.identities) {
                file.remove(&recipient.to_string());
            }
            if file != *before {
                file.add(new.to_public().to_string());
            }
            writing.encrypt_to(&file.recipients(), Some(&file), console)?
        }
        // The setting was refused before.
        RecipientSource::Own | RecipientSource::Setting(_) => {
            writing.encrypt_to(&[Recipient::X25519(new.to_public())], None, console)?
        }
    };
    Ok(rekeyed.len())
}

/// The file of our own identity, whether it exists or not.
fn file_in_use(environment: &Environment) -> Result<PathBuf, Error> {
    match source::own_origin(environment)? {
        Some(Origin::File(path)) => Ok(path),
        Some(Origin::Setting(name)) => Err(Error::Refused(
            format!("{name} is set and holds the identity that is used; unset it first").into(),
        )),
        None => settings::default_identity_file(environment),
    }
}

/// The content of an identity file, encrypted where there is a passphrase.
fn sealed_with(passphrase: Option<&Zeroizing<String>>, text: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    Ok(Zeroizing::new(match passphrase {
        Some(passphrase) => scrypt::seal(text.as_bytes(), passphrase)?,
        None => text.as_bytes().to_vec(),
    }))
}
