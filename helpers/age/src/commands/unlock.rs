//! `unlock` and `lock`: ask for a passphrase once, not for every image of a build.

use std::time::Duration;

use docker_credential_helper::clap::{Arg, ArgMatches, Command};
use docker_credential_helper::commands::{Console, ExtraCommand};
use docker_credential_helper::{Environment, Error};

use crate::asking::kernel_keyring;
use crate::keys::source::{self, Found};
use crate::settings::UNLOCK_SECONDS_MAX;
use crate::store::AgeStore;

pub(super) const UNLOCK: ExtraCommand = ExtraCommand {
    definition: unlock_definition,
    run: unlock,
};

pub(super) const LOCK: ExtraCommand = ExtraCommand {
    definition: || {
        Command::new("lock").about("Lock the identity again").long_about(
            "Lock the identity again: forget the keys that unlock, or a passphrase, opened. The next use asks again.",
        )
    },
    run: lock,
};

fn unlock_definition() -> Command {
    Command::new("unlock")
        .about("Unlock the identity for the next 15 minutes (see --for)")
        .long_about(
            "Unlock the identity for the next 15 minutes (see --for).\n\n\
             The opened identity stays in the kernel's keyring, in memory only, and the kernel itself expires it. Until \
             then, every program that runs as you can use it. For an identity on hardware, this keeps the keys of the \
             files that are stored now, because the identity never leaves its hardware.\n\n\
             Without this, the answer to a prompt is kept for DOCKER_CREDENTIAL_AGE_UNLOCK_SECONDS (60).",
        )
        .arg(
            Arg::new("for")
                .long("for")
                .value_name("TIME")
                .default_value("15m")
                .value_parser(time)
                .help("For how long: 90s, 15m, 8h; at most 24h"),
        )
}

fn time(text: &str) -> Result<Duration, String> {
    let problem = || "write a number and s, m or h: 90s, 15m, 8h; at most 24h".to_owned();
    let seconds = match text.char_indices().next_back() {
        Some((end, 's')) => (&text[..end], 1),
        Some((end, 'm')) => (&text[..end], 60),
        Some((end, 'h')) => (&text[..end], 60 * 60),
        _ => return Err(problem()),
    };
    let (number, unit) = seconds;
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(unit))
        .filter(|seconds| (1..=UNLOCK_SECONDS_MAX).contains(seconds))
        .map(Duration::from_secs)
        .ok_or_else(problem)
}

fn unlock(arguments: &ArgMatches, environment: &Environment, console: &mut Console) -> Result<(), Error> {
    if !kernel_keyring::IS_SUPPORTED {
        return Err(Error::unsupported(
            "unlock needs Linux' kernel keyring, which this system does not have; every use asks",
        ));
    }
    let time = arguments.get_one::<Duration>("for").copied().unwrap_or_default();
    let found = source::for_reading(environment)?;
    let identities = match &found {
        Found::Open(identities) if identities.plugins.is_empty() => {
            return console.print("the identity has no passphrase: it is always open\n");
        }
        Found::Open(identities) => identities.clone(),
        Found::Sealed(sealed) => {
            // Extends the time of an open identity: the caller could use it anyway.
            let identities = sealed.open_for(Some(time), environment)?;
            if !sealed.keep(&identities, time) {
                return Err(Error::unavailable(
                    "the kernel's keyring is not available here, as in many containers; set \
                    DOCKER_CREDENTIAL_AGE_PASSPHRASE_FILE instead",
                ));
            }
            identities
        }
    };
    if !identities.plugins.is_empty() {
        let store = AgeStore::open(environment)?;
        if let Some(directory) = store.existing()?
            && !store.keep_file_keys(&directory, &identities, time)?
        {
            return Err(Error::unavailable(
                "the kernel's keyring is full, or not available here, as in many containers; every use asks \
                the plugin",
            ));
        }
    }
    console.print(&format!("unlocked for {}\n", spoken(time)))
}

/// Forgets the keys of all identities, because the identity may have changed since.
fn lock(_: &ArgMatches, _: &Environment, console: &mut Console) -> Result<(), Error> {
    console.print(if kernel_keyring::clear() {
        "locked\n"
    } else {
        "it was not unlocked\n"
    })
}

fn spoken(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds % 3600 == 0 => format!("{} h", seconds / 3600),
        seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit_and_an_end() {
        for (text, seconds) in [("90s", 90), ("15m", 900), ("8h", 28_800), ("24h", 86_400)] {
            assert_eq!(time(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "15",
            "m",
            "0m",
            "-1m",
            "25h",
            "1d",
            "1.5h",
            "99999999999999999999s",
            "15µ",
        ] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
