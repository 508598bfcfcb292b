//! The git work tree of a store, according to its files; never runs git.

use std::fs;
use std::path::{Path, PathBuf};

use docker_credential_helper::directory::read_file;

/// Names the files that git must not treat as text. Small entries look like text: git merged conflict markers
/// into 17 of 40 of them.
pub(crate) const ATTRIBUTES: &str = ".gitattributes";

/// The line for entries.
pub(crate) const ATTRIBUTE: &str = "*.age binary";

/// Files in git's directory while an operation waits for a person: the work tree then has neither the old nor
/// the new state.
const UNDER_WAY: [&str; 6] = [
    "MERGE_HEAD",
    "CHERRY_PICK_HEAD",
    "REVERT_HEAD",
    "BISECT_LOG",
    "rebase-merge",
    "rebase-apply",
];

/// Longer than a reference or the path of a directory.
const LINE_MAX: u64 = 1 << 14;
const ATTRIBUTES_MAX: u64 = 1 << 20;

/// A git work tree.
#[derive(Debug)]
pub(crate) struct WorkTree {
    root: PathBuf,
    /// Its git directory.
    git: PathBuf,
}

impl WorkTree {
    /// The work tree that contains `store`, if there is one.
    pub(crate) fn around(store: &Path) -> Option<Self> {
        let store = store.canonicalize().ok()?;
        store.ancestors().find_map(|root| {
            let git = root.join(".git");
            let kind = fs::metadata(&git).ok()?;
            let git = if kind.is_dir() {
                git
            } else {
                root.join(line(&git)?.strip_prefix("gitdir:")?.trim())
            };
            Some(Self {
                root: root.to_owned(),
                git,
            })
        })
    }

    /// Whether attributes in the store or a directory above it keep git from merging entries as text.
    pub(crate) fn keeps_entries_whole(&self, store: &Path) -> bool {
        let Ok(store) = store.canonicalize() else {
            return false;
        };
        let below_root = store.ancestors().take_while(|path| path.starts_with(&self.root));
        let files = below_root.map(|path| path.join(ATTRIBUTES));
        files
            .chain([self.git.join("info/attributes")])
            .filter_map(|path| text(&path, ATTRIBUTES_MAX))
            .any(|text| text.lines().any(keeps_whole))
    }

    /// Whether git is in the middle of a merge, a rebase or a similar operation.
    pub(crate) fn is_under_way(&self) -> bool {
        UNDER_WAY
            .iter()
            .any(|name| self.git.join(name).symlink_metadata().is_ok())
    }

    /// Whether HEAD is detached, for example at an old tag. (In a submodule it always is, and its files are
    /// its owner's current state.)
    pub(crate) fn shows_another_time(&self) -> bool {
        let is_submodule = self.git.components().any(|part| part.as_os_str() == "modules");
        !is_submodule && line(&self.git.join("HEAD")).is_some_and(|head| !head.starts_with("ref:"))
    }
}

/// Whether a line of attributes applies to entries, and keeps git from merging their content.
fn keeps_whole(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let is_for_entries = words
        .next()
        .is_some_and(|pattern| pattern == "*" || pattern.ends_with("*.age"));
    is_for_entries && words.any(|word| matches!(word, "binary" | "-merge" | "merge=binary"))
}

/// The first line of a small file.
fn line(path: &Path) -> Option<String> {
    Some(text(path, LINE_MAX)?.lines().next()?.to_owned())
}

fn text(path: &Path, limit: u64) -> Option<String> {
    String::from_utf8(read_file(path, limit).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(head: &str) -> (tempfile::TempDir, PathBuf) {
        let place = tempfile::tempdir().unwrap();
        let store = place.path().join("team/logins");
        fs::create_dir_all(&store).unwrap();
        fs::create_dir(place.path().join(".git")).unwrap();
        fs::write(place.path().join(".git/HEAD"), head).unwrap();
        (place, store)
    }

    #[test]
    fn a_store_is_in_the_work_tree_around_it() {
        let (place, store) = place("ref: refs/heads/main\n");
        let tree = WorkTree::around(&store).unwrap();
        assert_eq!(tree.root, place.path().canonicalize().unwrap());
        assert!(!tree.is_under_way() && !tree.shows_another_time());
    }

    #[test]
    fn a_merge_a_rebase_and_an_old_tag_are_noticed() {
        let (place, store) = place("ref: refs/heads/main\n");
        for name in UNDER_WAY {
            let path = place.path().join(".git").join(name);
            fs::create_dir(&path).unwrap();
            assert!(WorkTree::around(&store).unwrap().is_under_way(), "{name}");
            fs::remove_dir(&path).unwrap();
        }
        fs::write(place.path().join(".git/HEAD"), "0123abcd\n").unwrap();
        assert!(WorkTree::around(&store).unwrap().shows_another_time());
    }

    #[test]
    fn attributes_count_in_the_store_and_above_it() {
        for (file, text, is_enough) in [
            ("team/logins/.gitattributes", "*.age binary\n", true),
            (".gitattributes", "* text=auto\n/team/**/*.age -merge\n", true),
            (".git/info/attributes", "*.age merge=binary", true),
            ("team/.gitattributes", "*.age text\n*.png binary\n", false),
            ("elsewhere", "*.age binary\n", false),
        ] {
            let (place, store) = place("ref: refs/heads/main\n");
            fs::create_dir(place.path().join(".git/info")).unwrap();
            fs::write(place.path().join(file), text).unwrap();
            let tree = WorkTree::around(&store).unwrap();
            assert_eq!(tree.keeps_entries_whole(&store), is_enough, "{file}");
        }
    }

    #[test]
    fn a_linked_work_tree_and_a_submodule_are_followed() {
        for (directory, is_another_time) in [("worktrees/x", true), ("modules/x", false)] {
            let (place, store) = place("ref: refs/heads/main\n");
            let git = place.path().join(".git").join(directory);
            fs::create_dir_all(&git).unwrap();
            fs::write(git.join("HEAD"), "0123abcd\n").unwrap();
            fs::write(store.join(".git"), format!("gitdir: ../../.git/{directory}\n")).unwrap();
            let tree = WorkTree::around(&store).unwrap();
            assert_eq!(tree.root, store.canonicalize().unwrap());
            assert_eq!(tree.shows_another_time(), is_another_time, "{directory}");
        }
    }
}
