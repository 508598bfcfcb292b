//! `identity`: the private key that opens the store.

use std::path::{Path, PathBuf};
use std::time::Duration;

use age::x25519;
use docker_credential_helper::clap::{Arg, ArgAction, ArgMatches, Command};
use docker_credential_helper::commands::{Console, ExtraCommand};
use docker_credential_helper::directory::read_file;
use docker_credential_helper::{Environment, Error};
use zeroize::Zeroizing;

use super::{Writing, files, passphrase, tell_progress};
use crate::identity::{self, Found, Identities, Origin};
use crate::recipients::{Recipient, RecipientsFile};
use crate::sealed::Sealed;
use crate::store::{Whom, own_recipients};
use crate::{cipher, settings};

pub(super) const COMMAND: ExtraCommand = ExtraCommand { definition, run };

/// As much as an identity file may hold.
const FILE_MAX: u64 = 1 << 20;

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
    let (directory, name) = identity::directory_of(&path)?;
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
    let text = identity::file_text(&identity);
    let content = if with_passphrase {
        let passphrase = passphrase::choose(&format!("the identity {}", path.display()), environment)?;
        Zeroizing::new(cipher::seal(text.as_bytes(), &passphrase)?)
    } else {
        Zeroizing::new(text.as_bytes().to_vec())
    };
    if exists {
        let aside = |name: &str, aside: &str| {
            directory
                .set_aside(name, aside)
                .map_err(Error::file("put aside", &path))
        };
        let aside = under_a_free_name(&name, "old", |free| aside(&name, free))?;
        console.note(&format!(
            "the identity of before is now {}",
            path.with_file_name(aside).display()
        ));
    }
    if !identity::create_file(&path, &content)? {
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
    let Some(found) = identity::own(environment)? else {
        return Err(Error::Unavailable(
            "there is no identity yet; the first login makes one, or: docker-credential-age identity new"
                .into(),
        ));
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

fn rotate(environment: &Environment, console: &mut Console) -> Result<(), Error> {
    let path = file_in_use(environment)?;
    let origin = Origin::File(path.clone());
    let before = Zeroizing::new(read_file(&path, FILE_MAX).map_err(Error::file("read the identity", &path))?);
    let (old, passphrase) = match identity::find(&origin, environment)? {
        Found::Open(identities) => (identities, None),
        Found::Sealed(sealed) => {
            let (identities, passphrase) = sealed.open_with_passphrase(environment)?;
            (identities, Some(passphrase))
        }
    };
    if !old.plugins.is_empty() {
        return Err(Error::Unsupported(
            "an identity on hardware is changed with its plugin; then use recipients add and remove".into(),
        ));
    }
    let writing = Writing::begin_with(Some(old.clone()), environment)?;
    if let Whom::Setting(_) = writing.whom {
        return Err(Error::Refused(
            format!(
                "{} is set and says to whom is encrypted; unset it, or make a new identity with identity new --replace",
                settings::RECIPIENTS
            )
            .into(),
        ));
    }
    let new = x25519::Identity::generate();
    let file = File {
        path: &path,
        passphrase,
    };
    let aside = under_a_free_name(&file_name(&path)?, "old", |free| {
        file.create_beside(free, &before)
    })?;

    // From here on both open the store, until nothing is encrypted to the old one any more.
    let mut both = identity::file_text(&new);
    both.push_str(&old.to_text());
    file.replace(&both)?;
    let count = encrypt_to(&new, &old, &writing, console)?;
    file.replace(&identity::file_text(&new))?;
    if let Ok(Found::Sealed(sealed)) = parse_sealed(&before, &origin) {
        sealed.lock();
    }
    console.note(&format!(
        "encrypted {} to the new identity; the identity of before is now {}",
        files(count),
        path.with_file_name(aside).display()
    ));
    console.note(&format!("back up {}", path.display()));
    console.print(&format!("{}\n", new.to_public()))
}

fn parse_sealed(content: &[u8], origin: &Origin) -> Result<Found, ()> {
    if Sealed::is_sealed(content) {
        Ok(Found::Sealed(Sealed::new(content.to_vec(), origin.clone())))
    } else {
        Err(())
    }
}

/// Encrypts the store to the new identity in the place of the old ones; how many files.
fn encrypt_to(
    new: &x25519::Identity,
    old: &Identities,
    writing: &Writing,
    console: &Console,
) -> Result<usize, Error> {
    let old: Vec<String> = own_recipients(old).iter().map(ToString::to_string).collect();
    let (list, file) = match &writing.whom {
        Whom::Own => (vec![Recipient::X25519(new.to_public())], None),
        Whom::File(file) => {
            let mut file = file.clone();
            let names_before = file.named().len();
            for recipient in &old {
                file.remove(recipient);
            }
            if file.named().len() < names_before {
                file.add(new.to_public().to_string());
            }
            (file.recipients(), Some(file))
        }
        // Refused before.
        Whom::Setting(list) => (list.clone(), None),
    };
    let pin = writing.store.pin()?;
    if let (Some(file), Whom::File(before)) = (&file, &writing.whom) {
        pin.approve(&Some(before.named().union(&file.named()).cloned().collect()))?;
    }
    let rekeyed = writing.store.rekey(
        &writing.directory,
        &writing.lock,
        &writing.identities,
        &list,
        file.as_ref(),
        tell_progress(console),
    )?;
    if let Some(file) = &file {
        pin.approve(&Some(RecipientsFile::named(file)))?;
    }
    Ok(rekeyed.servers.len())
}

/// The file of our own identity, whether it exists or not.
fn file_in_use(environment: &Environment) -> Result<PathBuf, Error> {
    match identity::own_origin(environment)? {
        Some(Origin::File(path)) => Ok(path),
        Some(Origin::Setting(name)) => Err(Error::Refused(
            format!("{name} is set and holds the identity that is used; unset it first").into(),
        )),
        None => settings::default_identity_file(environment),
    }
}

/// An identity file that is written again, in the form it has.
struct File<'a> {
    path: &'a Path,
    /// Nothing if it is not encrypted.
    passphrase: Option<Zeroizing<String>>,
}

impl File<'_> {
    fn replace(&self, text: &str) -> Result<(), Error> {
        let content = match &self.passphrase {
            Some(passphrase) => Zeroizing::new(cipher::seal(text.as_bytes(), passphrase)?),
            None => Zeroizing::new(text.as_bytes().to_vec()),
        };
        let (directory, name) = identity::directory_of(self.path)?;
        directory
            .lock(Duration::from_secs(10))
            .and_then(|lock| directory.replace(&lock, &name, &content, 0o600))
            .map_err(Error::file("write the identity", self.path))
    }

    fn create_beside(&self, name: &str, content: &[u8]) -> Result<bool, Error> {
        let (directory, _) = identity::directory_of(self.path)?;
        directory
            .create_new(name, content, 0o600)
            .map_err(Error::file("write a copy of", self.path))
    }
}

fn file_name(path: &Path) -> Result<String, Error> {
    identity::directory_of(path).map(|(_, name)| name)
}

/// Tries `name.word`, `name.word-2` and so on until `make` finds one free; the name that was.
pub(super) fn under_a_free_name(
    name: &str,
    word: &str,
    mut make: impl FnMut(&str) -> Result<bool, Error>,
) -> Result<String, Error> {
    let mut number = 1;
    loop {
        let free = match number {
            1 => format!("{name}.{word}"),
            number => format!("{name}.{word}-{number}"),
        };
        if make(&free)? {
            return Ok(free);
        }
        number += 1;
    }
}
