//! Runs the cases, and reports the results.

use std::fmt;

use serde_json::json;

use crate::run::{Helper, excerpt};
use crate::{Class, Group, Mode, Probe, Stop, Verdict};

/// The version of the JSON: it changes if a member is removed or changes its meaning, not if one is added.
const SCHEMA: u32 = 1;

/// The result of a run.
#[derive(Debug)]
pub struct Report {
    helper: String,
    label: String,
    groups: Vec<(Group, Vec<Verdict>)>,
    left_behind: Vec<String>,
}

/// The number of passed and of applicable cases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Score {
    /// The cases that passed.
    pub passed: usize,
    /// Those and the ones that failed.
    pub of: usize,
}

impl Report {
    /// Runs the cases, one after another.
    pub fn of(helper: &Helper, groups: Vec<Group>, mode: Mode) -> Self {
        let label = Probe::random_label();
        let mut number = 0;
        let groups = groups
            .into_iter()
            .map(|group| {
                let verdicts = group
                    .cases
                    .iter()
                    .map(|case| {
                        number += 1;
                        case.check(&Probe::new(helper, mode, &label, number))
                    })
                    .collect();
                (group, verdicts)
            })
            .collect();
        let left_behind = left_behind(helper, mode, &label);
        Self {
            helper: helper.name(),
            label,
            groups,
            left_behind,
        }
    }

    /// Whether no case failed and no entry was left behind.
    pub fn is_clean(&self) -> bool {
        self.left_behind.is_empty() && Class::ALL.iter().all(|class| self.score(*class).is_full())
    }

    /// The score in one class.
    pub fn score(&self, class: Class) -> Score {
        self.groups
            .iter()
            .map(|(group, verdicts)| score(group, verdicts, class))
            .fold(Score::default(), Score::plus)
    }

    /// The ids of the cases that failed.
    pub fn failed(&self) -> Vec<&str> {
        self.results()
            .filter(|(_, verdict)| matches!(verdict, Err(Stop::Failed(_))))
            .map(|(case, _)| case.id.as_str())
            .collect()
    }

    /// The ids of the cases that weren't applicable.
    pub fn not_applicable(&self) -> Vec<&str> {
        self.results()
            .filter(|(_, verdict)| matches!(verdict, Err(Stop::NotApplicable(_))))
            .map(|(case, _)| case.id.as_str())
            .collect()
    }

    fn results(&self) -> impl Iterator<Item = (&crate::Case, &Verdict)> {
        self.groups
            .iter()
            .flat_map(|(group, verdicts)| group.cases.iter().zip(verdicts))
    }

    /// The failures, and the scores as a Markdown table whose last line is the sum.
    pub fn to_text(&self) -> String {
        let failures = self.results().filter_map(|(case, verdict)| match verdict {
            Err(Stop::Failed(problem)) => Some(format!(
                "FAIL {} ({}): {}\n     {problem}\n",
                case.id, case.class, case.says
            )),
            _ => None,
        });
        let leavings = self
            .left_behind
            .iter()
            .map(|server| format!("LEFT BEHIND: {}\n", excerpt(server.as_bytes(), 200)));
        let mut lines: Vec<String> = failures.chain(leavings).collect();
        if !lines.is_empty() {
            lines.push("\n".into());
        }
        lines.push(row(&self.helper, Class::ALL));
        lines.push("|---|---|---|---|\n".into());
        let groups = self.groups.iter();
        lines.extend(
            groups.map(|(group, verdicts)| {
                row(group.name, Class::ALL.map(|class| score(group, verdicts, class)))
            }),
        );
        lines.push(row("all", Class::ALL.map(|class| self.score(class))));
        lines.concat()
    }

    /// Everything, for programs; docs/conformance.md documents the members.
    pub fn to_json(&self) -> String {
        let cases: Vec<_> = self
            .results()
            .map(|(case, verdict)| {
                let (result, detail) = match verdict {
                    Ok(()) => ("passed", None),
                    Err(Stop::Failed(problem)) => ("failed", Some(problem)),
                    Err(Stop::NotApplicable(reason)) => ("not_applicable", Some(reason)),
                };
                json!({
                    "id": case.id, "group": case.group, "class": case.class.to_string(), "says": case.says,
                    "source": case.source, "result": result, "detail": detail,
                })
            })
            .collect();
        let mut scores = serde_json::Map::new();
        for class in Class::ALL {
            let Score { passed, of } = self.score(class);
            scores.insert(class.to_string(), json!({ "passed": passed, "of": of }));
        }
        let report = json!({
            "schema": SCHEMA, "helper": self.helper, "label": self.label, "scores": scores,
            "left_behind": self.left_behind, "cases": cases,
        });
        format!("{report:#}\n")
    }
}

impl Score {
    fn is_full(self) -> bool {
        self.passed == self.of
    }

    fn plus(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            of: self.of + other.of,
        }
    }
}

impl fmt::Display for Score {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.of == 0 {
            return formatter.write_str("–");
        }
        write!(formatter, "{}/{}", self.passed, self.of)
    }
}

fn score(group: &Group, verdicts: &[Verdict], class: Class) -> Score {
    let mut score = Score::default();
    for (_, verdict) in group
        .cases
        .iter()
        .zip(verdicts)
        .filter(|(case, _)| case.class == class)
    {
        match verdict {
            Ok(()) => score = score.plus(Score { passed: 1, of: 1 }),
            Err(Stop::Failed(_)) => score = score.plus(Score { passed: 0, of: 1 }),
            Err(Stop::NotApplicable(_)) => {}
        }
    }
    score
}

fn row<T: fmt::Display>(name: &str, [first, second, third]: [T; 3]) -> String {
    format!("| {name} | {first} | {second} | {third} |\n")
}

/// Entries of this run that `list` still shows at the end: erases them by that name, and reports those that
/// stay.
fn left_behind(helper: &Helper, mode: Mode, label: &str) -> Vec<String> {
    if mode.read_only {
        return Vec::new();
    }
    let probe = Probe::new(helper, mode, label, 0);
    let ours = || {
        let listed = probe.list().unwrap_or_default();
        listed
            .into_iter()
            .map(|(server, _)| server)
            .filter(|server| server.to_lowercase().contains(label))
    };
    for server in ours() {
        // The second `list` shows whether it worked.
        let _looked_at_below = probe.erase(&server);
    }
    ours().collect()
}

/// The cases as Markdown, with a heading and a table for each group.
pub fn tables(groups: &[Group]) -> String {
    let texts: Vec<_> = groups
        .iter()
        .map(|group| format!("### {}: {}\n\n{}\n", group.name, group.about, table(group)))
        .collect();
    texts.concat()
}

/// The cases of one group as a Markdown table.
pub fn table(group: &Group) -> String {
    let head = "| case | what passes | class | source |\n|---|---|---|---|\n".to_owned();
    let rows = group.cases.iter().map(|case| {
        format!(
            "| `{}` | {} | {} | {} |\n",
            case.id,
            cell(case.says),
            case.class,
            cell(case.source)
        )
    });
    std::iter::once(head).chain(rows).collect()
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
