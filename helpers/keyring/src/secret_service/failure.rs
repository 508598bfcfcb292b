//! What can go wrong on the bus, and what its user does about it.

use docker_credential_helper::Error;

/// Told apart by the name of a D-Bus error, never by its text, which is translated and changes with each version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// No session bus: no address, nobody listening, or somebody else's.
    NoBus,
    /// A bus, and nothing on it that keeps secrets or that could be started.
    NoService,
    /// No answer in time.
    Stalled,
    /// The service or the bus ended before it answered. Worth one more try.
    Gone,
    /// The keyring is locked and was not unlocked.
    Locked(NotUnlocked),
    /// An object is not there any more: another program was quicker.
    NoSuchObject,
    /// The service does not do what it was asked for.
    NotSupported,
    /// Another error, by its name on the bus.
    Answered(String),
    /// An answer that is not what the Secret Service specification says.
    Malformed(&'static str),
    /// No default keyring, and none may be made without asking.
    NoCollection,
    /// The setting names a collection that is not there.
    UnknownCollection,
    /// A secret that is not text.
    NotText(String),
}

/// Why a locked keyring stayed locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotUnlocked {
    Noninteractive,
    /// Of something else than an unlocking.
    MayNotAsk,
    Dismissed,
    Vanished,
    TimedOut,
    NoPrompter,
    StillLocked,
}

impl Failure {
    pub(super) fn of(error: &zbus::Error) -> Self {
        use zbus::Error as E;
        match error {
            E::MethodError(name, ..) => Self::named(name.as_str()),
            E::FDO(error) => Self::named(zbus::DBusError::name(&**error).as_str()),
            E::InputOutput(error) if error.kind() == std::io::ErrorKind::TimedOut => Self::Stalled,
            E::InputOutput(_) => Self::Gone,
            _ => Self::Malformed("a message that is not D-Bus"),
        }
    }

    /// Whether it concerns the service as a whole and not the object that was asked.
    pub(super) fn is_of_service(&self) -> bool {
        matches!(self, Self::Stalled | Self::Gone | Self::NoService)
    }

    fn named(name: &str) -> Self {
        match name.strip_prefix("org.freedesktop.DBus.Error.").unwrap_or(name) {
            "NoReply" | "Disconnected" | "IOError" => Self::Gone,
            "ServiceUnknown" | "NameHasNoOwner" => Self::NoService,
            spawn if spawn.starts_with("Spawn.") => Self::NoService,
            "Timeout" | "TimedOut" => Self::Stalled,
            // A GDBus service says of an object that is gone that it has no such method.
            "UnknownObject"
            | "UnknownMethod"
            | "UnknownInterface"
            | "org.freedesktop.Secret.Error.NoSuchObject" => Self::NoSuchObject,
            "org.freedesktop.Secret.Error.IsLocked" => Self::Locked(NotUnlocked::StillLocked),
            "NotSupported" => Self::NotSupported,
            _ => Self::Answered(name.to_owned()),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NoBus => Self::Unavailable(
                "there is no session bus to reach a keyring by (DBUS_SESSION_BUS_ADDRESS); \
                 log in to a desktop session or run docker under dbus-run-session, or use docker-credential-age, \
                 which needs neither"
                    .into(),
            ),
            Failure::NoService => Self::Unavailable(
                "no keyring runs on the session bus; start one, as with \
                 `gnome-keyring-daemon --start --components=secrets`, or use docker-credential-age, \
                 which needs none"
                    .into(),
            ),
            Failure::Stalled => Self::Unavailable(
                "the keyring does not answer; end it and start it again, as with \
                 `gnome-keyring-daemon --replace --components=secrets`, or use docker-credential-age"
                    .into(),
            ),
            Failure::Gone => Self::Unavailable(
                "the keyring ended before it answered; try again, and start it if it is not running, as with \
                 `gnome-keyring-daemon --start --components=secrets`"
                    .into(),
            ),
            Failure::Locked(reason) => Self::Locked(reason.text().into()),
            Failure::NoSuchObject => Self::Unavailable(
                "the keyring kept changing while it was being read; try again".into(),
            ),
            Failure::NotSupported => Self::Unsupported(
                "the keyring does not offer what is needed to exchange secrets; use another one, or \
                 docker-credential-age"
                    .into(),
            ),
            Failure::Answered(name) => Self::Unavailable(
                format!("the keyring answered with {name}; look at its log, or use docker-credential-age").into(),
            ),
            Failure::Malformed(what) => Self::Unavailable(
                format!(
                    "the keyring sent {what}; update it or use another one, or use docker-credential-age"
                )
                .into(),
            ),
            Failure::NoCollection => Self::Unavailable(
                "there is no default keyring to store in; make one in your desktop's keyring application \
                 (seahorse, KWalletManager), or name one in DOCKER_CREDENTIAL_KEYRING_COLLECTION"
                    .into(),
            ),
            Failure::UnknownCollection => Self::setting(
                super::COLLECTION,
                "names no keyring that there is; give it the name of one, or unset it for the default",
            ),
            Failure::NotText(server) => Self::Damaged(
                format!("what the keyring holds for {server} is not text; log in to it again").into(),
            ),
        }
    }
}

impl NotUnlocked {
    fn text(self) -> &'static str {
        match self {
            Self::Noninteractive => {
                "the keyring is locked, and DOCKER_CREDENTIAL_NONINTERACTIVE forbids asking for its password; \
                 unlock it first"
            }
            Self::MayNotAsk => {
                "the keyring shows a prompt before it does this, and DOCKER_CREDENTIAL_NONINTERACTIVE forbids it; \
                 unset that"
            }
            Self::Dismissed => {
                "the keyring is locked, and its prompt was dismissed or cannot be shown here; unlock it in the \
                 desktop session, or by `gnome-keyring-daemon --unlock`, and try again"
            }
            Self::Vanished => {
                "the keyring is locked, and its prompt vanished before it was answered; unlock it first and try \
                 again"
            }
            Self::TimedOut => {
                "the keyring is locked, and nobody answered its prompt within 60 seconds; unlock it first and \
                 try again"
            }
            Self::NoPrompter => {
                "the keyring is locked, and it cannot ask for its password here; unlock it in the desktop \
                 session, or by `gnome-keyring-daemon --unlock`, and try again"
            }
            Self::StillLocked => "the keyring is locked; unlock it and try again",
        }
    }
}
