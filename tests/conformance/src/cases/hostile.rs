//! Hostile input: refused on one line, without the secret, and without a change.

use std::ffi::OsStr;

use crate::judge::ensure;
use crate::probe::{Credential, Stop};
use crate::run::{Input, Output};
use crate::{Case, Probe, Verdict, reference, stricter};

const GLUED: &str = "line readers join lines (git: CVE-2020-5260)";
const CONTROLS: &str = "a control character in a message moves the reader's cursor";
const MEMORY: &str = "input and memory are limited";
const ARGV: &str = "arguments are bytes";
const NAMES: &str = "server names become the names of entries";

/// The memory that a helper may use for refused input.
const MEMORY_LIMIT_KIB: u64 = 32 << 10;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        stricter("glued-lines", "Two lines are not one server.", GLUED, |p| {
            glued(p, "\n")
        }),
        stricter(
            "glued-crlf",
            "Two lines with CR and LF are not one server.",
            GLUED,
            |p| glued(p, "\r\n"),
        ),
        stricter("glued-cr", "A CR inside is not dropped.", GLUED, |p| {
            glued(p, "\r")
        }),
        stricter(
            "second-line",
            "With a second server on its own line, neither is looked up.",
            GLUED,
            |p| {
                let given = p.given()?;
                p.verb("get", format!("{}\n{}", p.host(), given.server))?
                    .finds_nothing(&given.secret)?;
                p.verb("get", format!("{}\n{}", given.server, p.host()))?
                    .finds_nothing(&given.secret)
            },
        ),
        stricter(
            "second-line-erase",
            "With a second server on its own line, neither is erased.",
            GLUED,
            |p| {
                let given = p.given()?;
                p.verb("erase", format!("{}\n{}", p.host(), given.server))?
                    .exits_somehow()?;
                p.verb("erase", format!("{}\n{}", given.server, p.host()))?
                    .exits_somehow()?;
                p.get(&given.server)?.answers(&given)
            },
        ),
        reference(
            "argument-bytes",
            "A verb that is not text is an unknown word.",
            ARGV,
            argument_bytes,
        ),
        reference("argument-empty", "An empty verb is an unknown word.", ARGV, |p| {
            p.verb("", "")?.one_line_error()
        }),
        stricter(
            "argument-controls",
            "An unknown word with control characters is not printed unchanged.",
            CONTROLS,
            |p| p.verb("x\u{1b}[2J\ny", "")?.one_line_error(),
        ),
        reference(
            "argument-long",
            "A verb of 100,000 letters is an unknown word.",
            ARGV,
            |p| p.verb(&"x".repeat(100_000), "")?.exits(1),
        ),
        stricter(
            "argument-option",
            "An unknown option is refused without a look-up.",
            ARGV,
            |p| p.run(&["--frobnicate"], "".into(), Output::Apart)?.exits(1),
        ),
        stricter(
            "zeros-get",
            "1 GiB of zeros for `get` is refused within 32 MiB of memory.",
            MEMORY,
            |p| within_memory(p, "get", Input::ZeroMebibytes(1024)),
        ),
        stricter(
            "zeros-store",
            "1 GiB of zeros for `store` is refused within 32 MiB of memory.",
            MEMORY,
            |p| within_memory(p, "store", Input::ZeroMebibytes(1024)),
        ),
        stricter(
            "endless-get",
            "`/dev/zero` for `get` is refused within 32 MiB of memory.",
            MEMORY,
            |p| within_memory(p, "get", Input::Path("/dev/zero")),
        ),
        stricter(
            "endless-erase",
            "`/dev/zero` for `erase` is refused within 32 MiB of memory.",
            MEMORY,
            |p| within_memory(p, "erase", Input::Path("/dev/zero")),
        ),
        stricter("long-server", "A server of 2 MiB is refused.", MEMORY, |p| {
            p.get(&"a".repeat(2 << 20))?.refused("")
        }),
        stricter(
            "long-secret",
            "A secret of 2 MiB is refused, not cut.",
            MEMORY,
            |p| {
                let credential = Credential {
                    secret: "s".repeat(2 << 20),
                    ..p.credential(p.host())
                };
                p.try_store(&credential)?.refused(&credential.secret)?;
                p.get(&credential.server)?.not_found()
            },
        ),
        stricter(
            "nested",
            "JSON nested 100,000 deep is refused without a crash.",
            "parsers recurse",
            |p| nested(p, "["),
        ),
        stricter(
            "nested-objects",
            "So are objects nested 100,000 deep.",
            "parsers recurse",
            |p| nested(p, "{\"a\":"),
        ),
        stricter("many-keys", "50,000 unknown keys are ignored.", MEMORY, |p| {
            let credential = p.credential(p.host());
            let keys: Vec<String> = (0..50_000).map(|number| format!("\"k{number}\":0,")).collect();
            let json = credential
                .to_json()
                .replacen('{', &format!("{{{}", keys.concat()), 1);
            p.store_bytes(&credential.server, json)?.exits(0)?;
            p.get(&credential.server)?.answers(&credential)
        }),
        stricter(
            "long-host",
            "A server that is too long for a file name is answered, or not stored.",
            NAMES,
            |p| {
                let credential = p.credential(format!("{}.{}", "a".repeat(300), p.host()));
                let run = p.try_store(&credential)?;
                if run.exits(0).is_err() {
                    run.refused(&credential.secret)?;
                    return p.get(&credential.server)?.not_found();
                }
                p.get(&credential.server)?.answers(&credential)
            },
        ),
        reference(
            "dash-host",
            "A server that begins with a hyphen is not an option.",
            NAMES,
            |p| {
                let given = p.given()?;
                p.get("--help")?.finds_nothing(&given.secret)?;
                p.get(&format!("-{}", given.server))?.finds_nothing(&given.secret)
            },
        ),
        reference(
            "device-host",
            "The name of a Windows device is a server like any other.",
            NAMES,
            |p| p.get("CON")?.not_found(),
        ),
        reference(
            "dots-host",
            "`..` is neither a server nor a directory.",
            NAMES,
            |p| {
                p.get("..")?.finds_nothing("")?;
                p.get("../../etc/passwd")?.finds_nothing("")
            },
        ),
    ];
    cases.extend(servers());
    cases.extend(usernames());
    cases
}

