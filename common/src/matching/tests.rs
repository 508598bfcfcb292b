use std::time::{Duration, UNIX_EPOCH};

use super::*;
use crate::{Secret, Username};

fn url(text: &str) -> ServerUrl {
    ServerUrl::parse(text).unwrap()
}

/// Holds several credentials for one key if necessary, and proposes by key.
struct Items(Vec<Credential>);

impl CredentialStore for Items {
    fn get(&self, server: &ServerUrl) -> Result<Option<Credential>, Error> {
        Ok(newest(server, self.0.iter().cloned(), |credential| {
            (credential.server(), None)
        }))
    }
    fn store(&self, _: &Credential) -> Result<(), Error> {
        unreachable!()
    }
    fn erase(&self, _: &ServerUrl) -> Result<(), Error> {
        unreachable!()
    }
    fn list(&self) -> Result<Vec<Listed>, Error> {
        Ok(self.0.iter().map(Listed::from).collect())
    }
}

/// A store of these servers; each user name is the server's spelling.
fn store(servers: &[&str]) -> Items {
    let credential = |server: &&str| {
        Credential::new(
            url(server),
            Username::parse((*server).to_owned()).unwrap(),
            Secret::new(String::new()),
        )
    };
    Items(servers.iter().map(credential).collect())
}

fn answer(servers: &[&str], query: &str) -> Option<String> {
    match find(&store(servers), &url(query)) {
        Ok(credential) => Some(credential.username().to_string()),
        Err(Error::NotFound) => None,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn an_equal_key_answers_in_any_spelling() {
    assert_eq!(
        answer(&["https://ghcr.io/v2/"], "ghcr.io").as_deref(),
        Some("https://ghcr.io/v2/")
    );
    assert_eq!(
        answer(&["index.docker.io"], "https://index.docker.io/v1/").as_deref(),
        Some("index.docker.io")
    );
}

#[test]
fn the_longest_enclosing_path_answers() {
    let servers = ["ghcr.io", "ghcr.io/org", "ghcr.io/org/app"];
    assert_eq!(
        answer(&servers, "ghcr.io/org/app").as_deref(),
        Some("ghcr.io/org/app")
    );
    assert_eq!(
        answer(&servers, "ghcr.io/org/other").as_deref(),
        Some("ghcr.io/org")
    );
    assert_eq!(
        answer(&servers, "ghcr.io/organisation/app").as_deref(),
        Some("ghcr.io")
    );
}

#[test]
fn a_query_with_a_scheme_has_no_enclosing_answer() {
    assert_eq!(answer(&["ghcr.io"], "https://ghcr.io/org"), None);
}

#[test]
fn nothing_else_answers() {
    for query in [
        "a.b.example",
        "example",
        "b.example:5000",
        "http://b.example",
        "b.example.",
        "xb.example",
        "b-example",
    ] {
        assert_eq!(answer(&["b.example"], query), None, "{query}");
    }
    assert_eq!(answer(&["b.example/org"], "b.example"), None);
    assert_eq!(
        answer(
            &["https://index.docker.io/v1/"],
            "https://index.docker.io/v1/access-token"
        ),
        None
    );
    assert_eq!(
        answer(&["https://index.docker.io/v1/access-token"], "docker.io"),
        None
    );
    assert_eq!(
        answer(
            &["https://index.docker.io/v1/access-token"],
            "index.docker.io/v1/access-token/x"
        ),
        None
    );
}

#[test]
fn a_store_that_proposes_another_servers_credential_is_not_believed() {
    struct Confused;
    impl CredentialStore for Confused {
        fn get(&self, _: &ServerUrl) -> Result<Option<Credential>, Error> {
            Ok(store(&["ghcr.io"]).0.pop())
        }
        fn store(&self, _: &Credential) -> Result<(), Error> {
            unreachable!()
        }
        fn erase(&self, _: &ServerUrl) -> Result<(), Error> {
            unreachable!()
        }
        fn list(&self) -> Result<Vec<Listed>, Error> {
            unreachable!()
        }
    }
    assert!(find(&Confused, &url("ghcr.io")).is_ok());
    for query in ["quay.io", "ghcr.io:5000", "x://y"] {
        assert!(
            matches!(find(&Confused, &url(query)), Err(Error::Damaged(_))),
            "{query}"
        );
    }
    assert!(matches!(
        find(&Confused, &url("quay.io/org")),
        Err(Error::Damaged(_))
    ));
}

fn listed(server: &str, username: &str, modified: u64) -> Listed {
    Listed {
        server: url(server),
        username: username.into(),
        modified: Some(UNIX_EPOCH + Duration::from_secs(modified)),
    }
}

fn newest_of(query: &str, items: &[Listed]) -> Option<String> {
    newest(&url(query), items, |item| (&item.server, item.modified)).map(|item| item.username.clone())
}

#[test]
fn of_several_the_most_recently_modified_answers() {
    let items = [
        listed("ghcr.io", "old", 1),
        listed("https://ghcr.io", "new", 2),
        listed("quay.io", "other", 3),
    ];
    assert_eq!(newest_of("ghcr.io", &items).as_deref(), Some("new"));
    assert_eq!(newest_of("example.com", &items), None);
}

#[test]
fn of_equally_old_ones_the_exact_spelling_answers_and_then_the_least() {
    let items = [
        listed("https://ghcr.io", "b", 1),
        listed("ghcr.io", "a", 1),
        listed("ghcr.io/", "c", 1),
    ];
    assert_eq!(newest_of("https://ghcr.io", &items).as_deref(), Some("b"));
    assert_eq!(newest_of("ghcr.io/", &items).as_deref(), Some("c"));
    assert_eq!(newest_of("ghcr.io:443", &items).as_deref(), Some("a"));
}

#[test]
fn a_key_is_listed_once_with_the_user_that_get_answers() {
    let items = vec![
        listed("ghcr.io", "old", 1),
        listed("https://ghcr.io/", "new", 2),
        listed("a.example", "x", 1),
        listed("https://a.example", "y", 1),
        listed("docker.io", "tie", 5),
        listed("https://index.docker.io/v1/", "hub", 5),
        listed("x://opaque", "z", 0),
    ];
    let listing = listing(items.clone());
    for (server, username) in &listing {
        assert_eq!(
            newest_of(server, &items).as_deref(),
            Some(username.as_str()),
            "{server}"
        );
    }
    assert_eq!(listing.len(), 4);
    assert_eq!(listing["https://ghcr.io/"], "new");
    assert_eq!(listing["https://index.docker.io/v1/"], "hub");
    assert_eq!(listing["x://opaque"], "z");
}

#[test]
fn the_hub_is_listed_by_its_url_however_it_is_stored() {
    let listing = listing(vec![listed("registry-1.docker.io", "u", 0)]);
    assert_eq!(
        listing.into_iter().collect::<Vec<_>>(),
        [("https://index.docker.io/v1/".to_owned(), "u".to_owned())]
    );
}
