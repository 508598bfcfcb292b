//! The program that offers the service, by its other names on the bus.

use super::bus::Bus;

pub(super) const GNOME_KEYRING: &str = "GNOME Keyring";
pub(super) const KWALLET: &str = "KWallet";
pub(super) const KEEPASSXC: &str = "KeePassXC";

const GNOME_KEYRING_NAME: &str = "org.gnome.keyring";

const PROGRAMS: &[(&str, &str)] = &[
    (GNOME_KEYRING_NAME, GNOME_KEYRING),
    ("org.kde.ksecretd", KWALLET),
    ("org.kde.kwalletd6", KWALLET),
    ("org.kde.kwalletd5", KWALLET),
    ("org.keepassxc.KeePassXC.MainWindow", KEEPASSXC),
];

impl Bus {
    pub(super) async fn program(&self) -> &'static str {
        for (name, program) in PROGRAMS {
            if self.is_called(name).await {
                return program;
            }
        }
        "Secret Service"
    }

    pub(super) async fn is_gnome_keyring(&self) -> bool {
        self.is_called(GNOME_KEYRING_NAME).await
    }
}
