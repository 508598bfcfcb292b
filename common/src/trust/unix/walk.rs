//! A and L: the directories and links of a path.

use std::ffi::OsString;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use super::super::{Doubt, Step, Way};
use super::user::{User, may_be_root};
use super::{owner, writers};

/// The kernel's limit.
const LINKS_MAX: usize = 40;
const STICKY: u32 = 0o1000;
/// The group, or all.
const OTHERS_ENTER: u32 = 0o011;

/// Follows a path to its end or to the first doubt about a directory or a link in it. Only checks the last
/// name if it is a link, or must be a directory.
pub(in super::super) fn way(user: &User, home: Option<&Path>, path: &Path, step: Step) -> io::Result<Way> {
    let mut walk = Walk {
        user,
        step,
        links: 0,
        mild: None,
        closed_on: None,
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
    /// The file system of a parent directory that only U can enter. Others can't reach anything below, so its
    /// modes don't matter. A mounted file system may be reachable in another way.
    closed_on: Option<u64>,
}

impl Walk<'_> {
    fn follow(&mut self, home: Option<&Path>, path: &Path) -> io::Result<Way> {
        self.closed_on = None;
        let home_found = home
            .filter(|home| path.starts_with(home))
            .and_then(|home| Some((home, own_home(self.user, home)?)));
        let base = home_found.as_ref().map(|(home, _)| *home);
        let (start, found) = match home_found {
            Some(begin) => begin,
            None => (Path::new("/"), std::fs::metadata("/")?),
        };
        let mut at = start.to_owned();
        let mut rest = names(path.strip_prefix(start).unwrap_or(path));
        if let Some(doubt) = self.judge(&at, &found) {
            return Ok(Way::doubted(path, doubt));
        }
        while let Some(name) = rest.pop() {
            if name == ".." {
                if base == Some(&at) {
                    // Directories above the home were not checked.
                    return self.follow(None, path);
                }
                at.pop();
                self.closed_on = None;
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
            } else if !rest.is_empty() && !found.is_dir() {
                return Err(io::ErrorKind::NotADirectory.into());
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

    /// A directory in the path. In a sticky one, others can create new names, but not remove ours.
    fn judge(&mut self, path: &Path, found: &Metadata) -> Option<Doubt> {
        let doubt = if !(self.user.made(found) || is_temporary(path, found)) {
            Some(owner(path, found))
        } else if found.mode() & STICKY != 0 || self.closed_on == Some(found.dev()) {
            None
        } else {
            writers(path, found, self.step.is_group_believed)
        };
        let is_closed = self.user.is(found.uid()) && found.mode() & OTHERS_ENTER == 0;
        self.closed_on = if is_closed {
            Some(found.dev())
        } else {
            self.closed_on.filter(|system| *system == found.dev())
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

/// A directory for temporary files, which only root creates at these paths. Everybody can write to it, so in
/// a user namespace, its mode doesn't show that its unmapped owner is root.
fn is_temporary(path: &Path, found: &Metadata) -> bool {
    const TEMPORARY: [&str; 3] = ["/tmp", "/var/tmp", "/dev/shm"];
    found.mode() & STICKY != 0
        && TEMPORARY.iter().any(|place| path == Path::new(place))
        && may_be_root(found.uid())
}

/// The check may begin at our home: anyone who can replace it owns the session anyway, and directories above
/// may be another machine's.
fn own_home(user: &User, home: &Path) -> Option<Metadata> {
    let found = std::fs::symlink_metadata(home).ok()?;
    (found.is_dir() && found.uid() == user.id).then_some(found)
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
