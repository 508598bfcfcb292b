//! Unix: owners and modes.

use std::ffi::OsString;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use rustix::fs::OFlags;

use super::{Access, Doubt, Reason, Step, Way};
use crate::directory::Directory;

/// As the kernel counts them.
const LINKS_MAX: usize = 40;
const STICKY: u32 = 0o1000;
const OTHERS_WRITE: u32 = 0o002;
const GROUP_WRITES: u32 = 0o020;

/// Whose things are believed.
#[derive(Clone, Debug)]
pub(super) struct User {
    id: u32,
    /// Root was called by this user through sudo.
    sudo: Option<u32>,
    /// Root reads what this user, too, may have made.
    also: Option<u32>,
}

impl User {
    pub(super) fn of_process(sudo: Option<u32>) -> Self {
        Self::of(rustix::process::geteuid().as_raw(), sudo)
    }

    pub(super) fn of(id: u32, sudo: Option<u32>) -> Self {
        Self { id, sudo, also: None }
    }

    /// Root, who believes the user who called sudo as well.
    pub(super) fn for_sudo(&self) -> Option<Self> {
        (self.id == 0 && self.sudo.is_some()).then(|| Self {
            also: self.sudo,
            ..self.clone()
        })
    }

    /// Whether this is U.
    fn is(&self, owner: u32) -> bool {
        owner == self.id || owner == 0 || self.also == Some(owner)
    }

    /// Whether U made what is on the way: a directory, or a link.
    fn made(&self, found: &Metadata) -> bool {
        let is_closed = found.is_symlink() || found.mode() & (OTHERS_WRITE | GROUP_WRITES) == 0;
        self.is(found.uid()) || is_closed && may_be_root(found.uid())
    }
}

/// In a user namespace, every owner from outside appears as one number. Where root is among those outside, it may be
/// root: `/`, `/usr` and `/home` are, under `unshare -r` and in rootless containers.
fn may_be_root(owner: u32) -> bool {
    let number = |text: &str| text.trim().parse::<u32>().ok();
    let Some(overflow) = std::fs::read_to_string("/proc/sys/kernel/overflowuid")
        .ok()
        .and_then(|text| number(&text))
    else {
        return false;
    };
    owner == overflow
        && std::fs::read_to_string("/proc/self/uid_map").is_ok_and(|map| {
            // Inside, outside, count. Root outside is mapped if a range begins with it.
            map.lines()
                .all(|line| line.split_whitespace().nth(1).and_then(number) != Some(0))
        })
}

/// Follows a path to its end or to the first doubt, which is about a directory or a link on the way. The last name is
/// judged here only if it is a link, or is to lead on.
pub(super) fn way(user: &User, home: Option<&Path>, path: &Path, step: Step) -> io::Result<Way> {
    let mut walk = Walk {
        user,
        step,
        links: 0,
        mild: None,
    };
    let way = walk.follow(home, &std::path::absolute(path)?)?;
    Ok(Way {
        mild: walk.mild,
        ..way
    })
}

struct Walk<'a> {
    user: &'a User,
    step: Step,
    links: usize,
    mild: Option<Doubt>,
}

impl Walk<'_> {
    fn follow(&mut self, home: Option<&Path>, path: &Path) -> io::Result<Way> {
        let base = home.filter(|home| path.starts_with(home) && is_home_of(self.user, home));
        let start = base.unwrap_or(Path::new("/"));
        let mut at = start.to_owned();
        let mut rest = names(path.strip_prefix(start).unwrap_or(path));
        if let Some(doubt) = self.judge(&at, &std::fs::metadata(&at)?) {
            return Ok(Way::doubted(path, doubt));
        }
        while let Some(name) = rest.pop() {
            if name == ".." {
                if base == Some(&at) {
                    // What is above the home was not examined.
                    return self.follow(None, path);
                }
                at.pop();
                continue;
            }
            at.push(&name);
            let found = match std::fs::symlink_metadata(&at) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    at.extend(rest.iter().rev());
                    return Ok(Way::to(at, false));
                }
                found => found?,
            };
            if found.is_symlink() {
                if !self.user.made(&found) {
                    return Ok(Way::doubted(path, owner(&at, &found)));
                }
                let target = self.read_link(&at)?;
                at.pop();
                if target.is_absolute() {
                    let target = target.join(rest.iter().rev().collect::<PathBuf>());
                    return self.follow(home, &target);
                }
                rest.extend(names(&target));
            } else if (!rest.is_empty() || self.step.is_last_judged)
                && let Some(doubt) = self.judge(&at, &found)
            {
                return Ok(Way::doubted(path, doubt));
            }
        }
        Ok(Way::to(at, true))
    }

    fn read_link(&mut self, path: &Path) -> io::Result<PathBuf> {
        self.links += 1;
        if self.links > LINKS_MAX {
            return Err(io::Error::other("it is a symbolic link in a circle"));
        }
        std::fs::read_link(path)
    }

    /// A directory that leads on. In a sticky one others can make new names; they cannot take away ours.
    fn judge(&mut self, path: &Path, found: &Metadata) -> Option<Doubt> {
        let doubt = if !self.user.made(found) {
            Some(owner(path, found))
        } else if found.mode() & STICKY != 0 {
            None
        } else {
            writers(path, found, self.step.is_group_believed)
        };
        match doubt {
            Some(doubt) if doubt.is_mild() => {
                self.mild.get_or_insert(doubt);
                None
            }
            doubt => doubt,
        }
    }
}

/// A home of ours is where a way may begin: who can exchange it owns the session anyway, and what is above may be
/// another machine's.
fn is_home_of(user: &User, home: &Path) -> bool {
    std::fs::symlink_metadata(home).is_ok_and(|home| home.is_dir() && home.uid() == user.id)
}

impl Way {
    fn to(path: PathBuf, exists: bool) -> Self {
        Self {
            path,
            exists,
            doubt: None,
            mild: None,
        }
    }

    fn doubted(path: &Path, doubt: Doubt) -> Self {
        Self {
            path: path.to_owned(),
            exists: true,
            doubt: Some(doubt),
            mild: None,
        }
    }
}

fn names(path: &Path) -> Vec<OsString> {
    path.components()
        .rev()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect()
}

/// Whether its group is the user's own, as Debian gives one to everyone: it has no other members.
fn has_own_group(found: &Metadata) -> bool {
    found.gid() == found.uid()
}

/// Who else can write to it.
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

/// Whether the modes there are made up: FAT, SMB, 9p (WSL's drives), FUSE show 0777 for all.
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

/// Another owner. Where modes are made up, so are owners.
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
    let mode = found.mode();
    let readers = if has_own_group(&found) { 0o004 } else { 0o044 };
    Ok(match access {
        Access::Any => None,
        Access::Unwritable => writers(path, &found, false)
            .or_else(|| (mode & readers != 0).then(|| doubt(path, Reason::Readable))),
        // Mounted secrets are root's, and closed to writers.
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

/// Whether there is a program. Its directories have passed, so that what is seen here is what will run.
pub(super) fn judge_program(user: &User, path: &Path) -> Result<bool, Doubt> {
    /// Where the programs of a system are, if its root appears as somebody else.
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

/// Opening does not block on a pipe, and follows no link.
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
