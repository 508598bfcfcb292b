use std::borrow::Cow;
use std::fmt;

use super::entry::{Entry, Form};
use super::fields::{
    AUTHS, CRED_HELPERS, CREDS_STORE, KNOWN_FIELDS, LOGIN_FIELDS, field, fold, is_legacy_entry, is_same_field,
};
use super::json::{self, Kind, Member, Node};
use crate::{HUB_URL, Secret};

mod edit;
mod problem;

pub use self::problem::Problem;
use self::problem::Wrong;

/// The text of a `config.json`, `auth.json` or `.dockercfg`, as docker reads it.
///
/// A change returns a new document in which every other byte is the same: unknown keys, the order of keys,
/// the layout. As in docker, the case of keys of docker's own fields is ignored, but not that of servers.
///
/// ```
/// use docker_credential_helper::config::Document;
///
/// let document = Document::parse("{\n\t\"psFormat\": \"table\"\n}")?;
/// assert_eq!(
///     document.with_creds_store(Some("age"))?.as_str(),
///     "{\n\t\"psFormat\": \"table\",\n\t\"credsStore\": \"age\"\n}",
/// );
/// # Ok::<(), docker_credential_helper::config::Problem>(())
/// ```
///
/// `Debug` doesn't show the text, which may contain passwords.
#[derive(Clone)]
pub struct Document {
    text: String,
    root: Node,
    edit_blocker: Option<Problem>,
    /// In `auths` and `credHelpers`, and in `credsStore`.
    wrong_type: [Option<Problem>; 2],
    creds_store: Option<String>,
    cred_helpers: Vec<(String, String)>,
    entries: Vec<Entry>,
}

