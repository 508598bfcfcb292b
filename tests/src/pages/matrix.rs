//! The matrix of clients and helpers, held against the tests that exist.
//!
//! A row names a test, a tick says that it runs with the column's helper. Each test program checks the rows that name it,
//! for it alone can list its tests. As nothing is skipped in CI, a ticked cell was run there.

use std::collections::BTreeSet;
use std::process::Command;

use crate::pages::page::repository;

/// The columns between what the client does and the test's name.
const HELPERS: [&str; 3] = ["age", "keyring", "env"];
const RUN: &str = "✓";
const NOT_RUN: &str = "–";

/// Checks, as a test of the program that calls it, what the matrix says of this program's tests.
#[macro_export]
macro_rules! matrix_is_true {
    () => {
        #[test]
        fn the_matrix_of_clients_is_true_of_these_tests() {
            $crate::pages::matrix::assert_true(env!("CARGO_CRATE_NAME"));
        }
    };
}

/// What client and helper are seen to do together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The test program: a file in `tests/tests`.
    pub program: String,
    /// The test, as it is named within its helper's module.
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

/// What the rows say and the tests do not bear out.
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
    /// The test with one helper: its module encloses the function.
    fn test_with(&self, helper: &str) -> String {
        match self.test.rsplit_once("::") {
            Some((modules, function)) => format!("{modules}::{helper}::{function}"),
            None => format!("{helper}::{}", self.test),
        }
    }
}

/// The rows of the page's first table.
fn rows_of(page: &str) -> Vec<Row> {
    let is_table = |line: &&str| line.starts_with('|');
    let mut table = page
        .lines()
        .skip_while(|line| !is_table(line))
        .take_while(is_table)
        .map(cells);
    let head = table.next().expect("the page has a table");
    assert_eq!(head[2..5], HELPERS, "the columns of the matrix");
    // The line between head and rows.
    table.next();
    table.map(|cells| row(&cells)).collect()
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
