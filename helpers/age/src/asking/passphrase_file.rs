//! A passphrase from a file, if there is nobody to type one.

use std::io;
use std::path::Path;

use docker_credential_helper::{Environment, Error};
use zeroize::Zeroizing;

use crate::settings;

const PASSPHRASE_MAX: u64 = 1 << 12;

/// The only line of the file, if others can't read it.
pub(crate) fn read(path: &Path, environment: &Environment) -> Result<Zeroizing<String>, Error> {
    let unusable =
        |problem: &str| Error::setting(settings::PASSPHRASE_FILE, format!("names a file that {problem}"));
    let reading = || Error::file("read the passphrase in", path);
    let opened = environment
        .trust()
        .passphrase(path)?
        .ok_or_else(|| reading()(io::Error::from_raw_os_error(2)))?;
    let content = match opened.content(PASSPHRASE_MAX) {
        Ok(content) => Zeroizing::new(content),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidData | io::ErrorKind::FileTooLarge
            ) =>
        {
            return Err(unusable("is not a regular file of one line"));
        }
        Err(error) => return Err(reading()(error)),
    };
    let text = std::str::from_utf8(&content).map_err(|_| unusable("is not valid UTF-8"))?;
    let line = text.strip_suffix('\n').unwrap_or(text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    match line {
        "" => Err(unusable("is empty")),
        _ if line.contains('\n') => Err(unusable("has more than one line")),
        line => Ok(Zeroizing::new(line.to_owned())),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_passphrase_file_is_one_line_that_is_ours_alone() {
        use std::os::unix::fs::PermissionsExt;

        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("passphrase");
        let passphrase_in = |content: &[u8], mode: u32| {
            std::fs::write(&path, content).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            read(&path, &Environment::stated::<&str, &str>("test", []))
                .map(|passphrase| passphrase.to_string())
        };
        for (content, passphrase) in [(&b"a b\n"[..], "a b"), (b"a\r\n", "a"), (b" a ", " a ")] {
            assert_eq!(passphrase_in(content, 0o600).unwrap(), passphrase);
        }
        for content in [&b""[..], b"\n", b"a\nb\n", b"\xff"] {
            assert!(passphrase_in(content, 0o600).is_err(), "{content:?}");
        }
        for mode in [0o640, 0o604, 0o620] {
            assert!(
                passphrase_in(b"a", mode)
                    .unwrap_err()
                    .to_string()
                    .contains("chmod go-rwx")
            );
        }
    }
}
