//! The bytes of requests and answers.

use crate::judge::{NOT_FOUND, ensure};
use crate::run::{Input, Output};
use crate::{Case, Probe, Stop, Verdict, client, reference, stricter};

const SERVE: &str = "docker-credential-helpers: credentials.Serve";
const ENCODER: &str = "docker-credential-helpers: Go's JSON encoder writes the answer";
const DECODER: &str = "docker-credential-helpers: Go's JSON decoder reads the input";
const TRIM: &str = "docker-credential-helpers: credentials.Get trims its input";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = words();
    cases.extend(replies());
    cases.extend(server_lines());
    cases.extend(store_json());
    cases
}

fn words() -> Vec<Case> {
    vec![
        reference(
            "usage-none",
            "Without an argument it prints its usage on stdout and exits 1.",
            SERVE,
            |p| usage(p, &[], 1),
        ),
        reference("usage-two", "`get x` is a mistake: usage, exit 1.", SERVE, |p| {
            usage(p, &["get", "x"], 1)
        }),
        reference(
            "usage-list-two",
            "`list x` is a mistake: usage, exit 1.",
            SERVE,
            |p| usage(p, &["list", "x"], 1),
        ),
        reference(
            "usage-help",
            "`--help` prints the usage on stdout and exits 0.",
            SERVE,
            |p| usage(p, &["--help"], 0),
        ),
        reference(
            "usage-h",
            "`-h` prints the usage on stdout and exits 0.",
            SERVE,
            |p| usage(p, &["-h"], 0),
        ),
        reference(
            "unknown-verb",
            "An unknown word is an error on one line of stdout, exit 1.",
            SERVE,
            |p| p.verb("frobnicate", "")?.one_line_error(),
        ),
        reference(
            "unknown-verb-text",
            "The error for an unknown word is `docker-credential-<name>: unknown action: <word>`.",
            SERVE,
            |p| {
                p.verb("frobnicate", "")?
                    .prints(1, &format!("{}: unknown action: frobnicate\n", p.name()))
            },
        ),
        reference(
            "verbs-lower-case",
            "`LIST` and `Get` are not verbs: exit 1.",
            SERVE,
            |p| {
                p.verb("LIST", "")?.one_line_error()?;
                p.verb("Get", p.host())?.one_line_error()
            },
        ),
        reference(
            "version",
            "`version` prints `docker-credential-<name> (<package>) <version>`.",
            SERVE,
            |p| version_of(p).map(drop),
        ),
        stricter(
            "version-semver",
            "The version is `v` and a semantic version (semver.org).",
            "tools compare versions",
            |p| {
                let version = version_of(p)?;
                let numbers = version.strip_prefix('v').is_some_and(is_semver);
                ensure(numbers, || format!("the version is {version}"))
            },
        ),
        reference(
            "version-long",
            "`--version` prints the same line as `version`.",
            SERVE,
            |p| same_as_version(p, "--version"),
        ),
        reference(
            "version-short",
            "`-v` prints the same line as `version`.",
            SERVE,
            |p| same_as_version(p, "-v"),
        ),
    ]
}

