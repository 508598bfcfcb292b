//! U: whose things are believed.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

use super::{GROUP_WRITES, OTHERS_WRITE};

/// Whose things are believed.
#[derive(Clone, Debug)]
pub(in super::super) struct User {
    pub(super) id: u32,
    /// Root was called by this user through sudo.
    sudo: Option<u32>,
    /// Root reads what this user, too, may have made.
    also: Option<u32>,
}

impl User {
    pub(in super::super) fn of_process(sudo: Option<u32>) -> Self {
        let id = rustix::process::geteuid().as_raw();
        // Nothing is ours where everybody has our number.
        Self::of(if is_ambiguous(id) { u32::MAX } else { id }, sudo)
    }

    pub(in super::super) fn of(id: u32, sudo: Option<u32>) -> Self {
        Self { id, sudo, also: None }
    }

    /// Root, who believes the user who called sudo as well.
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

    /// Whether U made what is on the way: a directory, or a link.
    pub(super) fn made(&self, found: &Metadata) -> bool {
        let is_closed = found.is_symlink() || found.mode() & (OTHERS_WRITE | GROUP_WRITES) == 0;
        self.is(found.uid()) || is_closed && may_be_root(found.uid())
    }
}

/// Whether an owner may be root. In a user namespace, every owner from outside appears as one number. Where root is
/// among those outside, it may be root: `/`, `/usr` and `/home` are, under `unshare -r` and in rootless containers.
fn may_be_root(owner: u32) -> bool {
    Some(owner) == overflow() && mapped().is_some_and(|ranges| ranges.iter().all(|range| range.outside != 0))
}

/// Whether the number stands for more than one user: in a namespace that has none for this process.
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