/// Characters that servers can't contain: `store` refuses them, and `get` finds nothing and doesn't print
/// them.
fn servers() -> impl Iterator<Item = Case> {
    #[rustfmt::skip] // a table
    let rows = [
        ("store-nul", "`store` refuses a server with a NUL.", "get-nul", "`get` of a server with a NUL finds nothing.", "\0"),
        ("store-escape", "`store` refuses an escape sequence.", "get-escape", "`get` does not print an \
        escape sequence back.", "\u{1b}[31m"),
        ("store-tab", "`store` refuses a tab inside a server.", "get-tab", "`get` with a tab inside finds nothing.", "\t"),
        ("store-del", "`store` refuses DEL.", "get-del", "`get` with DEL finds nothing.", "\u{7f}"),
        ("store-c1", "`store` refuses a C1 control.", "get-c1", "`get` with a C1 control finds nothing.", "\u{85}"),
        ("store-lf", "`store` refuses a newline inside a server.", "get-lf", "`get` with a newline inside finds nothing.", "\n"),
        ("store-cr", "`store` refuses a CR inside a server.", "get-cr", "`get` with a CR inside finds nothing.", "\r"),
        ("store-line", "`store` refuses U+2028.", "get-line", "`get` with U+2028 finds nothing.", "\u{2028}"),
        ("store-override", "`store` refuses U+202E.", "get-override", "`get` does not print a right-to-left \
        override back.", "\u{202e}"),
        ("store-hidden", "`store` refuses a zero-width space.", "get-hidden", "`get` does not print a \
        zero-width space back.", "\u{200b}"),
    ];
    #[rustfmt::skip] // a table
    let around = [
        ("store-lf-after", "`store` refuses a newline after the server, and does not trim it.", "", "\n"),
        ("store-space-before", "`store` refuses a space before the server.", " ", ""),
        ("store-bom", "`store` refuses a byte order mark before the server.", "\u{feff}", ""),
    ];
    let inside = rows
        .into_iter()
        .flat_map(|(store, store_says, get, get_says, inside)| {
            [
                stricter(store, store_says, CONTROLS, move |p| {
                    store_refuses(p, &format!("a{inside}b.{}", p.host()))
                }),
                stricter(get, get_says, CONTROLS, move |p| {
                    let given = p.given()?;
                    let (before, after) = given.server.split_at(3);
                    p.get(&format!("{before}{inside}{after}"))?
                        .finds_nothing(&given.secret)
                }),
            ]
        });
    let around = around.into_iter().map(|(id, says, before, after)| {
        stricter(id, says, GLUED, move |p| {
            store_refuses(p, &format!("{before}{}{after}", p.host()))
        })
    });
    let not_text = stricter(
        "get-utf-8",
        "`get` of a server that is not UTF-8 finds nothing.",
        CONTROLS,
        |p| {
            let given = p.given()?;
            p.verb("get", [given.server.as_bytes(), b"\xff"].concat())?
                .finds_nothing(&given.secret)
        },
    );
    inside.chain(around).chain([not_text])
}

