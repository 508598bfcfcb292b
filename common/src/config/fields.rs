//! The fields of config.json, by docker's names.

use super::json::{Member, Node};

pub(super) const AUTHS: &str = "auths";
pub(super) const CREDS_STORE: &str = "credsStore";
pub(super) const CRED_HELPERS: &str = "credHelpers";

/// The fields of an entry that are secret, or useless without one.
pub(super) const LOGIN_FIELDS: [&str; 4] = ["auth", "username", "password", "identitytoken"];

/// The fields at top level that aren't servers, even if their value is an object.
pub(super) const KNOWN_FIELDS: [&str; 22] = [
    AUTHS,
    CREDS_STORE,
    CRED_HELPERS,
    "HttpHeaders",
    "psFormat",
    "imagesFormat",
    "networksFormat",
    "pluginsFormat",
    "volumesFormat",
    "statsFormat",
    "detachKeys",
    "proxies",
    "currentContext",
    "cliPluginsExtraDirs",
    "plugins",
    "aliases",
    "features",
    "pruneFilters",
    "experimental",
    "stackOrchestrator",
    "kubernetes",
    "email",
];

/// The field as docker finds it: the exact spelling first.
pub(super) fn field<'a>(object: &'a Node, name: &str) -> Option<&'a Member> {
    let members = object.members();
    members
        .iter()
        .rfind(|member| member.key == name)
        .or_else(|| members.iter().rfind(|member| is_same_field(&member.key, name)))
}

/// A server at top level: an object with an `auth` in it, under a name that isn't one of docker's fields.
pub(super) fn is_legacy_entry(member: &Member) -> bool {
    let is_known = KNOWN_FIELDS.iter().any(|field| is_same_field(&member.key, field));
    !is_known && field(&member.value, "auth").is_some_and(|auth| auth.value.as_str().is_some())
}

pub(super) fn is_same_field(key: &str, field: &str) -> bool {
    fold(key) == fold(field)
}

/// Go's folding: U+017F is an `s` to it, U+212A a `k`.
pub(super) fn fold(key: &str) -> String {
    crate::text::fold_case(key)
}
