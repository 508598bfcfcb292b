//! Problems in the text of a configuration file.

use std::borrow::Cow;

use crate::show;

/// A problem in the text of a configuration file, and its position.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text} (line {line}, column {column})")]
pub struct Problem {
    line: usize,
    column: usize,
    text: Cow<'static, str>,
}

impl Problem {
    pub(in crate::config) fn at(document: &str, offset: usize, text: impl Into<Cow<'static, str>>) -> Self {
        let before = &document[..offset];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            text: text.into(),
        }
    }

    /// Counted from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// In characters, counted from 1.
    pub fn column(&self) -> usize {
        self.column
    }
}

/// Values of the wrong type, which count as absent.
#[derive(Default)]
pub(super) struct Wrong {
    pub(super) first: Option<Problem>,
}

impl Wrong {
    pub(super) fn or_absent<T: Default>(&mut self, value: Result<T, Problem>) -> T {
        value.unwrap_or_else(|problem| {
            self.first.get_or_insert(problem);
            T::default()
        })
    }

    /// Adds those in an entry, with its name.
    pub(super) fn add_of_entry(&mut self, wrong: Self, server: &str) {
        if let Some(problem) = wrong.first {
            let text = format!("{}, in the entry {}", problem.text, show::server(server)).into();
            self.first.get_or_insert(Problem { text, ..problem });
        }
    }
}
