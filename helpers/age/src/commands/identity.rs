//! `identity`: the private key that opens the store.

use std::path::{Path, PathBuf};

use age::x25519;
use docker_credential_helper::clap::{Arg, ArgAction, ArgMatches, Command};
use docker_credential_helper::commands::{Console, ExtraCommand};
use docker_credential_helper::{Environment, Error, show};
use zeroize::Zeroizing;

use super::yes;
use crate::asking::new_passphrase;
use crate::keys::identities::file_text;
use crate::keys::identity_file::{self, IdentityFile, behind_link};
use crate::keys::origin::Origin;
use crate::keys::outgoing::Outgoing;
use crate::keys::recipient::{Recipient, own_recipients};
use crate::keys::{scrypt, source, ssh};
use crate::settings;
use crate::store::AgeStore;

mod backup;
mod passphrase;
mod rotate;

pub(super) const COMMAND: ExtraCommand = ExtraCommand { definition, run };

fn definition() -> Command {
    Command::new("identity")
        .about("Create, show, change, protect or back up the private key that opens the store")
        .long_about(
            "Create, show, change, protect or back up the private key that opens the store.\n\n\
             The first login creates one automatically. Back it up with \"identity backup\": without it, nobody can \
             read the stored logins. If it is lost, create a new one with \"identity new --replace\", set aside the \
             entries that it can't open with \"reset\", and log in again.",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            Command::new("new")
                .about("Create an identity and print its public key")
                .arg(with_passphrase())
                .arg(
                    Arg::new("replace")
                        .long("replace")
                        .action(ArgAction::SetTrue)
                        .help("Save the current one under another name. It asks first if there are stored logins"),
                )
                .arg(yes()),
        )
        .subcommand(Command::new("show").about("Print its public key, which others encrypt to"))
        .subcommand(
            Command::new("rotate")
                .about("Create a new identity and encrypt all logins to it instead of the current one")
                .long_about(
                    "Create a new identity and encrypt all logins to it instead of the current one.\n\n\
                     The current one is saved under another name, for other stores and old backups. If it leaked, \
                     anyone with it may have read the passwords: change them at their registries.",
                )
                .arg(with_passphrase()),
        )
        .subcommand(
            Command::new("passphrase")
                .about("Set or change the passphrase of the identity")
                .long_about(
                    "Set or change the passphrase of the identity.\n\n\
                     Without a passphrase, anyone with a copy of your home directory can read every login. \
                     The key stays the same, and so \
                     do the stored logins.",
                )
                .arg(
                    Arg::new("remove")
                        .long("remove")
                        .action(ArgAction::SetTrue)
                        .help("Keep the identity without a passphrase"),
                ),
        )
        .subcommand(
            Command::new("backup")
                .about("Write the identity to a file, encrypted with a passphrase")
                .arg(file("The new file, for example on a memory stick")),
        )
        .subcommand(
            Command::new("restore")
                .about("Use the identity in a file: a backup, or a replaced one")
                .arg(file("A file from \"identity backup\", or one such as identity.txt.old"))
                .arg(yes()),
        )
}

fn with_passphrase() -> Arg {
    Arg::new("passphrase")
        .long("passphrase")
        .action(ArgAction::SetTrue)
        .help("Encrypt it with a new passphrase")
}

fn file(help: &'static str) -> Arg {
    Arg::new("file")
        .value_name("FILE")
        .required(true)
        .value_parser(docker_credential_helper::clap::value_parser!(PathBuf))
        .help(help)
}

fn run(arguments: &ArgMatches, environment: &Environment, console: &mut Console) -> Result<(), Error> {
    let file = |arguments: &ArgMatches| arguments.get_one::<PathBuf>("file").cloned().unwrap_or_default();
    match arguments.subcommand() {
        Some(("new", arguments)) => new(arguments, environment, console),
        Some(("rotate", arguments)) => rotate::rotate(arguments.get_flag("passphrase"), environment, console),
        Some(("passphrase", arguments)) if arguments.get_flag("remove") => {
            passphrase::remove(environment, console)
        }
        Some(("passphrase", _)) => passphrase::set(environment, console),
        Some(("backup", arguments)) => backup::backup(&file(arguments), environment, console),
        Some(("restore", arguments)) => {
            backup::restore(&file(arguments), arguments.get_flag("yes"), environment, console)
        }
        _ => print_recipients(environment, console),
    }
}

fn new(arguments: &ArgMatches, environment: &Environment, console: &mut Console) -> Result<(), Error> {
    let path = behind_link(&file_in_use(environment)?)?;
    refuse_ssh_key(&path, "replace", || ANOTHER_FILE.to_owned(), environment)?;
    let exists = path.symlink_metadata().is_ok();
    if exists && !arguments.get_flag("replace") {
        return Err(Error::refused(format!(
            "{} exists; to change to another key, run: docker-credential-age identity rotate (or, to start \
            without the logins that are encrypted to this one, add --replace)",
            show::path(environment, &path)
        )));
    }
    if exists {
        refuse_during_rotation(&path, environment)?;
        confirm_replacement(arguments.get_flag("yes"), environment)?;
    }
    let identity = x25519::Identity::generate();
    let passphrase = arguments
        .get_flag("passphrase")
        .then(|| new_passphrase::choose(&show::path(environment, &path), environment))
        .transpose()?;
    let content = sealed_with(passphrase.as_ref(), &file_text(&identity))?;
    put_in_place(&path, &content, exists, environment, console)?;
    console.note(&format!(
        "made {}; back it up with: docker-credential-age identity backup FILE",
        show::path(environment, &path)
    ));
    console.print(&format!("{}\n", identity.to_public()))
}

