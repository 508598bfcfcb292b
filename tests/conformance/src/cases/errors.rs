//! Malformed requests are refused.

use crate::Class::{Reference, Stricter};
use crate::judge::{NO_SERVER, NO_USERNAME};
use crate::{Case, Probe, Verdict, client, reference, stricter};

const VALID: &str = "docker-credential-helpers: credentials are checked before they are stored";
const DECODER: &str = "docker-credential-helpers: Go's JSON decoder reads the input";
const AMBIGUOUS: &str = "two parsers of one text must not see two servers";
const UNICODE: &str = "text that is not UTF-8 cannot come back unchanged";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        reference(
            "get-empty",
            "`get` of an empty input is `no credentials server URL`, exit 1.",
            VALID,
            |p| p.verb("get", "")?.prints(1, &format!("{NO_SERVER}\n")),
        ),
        reference(
            "get-blank",
            "`get` of white space is `no credentials server URL`, exit 1.",
            VALID,
            |p| p.verb("get", " \r\n\t\n")?.prints(1, &format!("{NO_SERVER}\n")),
        ),
        client(
            "on-stdout",
            "An error is on stdout, where docker reads it.",
            "docker CLI: shows stdout of a failed helper",
            |p| {
                p.verb("get", "")?.one_line_error()?;
                p.verb("store", "{")?.one_line_error()
            },
        ),
        client(
            "not-not-found",
            "An error that is not \"not found\" does not contain that text.",
            "docker-py, jib: look for the text anywhere in stdout",
            |p| {
                p.verb("get", "")?.refused("")?;
                p.verb("store", "")?.refused("")
            },
        ),
        stricter(
            "keeps-old",
            "A refused `store` keeps the previous credential.",
            "a failed login must not log out",
            |p| {
                let stored = p.stored(&p.host())?;
                let server = &stored.server;
                for json in [
                    format!(r#"{{"ServerURL":"{server}","Username":"","Secret":"new"}}"#),
                    format!(r#"{{"ServerURL":"{server}","Username":"u","Secret":7}}"#),
                    format!(r#"{{"ServerURL":"{server}","Username":"u","Secret":"new""#),
                ] {
                    p.store_bytes(server, json)?.fails()?;
                }
                p.get(server)?.answers(&stored)
            },
        ),
        stricter(
            "read-only-store",
            "A read-only helper refuses to store, with one line.",
            "docker CLI: shows the line after a login",
            |p| {
                p.only_read_only()?;
                let credential = p.credential(p.host());
                p.verb("store", credential.to_docker_json())?
                    .refused(&credential.secret)?;
                p.get(&credential.server)?.not_found()
            },
        ),
        stricter(
            "utf-16",
            "JSON in UTF-16 is refused, and the error names UTF-16.",
            "PowerShell pipes it",
            utf_16,
        ),
    ];
    cases.extend(missing());
    cases.extend(malformed());
    cases.extend(not_text());
    cases
}

/// Checks in order: the server, then the user.
fn missing() -> impl Iterator<Item = Case> {
    #[rustfmt::skip] // a table
    let rows = [
        ("no-server", "`store` without a ServerURL is `no credentials server URL`.", r#"{"Username":"u","Secret":"s"}"#, NO_SERVER),
        ("empty-server", "`store` with an empty ServerURL is the same.", r#"{"ServerURL":"","Username":"u","Secret":"s"}"#, NO_SERVER),
        ("no-user", "`store` without a Username is `no credentials username`.", r#"{"ServerURL":"{h}","Secret":"s"}"#, NO_USERNAME),
        ("empty-user", "`store` with an empty Username is the same.", r#"{"ServerURL":"{h}","Username":"","Secret":"s"}"#, NO_USERNAME),
        ("server-first", "If both are missing, the error names the server.", r#"{"Secret":"s"}"#, NO_SERVER),
        ("empty-object", "An empty object lacks a server.", "{}", NO_SERVER),
    ];
    rows.into_iter().map(|(id, says, json, text)| {
        reference(id, says, VALID, move |p| {
            let host = p.host();
            p.store_bytes(&host, json.replace("{h}", &host))?
                .prints(1, &format!("{text}\n"))
        })
    })
}

/// JSON that `store` refuses; `{h}` is the host, `{p}` the secret.
fn malformed() -> impl Iterator<Item = Case> {
    #[rustfmt::skip] // a table
    let rows = [
        (Reference, "nothing", "An empty input is refused.", DECODER, ""),
        (Reference, "not-json", "Text that is not JSON is refused.", DECODER, "{h} u {p}"),
        (Reference, "truncated", "JSON that ends early is refused.", DECODER, r#"{"ServerURL":"{h}","Username":"u","Secret":"{p}"#),
        (Reference, "array", "An array is refused.", DECODER, r#"["{h}","u","{p}"]"#),
        (Reference, "string", "A string is refused.", DECODER, r#""{p}""#),
        (Stricter, "null", "`null` is refused.", AMBIGUOUS, "null"),
        (Reference, "number-server", "A number for a server is refused.", DECODER, r#"{"ServerURL":7,"Username":"u","Secret":"{p}"}"#),
        (Reference, "array-user", "An array for a user is refused.", DECODER, r#"{"ServerURL":"{h}","Username":["u"],"Secret":"{p}"}"#),
        (Reference, "number-secret", "A number for a secret is refused.", DECODER, r#"{"ServerURL":"{h}","Username":"u","Secret":12345}"#),
        (Reference, "bool-secret", "A truth value for a secret is refused.", DECODER, r#"{"ServerURL":"{h}","Username":"u","Secret":true}"#),
        (Stricter, "null-secret", "`null` for a secret is refused.", AMBIGUOUS, r#"{"ServerURL":"{h}","Username":"u","Secret":null}"#),
        (Stricter, "twice-server", "The same key twice is refused.", AMBIGUOUS, r#"{"ServerURL":"x.{h}","ServerURL":"{h}","Username":"u","Secret":"{p}"}"#),
        (Stricter, "twice-case", "The same key in two cases is refused.", AMBIGUOUS, r#"{"ServerURL":"{h}","serverurl":"x.{h}","Username":"u","Secret":"{p}"}"#),
        (Stricter, "twice-escape", "The same key, once with an escape, is refused.", AMBIGUOUS, r#"{"Server\u0055RL":"{h}","ServerURL":"{h}","Username":"u","Secret":"{p}"}"#),
        (Stricter, "twice-secret", "Two secrets are refused.", AMBIGUOUS, r#"{"ServerURL":"{h}","Username":"u","Secret":"{p}","Secret":"{p}"}"#),
        (Stricter, "two-objects", "Two objects are refused.", AMBIGUOUS, r#"{"ServerURL":"{h}","Username":"u","Secret":"{p}"}{"ServerURL":"{h}","Username":"u","Secret":"{p}"}"#),
        (Stricter, "trailing", "Anything but white space after the object is refused.", AMBIGUOUS, r#"{"ServerURL":"{h}","Username":"u","Secret":"{p}"} x"#),
        (Reference, "comment", "A comment is refused.", DECODER, r#"{"ServerURL":"{h}",/* */"Username":"u","Secret":"{p}"}"#),
        (Reference, "single-quotes", "Single quotation marks are refused.", DECODER, "{'ServerURL':'{h}','Username':'u','Secret':'{p}'}"),
        (Reference, "comma", "A final comma is refused.", DECODER, r#"{"ServerURL":"{h}","Username":"u","Secret":"{p}",}"#),
        (Reference, "raw-tab", "A raw control character in a string is refused.", DECODER, "{\"ServerURL\":\"{h}\",\"Username\":\"u\",\"Secret\":\"{p}\t\"}"),
        (Stricter, "raw-newline", "A raw newline in a string is refused, not dropped.", AMBIGUOUS, "{\"ServerURL\":\"{h}\",\"Username\":\"u\",\"Secret\":\"{p}\n\"}"),
        (Reference, "bad-escape", "An unknown escape is refused.", DECODER, r#"{"ServerURL":"{h}","Username":"u","Secret":"{p}\x41"}"#),
        (Stricter, "lone-surrogate", "Half of a surrogate pair is refused.", UNICODE, r#"{"ServerURL":"{h}","Username":"u","Secret":"{p}\ud83d"}"#),
        (Stricter, "low-surrogate", "The second half alone is also refused.", UNICODE, r#"{"ServerURL":"{h}","Username":"u\ude00","Secret":"{p}"}"#),
    ];
    rows.into_iter().map(|(class, id, says, source, json)| {
        Case::new(class, id, says, source, move |p| {
            let (host, secret) = (p.host(), p.secret());
            refuses(
                p,
                &host,
                &secret,
                json.replace("{h}", &host).replace("{p}", &secret).into_bytes(),
            )
        })
    })
}

/// Bytes that aren't UTF-8, in place of `{x}`.
fn not_text() -> impl Iterator<Item = Case> {
    #[rustfmt::skip] // a table
    let rows: [(&str, &str, &str, &[u8]); 5] = [
        ("utf-8-server", "A server that is not UTF-8 is refused.", r#"{"ServerURL":"{h}{x}","Username":"u","Secret":"{p}"}"#, b"\xff"),
        ("utf-8-user", "A user name that is not UTF-8 is refused.", r#"{"ServerURL":"{h}","Username":"u{x}","Secret":"{p}"}"#, b"\xe9"),
        ("utf-8-secret", "A secret that is not UTF-8 is refused.", r#"{"ServerURL":"{h}","Username":"u","Secret":"{p}{x}"}"#, b"\xc3\x28"),
        ("utf-8-overlong", "An overlong form is refused.", r#"{"ServerURL":"{h}","Username":"u","Secret":"{p}{x}"}"#, b"\xc0\xaf"),
        ("utf-8-surrogate", "A surrogate in UTF-8 is refused.", r#"{"ServerURL":"{h}","Username":"u","Secret":"{p}{x}"}"#, b"\xed\xa0\x80"),
    ];
    rows.into_iter().map(|(id, says, json, bytes)| {
        stricter(id, says, UNICODE, move |p| {
            let (host, secret) = (p.host(), p.secret());
            let json = json.replace("{h}", &host).replace("{p}", &secret);
            let (before, after) = json.split_once("{x}").unwrap_or((&json, ""));
            refuses(
                p,
                &host,
                &secret,
                [before.as_bytes(), bytes, after.as_bytes()].concat(),
            )
        })
    })
}

fn refuses(p: &Probe<'_>, host: &str, secret: &str, json: Vec<u8>) -> Verdict {
    // The results of a helper that doesn't refuse it.
    p.will_store(&format!("x.{host}"));
    p.will_store(&format!("{host}\u{fffd}"));
    p.store_bytes(host, json)?.refused(secret)?;
    p.get(host)?.not_found()
}

fn utf_16(p: &Probe<'_>) -> Verdict {
    let credential = p.credential(p.host());
    let bytes: Vec<u8> = std::iter::once(0xfeff)
        .chain(credential.to_json().encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let run = p.store_bytes(&credential.server, bytes)?;
    run.refused(&credential.secret)?;
    if run.stdout.windows(6).any(|window| window == b"UTF-16") {
        Ok(())
    } else {
        Err(run.failed("`UTF-16` in the error"))
    }
}
