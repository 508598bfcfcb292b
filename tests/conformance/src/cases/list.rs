//! `get` answers for every listed server: a classic `docker build` requests each, and gives up after one
//! failure.

use crate::judge::ensure;
use crate::probe::Credential;
use crate::{Case, Probe, Verdict, client, reference, stricter};

const BUILD: &str = "docker CLI: a classic build lists, then gets each listed server";
const REGCTL: &str = "regctl: a host that is not listed is not asked for";
const AS_STORED: &str = "docker-credential-helpers: servers are listed as they were stored";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = stored();
    cases.extend(changed());
    cases
}

fn stored() -> Vec<Case> {
    vec![
        client(
            "stored",
            "A stored credential is listed, with its user name.",
            BUILD,
            |p| {
                let stored = p.stored(&p.host())?;
                lists(p, &[&stored])
            },
        ),
        client("resolves", "`get` answers for every listed server.", BUILD, |p| {
            if p.writing().is_ok() {
                for server in spellings(&p.host()) {
                    p.stored(&server)?;
                }
            }
            all_resolve(p)
        }),
        client(
            "same-user",
            "`get` answers with the user name that `list` shows.",
            BUILD,
            |p| {
                if p.writing().is_ok() {
                    p.stored(&p.host())?;
                    p.store(&Credential {
                        username: "<token>".into(),
                        ..p.credential(p.host())
                    })?;
                }
                all_resolve(p)
            },
        ),
        reference(
            "as-stored",
            "A server is listed in its stored spelling.",
            AS_STORED,
            |p| {
                let mut stored = Vec::new();
                for server in spellings(&p.host()) {
                    stored.push(p.stored(&server)?);
                }
                lists(p, &stored.iter().collect::<Vec<_>>())
            },
        ),
        client("forty", "Forty servers are all listed.", BUILD, |p| {
            let mut stored = Vec::new();
            for _ in 0..40 {
                stored.push(p.stored(&p.host())?);
            }
            lists(p, &stored.iter().collect::<Vec<_>>())
        }),
    ]
}

fn changed() -> Vec<Case> {
    vec![
        client(
            "replaced",
            "After a login as another user, the server is listed once, with the new user.",
            BUILD,
            |p| {
                let first = p.stored(&p.host())?;
                let second = Credential {
                    username: "another".into(),
                    ..first
                };
                p.store(&second)?;
                lists(p, &[&second])
            },
        ),
        client("erased", "An erased credential is not listed.", BUILD, |p| {
            let (kept, erased) = (p.stored(&p.host())?, p.stored(&p.host())?);
            p.erase(&erased.server)?.exits(0)?;
            let listed = p.list_mine()?;
            let names = |host: &str| listed.iter().any(|(server, _)| server.contains(host));
            ensure(names(&kept.server) && !names(&erased.server), || {
                format!("`list` names {listed:?}")
            })
        }),
        client(
            "refused",
            "A credential that `store` refused is not listed.",
            BUILD,
            |p| {
                let server = p.host();
                p.store_bytes(
                    &server,
                    format!(r#"{{"ServerURL":"{server}","Username":"","Secret":"s"}}"#),
                )?
                .fails()?;
                lists(p, &[])
            },
        ),
        client(
            "no-secret",
            "`list` does not show secrets.",
            "docker CLI: shows the list to a person",
            |p| {
                let given = p.given()?;
                p.verb("list", "unused")?.without(&given.secret)
            },
        ),
        client(
            "user-characters",
            "User names with any characters are listed unchanged.",
            "docker CLI: decodes JSON",
            |p| {
                let stored = Credential {
                    username: "<a>&\"b\"\\ \u{e9}\u{1f511}".into(),
                    ..p.credential(p.host())
                };
                p.store(&stored)?;
                lists(p, &[&stored])
            },
        ),
        client(
            "once",
            "No server is listed twice.",
            "docker CLI: the decoder keeps one of two equal keys",
            |p| {
                if p.writing().is_ok() {
                    p.stored(&p.host())?;
                }
                let mut servers: Vec<String> = p.list()?.into_iter().map(|(server, _)| server).collect();
                let count = servers.len();
                servers.sort();
                servers.dedup();
                ensure(servers.len() == count, || "a server is listed twice".into())
            },
        ),
        stricter(
            "one-spelling",
            "Two spellings of one server are listed once.",
            "one server has one credential",
            |p| {
                let host = p.host();
                p.stored(&host)?;
                let second = p.stored(&format!("https://{host}/"))?;
                let listed = p.list_mine()?;
                ensure(listed.len() == 1, || format!("`list` names {listed:?}"))?;
                p.get(&listed[0].0)?.answers(&second)
            },
        ),
        stricter(
            "http-apart",
            "http and https are two servers, and both are listed.",
            "http and https are two servers",
            |p| {
                let host = p.host();
                let (one, two) = (p.stored(&host)?, p.stored(&format!("http://{host}"))?);
                lists(p, &[&one, &two])
            },
        ),
        reference(
            "twice",
            "`list` changes nothing: a second one shows the same.",
            AS_STORED,
            |p| {
                if p.writing().is_ok() {
                    p.stored(&p.host())?;
                }
                let (first, second) = (p.list_mine()?, p.list_mine()?);
                ensure(first == second, || format!("first {first:?}, then {second:?}"))
            },
        ),
        client(
            "given",
            "A server that `get` answers for is listed.",
            REGCTL,
            |p| {
                let given = p.given()?;
                let listed = p.list()?;
                ensure(listed.contains(&(given.server, given.username)), || {
                    format!("`list` names {listed:?}")
                })
            },
        ),
        stricter(
            "not-looked-up",
            "A server that was only looked up is not listed.",
            "reading writes nothing",
            |p| {
                let host = p.host();
                p.get(&host)?.not_found()?;
                let listed = p.list()?;
                ensure(!listed.iter().any(|(server, _)| server.contains(&host)), || {
                    format!("`list` names {listed:?}")
                })
            },
        ),
    ]
}

fn spellings(host: &str) -> [String; 5] {
    [
        format!("a.{host}"),
        format!("b.{host}:5000"),
        format!("https://c.{host}"),
        format!("https://d.{host}/v1/"),
        format!("http://e.{host}:8080"),
    ]
}

fn lists(p: &Probe<'_>, expected: &[&Credential]) -> Verdict {
    let mut expected: Vec<_> = expected
        .iter()
        .map(|one| (one.server.clone(), one.username.clone()))
        .collect();
    let mut listed = p.list_mine()?;
    expected.sort();
    listed.sort();
    ensure(listed == expected, || {
        format!("`list` names {listed:?} and not {expected:?}")
    })
}

fn all_resolve(p: &Probe<'_>) -> Verdict {
    let listed = p.list_mine()?;
    ensure(!listed.is_empty(), || "`list` names nothing".into())?;
    for (server, username) in listed {
        let run = p.get(&server)?;
        run.exits(0)?;
        let answered = run
            .members()?
            .into_iter()
            .find(|(key, _)| key == "Username")
            .map(|(_, value)| value);
        ensure(answered.as_ref() == Some(&username), || {
            format!("{server} is listed with {username:?} and answered with {answered:?}")
        })?;
    }
    Ok(())
}
