//! Finds the word that the user meant.

use crate::text::fold_case;

/// The one of `names` that `typed` almost is.
pub(super) fn nearest<'a>(typed: &str, names: &[&'a str]) -> Option<&'a str> {
    const SLIPS: usize = 2;
    let typed = fold_case(typed);
    let distances = names
        .iter()
        .map(|name| (distance(&typed, &fold_case(name)), *name));
    let (distance, name) = distances.min()?;
    (1..=SLIPS).contains(&distance).then_some(name)
}

/// The number of letters to add, remove or change.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let changed = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_hand_is_recognised() {
        let names = ["credsStore", "credHelpers", "auths"];
        for (typed, meant) in [
            ("credStore", Some("credsStore")),
            ("credsStroe", Some("credsStore")),
            ("credHelper", Some("credHelpers")),
            ("auth", Some("auths")),
            ("credsstore", None),
            ("psFormat", None),
            ("proxies", None),
        ] {
            assert_eq!(nearest(typed, &names), meant, "{typed}");
        }
    }
}