fn replies() -> Vec<Case> {
    vec![
        reference(
            "get-bytes",
            "The answer to `get` is one compact line, with its keys in order.",
            ENCODER,
            |p| {
                let given = p.given()?;
                p.get(&given.server)?.prints(0, &format!("{}\n", given.to_json()))
            },
        ),
        client(
            "get-keys",
            "The answer has exactly the keys ServerURL, Username and Secret, in this spelling, each once.",
            "docker-py, jib: keys are looked up by exact case",
            get_keys,
        ),
        reference(
            "get-echo",
            "ServerURL in the answer is the requested server.",
            ENCODER,
            |p| echo(p, str::to_owned),
        ),
        stricter(
            "get-echo-spelling",
            "ServerURL is the requested spelling, even if another one was stored.",
            "a client looks up its own request in the answer",
            |p| echo(p, |server| format!("https://{server}/")),
        ),
        reference(
            "store-silent",
            "A successful `store` prints nothing on stdout.",
            SERVE,
            |p| p.try_store(&p.credential(p.host()))?.worked_in_silence(),
        ),
        reference(
            "erase-silent",
            "A successful `erase` prints nothing on stdout.",
            SERVE,
            |p| {
                let stored = p.stored(&p.host())?;
                p.erase(&stored.server)?.worked_in_silence()
            },
        ),
        client(
            "not-found",
            "`get` of a missing credential prints the text and a newline, and exits 1.",
            "docker CLI: compares stdout with the text; testcontainers-java: exit 1",
            |p| p.get(&p.host())?.prints(1, &format!("{NOT_FOUND}\n")),
        ),
        client(
            "not-found-same",
            "It prints the same bytes for every missing server.",
            "testcontainers-java: learns the text from a server that cannot exist",
            |p| {
                let first = p.get("https://not.a.real.registry.invalid/url")?;
                first.fails()?;
                for server in [
                    p.host(),
                    format!("https://{}", p.host()),
                    format!("{}:5000", p.host()),
                ] {
                    let next = p.get(&server)?;
                    ensure(next.stdout == first.stdout, || {
                        format!("{} and {} differ", first.call, next.call)
                    })?;
                }
                Ok(())
            },
        ),
        reference(
            "list-bytes",
            "`list` answers with one compact JSON object and a newline.",
            ENCODER,
            |p| {
                if p.writing().is_ok() {
                    p.stored(&p.host())?;
                }
                list_bytes(p)
            },
        ),
        reference(
            "list-sorted",
            "The servers in the answer to `list` are sorted.",
            ENCODER,
            list_sorted,
        ),
        client(
            "store-newline",
            "`store` accepts JSON with a newline after it.",
            "docker CLI: Go's encoder ends the line",
            |p| p.stored(&p.host()).map(drop),
        ),
        client(
            "store-no-newline",
            "`store` accepts JSON without a newline after it.",
            "oras, helm: JSON is sent without a newline",
            |p| {
                let credential = p.credential(p.host());
                p.store_bytes(&credential.server, credential.to_json())?
                    .exits(0)?;
                p.get(&credential.server)?.answers(&credential)
            },
        ),
        client(
            "store-escaped",
            "`store` undoes the escapes of Go's encoder: `\\u003c`, `\\u003e`, `\\u0026`.",
            "docker CLI: HTML-escapes its JSON",
            |p| {
                let mut credential = p.credential(p.host());
                credential.secret.push_str("<&>");
                p.store(&credential)?;
                p.get(&credential.server)?.answers(&credential)
            },
        ),
        reference(
            "list-object",
            "`list` prints one object, `{}` if it is empty.",
            ENCODER,
            |p| p.list().map(drop),
        ),
    ]
}

/// Characters around the server on stdin, which must be ignored.
fn server_lines() -> impl Iterator<Item = Case> {
    use crate::Class::{Client, Reference, Stricter};
    #[rustfmt::skip] // a table
    let rows = [
        (Client, "get-lf", "A newline after the server is ignored.", "testcontainers-node: writes a line", ["", "\n"]),
        (Client, "get-crlf", "CR and LF after it are ignored.", ".NET: writes a line on Windows", ["", "\r\n"]),
        (Reference, "get-blanks", "Spaces around it are ignored.", TRIM, [" \t", " "]),
        (Reference, "get-lines", "Empty lines around it are ignored.", TRIM, ["\n\n", "\r\n\r\n"]),
        (Stricter, "get-bom", "A UTF-8 byte order mark before it is ignored.", "PowerShell 5 pipes one", ["\u{feff}", ""]),
    ];
    rows.into_iter()
        .map(|(class, id, says, source, [before, after])| {
            Case::new(class, id, says, source, move |p| {
                let given = p.given()?;
                p.verb("get", format!("{before}{}{after}", given.server))?
                    .answers(&given)
            })
        })
}

