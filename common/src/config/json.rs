//! JSON with the position of each part, to change one part and keep everything else byte for byte. A parser
//! that only returns values would lose white space, escapes and number formats.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use super::Problem;

/// docker's own parser accepts 10,000 levels; configuration files have four.
const DEPTH_MAX: usize = 128;

#[derive(Clone)]
pub(super) struct Node {
    /// From the first byte to one after the last.
    pub(super) span: Range<usize>,
    pub(super) kind: Kind,
}

#[derive(Clone)]
pub(super) enum Kind {
    Object(Vec<Member>),
    Array,
    /// Unescaped; a lone surrogate becomes U+FFFD, as in docker's parser.
    String(String),
    Null,
    /// A number, `true` or `false`, which nothing here needs.
    Other,
}

#[derive(Clone)]
pub(super) struct Member {
    pub(super) key: String,
    pub(super) key_span: Range<usize>,
    pub(super) value: Node,
}

impl Node {
    pub(super) fn members(&self) -> &[Member] {
        match &self.kind {
            Kind::Object(members) => members,
            _ => &[],
        }
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::String(text) => Some(text),
            _ => None,
        }
    }
}

/// The first value of a text, and the reason why a readable text must not be rewritten: docker ignores
/// everything after the first value, and uses the last of several equal keys.
pub(super) struct Parsed {
    pub(super) root: Node,
    pub(super) edit_blocker: Option<Problem>,
}

/// Nothing for a text with only white space.
pub(super) fn parse(text: &str) -> Result<Option<Parsed>, Problem> {
    if text.starts_with('\u{FEFF}') {
        return Err(Problem::at(
            text,
            0,
            "begins with a byte order mark, which docker does not accept; save it as UTF-8 without one",
        ));
    }
    let mut scanner = Scanner {
        text,
        at: 0,
        edit_blocker: None,
    };
    scanner.skip_space();
    if scanner.at == text.len() {
        return Ok(None);
    }
    let root = scanner.value(0)?;
    scanner.skip_space();
    if scanner.at < text.len() && scanner.edit_blocker.is_none() {
        scanner.edit_blocker = Some(Problem::at(
            text,
            scanner.at,
            "continues after the end of its value; remove the rest",
        ));
    }
    Ok(Some(Parsed {
        root,
        edit_blocker: scanner.edit_blocker,
    }))
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    edit_blocker: Option<Problem>,
}

