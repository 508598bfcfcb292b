use super::Console;
use crate::Error;

/// Rows: aligned under a heading on a terminal, or tab-separated lines for programs.
pub(super) struct Table<const COLUMNS: usize> {
    heading: [&'static str; COLUMNS],
    rows: Vec<[String; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    pub(super) fn new(heading: [&'static str; COLUMNS]) -> Self {
        Self {
            heading,
            rows: Vec::new(),
        }
    }

    /// Cells may contain untrusted text.
    pub(super) fn add(&mut self, row: [&str; COLUMNS]) {
        self.rows.push(row.map(Console::plain));
    }

    pub(super) fn print(&self, console: &mut Console) -> Result<(), Error> {
        if self.rows.is_empty() {
            return Ok(());
        }
        if !console.is_terminal() {
            let lines: String = self.rows.iter().map(|row| row.join("\t") + "\n").collect();
            return console.print(&lines);
        }
        let heading = self.heading.map(str::to_owned);
        let all = || std::iter::once(&heading).chain(&self.rows);
        let mut widths = [0; COLUMNS];
        for row in all() {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut text = String::new();
        for row in all() {
            let cells: Vec<String> = row
                .iter()
                .zip(widths)
                .map(|(cell, width)| format!("{cell:width$}"))
                .collect();
            text.push_str(cells.join("  ").trim_end());
            text.push('\n');
        }
        console.print(&text)
    }
}
