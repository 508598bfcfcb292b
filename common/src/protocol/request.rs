//! Requests, as clients send them on stdin.

use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::error::Category;

use crate::text::fold_case;
use crate::{Credential, Error, Secret, ServerUrl, Username};

/// The input of `get` and `erase`: a server, possibly with a newline.
pub(super) fn server(input: &[u8]) -> Result<ServerUrl, Error> {
    ServerUrl::parse(text(input)?.trim_matches(|c: char| c.is_ascii_whitespace()))
}

/// The input of `store`: the three parts of a credential as a JSON object. Returns the server in the form to
/// store.
pub(super) fn credential(input: &[u8]) -> Result<Credential, Error> {
    let fields: Fields = serde_json::from_str(text(input)?).map_err(|error| malformed(&error))?;
    if fields.has_duplicate {
        return Err(Error::request(
            "the request on stdin has the same key twice; send each once",
        ));
    }
    if fields.server.is_empty() {
        return Err(Error::NoServerUrl);
    }
    let username = Username::parse(fields.username)?;
    let server = ServerUrl::parse(&fields.server)?.for_storing()?;
    Ok(Credential::new(server, username, Secret::new(fields.secret)))
}

/// PowerShell before version 7 pipes text with a byte order mark, or as UTF-16.
fn text(input: &[u8]) -> Result<&str, Error> {
    if matches!(input, [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..]) || is_utf16_without_mark(input) {
        return Err(Error::request(
            "the request on stdin looks like UTF-16; send UTF-8 (in PowerShell, set $OutputEncoding to UTF8)",
        ));
    }
    let input = input.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(input);
    std::str::from_utf8(input)
        .map_err(|_| Error::request("the request on stdin is not valid UTF-8; send it as UTF-8"))
}

/// Neither JSON nor a server begins with an ASCII character next to a zero byte.
fn is_utf16_without_mark(input: &[u8]) -> bool {
    matches!(input, [first, second, ..] if (*first == 0) != (*second == 0))
}

/// The library's own text quotes the invalid value, which may be the secret. Ours only shows the position.
fn malformed(error: &serde_json::Error) -> Error {
    let problem = match error.classify() {
        Category::Eof => "ends too early",
        Category::Data => "is not one object of strings, {\"ServerURL\":…,\"Username\":…,\"Secret\":…}",
        Category::Syntax | Category::Io => "is not valid JSON",
    };
    let (line, column) = (error.line(), error.column());
    Error::request(format!(
        "the request on stdin {problem} (at line {line}, column {column})"
    ))
}

/// A request to store, parsed as in Go: ignores the case of keys and unknown keys, and missing keys are
/// empty. Unlike Go, which uses the last one, it notices duplicate keys, known or not.
#[derive(Default)]
struct Fields {
    server: String,
    username: String,
    secret: String,
    has_duplicate: bool,
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Fields::default();
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            let key = fold_case(&key);
            match key.as_str() {
                "serverurl" => fields.server = map.next_value()?,
                "username" => fields.username = map.next_value()?,
                "secret" => fields.secret = map.next_value()?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            fields.has_duplicate |= !seen.insert(key);
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests;
