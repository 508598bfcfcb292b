//! Clients' other actions: login, logout, listing, and several at once.

use std::thread;

use super::{Seen, readers as read};
use crate::judge::{NO_SERVER, ensure};
use crate::probe::Credential;
use crate::run::{Input, Output};
use crate::{Case, Probe, Stop, Verdict, client, stricter};

pub(super) fn docker() -> Vec<Case> {
    vec![
        client(
            "login",
            "`docker pull` after `docker login` finds the credential.",
            "docker CLI: one `store`",
            |p| {
                let stored = p.stored(&p.host())?;
                read::docker(p, &stored.server)?.is(&stored)
            },
        ),
        client(
            "login-again",
            "After a second login as another user, the new credential is found.",
            "docker CLI: one `store`",
            |p| {
                let first = p.stored(&p.host())?;
                let second = Credential {
                    username: "another".into(),
                    ..p.credential(first.server)
                };
                p.store(&second)?;
                read::docker(p, &second.server)?.is(&second)
            },
        ),
        client(
            "logout",
            "`docker logout` erases four spellings, one of them twice, and none may fail.",
            "docker CLI: four `erase`",
            |p| {
                let stored = p.stored(&p.host())?;
                logout(p, &stored.server)?;
                missing(&read::docker(p, &stored.server)?)
            },
        ),
        client(
            "logout-absent",
            "`docker logout` without a login does not fail.",
            "docker CLI: four `erase`",
            |p| logout(p, &p.host()),
        ),
        client(
            "logout-others",
            "`docker logout` keeps the other registries.",
            "docker CLI: four `erase`",
            |p| {
                let (kept, gone) = (p.stored(&p.host())?, p.stored(&p.host())?);
                for spelling in logout_spellings(&gone.server) {
                    p.erase(&spelling)?.exits_somehow()?;
                }
                read::docker(p, &kept.server)?.is(&kept)
            },
        ),
        client(
            "web-login",
            "The three servers of a web login are stored and found separately, with tokens of 4 KiB.",
            "docker CLI: web login stores `…/v1/access-token`, `…/v1/refresh-token` and `…/v1/`",
            |p| {
                let host = p.host();
                let mut stored = Vec::new();
                for end in ["access-token", "refresh-token", ""] {
                    let mut one = p.credential(format!("https://{host}/v1/{end}"));
                    one.secret = one.secret.repeat(100);
                    p.store(&one)?;
                    stored.push(one);
                }
                stored
                    .iter()
                    .try_for_each(|one| read::docker(p, &one.server)?.is(one))
            },
        ),
        client(
            "build",
            "A classic build lists, then gets each listed server.",
            "docker CLI: one failing `get` costs all of them",
            |p| {
                let kept = p.given()?;
                if p.writing().is_ok() {
                    p.stored(&format!("https://{}/v1/", p.host()))?;
                    p.stored(&format!("{}:5000", p.host()))?;
                }
                let listed = p.list_mine()?;
                ensure(listed.iter().any(|(server, _)| *server == kept.server), || {
                    format!("`list` names {listed:?}")
                })?;
                listed
                    .iter()
                    .try_for_each(|(server, _)| match read::docker(p, server)? {
                        Seen::Found(..) => Ok(()),
                        seen => Err(seen.instead_of(&format!("the credential of {server}, which is listed"))),
                    })
            },
        ),
    ]
}

fn logout(p: &Probe<'_>, host: &str) -> Verdict {
    logout_spellings(host)
        .iter()
        .try_for_each(|spelling| p.erase(spelling)?.exits(0))
}

/// The servers that one logout erases, in docker's order.
fn logout_spellings(host: &str) -> [String; 4] {
    [
        host.to_owned(),
        host.to_owned(),
        format!("http://{host}"),
        format!("https://{host}"),
    ]
}

fn missing(seen: &Seen) -> Verdict {
    match seen {
        Seen::NotFound => Ok(()),
        _ => Err(seen.instead_of("that nothing is stored")),
    }
}

pub(super) fn buildx() -> Vec<Case> {
    vec![client(
        "stages",
        "Several registries of one build, with and without a credential.",
        "BuildKit: a request for each registry",
        |p| {
            let given = p.given()?;
            missing(&read::docker(p, &p.host())?)?;
            read::docker(p, &given.server)?.is(&given)?;
            missing(&read::docker(p, &p.host())?)
        },
    )]
}

