//! The matching rule, against a second implementation.
//!
//! The input is a line for each stored server, and one for the query.

#![no_main]

use docker_credential_helper::ServerUrl;
use libfuzzer_sys::fuzz_target;

#[path = "../../tests/tests/promises/oracle.rs"]
mod oracle;
#[path = "../../tests/tests/promises/released.rs"]
mod released;

fuzz_target!(|text: &str| {
    let mut servers: Vec<ServerUrl> = text
        .split('\n')
        .filter_map(|line| ServerUrl::parse(line).ok())
        .collect();
    let Some(query) = servers.pop() else { return };
    // The store ignores paths that are longer than a repository name, which the oracle doesn't do.
    if query.as_str().len() > 255 {
        return;
    }
    for server in &servers {
        if let Ok(stored) = server.for_storing() {
            assert!(stored.key() == server.key());
        }
        let shortest = server.key().to_string();
        assert!(ServerUrl::parse(&shortest).is_ok_and(|again| again.key() == server.key()));
    }
    let stored: Vec<String> = servers.iter().map(|server| server.as_str().to_owned()).collect();
    let answer = released::released(&stored, query.as_str());
    assert_eq!(answer.as_ref(), oracle::answering(&stored, query.as_str()));
});
