//! Failures on the bus, and how to fix them.

use std::fmt;

use docker_credential_helper::Error;

/// Distinguished by the name of a D-Bus error, never by its text, which is translated and changes with
/// versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// No session bus: no address, or no listener.
    NoBus,
    /// The session bus itself doesn't answer in time.
    StalledBus,
    /// The address of the session bus isn't one of a Unix socket.
    NoSocket,
    /// The session bus hung up, as a bus does if it does not admit a user.
    ClosedBus,
    /// The session bus is this other user's.
    ForeignBus(u32),
    /// A user namespace hides the session bus's owner.
    UnknownBus,
    /// A bus without a running or startable service.
    NoService(Words),
    /// The service belongs to this other user, by the bus's user ids.
    ForeignService(u32),
    /// No answer in time.
    Stalled,
    /// The service or the bus ended before it answered. Worth one more try.
    Gone,
    /// The keyring is locked and was not unlocked.
    Locked(NotUnlocked),
    /// An object is gone, because another program was faster.
    NoSuchObject,
    /// The service doesn't support the request.
    NotSupported(Words),
    /// Another error, by its name on the bus.
    Answered(String, Words),
    /// An answer that violates the Secret Service specification.
    Malformed(&'static str),
    /// No default keyring, and we can't create one without asking.
    NoCollection(Words),
    /// The setting names a missing collection.
    UnknownCollection,
    /// The secret of this server isn't text.
    NotText(String),
    /// The secret of this server is empty, but wasn't stored that way.
    Empty(String),
    /// The service returns a different secret than the one we stored.
    Altered,
}

/// Why a locked keyring stayed locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotUnlocked {
    Noninteractive,
    /// The prompt is for something other than unlocking.
    MayNotAsk,
    /// As `MayNotAsk`, and its user said no.
    Refused,
    Dismissed,
    Vanished,
    TimedOut,
    NoPrompter,
    StillLocked,
}

/// The service's own text for an error, in one line, for people: `libqca-ossl is missing`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Words(Option<String>);

impl Words {
    /// Longer texts are cut.
    const LENGTH_MAX: usize = 200;

    fn of(text: Option<&str>) -> Self {
        let line: String = text
            .unwrap_or_default()
            .chars()
            .map(|letter| if is_printable(letter) { letter } else { ' ' })
            .take(Self::LENGTH_MAX)
            .collect();
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        // Clients read a text with these words as "not found".
        let is_misleading = line.to_lowercase().contains("credentials not found");
        Self(Some(line).filter(|line| !line.is_empty() && !is_misleading))
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(words) => write!(f, " ({words})"),
            None => Ok(()),
        }
    }
}