pub(super) fn compose() -> Vec<Case> {
    vec![client(
        "at-once",
        "Twelve images at once, half of them from a registry without a credential.",
        "compose: a request for each image, all at once",
        |p| {
            let given = p.given()?;
            thread::scope(|scope| {
                let questions: Vec<_> = (0..12)
                    .map(|number| {
                        let given = &given;
                        scope.spawn(move || {
                            if number % 2 == 0 {
                                read::docker(p, &given.server)?.is(given)
                            } else {
                                missing(&read::docker(p, &p.host())?)
                            }
                        })
                    })
                    .collect();
                questions.into_iter().try_for_each(|question| {
                    question
                        .join()
                        .unwrap_or_else(|_| Err(Stop::Failed("the runner failed".into())))
                })
            })
        },
    )]
}

pub(super) fn podman() -> Vec<Case> {
    vec![
        client(
            "login",
            "`--get-login` after `podman login` finds the user name.",
            "containers/image: `store`, `get`",
            |p| {
                let stored = p.stored(&p.host())?;
                read::docker(p, &stored.server)?.is(&stored)
            },
        ),
        client(
            "logout",
            "After `podman logout`, nothing is found.",
            "containers/image: `erase`",
            |p| {
                let stored = p.stored(&p.host())?;
                p.erase(&stored.server)?.exits(0)?;
                missing(&read::docker(p, &stored.server)?)
            },
        ),
        client(
            "logout-absent",
            "Erasing a missing credential does not fail.",
            "containers/image before 5.31: overflows its stack on an error",
            |p| p.erase(&p.host())?.exits(0),
        ),
        client(
            "logout-all",
            "`podman logout --all` erases each listed server.",
            "containers/image: `list`, then `erase`",
            |p| {
                for _ in 0..3 {
                    p.stored(&p.host())?;
                }
                let listed = p.list_mine()?;
                ensure(listed.len() == 3, || format!("`list` names {listed:?}"))?;
                listed
                    .iter()
                    .try_for_each(|(server, _)| p.erase(server)?.exits(0))?;
                let left = p.list_mine()?;
                ensure(left.is_empty(), || format!("`list` still names {left:?}"))
            },
        ),
    ]
}

pub(super) fn crane() -> Vec<Case> {
    vec![
        client(
            "repository",
            "Looking up a repository is not an error: its host answers, or there is no credential.",
            "go-containerregistry: an error ends it",
            |p| {
                let given = p.given()?;
                match read::docker(p, &format!("{}/org/repo", given.server))? {
                    Seen::NotFound => Ok(()),
                    seen => seen.is(&given),
                }
            },
        ),
        stricter(
            "one-run",
            "A repository gets its host's credential, which saves the second run.",
            "go-containerregistry: asks for the repository first",
            |p| {
                let given = p.given()?;
                read::docker(p, &format!("{}/org/repo", given.server))?.is(&given)
            },
        ),
    ]
}

pub(super) fn oras() -> Vec<Case> {
    vec![
        client(
            "login",
            "`oras login` sends JSON without a newline, and finds the credential.",
            "oras-go: `store`",
            |p| {
                let credential = p.credential(p.host());
                p.store_bytes(&credential.server, credential.to_json())?
                    .exits(0)?;
                read::oras(p, &credential.server)?.is(&credential)
            },
        ),
        client(
            "logout",
            "`oras logout` erases, even a missing credential.",
            "oras-go: `erase`",
            |p| {
                let stored = p.stored(&p.host())?;
                p.erase(&stored.server)?.exits(0)?;
                p.erase(&stored.server)?.exits(0)?;
                missing(&read::oras(p, &stored.server)?)
            },
        ),
    ]
}

/// The spellings of a registry, in nerdctl's order. Only the port 443 may also be left out.
pub(super) fn nerdctl_spellings(host: &str) -> Vec<String> {
    if host.contains(':') {
        return vec![host.into(), format!("https://{host}"), format!("http://{host}")];
    }
    [
        "{}:443",
        "https://{}:443",
        "http://{}:443",
        "{}",
        "https://{}",
        "http://{}",
    ]
    .map(|spelling| spelling.replace("{}", host))
    .to_vec()
}

