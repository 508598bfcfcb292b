//! docker's items among all others in a keyring.

use std::collections::HashMap;
use std::time::SystemTime;

use docker_credential_helper::{Listed, ServerUrl, Username};
use zbus::OwnedObjectPath;

const SCHEMA: (&str, &str) = ("xdg:schema", "io.docker.Credentials");
const LABEL: (&str, &str) = ("label", "Docker Credentials");
const SERVER: &str = "server";
const USERNAME: &str = "username";
/// Ours; docker's own helper passes it over.
const KEY: &str = "docker_credential_key";

/// The attribute by which all of docker's items are found, whichever version wrote them.
pub(super) const MARK: (&str, &str) = ("docker_cli", "1");

/// An item that docker's own helper or this one wrote.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) path: OwnedObjectPath,
    pub(super) server: ServerUrl,
    pub(super) username: Username,
    pub(super) is_locked: bool,
    /// Only asked for where several items have the same key.
    pub(super) modified: Option<SystemTime>,
}

impl Item {
    /// Nothing if the attributes are another program's, or name no server or no user.
    ///
    /// docker's own helper asks for less when it reads, so that it answers with items of programs that use its
    /// library for credentials of their own.
    pub(super) fn of(
        path: OwnedObjectPath,
        is_locked: bool,
        mut attributes: HashMap<String, String>,
    ) -> Option<Self> {
        let has = |(name, value): (&str, &str)| attributes.get(name).is_some_and(|found| found == value);
        if !(has(MARK) && (has(SCHEMA) || has(LABEL))) {
            return None;
        }
        Some(Self {
            server: ServerUrl::parse(attributes.get(SERVER)?).ok()?,
            username: Username::parse(attributes.remove(USERNAME)?).ok()?,
            path,
            is_locked,
            modified: None,
        })
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

/// The attributes that an item is to have.
pub(super) type Query<'a> = HashMap<&'a str, &'a str>;

/// The attributes of an item that docker's own helper finds.
///
/// `key` is that of the server. It is added where the server is not in a common spelling, for then only this
/// attribute finds the item by another one.
pub(super) fn attributes<'a>(
    server: &'a ServerUrl,
    key: &'a str,
    username: &'a Username,
) -> HashMap<&'a str, &'a str> {
    let mut attributes = HashMap::from([
        SCHEMA,
        LABEL,
        MARK,
        (SERVER, server.as_str()),
        (USERNAME, username.as_str()),
    ]);
    if !server
        .key()
        .common_spellings()
        .iter()
        .any(|spelling| spelling == server.as_str())
    {
        attributes.insert(KEY, key);
    }
    attributes
}

/// The label that docker's own helper gives an item since 0.9.0, for people who look at their keyring.
pub(super) fn label(server: &ServerUrl) -> String {
    format!("Registry credentials for {server}")
}

/// What finds the items of a server in this spelling. Without the schema, which items in a collection that was locked
/// from the start do not show.
pub(super) fn query(spelling: &str) -> Query<'_> {
    HashMap::from([MARK, (SERVER, spelling)])
}

/// What finds the items of a server that [`query`] does not find by a common spelling.
pub(super) fn key_query(key: &str) -> Query<'_> {
    HashMap::from([MARK, (KEY, key)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(pairs: &[(&str, &str)]) -> Option<Item> {
        let path = OwnedObjectPath::try_from("/i").unwrap();
        let attributes = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Item::of(path, false, attributes)
    }

    const SERVER_AND_USER: [(&str, &str); 2] = [("server", "ghcr.io"), ("username", "u")];

    #[test]
    fn an_item_with_the_mark_and_either_the_schema_or_the_label_is_dockers() {
        for extra in [&[MARK, SCHEMA][..], &[MARK, LABEL], &[MARK, SCHEMA, LABEL]] {
            let item = item(&[&SERVER_AND_USER, extra].concat()).unwrap();
            assert_eq!((item.server.as_str(), item.username.as_str()), ("ghcr.io", "u"));
        }
    }

    #[test]
    fn an_item_of_another_program_is_none_of_dockers() {
        let other_label = ("label", "Other Credentials");
        let other_schema = ("xdg:schema", "org.gnome.keyring.Note");
        for extra in [
            &[][..],
            &[MARK],
            &[SCHEMA],
            &[LABEL],
            &[SCHEMA, LABEL],
            &[MARK, other_label],
            &[MARK, other_schema],
            &[("docker_cli", "0"), SCHEMA],
        ] {
            assert!(item(&[&SERVER_AND_USER, extra].concat()).is_none(), "{extra:?}");
        }
    }

    #[test]
    fn an_item_without_a_server_or_a_user_is_passed_over() {
        for pair in [
            &[("server", "ghcr.io")][..],
            &[("username", "u")],
            &[("server", ""), ("username", "u")],
            &[("server", "ghcr.io"), ("username", "")],
            &[("server", "a\nb"), ("username", "u")],
        ] {
            assert!(item(&[pair, &[MARK, SCHEMA]].concat()).is_none(), "{pair:?}");
        }
    }
}
