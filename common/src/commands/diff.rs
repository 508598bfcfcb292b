//! The difference between two texts, line by line.

use super::Color;
use super::Console;

/// Lines of context around a change.
const CONTEXT: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line<'a> {
    Same(&'a str),
    Removed(&'a str),
    Added(&'a str),
}

/// For people to read: with context, without line numbers.
pub(super) fn diff(console: &Console, old: &str, new: &str) -> String {
    let lines = compare(&split(old), &split(new));
    let changed: Vec<usize> = (0..lines.len())
        .filter(|&index| !matches!(lines[index], Line::Same(_)))
        .collect();
    let is_near = |index: usize| changed.iter().any(|&change| change.abs_diff(index) <= CONTEXT);
    let mut shown = String::new();
    let mut is_gap = false;
    for (index, line) in lines.iter().enumerate() {
        if !is_near(index) {
            is_gap = true;
            continue;
        }
        if is_gap && !shown.is_empty() {
            shown.push_str("  …\n");
        }
        is_gap = false;
        let (sign, text, color) = match line {
            Line::Same(text) => (' ', text, None),
            Line::Removed(text) => ('-', text, Some(Color::Red)),
            Line::Added(text) => ('+', text, Some(Color::Green)),
        };
        let line = format!("{sign} {}", plain(text));
        shown.push_str(&color.map_or(line.clone(), |color| console.colored(color, &line)));
        shown.push('\n');
    }
    shown
}

fn split(text: &str) -> Vec<&str> {
    text.lines().collect()
}

fn plain(line: &str) -> String {
    Console::plain(&line.replace('\t', "    "))
}

/// By the longest common subsequence of what stands between the common beginning and the common end.
fn compare<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    let start = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (&old[start..], &new[start..]);
    let end = old_rest
        .iter()
        .rev()
        .zip(new_rest.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let (old_middle, old_end) = old_rest.split_at(old_rest.len() - end);
    let new_middle = &new_rest[..new_rest.len() - end];

    let mut lines: Vec<Line<'_>> = old[..start].iter().map(|line| Line::Same(line)).collect();
    lines.extend(compare_middle(old_middle, new_middle));
    lines.extend(old_end.iter().map(|line| Line::Same(line)));
    lines
}

fn compare_middle<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    // A table beyond this would take seconds; two blocks are as true.
    const CELLS_MAX: usize = 4_000_000;
    if old.len() * new.len() > CELLS_MAX {
        let removed = old.iter().map(|line| Line::Removed(line));
        return removed.chain(new.iter().map(|line| Line::Added(line))).collect();
    }
    // common[i][j]: how many lines `old[i..]` and `new[j..]` have in common.
    let mut common = vec![vec![0_u32; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] = if old[i] == new[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::new();
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            lines.push(Line::Same(old[i]));
            (i, j) = (i + 1, j + 1);
        } else if i < old.len() && (j == new.len() || common[i + 1][j] >= common[i][j + 1]) {
            lines.push(Line::Removed(old[i]));
            i += 1;
        } else {
            lines.push(Line::Added(new[j]));
            j += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_between_two_changes_are_shown_as_unchanged() {
        assert_eq!(
            compare(&["a", "b", "c", "d"], &["a", "x", "c", "d", "e"]),
            [
                Line::Same("a"),
                Line::Removed("b"),
                Line::Added("x"),
                Line::Same("c"),
                Line::Same("d"),
                Line::Added("e"),
            ]
        );
    }
}
