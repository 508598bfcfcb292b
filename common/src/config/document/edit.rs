//! Changes to a document, which keep the rest of it.

use super::{Document, Entry, Problem};
use crate::config::fields::{AUTHS, CRED_HELPERS, CREDS_STORE, LOGIN_FIELDS, field, is_same_field};
use crate::config::json::{Kind, Node};
use crate::config::splice::{Splices, Value};

impl Document {
    /// With another helper for all servers, or none.
    pub fn with_creds_store(&self, helper: Option<&str>) -> Result<Self, Problem> {
        self.changed(|splices| match helper {
            Some(helper) => self.set(splices, &self.root, 0, CREDS_STORE, &Value::String(helper), true),
            None => splices.remove_members(&self.root, |key| is_same_field(key, CREDS_STORE)),
        })
    }

    /// With another helper for one server, or none. Writes the server unchanged.
    pub fn with_cred_helper(&self, server: &str, helper: Option<&str>) -> Result<Self, Problem> {
        let helpers = field(&self.root, CRED_HELPERS)
            .map(|member| &member.value)
            .filter(|helpers| matches!(helpers.kind, Kind::Object(_)));
        self.changed(|splices| match (helpers, helper) {
            (Some(helpers), Some(helper)) => {
                self.set(splices, helpers, 1, server, &Value::String(helper), false);
            }
            (None, Some(helper)) => {
                self.set(
                    splices,
                    &self.root,
                    0,
                    CRED_HELPERS,
                    &Value::Object(server, helper),
                    true,
                );
            }
            (Some(helpers), None) if matches!(helpers.members(), [only] if only.key == server) => {
                splices.remove_members(&self.root, |key| is_same_field(key, CRED_HELPERS));
            }
            (Some(helpers), None) => splices.remove_members(helpers, |key| key == server),
            (None, None) => {}
        })
    }

    /// With an empty entry in `auths` for a server without one.
    pub fn with_marker(&self, server: &str) -> Result<Self, Problem> {
        let auths = field(&self.root, AUTHS)
            .map(|member| &member.value)
            .filter(|auths| matches!(auths.kind, Kind::Object(_)));
        self.changed(|splices| match auths {
            Some(auths) => self.set(splices, auths, 1, server, &Value::Empty, false),
            None => self.set(splices, &self.root, 0, AUTHS, &Value::Marker(server), true),
        })
    }

    /// Without the logins of the entries for which `is_chosen` is true. The entries themselves stay, because
    /// some clients skip servers without one; so do all other fields.
    pub fn without_logins(&self, is_chosen: impl Fn(&Entry) -> bool) -> Result<Self, Problem> {
        let is_login_field = |key: &str| LOGIN_FIELDS.iter().any(|field| is_same_field(key, field));
        self.changed(|splices| {
            for (entry, member) in self.entry_members() {
                if is_chosen(entry) {
                    splices.remove_members(&member.value, is_login_field);
                }
            }
        })
    }

    /// Refuses a change to a text that must not be rewritten, with the reason.
    fn changed(&self, change: impl FnOnce(&mut Splices)) -> Result<Self, Problem> {
        if let Some(edit_blocker) = &self.edit_blocker {
            return Err(edit_blocker.clone());
        }
        let mut splices = Splices::default();
        change(&mut splices);
        Self::parse(&splices.apply(&self.text))
    }

    fn set(
        &self,
        splices: &mut Splices,
        object: &Node,
        depth: usize,
        key: &str,
        value: &Value<'_>,
        is_field: bool,
    ) {
        let present = object
            .members()
            .iter()
            .find(|member| member.key == key || (is_field && is_same_field(&member.key, key)));
        match present {
            Some(member) => {
                splices.replace(member.value.span.clone(), value.render_in(&self.text, depth + 1));
            }
            None => splices.add_member(&self.text, object, depth, key, value),
        }
    }
}