impl Scanner<'_> {
    fn value(&mut self, depth: usize) -> Result<Node, Problem> {
        let start = self.at;
        if depth > DEPTH_MAX {
            return Err(self.problem(format!("is nested more than {DEPTH_MAX} levels deep")));
        }
        let kind = match self.peek() {
            Some(b'{') => Kind::Object(self.object(depth)?),
            Some(b'[') => {
                self.array(depth)?;
                Kind::Array
            }
            Some(b'"') => Kind::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => {
                self.number()?;
                Kind::Other
            }
            _ if self.take("null") => Kind::Null,
            _ if self.take("true") || self.take("false") => Kind::Other,
            Some(_) => return Err(self.problem("is not valid JSON: a value is expected here")),
            None => return Err(self.ended()),
        };
        Ok(Node {
            span: start..self.at,
            kind,
        })
    }

    fn object(&mut self, depth: usize) -> Result<Vec<Member>, Problem> {
        self.at += 1;
        let mut members: Vec<Member> = Vec::new();
        let mut seen = HashSet::new();
        self.skip_space();
        if self.take("}") {
            return Ok(members);
        }
        loop {
            let start = self.at;
            match self.peek() {
                Some(b'"') => {}
                Some(_) => return Err(self.problem("is not valid JSON: a key in quotes is expected here")),
                None => return Err(self.ended()),
            }
            let key = self.string()?;
            let key_span = start..self.at;
            if !seen.insert(key.clone()) && self.edit_blocker.is_none() {
                self.edit_blocker = Some(Problem::at(
                    self.text,
                    start,
                    "has the same key twice in one object; remove one",
                ));
            }
            self.skip_space();
            self.expect(":")?;
            self.skip_space();
            let value = self.value(depth + 1)?;
            members.push(Member { key, key_span, value });
            self.skip_space();
            if self.take("}") {
                return Ok(members);
            }
            let comma = self.at;
            self.expect(",")?;
            self.skip_space();
            self.refuse_trailing(comma, b'}')?;
        }
    }

    fn array(&mut self, depth: usize) -> Result<(), Problem> {
        self.at += 1;
        self.skip_space();
        if self.take("]") {
            return Ok(());
        }
        loop {
            self.value(depth + 1)?;
            self.skip_space();
            if self.take("]") {
                return Ok(());
            }
            let comma = self.at;
            self.expect(",")?;
            self.skip_space();
            self.refuse_trailing(comma, b']')?;
        }
    }

    /// The most common mistake, in its usual name.
    fn refuse_trailing(&self, comma: usize, end: u8) -> Result<(), Problem> {
        if self.peek() != Some(end) {
            return Ok(());
        }
        Err(Problem::at(
            self.text,
            comma,
            "is not valid JSON: there is a trailing comma",
        ))
    }

    fn string(&mut self) -> Result<String, Problem> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest
                .find(|c: char| matches!(c, '"' | '\\') || c < ' ')
                .ok_or_else(|| Problem::at(self.text, self.text.len(), "ends in the middle of a string"))?;
            text.push_str(&rest[..plain]);
            self.at += plain;
            match rest.as_bytes()[plain] {
                b'"' => {
                    self.at += 1;
                    return Ok(text);
                }
                b'\\' => text.push(self.escape()?),
                _ => return Err(self.problem("is not valid JSON: a control character is in a string")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Problem> {
        let c = match self.text.as_bytes().get(self.at + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(self.problem("is not valid JSON: there is no such escape")),
        };
        self.at += 2;
        Ok(c)
    }

    fn unicode_escape(&mut self) -> Result<char, Problem> {
        let unit = self
            .utf16_unit()
            .ok_or_else(|| self.problem("is not valid JSON: \\u needs four hexadecimal digits"))?;
        self.at += 6;
        if (0xD800..0xDC00).contains(&unit)
            && let Some(low) = self.utf16_unit().filter(|low| (0xDC00..0xE000).contains(low))
        {
            self.at += 6;
            let pair = 0x10000 + ((u32::from(unit) - 0xD800) << 10) + (u32::from(low) - 0xDC00);
            return Ok(char::from_u32(pair).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        Ok(char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    /// The unit of an escape here.
    fn utf16_unit(&self) -> Option<u16> {
        let digits = self.text[self.at..].strip_prefix("\\u")?.get(..4)?;
        // `from_str_radix` alone would accept `+abc`.
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        u16::from_str_radix(digits, 16).ok()
    }

    /// `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?`
    fn number(&mut self) -> Result<(), Problem> {
        self.take("-");
        if !self.take("0") {
            self.digits()?;
        }
        if self.take(".") {
            self.digits()?;
        }
        if self.take("e") || self.take("E") {
            let _ = self.take("+") || self.take("-");
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Problem> {
        let rest = &self.text[self.at..];
        let count = rest.bytes().take_while(u8::is_ascii_digit).count();
        if count == 0 {
            return Err(self.problem("is not valid JSON: a digit is expected here"));
        }
        self.at += count;
        Ok(())
    }

    fn skip_space(&mut self) {
        let rest = self.text[self.at..].trim_start_matches([' ', '\t', '\n', '\r']);
        self.at = self.text.len() - rest.len();
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, token: &str) -> bool {
        let is_here = self.text[self.at..].starts_with(token);
        if is_here {
            self.at += token.len();
        }
        is_here
    }

    fn expect(&mut self, token: &str) -> Result<(), Problem> {
        match self.peek() {
            _ if self.take(token) => Ok(()),
            Some(_) => Err(self.problem(format!("is not valid JSON: {token:?} is expected here"))),
            None => Err(self.ended()),
        }
    }

    fn ended(&self) -> Problem {
        self.problem("ends too early: it is not complete")
    }

    fn problem(&self, text: impl Into<Cow<'static, str>>) -> Problem {
        Problem::at(self.text, self.at, text)
    }
}
