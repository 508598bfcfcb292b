//! Finds the session bus.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::net::SocketAddr;
use std::path::{Path, PathBuf};

use docker_credential_helper::Environment;

use super::failure::Failure;

const ADDRESS: &str = "DBUS_SESSION_BUS_ADDRESS";
const RUNTIME_DIRECTORY: &str = "XDG_RUNTIME_DIR";

/// The sockets that the environment names, in order of preference.
///
/// Only sockets in the file system and Linux's abstract ones, because anybody could read secrets on a
/// network. Fails with [`Failure::NoBus`] without an address, and with [`Failure::NoSocket`] if there are
/// only others.
pub(super) fn of_session(environment: &Environment) -> Result<Vec<SocketAddr>, Failure> {
    let runtime = environment
        .variable(RUNTIME_DIRECTORY)
        .map(PathBuf::from)
        .filter(|directory| directory.is_absolute());
    let bus = runtime.map(|directory| directory.join("bus"));
    let (addresses, failure): (Vec<_>, _) =
        match environment.variable(ADDRESS).filter(|list| !list.is_empty()) {
            Some(list) => (parse(&list.into_vec(), bus.as_deref()), Failure::NoSocket),
            None => (bus.and_then(in_file_system).into_iter().collect(), Failure::NoBus),
        };
    if addresses.is_empty() {
        return Err(failure);
    }
    Ok(addresses)
}

/// The sockets in a list of D-Bus addresses. Ignores other and unknown addresses, as other clients do.
fn parse(list: &[u8], bus: Option<&Path>) -> Vec<SocketAddr> {
    list.split(|byte| *byte == b';')
        .filter_map(|address| address.strip_prefix(b"unix:"))
        .filter_map(|keys| socket(keys, bus))
        .collect()
}

/// The socket in the keys of an address. Ignores `guid`: it may be of an older bus, and the kernel shows the
/// bus's owner.
fn socket(keys: &[u8], bus: Option<&Path>) -> Option<SocketAddr> {
    let mut sockets = keys
        .split(|byte| *byte == b',')
        .filter_map(|pair| {
            let equals = pair.iter().position(|byte| *byte == b'=')?;
            Some((&pair[..equals], &pair[equals + 1..]))
        })
        .filter(|(key, _)| matches!(*key, b"path" | b"abstract" | b"runtime"));
    let (key, value) = sockets.next()?;
    if sockets.next().is_some() {
        return None;
    }
    let value = unescaped(value)?;
    match key {
        b"path" => in_file_system(PathBuf::from(OsString::from_vec(value))),
        b"runtime" if value == b"yes" => in_file_system(bus?.to_owned()),
        b"abstract" => abstract_socket(&value),
        _ => None,
    }
}

fn in_file_system(path: PathBuf) -> Option<SocketAddr> {
    // A relative one would depend on docker's working directory.
    path.is_absolute()
        .then(|| SocketAddr::from_pathname(path).ok())
        .flatten()
}

#[cfg(target_os = "linux")]
fn abstract_socket(name: &[u8]) -> Option<SocketAddr> {
    use std::os::linux::net::SocketAddrExt as _;
    SocketAddr::from_abstract_name(name).ok()
}

#[cfg(not(target_os = "linux"))]
fn abstract_socket(_: &[u8]) -> Option<SocketAddr> {
    None
}

/// The decoded bytes of a value of an address; nothing if a `%` isn't followed by two digits.
fn unescaped(value: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(*rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high << 4 | low).ok()?
            }
            byte => *byte,
        });
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(list: &str) -> Vec<String> {
        parse(list.as_bytes(), Some(Path::new("/run/user/1000/bus")))
            .iter()
            .map(|address| match (address.as_pathname(), abstract_name(address)) {
                (Some(path), _) => path.display().to_string(),
                (None, Some(name)) => format!("@{}", String::from_utf8_lossy(name)),
                (None, None) => "?".to_owned(),
            })
            .collect()
    }

    #[cfg(target_os = "linux")]
    fn abstract_name(address: &SocketAddr) -> Option<&[u8]> {
        use std::os::linux::net::SocketAddrExt as _;
        address.as_abstract_name()
    }

    #[cfg(not(target_os = "linux"))]
    fn abstract_name(_: &SocketAddr) -> Option<&[u8]> {
        None
    }

    #[test]
    fn sockets_are_understood_as_libdbus_writes_them() {
        for (list, expected) in [
            ("unix:path=/run/bus", &["/run/bus"][..]),
            ("unix:path=/run/bus,guid=0123", &["/run/bus"]),
            ("unix:guid=0123,path=/run/bus", &["/run/bus"]),
            ("unix:path=%2frun%2Fa%20bus%3b", &["/run/a bus;"]),
            ("unix:runtime=yes", &["/run/user/1000/bus"]),
            ("unix:path=/a;unix:path=/b", &["/a", "/b"]),
            ("tcp:host=localhost,port=1;unix:path=/b;", &["/b"]),
        ] {
            assert_eq!(parsed(list), expected, "{list}");
        }
        if cfg!(target_os = "linux") {
            assert_eq!(parsed("unix:abstract=%2ftmp%2fdbus-x,guid=0"), ["@/tmp/dbus-x"]);
        }
    }

    #[test]
    fn what_names_no_socket_here_is_left_out() {
        for list in [
            "",
            ";;",
            "unix:",
            "unix:path=",
            "unix:path=run/bus",
            "unix:path=%2",
            "unix:path=%zz",
            "unix:path=/a,path=/b",
            "unix:path=/a,abstract=b",
            "unix:runtime=no",
            "unix:tmpdir=/tmp",
            "tcp:host=127.0.0.1,port=1",
            "unixexec:path=/bin/sh",
            "autolaunch:",
            "unix",
        ] {
            assert!(parsed(list).is_empty(), "{list}");
        }
    }
}
