//! The table, and the goals.

use std::fmt::Write as _;

use crate::contender::{Contender, Contenders};
use crate::stores::TEAM;
use crate::tasks::{PARALLEL, Row, Task};

/// The table's cells, the heading first.
pub(crate) fn cells(contenders: &Contenders, rows: &[Row]) -> Vec<Vec<String>> {
    let columns: Vec<Contender> = Contender::ALL
        .into_iter()
        .filter(|contender| contenders.have(*contender))
        .collect();
    let rivals: Vec<(Contender, Contender)> = RIVALS
        .into_iter()
        .filter(|(ours, theirs)| columns.contains(ours) && columns.contains(theirs))
        .collect();

    let mut head = vec![WHAT.to_owned()];
    head.extend(columns.iter().map(|column| column.name().to_owned()));
    head.extend(rivals.iter().map(|(ours, theirs)| ratio_head(*ours, *theirs)));
    head.push("rounds".to_owned());
    let mut cells = vec![head];
    for row in rows {
        let mut line = vec![title(row.task)];
        line.extend(columns.iter().map(|column| match row.value(*column) {
            Some(value) => amount(row.task, value),
            None if row.failed.contains(column) => "fails".to_owned(),
            None => NOTHING.to_owned(),
        }));
        line.extend(
            rivals
                .iter()
                .map(|(ours, theirs)| ratio(row.value(*theirs), row.value(*ours))),
        );
        line.push(row.rounds.to_string());
        cells.push(line);
    }
    cells
}

/// The heading of the column with the ratio of `theirs` to `ours`.
pub(crate) fn ratio_head(ours: Contender, theirs: Contender) -> String {
    format!("{} : {}", theirs.name(), ours.name())
}

/// The heading of the first column.
const WHAT: &str = "median of one run, in turn";
/// The cell of a program that doesn't do this.
const NOTHING: &str = "–";

/// Pairs of our helpers and docker's.
const RIVALS: [(Contender, Contender); 2] = [
    (Contender::Age, Contender::Pass),
    (Contender::Keyring, Contender::SecretService),
];

