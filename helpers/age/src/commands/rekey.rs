//! `rekey`: encrypt everything again.

use docker_credential_helper::clap::{ArgMatches, Command};
use docker_credential_helper::commands::{Console, ExtraCommand};
use docker_credential_helper::{Environment, Error};

use super::{Writing, files};
use crate::recipients;
use crate::settings;
use crate::store::{Whom, not_among, own_recipients};

pub(super) const COMMAND: ExtraCommand = ExtraCommand { definition, run };

fn definition() -> Command {
    Command::new("rekey")
        .about("Encrypt every entry again, to the recipients of now")
        .long_about(
            "Encrypt every entry again, to the recipients of now.\n\n\
             \"recipients add\" and \"recipients remove\" do this by themselves. It is for a store whose .age-recipients \
             was changed in another way, by git or an editor, and approved.\n\n\
             All files change or none: if it is interrupted, each file is readable by the old or the new recipients, and \
             the next store, erase or rekey completes it. An entry that you cannot read stops it before anything changes.",
        )
}

fn run(_: &ArgMatches, environment: &Environment, console: &mut Console) -> Result<(), Error> {
    let writing = Writing::begin(environment)?;
    let (list, source) = match &writing.whom {
        Whom::Setting(list) => (list.clone(), settings::RECIPIENTS),
        Whom::File(file) => (file.recipients(), recipients::FILE),
        Whom::Own => (own_recipients(&writing.identities), ""),
    };
    if !recipients::include_one_of(&list, &writing.identities) && !settings::is_write_only(environment)? {
        return Err(not_among(source));
    }
    let rekeyed = writing.encrypt_to(&list, None, console)?;
    console.print(&format!(
        "encrypted {} for {}\n",
        files(rekeyed.servers.len()),
        super::recipients_command::count(list.len())
    ))
}
