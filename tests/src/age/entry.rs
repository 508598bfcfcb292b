//! The public content of an entry's header.

use std::fs;
use std::path::Path;

/// The kinds of its stanzas, without grease, which has a random kind.
pub fn stanzas(entry: &Path) -> Vec<String> {
    let file = fs::read(entry).expect("an entry");
    let text = String::from_utf8_lossy(&file);
    let header = text.lines().take_while(|line| !line.starts_with("---"));
    header
        .filter_map(|line| line.strip_prefix("-> ")?.split(' ').next())
        .filter(|kind| !kind.ends_with("-grease"))
        .map(str::to_owned)
        .collect()
}
