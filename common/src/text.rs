//! Compares and shows untrusted text.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::Write as _;

/// One line that is safe for a terminal: characters that could end the line, move the cursor, reverse the
/// reading order or hide become `?`.
pub(crate) fn one_line(text: &str) -> String {
    text.trim_end()
        .chars()
        .map(|c| if is_unprintable(c) { '?' } else { c })
        .collect()
}

/// Whether a character has an effect other than being shown in its place.
pub(crate) fn is_unprintable(c: char) -> bool {
    c.is_control() || is_invisible_format(c)
}

/// Invisible characters (Unicode's `Default_Ignorable_Code_Point`), those that reverse the reading
/// order, and the separators of lines.
fn is_invisible_format(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}'
        | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Go's folding: besides the ASCII letters, U+017F folds to `s` and U+212A to `k`. A key that Go reads as
/// `Secret` must not count as an unknown one here.
pub(crate) fn fold_case(key: &str) -> String {
    key.chars()
        .map(|c| match c {
            '\u{017F}' => 's',
            '\u{212A}' => 'k',
            _ => c.to_ascii_lowercase(),
        })
        .collect()
}

/// Bytes as text, two lower-case hexadecimal digits each, for names that end in a hash.
///
/// ```
/// assert_eq!(docker_credential_helper::hex(&[0, 0x0a, 0xff]), "000aff");
/// ```
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for digit in [byte >> 4, byte & 0xf] {
            text.push(char::from(DIGITS[usize::from(digit)]));
        }
    }
    text
}

/// Whether a terminal shows it unchanged.
pub(crate) fn is_harmless(c: char) -> bool {
    let text = c.to_string();
    c == ' ' || one_line(&text) == text
}

/// One word for the shell.
pub(crate) fn quoted(word: &OsStr) -> String {
    let text = word.to_string_lossy();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.into_owned();
    }
    if cfg!(windows) {
        return format!("'{}'", one_line(&text).replace('\'', "''"));
    }
    if matches!(text, Cow::Borrowed(_)) && text.chars().all(is_harmless) {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    // Never shows control characters or invalid text unchanged: every POSIX shell decodes these escapes.
    let mut format = String::new();
    for byte in word.as_encoded_bytes() {
        match byte {
            b'%' => format.push_str("%%"),
            b if b.is_ascii_alphanumeric() || b"-_./:@+=, ".contains(b) => format.push(char::from(*b)),
            b => {
                let _ = write!(format, "\\{b:03o}");
            }
        }
    }
    format!("\"$(printf '{format}')\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_cannot_be_broken_or_reversed() {
        assert_eq!(
            one_line("a\nb\r\u{1b}[31mc\u{202e}d\u{2028}e\u{200b}f\0\n"),
            "a?b??[31mc?d?e?f?"
        );
    }
}
