//! The pages of the documentation, and their code blocks.

use std::path::{Path, PathBuf};

/// A page in the repository.
#[derive(Debug)]
pub struct Page {
    path: String,
    text: String,
}

/// A block between two fences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The heading above it, without its `#`.
    pub heading: String,
    /// The language after the opening fence.
    pub language: String,
    /// The lines between.
    pub text: String,
}

impl Page {
    /// A page by its path in the repository.
    pub fn read(path: &str) -> Self {
        let text = std::fs::read_to_string(repository().join(path))
            .unwrap_or_else(|error| panic!("{path} cannot be read: {error}"));
        Self {
            path: path.to_owned(),
            text,
        }
    }

    /// The README and every page of `docs/`, by their paths.
    pub fn all() -> Vec<String> {
        let docs = repository().join("docs").read_dir().expect("there are pages");
        let mut paths: Vec<String> = docs
            .map(|entry| {
                let name = entry.expect("a directory entry").file_name();
                format!("docs/{}", name.to_string_lossy())
            })
            .filter(|path| {
                Path::new(path)
                    .extension()
                    .is_some_and(|extension| extension == "md")
            })
            .chain(["README.md".to_owned()])
            .collect();
        paths.sort();
        paths
    }

    /// All blocks, in order.
    pub fn blocks(&self) -> Vec<Block> {
        blocks(&self.text)
    }

    /// The blocks of one language below a heading, in order; there must be at least one.
    pub fn section(&self, heading: &str, language: &str) -> Vec<String> {
        let found: Vec<String> = self
            .blocks()
            .into_iter()
            .filter(|block| block.heading == heading && block.language == language)
            .map(|block| block.text)
            .collect();
        assert!(
            !found.is_empty(),
            "{} has no {language} beneath {heading:?}",
            self.path
        );
        found
    }

    /// The rows of the table below a heading, as cells, without its own heading.
    pub fn table(&self, heading: &str) -> Vec<Vec<String>> {
        let rows = prose(&self.text)
            .skip_while(|line| line.trim_start_matches('#').trim() != heading || !line.starts_with('#'))
            .skip(1)
            .take_while(|line| !line.starts_with('#'))
            .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
            .map(|row| row.split(" | ").map(|cell| cell.trim().to_owned()).collect())
            .filter(|row: &Vec<String>| row.len() > 1 && row.iter().all(|cell| !cell.is_empty()));
        let rows: Vec<Vec<String>> = rows.collect();
        assert!(!rows.is_empty(), "{} has no table beneath {heading:?}", self.path);
        rows
    }

    /// The text in backquotes, outside of blocks.
    pub fn code(&self) -> Vec<String> {
        let text: String = prose(&self.text).flat_map(|line| [line, " "]).collect();
        let mut spans = text.split('`').skip(1).step_by(2);
        spans.by_ref().map(str::to_owned).collect()
    }
}

/// The root of the repository.
pub fn repository() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the tests lie in the workspace").to_owned()
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut heading = String::new();
    let mut is_open = false;
    for line in text.lines() {
        match (is_open, line.strip_prefix("```")) {
            (false, Some(language)) => {
                is_open = true;
                blocks.push(Block {
                    heading: heading.clone(),
                    language: language.to_owned(),
                    text: String::new(),
                });
            }
            (true, Some("")) => is_open = false,
            (true, _) => {
                let block = blocks.last_mut().expect("it was opened");
                block.text.extend([line, "\n"]);
            }
            (false, None) if line.starts_with('#') => {
                line.trim_start_matches('#').trim().clone_into(&mut heading);
            }
            (false, None) => {}
        }
    }
    assert!(!is_open, "a block is not closed");
    blocks
}

/// The lines outside of blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_open = false;
    text.lines().filter(move |line| {
        let is_fence = line.starts_with("```");
        is_open ^= is_fence;
        !is_open && !is_fence
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# One\ntext `a b`\n```sh\n# no heading\n```\n## Two\n| x | |\n|---|---|\n| a | `b` |\n```\n`c`\n```\n";

    #[test]
    fn blocks_know_their_heading_and_language() {
        let block = |heading: &str, language: &str, text: &str| Block {
            heading: heading.into(),
            language: language.into(),
            text: text.into(),
        };
        assert_eq!(
            blocks(TEXT),
            [block("One", "sh", "# no heading\n"), block("Two", "", "`c`\n")]
        );
    }

    #[test]
    fn code_and_tables_are_those_of_the_text() {
        let page = Page {
            path: "page".into(),
            text: TEXT.into(),
        };
        assert_eq!(page.code(), ["a b", "b"]);
        assert_eq!(page.table("Two"), [["a", "`b`"]]);
    }
}
