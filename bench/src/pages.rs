//! The pages with the results of a run: docs/speed.md with the whole table, the chart, and the README's five
//! rows.
//!
//! The chart and the README are generated from the table in docs/speed.md, so a test can compare them.

use std::fs;
use std::path::Path;

use crate::chart;
use crate::contender::Contender;
use crate::report::{self, title};
use crate::tasks::Task;

/// The benchmark replaces the text between these lines.
const BEGIN: &str = "<!-- bench/run writes from here -->\n";
const END: &str = "<!-- to here -->\n";

/// A row of the README: a row of the table, our helper, and docker's for the same work.
const HIGHLIGHTS: [(Task, Contender, Contender); 5] = [
    (Task::Get(10), Contender::Age, Contender::Pass),
    (Task::List(100), Contender::Age, Contender::Pass),
    (Task::ClassicBuild, Contender::Age, Contender::Pass),
    (Task::Get(10), Contender::Keyring, Contender::SecretService),
    (Task::Miss(100), Contender::Keyring, Contender::SecretService),
];

/// Writes all three below `root`. `circumstances` is a sentence: the date, the machine, the peers' versions.
pub(crate) fn write(root: &Path, circumstances: &str, cells: &[Vec<String>], targets: &str) {
    let speed = root.join("docs/speed.md");
    let content = format!("{circumstances}\n\n{}\n{targets}", report::markdown(cells));
    put(&speed, &content);
    put(&root.join("README.md"), &highlights(cells));
    fs::write(root.join("docs/speed.svg"), chart::svg(cells)).expect("the picture can be written");
}

fn highlights(cells: &[Vec<String>]) -> String {
    let mut table = vec![
        ["", "ours", "docker's", "times as fast"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for (task, ours, theirs) in HIGHLIGHTS {
        let row = cells.iter().find(|row| row[0] == title(task));
        let cell = |name: &str| {
            let column = cells[0].iter().position(|head| head == name);
            row.zip(column)
                .map_or("–", |(row, column)| &row[column])
                .to_owned()
        };
        table.push(vec![
            format!("{}: {} and {}", title(task), ours.name(), theirs.name()),
            cell(ours.name()),
            cell(theirs.name()),
            cell(&report::ratio_head(ours, theirs)),
        ]);
    }
    report::markdown(&table)
}

fn put(page: &Path, content: &str) {
    let text = fs::read_to_string(page).expect("the page can be read");
    let (before, _, after) = parts(&text);
    fs::write(page, format!("{before}{BEGIN}\n{content}\n{END}{after}")).expect("the page can be written");
}

/// A page's text before the benchmark's part, that part, and the text after it.
fn parts(text: &str) -> (&str, &str, &str) {
    let split = text
        .split_once(BEGIN)
        .and_then(|(before, rest)| Some((before, rest.split_once(END)?)));
    let (before, (ours, after)) = split.expect("the page has the benchmark's two marks");
    (before, ours, after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(name: &str) -> String {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        fs::read_to_string(root.join(name)).expect("a page of the project")
    }

    fn table_of_speed() -> Vec<Vec<String>> {
        let speed = page("docs/speed.md");
        let rows = parts(&speed).1.lines().filter(|line| line.starts_with("| "));
        rows.map(|line| {
            let cells = line.trim_matches('|').split('|');
            cells.map(|cell| cell.trim().to_owned()).collect()
        })
        .collect()
    }

    #[test]
    fn the_readme_shows_rows_of_the_same_run() {
        let readme = page("README.md");
        assert_eq!(parts(&readme).1.trim(), highlights(&table_of_speed()).trim());
    }

    #[test]
    fn the_picture_is_of_the_same_run() {
        assert_eq!(page("docs/speed.svg"), chart::svg(&table_of_speed()));
    }
}
