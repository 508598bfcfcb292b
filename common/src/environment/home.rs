//! Finds a user's home and directories if no variable names them.

use std::path::{Path, PathBuf};

/// Returns one of the platform's directories, for a home.
pub(super) type Platform = fn(&Path) -> Option<PathBuf>;

/// The home of this user in `/etc/passwd`, which we parse ourselves because a static program can't load name
/// service modules. Users that only a directory server knows don't have a home here.
#[cfg(not(any(windows, target_os = "macos")))]
pub(super) fn of_user() -> Option<PathBuf> {
    // The real user, as in Go and so in docker.
    let user = rustix::process::getuid().as_raw().to_string();
    in_passwd(&std::fs::read("/etc/passwd").ok()?, &user)
}

/// macOS keeps its users elsewhere, and the system's library finds them.
#[cfg(any(windows, target_os = "macos"))]
pub(super) fn of_user() -> Option<PathBuf> {
    std::env::home_dir()
}

/// `name:password:uid:gid:comment:home:shell`; the first line for a user counts.
#[cfg(not(any(windows, target_os = "macos")))]
fn in_passwd(passwd: &[u8], user: &str) -> Option<PathBuf> {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    passwd.split(|byte| *byte == b'\n').find_map(|line| {
        let fields: Vec<&[u8]> = line.split(|byte| *byte == b':').collect();
        let is_user = fields.len() >= 7 && fields[2] == user.as_bytes();
        is_user.then(|| PathBuf::from(OsStr::from_bytes(fields[5])))
    })
}

/// The directory for data.
pub(super) fn data(home: &Path) -> Option<PathBuf> {
    #[cfg(feature = "commands")]
    return dirs::data_dir().or_else(|| by_hand(home));
    #[cfg(not(feature = "commands"))]
    by_hand(home)
}

/// The directory for configuration, which is the one for data on macOS and Windows.
pub(super) fn configuration(home: &Path) -> Option<PathBuf> {
    #[cfg(feature = "commands")]
    return dirs::config_dir().or_else(|| by_hand(home));
    #[cfg(not(feature = "commands"))]
    by_hand(home)
}

/// The same directories, without the crate that asks the system.
#[expect(clippy::unnecessary_wraps, reason = "the system may know of none")]
fn by_hand(home: &Path) -> Option<PathBuf> {
    Some(home.join(if cfg!(windows) {
        "AppData/Roaming"
    } else {
        "Library/Application Support"
    }))
}

#[cfg(all(test, not(any(windows, target_os = "macos"))))]
mod tests {
    use super::*;

    #[test]
    fn the_home_is_the_sixth_field_of_the_users_first_line() {
        let passwd = b"root:x:0:0:root:/root:/bin/bash\n# 1000\n\nbad:x:1000\n\
            me:x:1000:1000:I,,,:/home/me:/bin/sh\nother:x:1000:1000::/other:/bin/sh\nnone:x:7:7:::\n";
        assert_eq!(in_passwd(passwd, "0"), Some("/root".into()));
        assert_eq!(in_passwd(passwd, "1000"), Some("/home/me".into()));
        assert_eq!(in_passwd(passwd, "7"), Some("".into()));
        assert_eq!(in_passwd(passwd, "100"), None);
    }
}