impl Document {
    /// Reads a text as docker does, and also the two older formats that docker doesn't support any more.
    ///
    /// An empty text is an empty configuration. Text that docker ignores but that a rewritten file would lose
    /// (bytes after the value, a duplicate key, a value of the wrong type) isn't an error here, but in every
    /// change.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        if let Some(document) = Self::of_lines(text) {
            return Ok(document);
        }
        let parsed = match json::parse(text)? {
            // docker reads null as an empty configuration.
            None
            | Some(json::Parsed {
                root: Node { kind: Kind::Null, .. },
                edit_blocker: None,
            }) => return Self::parse("{}"),
            Some(parsed) => parsed,
        };
        let mut document = Self {
            text: text.to_owned(),
            root: parsed.root,
            edit_blocker: parsed.edit_blocker,
            wrong_type: [None, None],
            creds_store: None,
            cred_helpers: Vec::new(),
            entries: Vec::new(),
        };
        document.read()?;
        Ok(document)
    }

    /// As [`parse`](Self::parse), but a value of the wrong type is an error, as in `DOCKER_AUTH_CONFIG`.
    pub fn parse_strictly(text: &str) -> Result<Self, Problem> {
        let document = Self::parse(text)?;
        document.wrong_type().cloned().map_or(Ok(document), Err)
    }

    /// Refuses to change the text, for this reason.
    #[must_use]
    pub(super) fn blocked_by(mut self, problem: Problem) -> Self {
        self.edit_blocker = Some(problem);
        self
    }

    /// The text, which may contain passwords.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// docker's helper for every server without its own.
    pub fn creds_store(&self) -> Option<&str> {
        self.creds_store.as_deref()
    }

    /// The helper for exactly this server. An empty name means none: docker then reads `auths`.
    pub fn cred_helper(&self, server: &str) -> Option<&str> {
        self.cred_helpers
            .iter()
            .rfind(|(name, _)| name == server)
            .map(|(_, helper)| helper.as_str())
    }

    /// The servers with their own helper, and its name.
    pub fn cred_helpers(&self) -> &[(String, String)] {
        &self.cred_helpers
    }

    /// The entries of single servers, in the file's order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entries where docker and podman look for them, in the file's order.
    pub fn auths(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.form() == Form::Auths)
    }

    /// The reason why the readable text must not be rewritten.
    pub fn edit_blocker(&self) -> Option<&Problem> {
        self.edit_blocker.as_ref()
    }

    /// The first value of the wrong type. docker warns, ignores it and every password in `auths`, and uses the
    /// other fields.
    pub fn wrong_type(&self) -> Option<&Problem> {
        self.wrong_type.iter().flatten().next()
    }

    /// The same for podman, which doesn't read `credsStore`, and fails with any other.
    pub fn wrong_type_for_podman(&self) -> Option<&Problem> {
        self.wrong_type[0].as_ref()
    }

    /// The names of the fields at top level, as written.
    pub fn field_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.root.members().iter().map(|member| member.key.as_str())
    }

    /// The first field that docker refuses in `DOCKER_AUTH_CONFIG`.
    pub(super) fn unknown_auth_config_field(&self) -> Option<String> {
        let top = self.root.members().iter();
        let top = top.filter(|member| !is_same_field(&member.key, AUTHS));
        let within = self.entry_nodes().flat_map(|member| member.value.members());
        let within = within.filter(|member| !is_same_field(&member.key, "auth"));
        top.chain(within).next().map(|member| member.key.clone())
    }

    fn read(&mut self) -> Result<(), Problem> {
        if !matches!(self.root.kind, Kind::Object(_)) {
            return Err(self.problem(&self.root, "is not an object"));
        }
        self.edit_blocker = self.edit_blocker.take().or_else(|| self.double_field(&self.root));
        let (mut wrong, mut wrong_store) = (Wrong::default(), Wrong::default());
        if let Some(member) = field(&self.root, CREDS_STORE) {
            let store = wrong_store.or_absent(self.string(&member.value, CREDS_STORE));
            self.creds_store = store.filter(|name| !name.is_empty());
        }
        if let Some(member) = field(&self.root, CRED_HELPERS) {
            for helper in wrong.or_absent(self.object(&member.value, CRED_HELPERS)) {
                let name = wrong.or_absent(self.string(&helper.value, "a helper's name"));
                self.cred_helpers
                    .push((helper.key.clone(), name.unwrap_or_default()));
            }
        }
        let mut entries = Vec::new();
        if let Some(member) = field(&self.root, AUTHS) {
            for member in wrong.or_absent(self.object(&member.value, AUTHS)) {
                entries.push(self.entry(member, Form::Auths, &mut wrong));
            }
        }
        for member in self
            .root
            .members()
            .iter()
            .filter(|member| is_legacy_entry(member))
        {
            entries.push(self.entry(member, Form::TopLevel, &mut wrong));
        }
        let doubles = self
            .entry_nodes()
            .find_map(|member| self.double_field(&member.value));
        self.wrong_type = [wrong.first, wrong_store.first];
        self.edit_blocker = self
            .edit_blocker
            .take()
            .or(doubles)
            .or_else(|| self.wrong_type().cloned());
        self.entries = entries;
        Ok(())
    }

    fn entry(&self, member: &Member, form: Form, wrong: &mut Wrong) -> Entry {
        let mut of_entry = Wrong::default();
        let entry = self.entry_fields(member, form, &mut of_entry);
        wrong.add_of_entry(of_entry, &member.key);
        entry
    }

    fn entry_fields(&self, member: &Member, form: Form, wrong: &mut Wrong) -> Entry {
        let mut entry = Entry::empty(&member.key, form);
        for member in wrong.or_absent(self.object(&member.value, "an entry of auths")) {
            let mut text = |name| {
                wrong
                    .or_absent(self.string(&member.value, name))
                    .unwrap_or_default()
            };
            match fold(&member.key).as_str() {
                "auth" => entry.auth = Secret::new(text("auth")),
                "username" => entry.username = text("username"),
                "password" => entry.password = Secret::new(text("password")),
                "identitytoken" => entry.identity_token = Secret::new(text("identitytoken")),
                "registrytoken" => entry.registry_token = Secret::new(text("registrytoken")),
                _ => {}
            }
        }
        entry
    }

    /// In the order of [`entries`](Self::entries).
    fn entry_nodes(&self) -> impl Iterator<Item = &Member> {
        let auths = field(&self.root, AUTHS).map_or(&[][..], |member| member.value.members());
        let legacy = self
            .root
            .members()
            .iter()
            .filter(|member| is_legacy_entry(member));
        auths.iter().chain(legacy)
    }

    fn entry_members(&self) -> impl Iterator<Item = (&Entry, &Member)> {
        self.entries.iter().zip(self.entry_nodes())
    }

    /// `null` counts as absent, as in docker.
    fn string(&self, node: &Node, name: &str) -> Result<Option<String>, Problem> {
        match &node.kind {
            Kind::String(text) => Ok(Some(text.clone())),
            Kind::Null => Ok(None),
            _ => Err(self.problem(node, format!("is not understood: {name} must be a string"))),
        }
    }

    fn object<'a>(&self, node: &'a Node, name: &str) -> Result<&'a [Member], Problem> {
        match &node.kind {
            Kind::Object(members) => Ok(members),
            Kind::Null => Ok(&[]),
            _ => Err(self.problem(node, format!("is not understood: {name} must be an object"))),
        }
    }

    /// Two spellings of one field, which docker both accepts.
    fn double_field(&self, object: &Node) -> Option<Problem> {
        let members = object.members();
        let mut seen = Vec::new();
        members.iter().find_map(|member| {
            let field = KNOWN_FIELDS
                .iter()
                .chain(&LOGIN_FIELDS)
                .find(|field| is_same_field(&member.key, field))?;
            let is_double = seen.contains(field);
            seen.push(*field);
            is_double.then(|| {
                Problem::at(
                    &self.text,
                    member.key_span.start,
                    "has the same key twice in one object, in different spellings; remove one",
                )
            })
        })
    }

    fn problem(&self, node: &Node, text: impl Into<Cow<'static, str>>) -> Problem {
        Problem::at(&self.text, node.span.start, text)
    }

    /// `auth = …` and `email = …`, one line each. Read-only.
    fn of_lines(text: &str) -> Option<Self> {
        let mut entry = Entry::empty(HUB_URL, Form::Lines);
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            match line.split_once('=')? {
                (key, value) if key.trim() == "auth" => entry.auth = Secret::new(value.trim().to_owned()),
                (key, _) if key.trim() == "email" => {}
                _ => return None,
            }
        }
        if entry.auth.expose().is_empty() {
            return None;
        }
        let edit_blocker = Problem::at(
            text,
            0,
            "is in docker's oldest format, which nothing writes any more",
        );
        Some(Self {
            text: text.to_owned(),
            root: Node {
                span: 0..0,
                kind: Kind::Null,
            },
            edit_blocker: Some(edit_blocker),
            wrong_type: [None, None],
            creds_store: None,
            cred_helpers: Vec::new(),
            entries: vec![entry],
        })
    }
}

impl PartialEq for Document {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Document {}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Document(…)")
    }
}