pub(super) fn nerdctl() -> Vec<Case> {
    vec![
        client(
            "login",
            "`nerdctl login` stores `host:443`, and finds it again.",
            "nerdctl: `store`",
            |p| {
                let stored = p.stored(&format!("{}:443", p.host()))?;
                read::docker(p, &stored.server)?.is(&stored)
            },
        ),
        stricter(
            "docker-pull",
            "After `nerdctl login`, docker also finds the credential.",
            "one key for a host and its port 443",
            |p| {
                let host = p.host();
                let stored = p.stored(&format!("{host}:443"))?;
                read::docker(p, &host)?.is(&stored)
            },
        ),
        client(
            "logout",
            "`nerdctl logout` erases six spellings; at least one must work, and then nothing is found.",
            "nerdctl: `erase`",
            |p| {
                let host = p.host();
                let stored = p.stored(&format!("{host}:443"))?;
                let mut worked = false;
                for spelling in nerdctl_spellings(&host) {
                    worked |= p.erase(&spelling)?.exits(0).is_ok();
                }
                ensure(worked, || "every `erase` failed".into())?;
                missing(&read::docker(p, &stored.server)?)
            },
        ),
        client(
            "namespace",
            "A mirror's credential has a separate scheme, and is only found there.",
            "nerdctl: `nerdctl-experimental://…`",
            |p| {
                let host = p.host();
                let stored = p.stored(&format!(
                    "nerdctl-experimental://{host}:443/host/mirror.{host}:443/v2"
                ))?;
                read::docker(p, &stored.server)?.is(&stored)?;
                missing(&read::docker(p, &format!("mirror.{host}"))?)
            },
        ),
    ]
}

pub(super) fn docker_py() -> Vec<Case> {
    vec![
        client(
            "build",
            "A build lists with an empty stdin, then gets each listed server.",
            "docker-py: `list`, `get`",
            |p| {
                let given = p.given()?;
                let run = p.verb("list", "")?;
                run.exits(0)?;
                let listed = run.members()?;
                ensure(listed.iter().any(|(server, _)| *server == given.server), || {
                    format!("`list` names {listed:?}")
                })?;
                read::docker_py(p, &given.server)?.is(&given)
            },
        ),
        client(
            "list",
            "`list` is an object even if it is empty.",
            "docker-py: `null` has no keys",
            |p| {
                let run = p.verb("list", "")?;
                run.exits(0)?;
                run.members().map(drop)
            },
        ),
    ]
}

pub(super) fn testcontainers_java() -> Vec<Case> {
    vec![client(
        "learn",
        "For an impossible registry, the answer is exit 1 and a line of text.",
        "testcontainers-java: asks for `https://not.a.real.registry/url`",
        |p| {
            let run = p.get("https://not.a.real.registry.invalid/url")?;
            run.one_line_error()
        },
    )]
}

pub(super) fn testcontainers_go() -> Vec<Case> {
    vec![client(
        "as-written",
        "A credential that was stored under a URL is found under it.",
        "testcontainers-go: the keys of `auths` as written",
        |p| {
            let stored = p.stored(&format!("https://{}/v2/", p.host()))?;
            read::docker(p, &stored.server)?.is(&stored)
        },
    )]
}

pub(super) fn testcontainers_node() -> Vec<Case> {
    vec![client(
        "dotnet",
        "The same line with CR and LF finds the credential.",
        ".NET: writes a line on Windows",
        |p| {
            let given = p.given()?;
            read::dotnet(p, &given.server)?.is(&given)
        },
    )]
}

pub(super) fn spring_boot() -> Vec<Case> {
    vec![client(
        "no-server",
        "For an empty request, the answer is the text that it knows.",
        "Spring Boot: `no credentials server URL` is \"not found\"",
        |p| {
            p.run(&["get"], Input::Bytes(Vec::new()), Output::Merged)?
                .prints(1, &format!("{NO_SERVER}\n"))
        },
    )]
}

pub(super) fn docker_maven_plugin() -> Vec<Case> {
    vec![client(
        "version",
        "`version` works and prints one line.",
        "docker-maven-plugin: asks for the version first",
        |p| {
            let run = p.verb("version", "")?;
            run.exits(0)?;
            let lines = run.stdout.split_inclusive(|byte| *byte == b'\n').count();
            ensure(lines == 1, || format!("`version` prints {lines} lines"))
        },
    )]
}