/// Ways to write the JSON for `store`, with `%S`, `%U` and `%P` in place of the three values.
fn store_json() -> impl Iterator<Item = Case> {
    #[rustfmt::skip] // a table
    let rows = [
        ("store-order", "The keys of `store` may come in any order.", r#"{"Secret":%P,"Username":%U,"ServerURL":%S}"#),
        ("store-case", "The case of the keys of `store` is ignored.", r#"{"serverurl":%S,"USERNAME":%U,"secret":%P}"#),
        (
            "store-unknown",
            "Unknown keys of `store` are ignored, with any value.",
            r#"{"Note":{"a":[1,null]},"ServerURL":%S,"Username":%U,"Secret":%P,"Version":2}"#,
        ),
        ("store-spaces", "White space between the parts of the JSON is ignored.", "  { \"ServerURL\" :\t%S , \"Username\" : %U,\n \"Secret\": %P }\r\n "),
        ("store-key-escape", "A key may be written with escapes.", r#"{"\u0053erverURL":%S,"User\u006eame":%U,"Secret":%P}"#),
    ];
    rows.into_iter().map(|(id, says, json)| {
        reference(id, says, DECODER, move |p| {
            let credential = p.credential(p.host());
            let [server, username, secret] = [&credential.server, &credential.username, &credential.secret]
                .map(|text| serde_json::Value::from(text.as_str()).to_string());
            let json = json
                .replace("%S", &server)
                .replace("%U", &username)
                .replace("%P", &secret);
            p.store_bytes(&credential.server, json)?.exits(0)?;
            p.get(&credential.server)?.answers(&credential)
        })
    })
}

fn usage(p: &Probe<'_>, arguments: &[&str], code: i32) -> Verdict {
    let run = p.run(arguments, Input::Bytes(Vec::new()), Output::Apart)?;
    run.exits(code)?;
    let start = format!("Usage: {} <store|get|erase|list|version>", p.name());
    if run.stdout.starts_with(start.as_bytes()) {
        Ok(())
    } else {
        Err(run.failed(&format!("stdout that begins `{start}`")))
    }
}

/// The last part of the output of `version`.
fn version_of(p: &Probe<'_>) -> Result<String, Stop> {
    let run = p.verb("version", "")?;
    run.exits(0)?;
    let line = String::from_utf8_lossy(&run.stdout);
    let parts = line
        .strip_prefix(&format!("{} (", p.name()))
        .and_then(|rest| rest.strip_suffix('\n')?.split_once(") "))
        .filter(|(package, version)| {
            !package.is_empty() && !version.is_empty() && !version.contains(['\n', ' '])
        });
    match parts {
        Some((_, version)) => Ok(version.to_owned()),
        None => Err(run.failed(&format!("`{} (<package>) <version>` and a newline", p.name()))),
    }
}

/// Three numbers without leading zeros, optionally with a pre-release and a build after them.
fn is_semver(version: &str) -> bool {
    let (version, build) = version.split_once('+').unwrap_or((version, "0"));
    let (core, pre_release) = version.split_once('-').unwrap_or((version, "0"));
    let numbers: Vec<&str> = core.split('.').collect();
    let number = |text: &&str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && (text.len() == 1 || !text.starts_with('0'))
    };
    let tag = |text: &str| {
        text.split('.').all(|part| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
    };
    numbers.len() == 3 && numbers.iter().all(number) && tag(pre_release) && tag(build)
}

fn same_as_version(p: &Probe<'_>, flag: &str) -> Verdict {
    let expected = p.verb("version", "")?;
    expected.exits(0)?;
    let run = p.verb(flag, "")?;
    run.prints(0, &String::from_utf8_lossy(&expected.stdout))
}

fn get_keys(p: &Probe<'_>) -> Verdict {
    let given = p.given()?;
    let run = p.get(&given.server)?;
    let mut keys: Vec<String> = run.members()?.into_iter().map(|(key, _)| key).collect();
    keys.sort();
    ensure(keys == ["Secret", "ServerURL", "Username"], || {
        format!("the keys are {keys:?}")
    })
}

fn echo(p: &Probe<'_>, spelling: impl Fn(&str) -> String) -> Verdict {
    let given = p.given()?;
    let asked = spelling(&given.server);
    let run = p.get(&asked)?;
    run.answers(&given)?;
    let echoed = run
        .members()?
        .into_iter()
        .find(|(key, _)| key == "ServerURL")
        .map(|(_, value)| value);
    ensure(echoed.as_deref() == Some(&asked), || {
        format!("{asked} was asked for, the answer says {echoed:?}")
    })
}

fn list_bytes(p: &Probe<'_>) -> Verdict {
    let run = p.verb("list", "unused")?;
    run.exits(0)?;
    let text = String::from_utf8_lossy(&run.stdout);
    let body = text.strip_suffix('\n').unwrap_or_default();
    let compact = serde_json::from_str::<serde_json::Value>(body).is_ok_and(|value| value.is_object())
        && !outside_strings(body).any(|character| character.is_ascii_whitespace());
    if compact {
        Ok(())
    } else {
        Err(run.failed("one compact JSON object and a newline"))
    }
}

/// The characters of a JSON text outside of its strings.
fn outside_strings(json: &str) -> impl Iterator<Item = char> {
    let (mut inside, mut escaped) = (false, false);
    json.chars().filter(move |character| {
        let was_inside = inside;
        if !escaped && *character == '"' {
            inside = !inside;
        }
        escaped = was_inside && !escaped && *character == '\\';
        !was_inside
    })
}

fn list_sorted(p: &Probe<'_>) -> Verdict {
    if p.writing().is_ok() {
        for _ in 0..3 {
            // Stored in an unsorted order.
            let host = p.host();
            p.stored(&format!("z-{host}"))?;
            p.stored(&format!("a-{host}"))?;
        }
    }
    let servers: Vec<String> = p.list()?.into_iter().map(|(server, _)| server).collect();
    ensure(servers.is_sorted(), || format!("the order is {servers:?}"))
}
