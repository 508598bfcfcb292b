//! The result for each login, as a table: failures last, and a reason that all rows share only once.

use std::fmt;

use crate::commands::session::Session;
use crate::commands::table::Table;
use crate::{Error, show};

/// The result for a login, in the order of the summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::commands) enum Outcome {
    /// Stored, and removed from its file.
    Moved,
    /// Stored, but left in its file or helper.
    Copied,
    /// The store has another login for this server, which stays.
    Kept,
    /// Not stored, because of a rule.
    Left,
    /// Not stored, or not removed, because of an error.
    Failed,
}

impl Outcome {
    const ALL: [Self; 5] = [Self::Moved, Self::Copied, Self::Kept, Self::Left, Self::Failed];

    /// Whether this store now answers for the login.
    fn is_success(self) -> bool {
        matches!(self, Self::Moved | Self::Copied)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Moved => "moved",
            Self::Copied => "copied",
            Self::Kept => "kept",
            Self::Left => "left",
            Self::Failed => "failed",
        })
    }
}

struct Row {
    outcome: Outcome,
    server: String,
    username: String,
    text: String,
}

/// The rows, in the order of the work.
#[derive(Default)]
pub(in crate::commands) struct Report(Vec<Row>);

impl Report {
    /// `text` is the login's place, and the reason for the result.
    pub(in crate::commands) fn add(&mut self, outcome: Outcome, server: &str, username: &str, text: &str) {
        self.0.push(Row {
            outcome,
            server: show::server(server),
            username: username.to_owned(),
            text: text.to_owned(),
        });
    }

    pub(in crate::commands) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(in crate::commands) fn failures(&self) -> usize {
        self.count(Outcome::Failed)
    }

    /// Whether all logins are in this store now.
    pub(in crate::commands) fn is_complete(&self) -> bool {
        self.0.iter().all(|row| row.outcome.is_success())
    }

    /// `2 moved, 1 failed`.
    pub(in crate::commands) fn summary(&self) -> String {
        let counted = |outcome| match self.count(outcome) {
            0 => None,
            count => Some(format!("{count} {outcome}")),
        };
        let parts: Vec<String> = Outcome::ALL.into_iter().filter_map(counted).collect();
        parts.join(", ")
    }

    pub(in crate::commands) fn print(&self, session: &mut Session<'_>) -> Result<(), Error> {
        let mut rows: Vec<&Row> = self.0.iter().collect();
        rows.sort_by_key(|row| row.outcome == Outcome::Failed);
        let shared = self.shared_text().filter(|_| session.console.is_terminal());
        let mut table = Table::new(["RESULT", "SERVER", "USER", "WHERE AND WHY"]);
        for row in rows {
            let text = if shared.is_some() { "" } else { row.text.as_str() };
            table.add([&row.outcome.to_string(), &row.server, &row.username, text]);
        }
        table.print(session.console)?;
        match shared {
            Some(text) => session.console.print(&format!("All: {}\n", show::name(text))),
            None => Ok(()),
        }
    }

    /// Only for people, because programs that read the rows need every cell.
    fn shared_text(&self) -> Option<&str> {
        let (first, others) = self.0.split_first()?;
        let is_shared = others.len() > 1 && others.iter().all(|row| row.text == first.text);
        is_shared.then_some(first.text.as_str())
    }

    fn count(&self, outcome: Outcome) -> usize {
        self.0.iter().filter(|row| row.outcome == outcome).count()
    }
}
