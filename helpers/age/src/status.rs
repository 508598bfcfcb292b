//! The output of `status` for an age store, and the servers for completions.

use docker_credential_helper::{Environment, Error, show};

use crate::keys::source::{self, Found};
use crate::settings;
use crate::sharing::recipients_file;
use crate::store::entry_name;

pub(crate) fn lines(environment: &Environment) -> Vec<(&'static str, String)> {
    let mut lines = vec![("identity", identity(environment))];
    if let Ok(directory) = settings::store_directory(environment) {
        lines.push(("directory", show::path(environment, &directory)));
    }
    lines
}

/// Where an import puts logins, if not in the default store.
pub(crate) fn caution(environment: &Environment) -> Option<String> {
    let directory = environment.path_setting(settings::DIRECTORY).ok()??;
    let readers = if directory.join(recipients_file::FILE).exists() {
        ", where all its recipients can read them"
    } else {
        ""
    };
    Some(format!(
        "imported logins go to {}{readers}; docker finds them only while {} is set",
        show::path(environment, &directory),
        settings::DIRECTORY
    ))
}

/// The stored servers, by the names of their files, for completions.
pub(crate) fn servers(environment: &Environment) -> Vec<String> {
    let directory = settings::store_directory(environment).ok();
    let files = directory.and_then(|directory| std::fs::read_dir(directory).ok());
    let names = files.into_iter().flatten().flatten();
    names
        .filter_map(|file| entry_name::server_of(file.file_name().to_str()?))
        .map(|server| server.as_str().to_owned())
        .collect()
}

fn identity(environment: &Environment) -> String {
    let found = source::own_origin(environment).and_then(|origin| {
        let name = origin.map_or_else(
            || "another program's setting".to_owned(),
            |origin| origin.to_string(),
        );
        Ok((name, source::for_reading(environment)?))
    });
    let kind = match &found {
        Ok((_, found)) if found.is_ssh() => ", an SSH key",
        _ => "",
    };
    match found {
        Ok((name, Found::Open(identities))) if identities.plugins.is_empty() => {
            format!("{name}{kind}, without a passphrase")
        }
        Ok((name, Found::Open(_))) => format!("{name}, with a plugin"),
        Ok((name, Found::Sealed(sealed))) => {
            let state = if sealed.opened().is_some() {
                "unlocked"
            } else {
                "locked"
            };
            format!("{name}{kind}, encrypted with a passphrase, {state}")
        }
        Err(Error::Unavailable(_)) => "none".to_owned(),
        Err(error) => error.to_string(),
    }
}