/// A Markdown table with aligned columns.
pub(crate) fn markdown(cells: &[Vec<String>]) -> String {
    let width = |column: usize| {
        cells
            .iter()
            .map(|line| line[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..cells[0].len()).map(width).collect();
    let mut table = String::new();
    for (number, line) in cells.iter().enumerate() {
        for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
            let _ = if column == 0 {
                write!(table, "| {cell:<width$} ")
            } else {
                write!(table, "| {cell:>width$} ")
            };
        }
        table.push_str("|\n");
        if number == 0 {
            for (column, width) in widths.iter().enumerate() {
                let rule = "-".repeat(width + 1);
                let _ = if column == 0 {
                    write!(table, "|-{rule}")
                } else {
                    write!(table, "|{rule}:")
                };
            }
            table.push_str("|\n");
        }
    }
    table
}

/// The name of a row.
pub(crate) fn title(task: Task) -> String {
    match task {
        Task::Start => "start (`version`)".to_owned(),
        Task::Get(size) => format!("get, {size} stored"),
        Task::Miss(size) => format!("get of what is not stored, {size} stored"),
        Task::Store => "store, 10 stored".to_owned(),
        Task::List(1) => "list of 1".to_owned(),
        Task::List(size) => format!("list of {}", grouped(size)),
        Task::ClassicBuild => "classic `docker build`: 1 list, 100 gets".to_owned(),
        Task::ParallelGets => format!("{PARALLEL} gets at once"),
        Task::GetAmong(size) => format!("get by age alone, {} stored", grouped(size)),
        Task::TeamGet => format!("get by age alone, store of {TEAM} people"),
        Task::TeamList => format!("list of 10 by age alone, store of {TEAM} people"),
        Task::UnlockedGet => "get by age alone, passphrase unlocked".to_owned(),
        Task::Instructions => "instructions of a get, 1 stored".to_owned(),
        Task::PageFaults => "page faults of a get, 1 stored".to_owned(),
        Task::PeakMemory => "peak memory of a get".to_owned(),
        Task::BinarySize => "size of the program".to_owned(),
    }
}

/// With a comma between thousands.
fn grouped(number: usize) -> String {
    if number < 1_000 {
        number.to_string()
    } else {
        format!("{},{:03}", number / 1_000, number % 1_000)
    }
}

/// Three digits, with the unit of the task.
pub(crate) fn amount(task: Task, value: f64) -> String {
    match task {
        Task::PeakMemory | Task::BinarySize => format!("{} MB", digits(value / 1e6)),
        Task::Instructions => format!("{} M", digits(value / 1e6)),
        Task::PageFaults => format!("{value:.0}"),
        _ if value < 0.999_5 => format!("{} ms", digits(value * 1e3)),
        _ => format!("{} s", digits(value)),
    }
}

/// The time in a cell that [`amount`] made.
pub(crate) fn seconds(cell: &str) -> Option<f64> {
    let (number, unit) = cell.split_once(' ')?;
    let number: f64 = number.parse().ok()?;
    match unit {
        "ms" => Some(number / 1e3),
        "s" => Some(number),
        _ => None,
    }
}

fn digits(value: f64) -> String {
    let decimals = match value {
        _ if value >= 99.95 => 0,
        _ if value >= 9.995 => 1,
        _ => 2,
    };
    format!("{value:.decimals$}")
}

fn ratio(theirs: Option<f64>, ours: Option<f64>) -> String {
    match (theirs, ours) {
        (Some(theirs), Some(ours)) => digits(theirs / ours),
        _ => NOTHING.to_owned(),
    }
}

/// Each goal, a ratio, and whether this run reached it. Only ratios are comparable between machines, because
/// both programs ran in turn.
pub(crate) fn targets(rows: &[Row]) -> String {
    use Bound::{AtLeast, AtMost};
    use Contender::{Age, Env, Hello, Keyring, Pass, RawKeyring, SecretService};
    let times = |task, theirs, ours| {
        let row = rows.iter().find(|row| row.task == task)?;
        Some(row.value(theirs)? / row.value(ours)?)
    };
    let value = |task, contender| rows.iter().find(|row| row.task == task)?.value(contender);
    let growth = value(Task::GetAmong(10_000), Age)
        .zip(value(Task::GetAmong(10), Age))
        .map(|(large, small)| large / small);
    let mut text = String::new();
    for (what, found, bound) in [
        ("get, pass : age", times(Task::Get(10), Pass, Age), AtLeast(30.0)),
        (
            "list of 1, pass : age",
            times(Task::List(1), Pass, Age),
            AtLeast(1.2),
        ),
        (
            "list of 10, pass : age",
            times(Task::List(10), Pass, Age),
            AtLeast(1.2),
        ),
        (
            "list of 100, pass : age",
            times(Task::List(100), Pass, Age),
            AtLeast(1.2),
        ),
        (
            "list of 1,000, pass : age",
            times(Task::List(1_000), Pass, Age),
            AtLeast(1.0),
        ),
        (
            "list of 10,000, pass : age",
            times(Task::List(10_000), Pass, Age),
            AtLeast(1.0),
        ),
        (
            "classic build, pass : age",
            times(Task::ClassicBuild, Pass, Age),
            AtLeast(25.0),
        ),
        (
            "get, secretservice : keyring",
            times(Task::Get(10), SecretService, Keyring),
            AtLeast(2.7),
        ),
        (
            "get, keyring : raw keyring client",
            times(Task::Get(10), Keyring, RawKeyring),
            AtMost(1.1),
        ),
        (
            "a miss beside 1, secretservice : keyring",
            times(Task::Miss(1), SecretService, Keyring),
            AtLeast(3.0),
        ),
        (
            "a miss among 100, secretservice : keyring",
            times(Task::Miss(100), SecretService, Keyring),
            AtLeast(3.0),
        ),
        (
            "list of 100, secretservice : keyring",
            times(Task::List(100), SecretService, Keyring),
            AtLeast(8.0),
        ),
        (
            "classic build, secretservice : keyring",
            times(Task::ClassicBuild, SecretService, Keyring),
            AtLeast(2.7),
        ),
        (
            "get, 1 stored, env : static hello",
            times(Task::Get(1), Env, Hello),
            AtMost(1.3),
        ),
        ("get, 10,000 stored : 10 stored, age", growth, AtMost(1.1)),
    ] {
        let Some(found) = found else { continue };
        let (reached, bound) = match bound {
            AtMost(bound) => (found <= bound, format!("≤ {}", digits(bound))),
            AtLeast(bound) => (found >= bound, format!("≥ {}", digits(bound))),
        };
        let verdict = if reached { "reached" } else { "missed" };
        let _ = writeln!(text, "- {verdict}: {what}: {} ({bound})", digits(found));
    }
    text
}

enum Bound {
    AtMost(f64),
    AtLeast(f64),
}
