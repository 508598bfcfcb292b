//! Standard input, output and error, in every state that a caller can leave them in.

use crate::judge::{NO_SERVER, NOT_FOUND, ensure};
use crate::probe::Stop;
use crate::run::{Input, Output, Run};
use crate::{Case, Probe, Verdict, client, reference, stricter};

const MERGED: &str = "Spring Boot: merges stderr into stdout";
const EPIPE: &str = "docker_credential (Rust): a helper that does not read makes the write fail";
const UNENDED: &str = "a caller that passes on its own stdin; docker has no timeout";
const UNDELIVERED: &str = "a reply that was not delivered is not a success";
const ODD: &str = "services and scripts start programs like this";
const READ: &str = "docker-credential-helpers: stdin is read to its end";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = stderr();
    cases.extend(stdin());
    cases.extend(stdout());
    cases
}

fn stderr() -> Vec<Case> {
    vec![
        client(
            "quiet-get",
            "A successful `get` does not write to stderr.",
            MERGED,
            |p| p.get(&p.given()?.server)?.quiet(),
        ),
        client(
            "quiet-not-found",
            "A `get` that finds nothing does not write to stderr.",
            MERGED,
            |p| {
                let run = p.get(&p.host())?;
                run.not_found()?;
                run.quiet()
            },
        ),
        client(
            "quiet-get-error",
            "A failed `get` does not write to stderr.",
            MERGED,
            |p| {
                let run = p.verb("get", "")?;
                run.fails()?;
                run.quiet()
            },
        ),
        client("quiet-list", "`list` does not write to stderr.", MERGED, |p| {
            let run = p.verb("list", "unused")?;
            run.exits(0)?;
            run.quiet()
        }),
        reference(
            "quiet-version",
            "`version` does not write to stderr.",
            "docker-credential-helpers: credentials.PrintVersion",
            |p| {
                let run = p.verb("version", "")?;
                run.exits(0)?;
                run.quiet()
            },
        ),
        stricter(
            "no-stderr",
            "Without stderr, `store`, `get` and `list` work as usual.",
            ODD,
            |p| {
                if p.writing().is_ok() {
                    let credential = p.credential(p.host());
                    p.will_store(&credential.server);
                    p.run(
                        &["store"],
                        Input::Bytes(credential.to_docker_json()),
                        Output::NoStderr,
                    )?
                    .worked_in_silence()?;
                    p.get(&credential.server)?.answers(&credential)?;
                }
                let given = p.given()?;
                p.run(&["get"], given.server.as_str().into(), Output::NoStderr)?
                    .answers(&given)?;
                p.run(&["list"], "unused".into(), Output::NoStderr)?.exits(0)
            },
        ),
    ]
}

