//! `rekey`: encrypts every entry again.

use docker_credential_helper::clap::{ArgMatches, Command};
use docker_credential_helper::commands::{Console, ExtraCommand};
use docker_credential_helper::{Environment, Error, show};

use super::{Writing, files};
use crate::keys::recipient::{include_one_of, trusted_recipients};
use crate::keys::source;
use crate::settings;
use crate::sharing::recipients_file;
use crate::store::{RecipientSource, not_among};

pub(super) const COMMAND: ExtraCommand = ExtraCommand { definition, run };

fn definition() -> Command {
    Command::new("rekey")
        .about("Encrypt every entry again, to the current recipients")
        .long_about(
            "Encrypt every entry again, to the current recipients.\n\n\
             \"recipients add\" and \"recipients remove\" do this automatically. Run it after git or an editor changed \
             .age-recipients and you have approved the change.\n\n\
             All files change or none: if it is interrupted, each file is readable by the old or the new recipients, and \
             the next store, erase or rekey completes it. An entry that you cannot read stops it before anything changes.",
        )
}

fn run(_: &ArgMatches, environment: &Environment, console: &mut Console) -> Result<(), Error> {
    encrypt_again(environment, console)
}

pub(super) fn encrypt_again(environment: &Environment, console: &mut Console) -> Result<(), Error> {
    let mut writing = Writing::begin(environment)?;
    let (list, named_in) = match &writing.source {
        RecipientSource::Setting(list) => (list.clone(), settings::RECIPIENTS),
        RecipientSource::File(file) => (file.recipients(), recipients_file::FILE),
        RecipientSource::Own => (trusted_recipients(&writing.identities)?, ""),
    };
    if !include_one_of(&list, &writing.identities) && !settings::is_write_only(environment)? {
        return Err(not_among(named_in));
    }
    // Entries that only a previous identity opens are encrypted to the current one.
    for (_, previous) in source::previous(environment)? {
        writing.identities.extend(previous);
    }
    let rekeyed = writing.encrypt_to(&list, None, console)?;
    console.print(&format!(
        "encrypted {} for {}\n",
        files(rekeyed.len()),
        show::count(list.len(), "recipient", "recipients")
    ))
}