fn store_refuses(p: &Probe<'_>, server: &str) -> Verdict {
    // A helper that accepts it, but trims lines, can't erase it again.
    if server.trim() != server || server.contains('\n') {
        p.throw_away()?;
    }
    let credential = p.credential(server);
    p.try_store(&credential)?.refused(&credential.secret)
}

/// User names that backends can't show on one line.
fn usernames() -> Vec<Case> {
    vec![stricter(
        "user-nul",
        "A user name with a NUL is refused.",
        CONTROLS,
        |p| {
            let credential = Credential {
                username: "before\0after".into(),
                ..p.credential(p.host())
            };
            p.try_store(&credential)?.refused(&credential.secret)?;
            p.get(&credential.server)?.not_found()
        },
    )]
}

fn glued(p: &Probe<'_>, separator: &str) -> Verdict {
    let given = p.given()?;
    let (before, after) = given.server.split_at(given.server.len() / 2);
    p.verb("get", format!("{before}{separator}{after}"))?
        .finds_nothing(&given.secret)
}

#[cfg(unix)]
fn argument_bytes(p: &Probe<'_>) -> Verdict {
    let verb: &OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"ge\xfft");
    p.run_os(&[verb], "".into(), Output::Apart)?.exits(1)
}

#[cfg(not(unix))]
fn argument_bytes(_: &Probe<'_>) -> Verdict {
    let _verb: Option<&OsStr> = None;
    Err(Stop::NotApplicable("arguments are text here".into()))
}

fn within_memory(p: &Probe<'_>, verb: &str, input: Input) -> Verdict {
    let run = p.run(&[verb], input, Output::Apart)?;
    run.refused("")?;
    match run.peak_kib {
        None if cfg!(not(target_os = "linux")) => {
            Err(Stop::NotApplicable("memory is measured on Linux only".into()))
        }
        // It ended before the first measurement.
        None => Ok(()),
        Some(peak) => ensure(peak < MEMORY_LIMIT_KIB, || {
            format!("{verb} took {peak} KiB of memory")
        }),
    }
}

fn nested(p: &Probe<'_>, open: &str) -> Verdict {
    let credential = p.credential(p.host());
    let deep = format!("{{\"x\":{}", open.repeat(100_000));
    let run = p.store_bytes(&credential.server, deep)?;
    run.refused(&credential.secret)?;
    p.get(&credential.server)?.not_found()
}