fn stdin() -> Vec<Case> {
    vec![
        client(
            "list-unused",
            "`list` answers if stdin is the word `unused`.",
            "docker CLI: sends that word",
            |p| lists(p, "unused".into()),
        ),
        client(
            "list-empty",
            "`list` answers if stdin is empty.",
            "docker-py: sends nothing",
            |p| lists(p, "".into()),
        ),
        stricter(
            "list-unended",
            "`list` answers if stdin never ends.",
            UNENDED,
            |p| lists(p, Input::Unended(Vec::new())),
        ),
        stricter(
            "list-unended-word",
            "`list` answers if stdin has a word and never ends.",
            UNENDED,
            |p| lists(p, Input::Unended(b"unused".to_vec())),
        ),
        stricter("list-closed", "`list` answers without stdin.", ODD, |p| {
            lists(p, Input::Closed)
        }),
        stricter("list-null", "`list` answers if stdin is `/dev/null`.", ODD, |p| {
            lists(p, Input::Path("/dev/null"))
        }),
        stricter(
            "list-directory",
            "`list` answers if stdin is a directory.",
            ODD,
            |p| lists(p, Input::Path("/")),
        ),
        stricter(
            "list-blocking",
            "`list` does not switch the shared stdin to non-blocking.",
            "the mode of a pipe is shared with the caller",
            |p| {
                let run = p.run(&["list"], Input::Unended(b"unused".to_vec()), Output::Apart)?;
                run.exits(0)?;
                ensure(!run.left_nonblocking, || "stdin is non-blocking now".into())
            },
        ),
        reference(
            "version-unended",
            "`version` answers if stdin never ends.",
            "docker-credential-helpers: credentials.PrintVersion",
            |p| {
                p.run(&["version"], Input::Unended(Vec::new()), Output::Apart)?
                    .exits(0)
            },
        ),
        reference(
            "version-closed",
            "`version` answers without stdin.",
            "docker-credential-helpers: credentials.PrintVersion",
            |p| p.run(&["version"], Input::Closed, Output::Apart)?.exits(0),
        ),
        reference(
            "usage-unended",
            "The usage is printed if stdin never ends.",
            "docker-credential-helpers: credentials.Serve",
            |p| p.run(&[], Input::Unended(Vec::new()), Output::Apart)?.exits(1),
        ),
        client(
            "get-waits",
            "`get` waits for its input and reads it.",
            EPIPE,
            |p| {
                let given = p.given()?;
                late(p, "get", given.server.as_str())?.answers(&given)
            },
        ),
        client(
            "store-waits",
            "`store` waits for its input and reads it.",
            EPIPE,
            |p| {
                p.writing()?;
                let credential = p.credential(p.host());
                p.will_store(&credential.server);
                late(p, "store", credential.to_docker_json())?.worked_in_silence()?;
                p.get(&credential.server)?.answers(&credential)
            },
        ),
        client(
            "erase-waits",
            "`erase` waits for its input and reads it.",
            EPIPE,
            |p| late(p, "erase", p.host())?.exits_somehow(),
        ),
        stricter(
            "bad-store-taken",
            "A refused `store` has read its whole input.",
            EPIPE,
            |p| {
                let run = p.verb("store", vec![b'x'; 512 << 10])?;
                run.refused("")?;
                ensure(run.took_input, || "the input was not read".into())
            },
        ),
        reference(
            "get-in-pieces",
            "`get` reads a server that arrives byte by byte.",
            READ,
            |p| {
                let given = p.given()?;
                p.run(
                    &["get"],
                    Input::ByteByByte(given.server.clone().into()),
                    Output::Apart,
                )?
                .answers(&given)
            },
        ),
        reference(
            "store-in-pieces",
            "`store` reads JSON that arrives byte by byte.",
            READ,
            |p| {
                p.writing()?;
                let credential = p.credential(p.host());
                p.will_store(&credential.server);
                p.run(
                    &["store"],
                    Input::ByteByByte(credential.to_docker_json()),
                    Output::Apart,
                )?
                .exits(0)?;
                p.get(&credential.server)?.answers(&credential)
            },
        ),
        reference(
            "get-null",
            "`get` from `/dev/null` is `no credentials server URL`, exit 1.",
            READ,
            |p| {
                p.run(&["get"], Input::Path("/dev/null"), Output::Apart)?
                    .prints(1, &format!("{NO_SERVER}\n"))
            },
        ),
        stricter("get-closed", "`get` without stdin is an error.", ODD, |p| {
            p.run(&["get"], Input::Closed, Output::Apart)?.refused("")
        }),
        stricter("store-closed", "`store` without stdin is an error.", ODD, |p| {
            p.run(&["store"], Input::Closed, Output::Apart)?.refused("")
        }),
        stricter("erase-closed", "`erase` without stdin is an error.", ODD, |p| {
            p.run(&["erase"], Input::Closed, Output::Apart)?.refused("")
        }),
        stricter("get-directory", "`get` from a directory is an error.", ODD, |p| {
            p.run(&["get"], Input::Path("/"), Output::Apart)?.refused("")
        }),
        stricter(
            "long-line",
            "A line of 65,535, 65,536 or 65,537 bytes is a line like any other.",
            "line readers stop at 64 KiB",
            |p| {
                let given = p.given()?;
                for length in 65_535..=65_537 {
                    p.verb(
                        "get",
                        given.server.clone() + &" ".repeat(length - given.server.len()),
                    )?
                    .answers(&given)?;
                }
                Ok(())
            },
        ),
        stricter(
            "long-store",
            "JSON of 65,535, 65,536 or 65,537 bytes is stored like any other.",
            "line readers stop at 64 KiB",
            |p| {
                for length in 65_535..=65_537 {
                    let credential = p.credential(p.host());
                    let json = credential.to_json();
                    let blanks = " ".repeat(length - json.len());
                    p.store_bytes(&credential.server, blanks + &json)?.exits(0)?;
                    p.get(&credential.server)?.answers(&credential)?;
                }
                Ok(())
            },
        ),
    ]
}

