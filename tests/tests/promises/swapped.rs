//! An attacker who can write to a store but not read it can't send a registry's password to another.

use std::fs;

use docker_credential_tests::login::Login;

use crate::broken::Subject;
use crate::model::{Answer, answer};
use crate::scale::report;

const SERVERS: usize = 50;

/// Replaces each entry with each other one; returns the number of pairs and of wrong secrets.
fn swap_all_pairs(subject: Subject, servers: usize) -> (usize, usize) {
    let place = subject.place();
    let server = |index: usize| format!("r{index}.example.com");
    let path = |index: usize| {
        place
            .path("data/docker-credential-age")
            .join(format!("{}.age", server(index)))
    };
    for index in 0..servers {
        place.store(&server(index), &Login::new("user", &format!("secret {index}")));
    }
    let files: Vec<_> = (0..servers)
        .map(|index| fs::read(path(index)).expect("an entry for each server"))
        .collect();
    let mut wrong = 0;
    for asked in 0..servers {
        for (_, content) in files.iter().enumerate().filter(|(other, _)| *other != asked) {
            fs::write(path(asked), content).expect("an entry can be replaced");
            // Not even "not found", which would be a pull without a login.
            wrong += usize::from(!matches!(answer(&place, &server(asked)), Answer::Trouble(_)));
        }
        fs::write(path(asked), &files[asked]).expect("an entry can be put back");
        assert_eq!(
            answer(&place, &server(asked)),
            Answer::Is(Some(format!("secret {asked}")))
        );
    }
    (servers * (servers - 1), wrong)
}

#[test]
fn an_entry_in_the_place_of_another_is_never_answered() {
    let (pairs, wrong) = swap_all_pairs(Subject::Sound, SERVERS);
    report(
        "6 swapped entries",
        &format!("{pairs} pairs: {wrong} wrong answers"),
    );
    assert_eq!(wrong, 0);
}

#[test]
fn control_a_helper_that_does_not_compare_servers_is_caught() {
    let (pairs, wrong) = swap_all_pairs(Subject::Broken("unbound-entries"), 3);
    assert_eq!(wrong, pairs);
}
