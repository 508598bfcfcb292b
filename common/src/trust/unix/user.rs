//! U: the owners that are trusted.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

use super::{GROUP_WRITES, OTHERS_WRITE};

/// The owners that are trusted.
#[derive(Clone, Debug)]
pub(in super::super) struct User {
    pub(super) id: u32,
    /// This user called root through sudo.
    sudo: Option<u32>,
    /// Root also reads files that this user may have created.
    also: Option<u32>,
}

impl User {
    pub(in super::super) fn of_process(sudo: Option<u32>) -> Self {
        let id = rustix::process::geteuid().as_raw();
        // Trust no owner if everybody has our user id.
        Self::of(if is_ambiguous(id) { u32::MAX } else { id }, sudo)
    }

    pub(in super::super) fn of(id: u32, sudo: Option<u32>) -> Self {
        Self { id, sudo, also: None }
    }

    /// Root, who also trusts sudo's caller.
    pub(in super::super) fn for_sudo(&self) -> Option<Self> {
        (self.id == 0 && self.sudo.is_some()).then(|| Self {
            also: self.sudo,
            ..self.clone()
        })
    }

    /// Whether this is U.
    pub(super) fn is(&self, owner: u32) -> bool {
        owner == self.id || owner == 0 || self.also == Some(owner)
    }

    /// Whether U created a directory or a link of a path.
    pub(super) fn made(&self, found: &Metadata) -> bool {
        let is_closed = found.is_symlink() || found.mode() & (OTHERS_WRITE | GROUP_WRITES) == 0;
        self.is(found.uid()) || is_closed && may_be_root(found.uid())
    }
}

/// Whether an owner may be root. In a user namespace, all unmapped owners appear with the same id. If root
/// isn't mapped, it may be root: `/`, `/usr` and `/home` are, under `unshare -r` and in rootless containers.
pub(super) fn may_be_root(owner: u32) -> bool {
    Some(owner) == overflow() && mapped().is_some_and(|ranges| ranges.iter().all(|range| range.outside != 0))
}

/// Whether the id stands for several users: in a namespace that doesn't map this process's.
fn is_ambiguous(id: u32) -> bool {
    const USUAL_OVERFLOW: u32 = 65_534;
    let is_inside = |range: &Range| (range.inside..range.inside + range.count).contains(&u64::from(id));
    id == USUAL_OVERFLOW && !mapped().is_some_and(|ranges| ranges.iter().any(is_inside))
}

/// A line of `/proc/self/uid_map`.
struct Range {
    inside: u64,
    outside: u64,
    count: u64,
}

fn mapped() -> Option<Vec<Range>> {
    let map = std::fs::read_to_string("/proc/self/uid_map").ok()?;
    map.lines()
        .map(|line| {
            let mut numbers = line.split_whitespace().map_while(|number| number.parse().ok());
            Some(Range {
                inside: numbers.next()?,
                outside: numbers.next()?,
                count: numbers.next()?,
            })
        })
        .collect()
}

fn overflow() -> Option<u32> {
    std::fs::read_to_string("/proc/sys/kernel/overflowuid")
        .ok()?
        .trim()
        .parse()
        .ok()
}