fn stdout() -> Vec<Case> {
    vec![
        stricter("full-get", "`get` to a full device exits 1.", UNDELIVERED, |p| {
            let given = p.given()?;
            undelivered(&full(p, "get", &given.server)?, &given.secret)
        }),
        stricter(
            "full-not-found",
            "A `get` that finds nothing also exits 1 on a full device.",
            UNDELIVERED,
            |p| undelivered(&full(p, "get", &p.host())?, ""),
        ),
        stricter(
            "full-list",
            "`list` to a full device exits 1.",
            UNDELIVERED,
            |p| undelivered(&full(p, "list", "unused")?, ""),
        ),
        stricter(
            "full-version",
            "`version` to a full device exits 1.",
            UNDELIVERED,
            |p| undelivered(&full(p, "version", "")?, ""),
        ),
        stricter(
            "gone-get",
            "`get` to a closed pipe exits 1, and is not killed.",
            UNDELIVERED,
            |p| {
                let given = p.given()?;
                undelivered(
                    &p.run(&["get"], given.server.as_str().into(), Output::ReaderGone)?,
                    &given.secret,
                )
            },
        ),
        stricter(
            "gone-list",
            "`list` to a closed pipe exits 1, and is not killed.",
            UNDELIVERED,
            |p| undelivered(&p.run(&["list"], "unused".into(), Output::ReaderGone)?, ""),
        ),
        stricter(
            "no-stdout",
            "Without stdout, `get` ends normally and does not change the store.",
            ODD,
            |p| {
                let given = p.given()?;
                let run = p.run(&["get"], given.server.as_str().into(), Output::NoStdout)?;
                run.exits_somehow()?;
                run.without(&given.secret)?;
                p.get(&given.server)?.answers(&given)
            },
        ),
        stricter(
            "no-stdout-store",
            "Without stdout, the exit code of `store` is right.",
            ODD,
            |p| {
                p.writing()?;
                let credential = p.credential(p.host());
                p.will_store(&credential.server);
                let input = Input::Bytes(credential.to_docker_json());
                let run = p.run(&["store"], input, Output::NoStdout)?;
                run.exits_somehow()?;
                match run.exits(0) {
                    Ok(()) => p.get(&credential.server)?.answers(&credential),
                    Err(_) => Ok(()),
                }
            },
        ),
        stricter(
            "nothing-open",
            "With all three streams closed, `store` is refused and does not change the store.",
            ODD,
            |p| {
                let given = p.given()?;
                p.run(&["store"], Input::Closed, Output::Neither)?.fails()?;
                p.get(&given.server)?.answers(&given)
            },
        ),
        client(
            "one-object",
            "Only the answer is on stdout.",
            "oras: bytes after the JSON are an error",
            |p| {
                let given = p.given()?;
                let run = p.get(&given.server)?;
                run.answers(&given)?;
                ensure(
                    run.stdout.starts_with(b"{") && run.stdout.ends_with(b"}\n"),
                    || "stdout holds more than the object".into(),
                )
            },
        ),
        client(
            "not-found-alone",
            "Only the text is on stdout if nothing is found.",
            "docker CLI: compares stdout with the text",
            |p| p.get(&p.host())?.prints(1, &format!("{NOT_FOUND}\n")),
        ),
    ]
}

/// Another case checks the server's name.
fn lists(p: &Probe<'_>, input: Input) -> Verdict {
    let given = p.given()?;
    let run = p.run(&["list"], input, Output::Apart)?;
    run.exits(0)?;
    let listed = run.members()?;
    let named = listed.iter().any(|(server, _)| server.contains(&given.server));
    ensure(named, || {
        format!("`list` names {listed:?} and not {}", given.server)
    })
}

fn late(p: &Probe<'_>, verb: &str, input: impl Into<Vec<u8>>) -> Result<Run, Stop> {
    let run = p.run(&[verb], Input::Late(input.into()), Output::Apart)?;
    ensure(run.took_input, || format!("{verb} ended before it had its input"))?;
    Ok(run)
}

fn full(p: &Probe<'_>, verb: &str, input: &str) -> Result<Run, Stop> {
    if !std::path::Path::new("/dev/full").exists() {
        return Err(Stop::NotApplicable("there is no /dev/full here".into()));
    }
    p.run(&[verb], input.into(), Output::Full)
}

fn undelivered(run: &Run, secret: &str) -> Verdict {
    run.exits(1)?;
    run.without(secret)
}