/// Not a control character, and not one that changes how the rest of the line is shown.
fn is_printable(letter: char) -> bool {
    !letter.is_control()
        && !matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

impl Failure {
    pub(super) fn of(error: &zbus::Error) -> Self {
        use zbus::{DBusError as _, Error as E};
        match error {
            E::MethodError(name, words, _) => Self::named(name.as_str(), Words::of(words.as_deref())),
            E::FDO(error) => Self::named(error.name().as_str(), Words::of(error.description())),
            E::InputOutput(error) if error.kind() == std::io::ErrorKind::TimedOut => Self::Stalled,
            E::InputOutput(_) => Self::Gone,
            _ => Self::Malformed("a message that is not D-Bus"),
        }
    }

    /// For a call to one program, not to the owner of a name: the program is gone.
    pub(super) fn of_one_program(self) -> Self {
        match self {
            Self::NoService(_) => Self::Gone,
            other => other,
        }
    }

    /// Whether it concerns the bus, so that another one may be better.
    pub(super) fn is_of_bus(&self) -> bool {
        matches!(
            self,
            Self::NoBus | Self::ClosedBus | Self::ForeignBus(_) | Self::UnknownBus
        )
    }

    /// Whether it concerns the whole service and not one object.
    pub(super) fn is_of_service(&self) -> bool {
        matches!(
            self,
            Self::Stalled | Self::Gone | Self::NoService(_) | Self::ForeignService(_)
        )
    }

    /// Whether another program locked an object after we saw it unlocked.
    pub(super) fn is_locked_again(&self) -> bool {
        *self == Self::Locked(NotUnlocked::StillLocked)
    }

    /// Whether the keyring's own command could help, if we know it.
    pub(super) fn has_command(&self) -> bool {
        matches!(
            self,
            Self::Stalled
                | Self::NoCollection(_)
                | Self::Locked(NotUnlocked::Dismissed | NotUnlocked::NoPrompter)
        )
    }

    fn named(name: &str, words: Words) -> Self {
        match name.strip_prefix("org.freedesktop.DBus.Error.").unwrap_or(name) {
            "NoReply" | "Disconnected" | "IOError" => Self::Gone,
            "ServiceUnknown" | "NameHasNoOwner" => Self::NoService(Words::default()),
            spawn if spawn.starts_with("Spawn.") => Self::NoService(words),
            "Timeout" | "TimedOut" => Self::Stalled,
            // A GDBus service reports an unknown method for a deleted object.
            "UnknownObject"
            | "UnknownMethod"
            | "UnknownInterface"
            | "org.freedesktop.Secret.Error.NoSuchObject" => Self::NoSuchObject,
            "org.freedesktop.Secret.Error.IsLocked" => Self::Locked(NotUnlocked::StillLocked),
            "NotSupported" => Self::NotSupported(words),
            _ => Self::Answered(name.to_owned(), words),
        }
    }

    /// The error for the person who runs docker. `is_gnome`: the service is gnome-keyring, whose commands can be named.
    pub(super) fn into_error(self, is_gnome: bool) -> Error {
        match self {
            Self::NoBus => Error::unavailable(
                "cannot reach a keyring: there is no session bus (DBUS_SESSION_BUS_ADDRESS); run docker in a \
                 desktop session or under `dbus-run-session`, or use docker-credential-age, which needs neither",
            ),
            Self::NoSocket => Error::unavailable(
                "cannot reach a keyring: DBUS_SESSION_BUS_ADDRESS doesn't name a Unix socket; unset it, or use \
                 docker-credential-age, which doesn't need a bus",
            ),
            Self::ClosedBus => Error::unavailable(
                "cannot use the session bus: it closes the connection, as it does for other users; run docker as the \
                 desktop session's user, or use docker-credential-age",
            ),
            Self::ForeignBus(uid) => Error::unavailable(format!(
                "cannot use the session bus: it belongs to another user (uid {uid}), who would get your logins; \
                 run docker as that user, without sudo, or unset DBUS_SESSION_BUS_ADDRESS and XDG_RUNTIME_DIR \
                 and use docker-credential-age"
            )),
            Self::UnknownBus => Error::unavailable(
                "cannot use the session bus: this user namespace hides its owner; map your user into the \
                 namespace (`unshare --map-current-user`), or use docker-credential-age",
            ),
            Self::StalledBus => Error::unavailable(
                "cannot use the session bus: it does not answer; log out of the desktop session and in again, or use \
                 docker-credential-age",
            ),
            Self::NoService(words) => Error::unavailable(format!(
                "cannot reach a keyring: no keyring runs on the session bus{words}; start one, such as \
                GNOME Keyring, KWallet or KeePassXC, or use docker-credential-age, which doesn't need one"
            )),
            Self::ForeignService(uid) => Error::unavailable(format!(
                "cannot use the keyring on the session bus: it belongs to another user (uid {uid}), who \
                would get your logins; stop it and start your own, or use docker-credential-age"
            )),
            Self::Stalled => Error::unavailable(format!(
                "the keyring does not answer; use docker-credential-age, or stop the keyring and start it \
                again{}",
                command(is_gnome, RESTART)
            )),
            Self::Gone => Error::unavailable(
                "the keyring ended before it answered; start it if it is not running, and try again",
            ),
            Self::Locked(reason) => Error::locked(reason.text(is_gnome)),
            Self::NoSuchObject => {
                Error::unavailable("the keyring kept changing while it was being read; try again")
            }
            Self::NotSupported(words) => Error::unsupported(format!(
                "the keyring cannot exchange secrets with this helper{words}; use another keyring, or \
                 docker-credential-age"
            )),
            Self::Answered(name, words) => Error::unavailable(format!(
                "the keyring answered with {name}{words}; look at its log, or use docker-credential-age"
            )),
            Self::Malformed(what) => Error::unavailable(format!(
                "the keyring sent {what}; update it, use another one, or use docker-credential-age"
            )),
            Self::NoCollection(words) => Error::unavailable(format!(
                "there is no default keyring to store in{words}; name one in DOCKER_CREDENTIAL_KEYRING_COLLECTION, \
                 or create one in your desktop's keyring application (seahorse, KWalletManager){}{}",
                if is_gnome { " or in a shell" } else { "" },
                command(is_gnome, UNLOCK)
            )),
            Self::UnknownCollection => Error::setting(
                super::COLLECTION,
                "names a keyring that does not exist; give it the name of one, or unset it for the default",
            ),
            Self::NotText(server) => Error::damaged(format!(
                "the secret that the keyring holds for {server} is not text; log in to it again"
            )),
            Self::Empty(server) => Error::damaged(format!(
                "the secret that the keyring holds for {server} is empty; log in to it again"
            )),
            Self::Altered => Error::refused(
                "cannot store this secret: the keyring changes it, as some do with a NUL or with a byte \
                order mark at the start; use another keyring, or docker-credential-age",
            ),
        }
    }
}

/// Ends a gnome-keyring that doesn't answer, and starts another. `--replace` would wait for its answer.
const RESTART: &str =
    "pkill -KILL -u \"$(id -u)\" gnome-keyring-d; gnome-keyring-daemon --start --components=secrets";

/// Asks for the password of gnome-keyring's login keyring, and unlocks or creates it. Without `--replace`, the
/// running one would stay locked; and with a newline, it would be another password.
const UNLOCK: &str = "read -rs p && printf %s \"$p\" | gnome-keyring-daemon --replace --unlock";

/// gnome-keyring's command that helps, if that is the service.
fn command(is_gnome: bool, command: &str) -> String {
    if is_gnome {
        format!(": `{command}`")
    } else {
        String::new()
    }
}

impl NotUnlocked {
    fn text(self, is_gnome: bool) -> String {
        let unlock = || command(is_gnome, UNLOCK);
        match self {
            Self::Noninteractive => {
                "the keyring is locked, and DOCKER_CREDENTIAL_NONINTERACTIVE forbids asking for its password; unlock \
                 it first"
                    .to_owned()
            }
            Self::MayNotAsk => "the keyring needs a prompt for this, and DOCKER_CREDENTIAL_NONINTERACTIVE forbids \
                                it; unset that"
                .to_owned(),
            Self::Refused => "cannot change the keyring: its prompt was dismissed or cannot be shown here; confirm the \
                              change in the desktop session"
                .to_owned(),
            Self::Dismissed => format!(
                "the keyring is locked, and its prompt was dismissed or cannot be shown here; unlock it in the \
                 desktop session and try again{}",
                unlock()
            ),
            Self::Vanished => {
                "the keyring is locked, and its prompt vanished before it was answered; unlock it first and try \
                 again"
                    .to_owned()
            }
            Self::TimedOut => {
                "the keyring is locked, and nobody answered its prompt within 60 seconds; unlock it first and try \
                 again"
                    .to_owned()
            }
            Self::NoPrompter => format!(
                "the keyring is locked, and it cannot ask for its password here; unlock it in the desktop \
                 session and try again{}",
                unlock()
            ),
            Self::StillLocked => "the keyring is locked; unlock it and try again".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_service_are_one_harmless_line() {
        for (text, shown) in [
            ("Password too short: 2", " (Password too short: 2)"),
            ("two\nlines\u{1b}[31m", " (two lines [31m)"),
            ("\u{202e}right to left", " (right to left)"),
            ("credentials not found in native keychain", ""),
            (" \n", ""),
        ] {
            assert_eq!(Words::of(Some(text)).to_string(), shown);
        }
        assert_eq!(Words::of(None).to_string(), "");
        let long = Words::of(Some(&"x".repeat(1000))).to_string();
        assert_eq!(long.len(), Words::LENGTH_MAX + 3);
    }

    #[test]
    fn commands_of_gnome_keyring_are_named_for_it_alone() {
        for failure in [
            Failure::Stalled,
            Failure::Locked(NotUnlocked::Dismissed),
            Failure::Locked(NotUnlocked::NoPrompter),
            Failure::NoCollection(Words::default()),
        ] {
            let [gnome, other] =
                [true, false].map(|is_gnome| failure.clone().into_error(is_gnome).to_string());
            assert!(gnome.contains("gnome-keyring-daemon --"), "{gnome}");
            assert!(!other.contains("gnome-keyring"), "{other}");
        }
    }
}