/// A replacing identity can't open the entries that are encrypted to the replaced one.
fn confirm_replacement(is_sure: bool, environment: &Environment) -> Result<(), Error> {
    let store = AgeStore::open(environment)?;
    let count = match store.existing()? {
        Some(directory) => store.entry_names(&directory)?.len(),
        None => 0,
    };
    if count == 0 || is_sure {
        return Ok(());
    }
    let problem = format!(
        "a new identity doesn't open the {} in {}; to change the key and keep the logins, run: docker-credential-age \
         identity rotate",
        show::count(count, "login", "logins"),
        show::path(environment, store.path())
    );
    confirm(&problem, "Replace it anyway?", "nothing was replaced")
}

/// Shows the problem and asks; without a terminal, the problem is the error.
fn confirm(problem: &str, question: &str, refusal: &'static str) -> Result<(), Error> {
    match Console::confirm(&format!("{problem}. {question}"), "--yes") {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::refused(refusal)),
        Err(_) => Err(Error::refused(format!(
            "{problem} (or add --yes to do it anyway)"
        ))),
    }
}

/// Writes `content` as the identity file. Saves the existing file under another name first: at every moment
/// there is an identity, the old one or the new one.
fn put_in_place(
    path: &Path,
    content: &[u8],
    is_replacement: bool,
    environment: &Environment,
    console: &Console,
) -> Result<(), Error> {
    let file = IdentityFile::lock(path, environment)?;
    if is_replacement {
        let before = file.read()?;
        let copy = file.keep_copy(&before)?;
        file.write(&before, content)?;
        console.note(&format!(
            "saved the previous identity as {}",
            show::path(environment, &path.with_file_name(copy))
        ));
    } else if !identity_file::create_file(path, content, environment)? {
        return Err(Error::refused(format!(
            "another process has just created {}; run this again",
            show::path(environment, path)
        )));
    }
    Ok(())
}

/// The public keys of our identities, one a line.
pub(super) fn print_recipients(environment: &Environment, console: &mut Console) -> Result<(), Error> {
    let Some(found) = source::own(environment)? else {
        return Err(without_identity(environment));
    };
    let recipients = match found.known_recipients() {
        Some(recipients) => recipients,
        None => own_recipients(&found.open(environment)?),
    };
    for recipient in recipients {
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

fn without_identity(environment: &Environment) -> Error {
    match settings::default_identity_file(environment) {
        Err(error) => error,
        Ok(_) => Error::unavailable(
            "there is no identity yet; the first login creates one, or run: docker-credential-age identity new",
        ),
    }
}

/// The file of our own identity, which may not exist.
fn file_in_use(environment: &Environment) -> Result<PathBuf, Error> {
    match source::own_origin(environment)? {
        Some(Origin::File(path)) => Ok(path),
        Some(Origin::Setting(name)) => Err(Error::refused(format!(
            "{name} is set and holds the identity in use; unset it first"
        ))),
        None => settings::default_identity_file(environment),
    }
}

/// Fails if the file holds an SSH key, because ssh may need it as it is. `doing` is what isn't done to it.
fn refuse_ssh_key(
    path: &Path,
    doing: &str,
    way_out: impl FnOnce() -> String,
    environment: &Environment,
) -> Result<(), Error> {
    let content = identity_file::read(path).unwrap_or_default();
    if ssh::private_key(&content).is_none() {
        return Ok(());
    }
    Err(Error::refused(format!(
        "cannot {doing} {}: it is an SSH key, which ssh may need as it is; {}",
        show::path(environment, path),
        way_out()
    )))
}

/// Advice for an SSH key in place of an identity that we would write.
const ANOTHER_FILE: &str = "unset DOCKER_CREDENTIAL_AGE_IDENTITY_FILE, or let it name another file";

/// The existing file of our own identity, if no rotation is replacing it.
fn existing_file(environment: &Environment) -> Result<PathBuf, Error> {
    let path = file_in_use(environment)?;
    if source::own_origin(environment)?.is_none() {
        return Err(without_identity(environment));
    }
    let path = behind_link(&path)?;
    refuse_during_rotation(&path, environment)?;
    Ok(path)
}

fn refuse_during_rotation(path: &Path, environment: &Environment) -> Result<(), Error> {
    match Outgoing::beside(path)? {
        Some(outgoing) => Err(outgoing.refusal(environment)),
        None => Ok(()),
    }
}

/// The content of an identity file, encrypted if there is a passphrase.
fn sealed_with(passphrase: Option<&Zeroizing<String>>, text: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    let Some(passphrase) = passphrase else {
        return Ok(Zeroizing::new(text.as_bytes().to_vec()));
    };
    let sealed = Zeroizing::new(scrypt::seal(text.as_bytes(), passphrase)?);
    // Check now rather than lose the identity later.
    if !scrypt::opens(&sealed, passphrase, text.as_bytes()) {
        return Err(Error::unsupported(
            "the passphrase doesn't open what was just encrypted with it; nothing was changed",
        ));
    }
    Ok(sealed)
}

fn utf8(content: &[u8]) -> Result<Zeroizing<String>, Error> {
    std::str::from_utf8(content)
        .map(|text| Zeroizing::new(text.to_owned()))
        .map_err(|_| Error::damaged("the identity is not valid UTF-8"))
}
