//! Each client's parser for an answer to `get`.

use serde_json::Value;

use super::{Seen, gives_up};
use crate::json::Members;
use crate::judge::{NO_SERVER, NO_USERNAME, NOT_FOUND};
use crate::run::{End, Input, Output, Run};
use crate::{Probe, Stop};

type Answer = Result<Seen, Stop>;

/// docker's own Go package: compares the trimmed stdout of a failed helper, and decodes one value of a
/// successful one.
pub(super) fn docker(p: &Probe<'_>, server: &str) -> Answer {
    let run = p.get(server)?;
    Ok(match run.end {
        End::Exit(0) => first_value(&run, &run.stdout, str::eq_ignore_ascii_case),
        _ => trimmed_text(&run),
    })
}

/// oras-go: the same text, but nothing may follow the JSON.
pub(super) fn oras(p: &Probe<'_>, server: &str) -> Answer {
    let run = p.get(server)?;
    Ok(match run.end {
        End::Exit(0) => whole_value(&run, str::eq_ignore_ascii_case),
        _ => trimmed_text(&run),
    })
}

/// docker-py: the text anywhere in stdout; keys by exact case; two empty strings also mean "not found".
pub(super) fn docker_py(p: &Probe<'_>, server: &str) -> Answer {
    let run = p.get(server)?;
    Ok(match run.end {
        End::Exit(0) => match whole_value(&run, exact) {
            Seen::Found(username, secret) if username.is_empty() && secret.is_empty() => Seen::NotFound,
            seen => seen,
        },
        _ if contains_text(&run) => Seen::NotFound,
        _ => gives_up(&run, "the text for \"not found\" somewhere in stdout"),
    })
}

/// `docker_credential` for Rust: treats any failure as an error, and always writes the request.
pub(super) fn rust(p: &Probe<'_>, server: &str) -> Answer {
    let run = p.run(&["get"], Input::Late(server.into()), Output::Apart)?;
    if !run.took_input {
        return Ok(gives_up(&run, "the question to be read"));
    }
    Ok(match run.end {
        End::Exit(0) => whole_value(&run, exact),
        // It doesn't distinguish "not found": its callers continue without a credential.
        End::Exit(_) => Seen::NotFound,
        _ => gives_up(&run, "an exit code"),
    })
}

/// testcontainers-java: exit 1 and the text that it learnt from a registry that can't exist.
pub(super) fn testcontainers_java(p: &Probe<'_>, server: &str) -> Answer {
    let run = p.get(server)?;
    if run.end == End::Exit(0) {
        return Ok(first_value(&run, &run.stdout, exact));
    }
    let learnt = p.get("https://not.a.real.registry.invalid/url")?;
    let same = run.end == End::Exit(1) && learnt.end == End::Exit(1);
    Ok(
        if same
            && !run.stdout.trim_ascii().is_empty()
            && run.stdout.trim_ascii() == learnt.stdout.trim_ascii()
        {
            Seen::NotFound
        } else {
            gives_up(&run, "exit 1 with the text that it has learnt")
        },
    )
}

/// testcontainers-node: writes a line; any failure means no credential.
pub(super) fn testcontainers_node(p: &Probe<'_>, server: &str) -> Answer {
    line(p, format!("{server}\n"))
}

/// .NET: the same, with Windows' line ending.
pub(super) fn dotnet(p: &Probe<'_>, server: &str) -> Answer {
    line(p, format!("{server}\r\n"))
}

fn line(p: &Probe<'_>, line: String) -> Answer {
    let run = p.verb("get", line)?;
    Ok(match run.end {
        End::Exit(0) => whole_value(&run, exact),
        End::Exit(_) => Seen::NotFound,
        _ => gives_up(&run, "an exit code"),
    })
}

/// jib: ignores the exit code.
pub(super) fn jib(p: &Probe<'_>, server: &str) -> Answer {
    let run = p.get(server)?;
    if contains_text(&run) {
        return Ok(Seen::NotFound);
    }
    Ok(match first_value(&run, &run.stdout, exact) {
        Seen::Found(username, secret) if username.is_empty() || secret.is_empty() => {
            gives_up(&run, "a user name and a secret")
        }
        seen => seen,
    })
}

/// Spring Boot: reads stdout and stderr as one stream.
pub(super) fn spring_boot(p: &Probe<'_>, server: &str) -> Answer {
    let run = p.run(&["get"], Input::Bytes(server.into()), Output::Merged)?;
    Ok(match run.end {
        End::Exit(0) => first_value(&run, &run.stdout, exact),
        _ if [NOT_FOUND, NO_SERVER, NO_USERNAME]
            .iter()
            .any(|text| run.stdout.trim_ascii() == text.as_bytes()) =>
        {
            Seen::NotFound
        }
        _ => gives_up(
            &run,
            "the text for \"not found\" and nothing else on both streams",
        ),
    })
}

/// docker-maven-plugin: exit 1 is "not found", with any output; any other failure is an error.
pub(super) fn docker_maven_plugin(p: &Probe<'_>, server: &str) -> Answer {
    let run = p.get(server)?;
    Ok(match run.end {
        End::Exit(0) => whole_value(&run, exact),
        End::Exit(1) => Seen::NotFound,
        _ => gives_up(&run, "exit 0 or 1"),
    })
}

/// regclient: doesn't look up a host that `list` doesn't show, and ignores errors.
pub(super) fn regctl(p: &Probe<'_>, server: &str) -> Answer {
    let listed = p.list()?;
    if !listed.iter().any(|(name, _)| name == server) {
        return Ok(Seen::NotFound);
    }
    docker(p, server)
}

fn trimmed_text(run: &Run) -> Seen {
    match run.not_found() {
        Ok(()) => Seen::NotFound,
        Err(_) => gives_up(run, "only the text for \"not found\" on stdout"),
    }
}

fn contains_text(run: &Run) -> bool {
    String::from_utf8_lossy(&run.stdout).contains(NOT_FOUND)
}

fn exact(left: &str, right: &str) -> bool {
    left == right
}

/// Reads one JSON value and ignores the rest, as a stream decoder does.
fn first_value(run: &Run, text: &[u8], same: fn(&str, &str) -> bool) -> Seen {
    match serde_json::Deserializer::from_slice(text).into_iter().next() {
        Some(Ok(Members(members))) => credential(run, &members, same),
        _ => gives_up(run, "a JSON object"),
    }
}

/// Reads one JSON value, and fails if more follows.
fn whole_value(run: &Run, same: fn(&str, &str) -> bool) -> Seen {
    match serde_json::from_slice(&run.stdout) {
        Ok(Members(members)) => credential(run, &members, same),
        Err(_) => gives_up(run, "one JSON object and nothing else"),
    }
}

fn credential(run: &Run, members: &[(String, Value)], same: fn(&str, &str) -> bool) -> Seen {
    let value = |key| {
        members
            .iter()
            .rfind(|(name, _)| same(name, key))
            .and_then(|(_, value)| value.as_str())
    };
    match (value("Username"), value("Secret")) {
        (Some(username), Some(secret)) => Seen::Found(username.into(), secret.into()),
        _ => gives_up(run, "a Username and a Secret"),
    }
}
