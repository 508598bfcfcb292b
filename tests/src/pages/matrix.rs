//! Compares the matrix of clients and helpers with the existing tests.
//!
//! A row names a test, and a tick means that it runs with the column's helper. Each test program checks its
//! own rows, because only it can list its tests. CI doesn't skip tests, so it runs every ticked cell.

use std::collections::BTreeSet;
use std::process::Command;

use crate::pages::page::repository;

/// The columns between the client's action and the test's name.
const HELPERS: [&str; 3] = ["age", "keyring", "env"];
const RUN: &str = "✓";
const NOT_RUN: &str = "–";

/// Checks the matrix's rows for the calling test program.
#[macro_export]
macro_rules! matrix_is_true {
    () => {
        #[test]
        fn the_matrix_of_clients_is_true_of_these_tests() {
            $crate::pages::matrix::assert_true(env!("CARGO_CRATE_NAME"));
        }
    };
}

/// A row: a client's action with each helper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The test program: a file in `tests/tests`.
    pub program: String,
    /// The test's name within its helper's module.
    test: String,
    /// One for each of [`HELPERS`].
    run: [bool; 3],
}

/// The matrix of docs/clients.md.
pub fn rows() -> Vec<Row> {
    let page = std::fs::read_to_string(repository().join("docs/clients.md"));
    rows_of(&page.expect("the page can be read"))
}

/// Checks that a test exists for each tick of this test program, and none for each dash.
#[track_caller]
pub fn assert_true(program: &str) {
    let this = std::env::current_exe().expect("a test program has a path");
    let listed = Command::new(this)
        .args(["--list", "--format", "terse"])
        .output()
        .expect("a test program lists its tests");
    let listed = String::from_utf8(listed.stdout).expect("names are text");
    let tests: BTreeSet<&str> = listed
        .lines()
        .filter_map(|line| line.strip_suffix(": test"))
        .collect();
    let rows: Vec<_> = rows().into_iter().filter(|row| row.program == program).collect();
    assert!(!rows.is_empty(), "the matrix has rows of {program}");
    assert_eq!(untrue(&rows, &tests), Vec::<String>::new());
}

/// The differences between the rows and the tests.
fn untrue(rows: &[Row], tests: &BTreeSet<&str>) -> Vec<String> {
    let mut untrue = Vec::new();
    for row in rows {
        for (helper, said) in HELPERS.into_iter().zip(row.run) {
            let test = row.test_with(helper);
            match (said, tests.contains(&*test)) {
                (true, false) => untrue.push(format!("no test {}::{test}", row.program)),
                (false, true) => untrue.push(format!("{}::{test} is run, and not ticked", row.program)),
                _ => {}
            }
        }
    }
    untrue
}

impl Row {
    /// The test with one helper, in that helper's module.
    fn test_with(&self, helper: &str) -> String {
        match self.test.rsplit_once("::") {
            Some((modules, function)) => format!("{modules}::{helper}::{function}"),
            None => format!("{helper}::{}", self.test),
        }
    }
}

/// The rows of the page's tables that name a test: what `tests/run` runs, and what is run by hand.
fn rows_of(page: &str) -> Vec<Row> {
    let tables = page.lines().filter(|line| line.starts_with('|')).map(cells);
    let mut rows: Vec<_> = tables.filter(|cells| cells.len() == 6).collect();
    let is_head = |cells: &Vec<&str>| cells[2..5] == HELPERS;
    assert!(rows.first().is_some_and(is_head), "the columns of the matrix");
    rows.retain(|cells| !is_head(cells) && cells[0] != "---");
    rows.iter().map(|cells| row(cells)).collect()
}

fn cells(line: &str) -> Vec<&str> {
    line.trim_matches('|').split('|').map(str::trim).collect()
}

fn row(cells: &[&str]) -> Row {
    let &[_client, _does, age, keyring, env, test] = cells else {
        panic!("a row of the matrix has six cells: {cells:?}");
    };
    let (program, test) = test
        .trim_matches('`')
        .split_once("::")
        .unwrap_or_else(|| panic!("a test is named with its program: {test}"));
    let run = |cell| match cell {
        RUN => true,
        NOT_RUN => false,
        other => panic!("a cell of the matrix is `{RUN}` or `{NOT_RUN}`, not `{other}`"),
    };
    Row {
        program: program.to_owned(),
        test: test.to_owned(),
        run: [run(age), run(keyring), run(env)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# Clients\n\n\
        | client | does | age | keyring | env | test |\n|---|---|---|---|---|---|\n\
        | docker | logout | ✓ | ✓ | – | `clients_docker::logout` |\n\
        | crane | manifest | ✓ | – | ✓ | `clients_oci::crane::reads` |\n\n## More\n\n| not | this |\n";

    #[test]
    fn a_matrix_that_is_borne_out_is_true() {
        let tests = [
            "age::logout",
            "keyring::logout",
            "crane::age::reads",
            "crane::env::reads",
        ];
        assert_eq!(untrue(&rows_of(PAGE), &tests.into()), Vec::<String>::new());
    }

    #[test]
    fn a_tick_without_a_test_and_a_test_without_a_tick_are_noticed() {
        let tests = [
            "age::logout",
            "env::logout",
            "keyring::logout",
            "crane::age::reads",
        ];
        assert_eq!(
            untrue(&rows_of(PAGE), &tests.into()),
            [
                "clients_docker::env::logout is run, and not ticked",
                "no test clients_oci::crane::env::reads"
            ]
        );
    }
}
