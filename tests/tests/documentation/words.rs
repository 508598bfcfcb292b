//! Rejects words that have no right use here: CONTRIBUTING.md lists replacements. The rest is judgement.

use std::fs;
use std::path::{Path, PathBuf};

use docker_credential_tests::pages::page::repository;

/// In lower case, each as whole words.
const UNWANTED: [&str; 28] = [
    "all the same",
    "anew",
    "as it stands",
    "be it",
    "commonly",
    "for ever",
    "hence",
    "in the clear",
    "in the place of",
    "in vain",
    "lest",
    "meanwhile",
    "mend",
    "mended",
    "mends",
    "of before",
    "of its own accord",
    "pass over",
    "passed over",
    "passes over",
    "provided that",
    "thereby",
    "thereof",
    "whence",
    "whoever",
    "whom",
    "whomever",
    "whosoever",
];

/// All texts of the project: pages, help, messages, comments. Except this file and CONTRIBUTING.md, which
/// list the words.
fn texts() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for root in [
        ".ci",
        ".github",
        "bench",
        "common",
        "docs",
        "fuzz/targets",
        "helpers",
        "packaging",
        "tests",
    ] {
        below(&repository().join(root), &mut found);
    }
    for page in [
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "README.md",
        "SECURITY.md",
        "Cargo.toml",
        "deny.toml",
    ] {
        found.push(repository().join(page));
    }
    found.retain(|path| {
        let is_licence = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("LICENSE"));
        !is_licence && !path.ends_with("documentation/words.rs")
    });
    found
}

fn below(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory)
        .expect("a directory of the project")
        .flatten()
    {
        let path = entry.path();
        if path.is_dir() {
            below(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// The unwanted words in a text, with their lines.
fn unwanted(text: &str) -> Vec<(usize, &'static str)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        // Words with punctuation between them aren't a phrase.
        let clauses = line
            .to_lowercase()
            .replace([':', ',', '.', ';', '(', ')', '`', '_'], " | ");
        let words: Vec<&str> = clauses
            .split(|c: char| !c.is_alphanumeric() && !"'|".contains(c))
            .filter(|word| !word.is_empty())
            .collect();
        let spaced = format!(" {} ", words.join(" "));
        let is_there = |word: &&&str| spaced.contains(&format!(" {word} "));
        found.extend(UNWANTED.iter().filter(is_there).map(|word| (number + 1, *word)));
    }
    found
}

#[test]
fn words_without_a_right_use_are_not_used() {
    let mut complaints = Vec::new();
    for path in texts() {
        // Skip binary files.
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        for (line, word) in unwanted(&text) {
            complaints.push(format!("{}:{line}: {word}", path.display()));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn unwanted_words_would_be_noticed() {
    assert_eq!(
        unwanted("Tell whom\nlest it be passed over. It can be: it is."),
        [(1, "whom"), (2, "lest"), (2, "passed over")]
    );
    assert_eq!(unwanted("almost, amend, wholesome"), []);
}
