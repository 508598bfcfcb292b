//! JSON objects with every member, in order, including repeated ones.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use std::fmt;

/// The members of an object. A map would keep the last of two equal keys and hide the first.
#[derive(Debug)]
pub struct Members(pub Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Members;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = access.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Collect)
    }
}

/// Reads an object of strings, with only white space after it.
///
/// # Errors The problem with it, for a message.
pub fn strings(bytes: &[u8]) -> Result<Vec<(String, String)>, String> {
    // The parser's own words quote the text, which may hold a secret.
    let Members(members) = serde_json::from_slice(bytes).map_err(|error| {
        format!(
            "the JSON ends or fails at line {}, column {}",
            error.line(),
            error.column()
        )
    })?;
    members
        .into_iter()
        .map(|(key, value)| match value {
            Value::String(value) => Ok((key, value)),
            _ => Err(format!("the value of {key:?} is not a string")),
        })
        .collect()
}
