//! docker's items in a keyring.

use std::collections::HashMap;
use std::time::SystemTime;

use docker_credential_helper::{Credential, Listed, ServerUrl, Username};
use zbus::OwnedObjectPath;

const SCHEMA: (&str, &str) = ("xdg:schema", "io.docker.Credentials");
const LABEL: (&str, &str) = ("label", "Docker Credentials");
const SERVER: &str = "server";
const USERNAME: &str = "username";
/// Our attribute; docker's own helper ignores it.
const KEY: &str = "docker_credential_key";
/// Our attribute: the secret is empty on purpose. Any other empty secret is damaged.
const EMPTY: (&str, &str) = ("docker_credential_empty", "1");

/// The attribute of all of docker's items, from all versions.
const MARK: (&str, &str) = ("docker_cli", "1");

/// An item that docker's own helper or this one wrote.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) path: OwnedObjectPath,
    pub(super) server: ServerUrl,
    pub(super) username: Username,
    pub(super) is_locked: bool,
    /// Whether its secret is empty on purpose.
    pub(super) is_empty: bool,
    /// Only queried if several items have the same key.
    pub(super) modified: Option<SystemTime>,
}

/// The kind of a found item, by its attributes.
#[derive(Debug)]
pub(super) enum Sighting {
    Docker(Item),
    /// Another program's, or one without a server or user.
    Foreign,
    /// It is locked and hides its attributes.
    Hidden,
    /// It was deleted since it was found.
    Gone,
}

impl Sighting {
    /// An item is docker's if it has docker's mark, and docker's label or, without a label, docker's schema.
    /// Other programs store their own credentials through docker's library, with its mark and schema but
    /// their own label.
    pub(super) fn of(
        path: OwnedObjectPath,
        is_locked: bool,
        mut attributes: HashMap<String, String>,
    ) -> Self {
        let is = |attributes: &HashMap<_, String>, (name, value): (&str, &str)| {
            attributes.get(name).is_some_and(|found| found == value)
        };
        // It was found by the mark, so it has one.
        if !is(&attributes, MARK) && is_locked {
            return Self::Hidden;
        }
        if attributes.is_empty() {
            return Self::Gone;
        }
        let is_labeled = attributes.contains_key(LABEL.0);
        let is_docker = is(&attributes, if is_labeled { LABEL } else { SCHEMA });
        if !(is(&attributes, MARK) && is_docker) {
            return Self::Foreign;
        }
        let is_empty = is(&attributes, EMPTY);
        let server = attributes
            .get(SERVER)
            .and_then(|server| ServerUrl::parse(server).ok());
        let username = attributes
            .remove(USERNAME)
            .and_then(|username| Username::parse(username).ok());
        match (server, username) {
            (Some(server), Some(username)) => Self::Docker(Item {
                path,
                server,
                username,
                is_locked,
                is_empty,
                modified: None,
            }),
            _ => Self::Foreign,
        }
    }
}

impl From<Item> for Listed {
    fn from(item: Item) -> Self {
        Self {
            server: item.server,
            username: item.username.as_str().to_owned(),
            modified: item.modified,
        }
    }
}

/// The attributes for a new item.
pub(super) type Query<'a> = HashMap<&'a str, &'a str>;

/// Attributes with which docker's own helper finds the item.
///
/// `key` is the server's key. It is added if the server isn't in a common spelling, because then only this
/// attribute finds the item by another spelling.
pub(super) fn attributes<'a>(credential: &'a Credential, key: &'a str) -> HashMap<&'a str, &'a str> {
    let server = credential.server();
    let mut attributes = HashMap::from([
        SCHEMA,
        LABEL,
        MARK,
        (SERVER, server.as_str()),
        (USERNAME, credential.username().as_str()),
    ]);
    if !server
        .key()
        .common_spellings()
        .iter()
        .any(|spelling| spelling == server.as_str())
    {
        attributes.insert(KEY, key);
    }
    if credential.secret().expose().is_empty() {
        attributes.insert(EMPTY.0, EMPTY.1);
    }
    attributes
}

/// The label of docker's own helper since 0.9.0, for people who look at their keyring.
pub(super) fn label(server: &ServerUrl) -> String {
    format!("Registry credentials for {server}")
}

/// The query for all of docker's items, and those of programs that use docker's library.
pub(super) fn mark_query() -> Query<'static> {
    HashMap::from([MARK])
}

/// The query for the items of a server in this spelling. Without the schema, because items in a collection
/// that was never unlocked don't show it.
pub(super) fn query(spelling: &str) -> Query<'_> {
    HashMap::from([MARK, (SERVER, spelling)])
}

/// The query for items of a server that [`query`] doesn't find by a common spelling.
pub(super) fn key_query(key: &str) -> Query<'_> {
    HashMap::from([MARK, (KEY, key)])
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER_AND_USER: [(&str, &str); 2] = [("server", "ghcr.io"), ("username", "u")];

    fn sighting(pairs: &[(&str, &str)], is_locked: bool) -> Sighting {
        let path = OwnedObjectPath::try_from("/i").unwrap();
        let attributes = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Sighting::of(path, is_locked, attributes)
    }

    fn is_docker(pairs: &[(&str, &str)]) -> bool {
        match sighting(pairs, false) {
            Sighting::Docker(item) => {
                assert_eq!((item.server.as_str(), item.username.as_str()), ("ghcr.io", "u"));
                true
            }
            _ => false,
        }
    }

    /// Every combination of mark, label and schema, and its result.
    #[test]
    fn the_label_decides_and_the_schema_only_without_one() {
        let choices = |name: &'static str, own: &'static str| {
            [None, Some((name, own)), Some((name, "another")), Some((name, ""))]
        };
        for mark in choices(MARK.0, MARK.1) {
            for label in choices(LABEL.0, LABEL.1) {
                for schema in choices(SCHEMA.0, SCHEMA.1) {
                    let pairs: Vec<_> = [mark, label, schema].into_iter().flatten().collect();
                    let expected = mark == Some(MARK)
                        && (label == Some(LABEL) || (label.is_none() && schema == Some(SCHEMA)));
                    let pairs = [&SERVER_AND_USER[..], &pairs].concat();
                    assert_eq!(is_docker(&pairs), expected, "{pairs:?}");
                }
            }
        }
    }

    #[test]
    fn an_item_without_a_server_or_a_user_is_ignored() {
        for pair in [
            &[("server", "ghcr.io")][..],
            &[("username", "u")],
            &[("server", ""), ("username", "u")],
            &[("server", "ghcr.io"), ("username", "")],
            &[("server", "a\nb"), ("username", "u")],
        ] {
            assert!(!is_docker(&[pair, &[MARK, SCHEMA]].concat()), "{pair:?}");
        }
    }

    #[test]
    fn an_item_that_shows_no_mark_is_hidden_if_it_is_locked() {
        let hashed = [("gkr:compat:hashed:docker_cli", "c4ca4238a0b923820dcc509a6f75849b")];
        assert!(matches!(sighting(&hashed, true), Sighting::Hidden));
        assert!(matches!(sighting(&[], true), Sighting::Hidden));
        assert!(matches!(sighting(&hashed, false), Sighting::Foreign));
    }

    #[test]
    fn an_unlocked_item_without_attributes_is_gone() {
        assert!(matches!(sighting(&[], false), Sighting::Gone));
    }
}
