//! The table, and the figures that the suite means to reach.

use std::fmt::Write as _;

use crate::contender::{Contender, Contenders};
use crate::tasks::{PARALLEL, Row, Task};

/// A Markdown table, aligned so that it reads as it is.
pub(crate) fn table(contenders: &Contenders, rows: &[Row]) -> String {
    let columns: Vec<Contender> = Contender::ALL
        .into_iter()
        .filter(|contender| contenders.have(*contender))
        .collect();
    let rivals: Vec<(Contender, Contender)> = RIVALS
        .into_iter()
        .filter(|(ours, theirs)| columns.contains(ours) && columns.contains(theirs))
        .collect();

    let mut head = vec!["median of one run, in turn".to_owned()];
    head.extend(columns.iter().map(|column| column.name().to_owned()));
    head.extend(
        rivals
            .iter()
            .map(|(ours, theirs)| format!("{} : {}", theirs.name(), ours.name())),
    );
    head.push("rounds".to_owned());
    let mut cells = vec![head];
    for row in rows {
        let mut line = vec![title(row.task)];
        line.extend(columns.iter().map(|column| match row.value(*column) {
            Some(value) => amount(row.task, value),
            None if row.failed.contains(column) => "fails".to_owned(),
            None => "–".to_owned(),
        }));
        line.extend(
            rivals
                .iter()
                .map(|(ours, theirs)| ratio(row.value(*theirs), row.value(*ours))),
        );
        line.push(row.rounds.to_string());
        cells.push(line);
    }
    aligned(&cells)
}

/// Which helper of ours does the work of which of docker's.
const RIVALS: [(Contender, Contender); 2] = [
    (Contender::Age, Contender::Pass),
    (Contender::Keyring, Contender::SecretService),
];

fn aligned(cells: &[Vec<String>]) -> String {
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

/// What a row is called.
pub(crate) fn title(task: Task) -> String {
    match task {
        Task::Start => "start (`version`)".to_owned(),
        Task::Get(size) => format!("get, {size} stored"),
        Task::Miss => "get of what is not stored, 100 stored".to_owned(),
        Task::Store => "store, 10 stored".to_owned(),
        Task::List(1) => "list of 1".to_owned(),
        Task::List(size) => format!("list of {}", grouped(size)),
        Task::ClassicBuild => "classic `docker build`: 1 list, 100 gets".to_owned(),
        Task::ParallelGets => format!("{PARALLEL} gets at once"),
        Task::GetAmong(size) => format!("get by age alone, {} stored", grouped(size)),
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
        _ if value < 0.999_5 => format!("{} ms", digits(value * 1e3)),
        _ => format!("{} s", digits(value)),
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
        _ => "–".to_owned(),
    }
}

/// Each figure that the suite means to reach, and whether this run did.
pub(crate) fn targets(rows: &[Row]) -> String {
    use Bound::{AtLeast, AtMost};
    use Contender::{Age, Env, Hello, Keyring, Pass, SecretService};
    let value = |task, contender| rows.iter().find(|row| row.task == task)?.value(contender);
    let seconds = |value: f64| amount(Task::Start, value);
    let targets: [Target; 11] = [
        ("get, age", value(Task::Get(10), Age), AtMost(1.0e-3), &seconds),
        (
            "get, keyring",
            value(Task::Get(10), Keyring),
            AtMost(5.0e-3),
            &seconds,
        ),
        (
            "a miss among 100, keyring",
            value(Task::Miss, Keyring),
            AtMost(10.0e-3),
            &seconds,
        ),
        (
            "list of 100, age",
            value(Task::List(100), Age),
            AtMost(12.0e-3),
            &seconds,
        ),
        (
            "list of 100, keyring",
            value(Task::List(100), Keyring),
            AtMost(10.0e-3),
            &seconds,
        ),
        (
            "classic build, age",
            value(Task::ClassicBuild, Age),
            AtMost(0.15),
            &seconds,
        ),
        (
            "classic build, keyring",
            value(Task::ClassicBuild, Keyring),
            AtMost(0.5),
            &seconds,
        ),
        (
            "get, env, 1 stored : static hello",
            quotient(value(Task::Get(1), Env), value(Task::Get(1), Hello)),
            AtMost(1.3),
            &digits,
        ),
        (
            "get, age, 10,000 stored : 10 stored",
            quotient(value(Task::GetAmong(10_000), Age), value(Task::GetAmong(10), Age)),
            AtMost(1.1),
            &digits,
        ),
        (
            "get, docker's pass : age",
            quotient(value(Task::Get(10), Pass), value(Task::Get(10), Age)),
            AtLeast(30.0),
            &digits,
        ),
        (
            "get, docker's secretservice : keyring",
            quotient(value(Task::Get(10), SecretService), value(Task::Get(10), Keyring)),
            AtLeast(3.0),
            &digits,
        ),
    ];
    let mut text = String::new();
    for (what, found, bound, shown) in targets {
        let Some(found) = found else { continue };
        let (reached, bound) = match bound {
            AtMost(bound) => (found <= bound, format!("≤ {}", shown(bound))),
            AtLeast(bound) => (found >= bound, format!("≥ {}", shown(bound))),
        };
        let verdict = if reached { "reached" } else { "missed " };
        let _ = writeln!(text, "{verdict}  {what}: {} ({bound})", shown(found));
    }
    text
}

type Target<'a> = (&'static str, Option<f64>, Bound, &'a dyn Fn(f64) -> String);

enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

fn quotient(of: Option<f64>, by: Option<f64>) -> Option<f64> {
    Some(of? / by?)
}
