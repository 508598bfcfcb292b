//! Unix: owners and modes.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

use super::{Access, Doubt, Reason};
use crate::directory::Directory;

mod user;
mod walk;

pub(super) use self::user::User;
pub(super) use self::walk::way;

const OTHERS_WRITE: u32 = 0o002;
const GROUP_WRITES: u32 = 0o020;

/// Whether its group is the user's own, as in Debian, without other members.
fn has_own_group(found: &Metadata) -> bool {
    found.gid() == found.uid()
}

/// The others who can write to it.
fn writers(path: &Path, found: &Metadata, groups: bool) -> Option<Doubt> {
    let mode = found.mode();
    let reason = if mode & OTHERS_WRITE != 0 {
        if has_no_modes(path) {
            Reason::NoModes
        } else {
            Reason::WritableByAll
        }
    } else if mode & GROUP_WRITES != 0 && !groups && !has_own_group(found) {
        Reason::WritableByGroup
    } else {
        return None;
    };
    Some(doubt(path, reason))
}

/// Whether modes there aren't real: FAT, SMB, 9p (WSL's drives) and FUSE always show 0777.
fn has_no_modes(path: &Path) -> bool {
    #[cfg(target_os = "linux")]
    {
        const WITHOUT: [u32; 10] = [
            0x0102_1997, // 9p
            0x5346_4846, // WSL 1
            0xFF53_4D42, // SMB
            0xFE53_4D42,
            0x0000_517B,
            0x0000_4D44, // FAT
            0x2011_BAB0, // exFAT
            0x5346_544E, // NTFS
            0x6573_5546, // FUSE
            0x786F_4256, // VirtualBox
        ];
        rustix::fs::statfs(path).is_ok_and(|system| {
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "32 bits, in a type that depends on the processor"
            )]
            let kind = system.f_type as u32;
            WITHOUT.contains(&kind)
        })
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = path;
        false
    }
}

/// Another owner. Without real modes, owners aren't real either.
fn owner(path: &Path, found: &Metadata) -> Doubt {
    let is_made_up = !found.is_symlink() && found.mode() & OTHERS_WRITE != 0 && has_no_modes(path);
    let reason = if is_made_up {
        Reason::NoModes
    } else {
        Reason::Owner(found.uid())
    };
    doubt(path, reason)
}

fn doubt(path: &Path, reason: Reason) -> Doubt {
    Doubt {
        path: path.to_owned(),
        reason,
    }
}

/// The first doubt about an open file.
pub(super) fn judge_file(user: &User, file: &File, path: &Path, access: Access) -> io::Result<Option<Doubt>> {
    let found = file.metadata()?;
    if !user.is(found.uid()) {
        return Ok(Some(owner(path, &found)));
    }
    // Before its mode: nobody should run `chmod` on /dev/null, which some link a file to that they don't want.
    if access != Access::Any && !found.is_file() {
        return Ok(Some(doubt(path, Reason::Kind)));
    }
    let mode = found.mode();
    let readers = if has_own_group(&found) { 0o004 } else { 0o044 };
    Ok(match access {
        Access::Any => None,
        Access::Unwritable => writers(path, &found, false)
            .or_else(|| (mode & readers != 0).then(|| doubt(path, Reason::Readable))),
        // Mounted secrets are root's and read-only.
        Access::Private if found.uid() == 0 && mode & 0o222 == 0 => None,
        Access::Private => writers(path, &found, false)
            .or_else(|| (mode & 0o077 != 0).then(|| doubt(path, Reason::Readable))),
    })
}

/// A file that will be replaced by a new one.
pub(super) fn judge_change(user: &User, file: &File, path: &Path) -> io::Result<Option<Doubt>> {
    let found = file.metadata()?;
    Ok(if !user.is(found.uid()) {
        Some(owner(path, &found))
    } else if !found.is_file() {
        Some(doubt(path, Reason::Kind))
    } else if user.id == 0 && found.nlink() > 1 {
        Some(doubt(path, Reason::Names(found.nlink())))
    } else {
        writers(path, &found, false)
    })
}

pub(super) fn judge_directory(user: &User, directory: &Directory) -> io::Result<Option<Doubt>> {
    let found = directory.metadata()?;
    Ok(if user.is(found.uid()) {
        writers(directory.path(), &found, false)
    } else {
        Some(owner(directory.path(), &found))
    })
}

/// Whether there is a program. Its directories have passed, so exactly this file will run.
pub(super) fn judge_program(user: &User, path: &Path) -> Result<bool, Doubt> {
    /// The system's directories of programs, if its root appears as somebody else.
    const SYSTEM: [&str; 4] = ["/usr", "/bin", "/opt", "/nix"];
    let Ok(found) = std::fs::symlink_metadata(path) else {
        return Ok(false);
    };
    let is_systems = SYSTEM.iter().any(|place| path.starts_with(place));
    if !(user.is(found.uid()) || is_systems && user.made(&found)) {
        return Err(owner(path, &found));
    }
    match writers(path, &found, true) {
        Some(doubt) => Err(doubt),
        None => Ok(found.is_file() && found.mode() & 0o111 != 0),
    }
}

/// Opening doesn't block on a pipe or follow a link.
pub(super) fn open_log(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW;
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
}

pub(super) fn judge_log(user: &User, file: &File, path: &Path) -> io::Result<Option<Doubt>> {
    let found = file.metadata()?;
    Ok(if !found.is_file() {
        Some(doubt(path, Reason::Kind))
    } else if found.uid() != user.id {
        Some(owner(path, &found))
    } else if found.nlink() > 1 {
        Some(doubt(path, Reason::Names(found.nlink())))
    } else if found.mode() & 0o077 != 0 && has_no_modes(path) {
        Some(doubt(path, Reason::NoModes))
    } else if found.mode() & 0o077 != 0 {
        Some(doubt(path, Reason::Readable))
    } else {
        None
    })
}
