//! Changes to a JSON text that keep the rest and follow the existing style.

use std::ops::Range;

use super::json::{Kind, Node};

/// Parts of a text and their replacements.
#[derive(Default)]
pub(super) struct Splices(Vec<(Range<usize>, String)>);

impl Splices {
    pub(super) fn replace(&mut self, span: Range<usize>, text: String) {
        self.0.push((span, text));
    }

    /// The text with all replacements. The parts must not overlap.
    pub(super) fn apply(mut self, text: &str) -> String {
        self.0.sort_by_key(|(span, _)| (span.start, span.end));
        let mut result = String::with_capacity(text.len() + 256);
        let mut at = 0;
        for (span, replacement) in self.0 {
            result.push_str(&text[at..span.start]);
            result.push_str(&replacement);
            at = span.end;
        }
        result.push_str(&text[at..]);
        result
    }

    /// Removes the members of an object for which `is_removed` is true, with their commas and lines.
    pub(super) fn remove_members(&mut self, object: &Node, is_removed: impl Fn(&str) -> bool) {
        let members = object.members();
        let Some(first_kept) = members.iter().position(|member| !is_removed(&member.key)) else {
            if !members.is_empty() {
                self.replace(object.span.clone(), "{}".into());
            }
            return;
        };
        for (index, member) in members.iter().enumerate() {
            if !is_removed(&member.key) {
                continue;
            }
            // A removed member takes the separator after it along, or the one before it if a kept member
            // precedes it.
            let span = if index < first_kept {
                member.key_span.start..members[index + 1].key_span.start
            } else {
                members[index - 1].value.span.end..member.value.span.end
            };
            self.replace(span, String::new());
        }
    }

    /// Adds a member at the end of an object that is `depth` objects deep. `value` is JSON.
    pub(super) fn add_member(
        &mut self,
        text: &str,
        object: &Node,
        depth: usize,
        key: &str,
        value: &Value<'_>,
    ) {
        let style = Style::of(text);
        let key = quoted(key);
        let Kind::Object(members) = &object.kind else {
            return;
        };
        let Some(last) = members.last() else {
            let member = value.render(&style, depth + 1);
            let whole = style.object(depth, &format!("{key}{}{member}", style.colon));
            self.replace(object.span.clone(), whole);
            return;
        };
        // Copies the separator before the last member.
        let before = match members.len() {
            1 => &text[object.span.start + 1..last.key_span.start],
            count => {
                let gap = &text[members[count - 2].value.span.end..last.key_span.start];
                gap.split_once(',').map_or(gap, |(_, after)| after)
            }
        };
        let space = match before {
            "" if style.line_end.is_none() && style.colon == ": " => " ",
            space => space,
        };
        let member = value.render(&style, depth + 1);
        let end = last.value.span.end;
        self.replace(end..end, format!(",{space}{key}{}{member}", style.colon));
    }
}

/// The value of a new member.
pub(super) enum Value<'a> {
    String(&'a str),
    /// An object with one string.
    Object(&'a str, &'a str),
    /// An object with one empty object.
    Marker(&'a str),
    /// An empty object.
    Empty,
}

impl Value<'_> {
    /// Formats it in this text's style, at this depth.
    pub(super) fn render_in(&self, text: &str, depth: usize) -> String {
        self.render(&Style::of(text), depth)
    }

    fn render(&self, style: &Style<'_>, depth: usize) -> String {
        match self {
            Self::String(text) => quoted(text),
            Self::Object(key, value) => {
                style.object(depth, &format!("{}{}{}", quoted(key), style.colon, quoted(value)))
            }
            Self::Marker(key) => style.object(depth, &format!("{}{}{{}}", quoted(key), style.colon)),
            Self::Empty => "{}".to_owned(),
        }
    }
}

/// The layout of a file. A new one gets docker's.
struct Style<'a> {
    /// Nothing for a file on one line.
    line_end: Option<&'static str>,
    indent: &'a str,
    colon: &'a str,
}

impl<'a> Style<'a> {
    fn of(text: &'a str) -> Self {
        let indent = text.split('\n').skip(1).find_map(|line| {
            let length = line.len() - line.trim_start_matches([' ', '\t']).len();
            (length > 0 && line.trim_start().starts_with('"')).then(|| &line[..length])
        });
        let is_new = text.trim_matches(|c: char| c.is_ascii_whitespace()) == "{}";
        let line_end = match () {
            () if text.contains("\r\n") => Some("\r\n"),
            () if text.contains('\n') || is_new => Some("\n"),
            () => None,
        };
        Self {
            line_end,
            indent: indent.unwrap_or("\t"),
            colon: if line_end.is_none() && !text.contains("\": ") {
                ":"
            } else {
                ": "
            },
        }
    }

    fn object(&self, depth: usize, member: &str) -> String {
        match self.line_end {
            None => format!("{{{member}}}"),
            Some(line_end) => format!(
                "{{{line_end}{}{member}{line_end}{}}}",
                self.indent.repeat(depth + 1),
                self.indent.repeat(depth)
            ),
        }
    }
}

pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
