//! Several at once: clients run helpers in parallel.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::judge::ensure;
use crate::probe::{Credential, Stop};
use crate::{Case, Probe, Verdict, client, stricter};

const COMPOSE: &str = "compose: a `get` for each image, all at once";
const LOST: &str = "two logins at once; docker doesn't lock";
const NEITHER: &str = "a pull during a login must not fail";

pub(super) fn cases() -> Vec<Case> {
    vec![
        client("gets", "Sixteen `get` at once are all answered.", COMPOSE, |p| {
            let given = p.given()?;
            all((0..16).map(|_| || p.get(&given.server)?.answers(&given)))
        }),
        client(
            "misses",
            "Sixteen `get` at once of a missing credential all report it.",
            COMPOSE,
            |p| all((0..16).map(|_| || p.get(&p.host())?.not_found())),
        ),
        client("lists", "Eight `list` at once all answer.", COMPOSE, |p| {
            let given = p.given()?;
            all((0..8).map(|_| {
                || {
                    let listed = p.list()?;
                    ensure(
                        listed.iter().any(|(server, _)| server.contains(&given.server)),
                        || format!("`list` names {listed:?}"),
                    )
                }
            }))
        }),
        stricter(
            "stores",
            "Eight `store` at once of as many servers are all kept.",
            LOST,
            |p| {
                let credentials: Vec<_> = (0..8).map(|_| p.credential(p.host())).collect();
                all(credentials.iter().map(|credential| || p.store(credential)))?;
                credentials
                    .iter()
                    .try_for_each(|credential| p.get(&credential.server)?.answers(credential))
            },
        ),
        stricter(
            "stores-one",
            "Eight `store` at once of one server leave one of the eight, complete.",
            LOST,
            |p| {
                let host = p.host();
                let credentials: Vec<_> = (0..8).map(|_| p.credential(&host)).collect();
                all(credentials.iter().map(|credential| || p.store(credential)))?;
                one_of(p, &host, &credentials)
            },
        ),
        stricter(
            "erases",
            "Eight `erase` at once of one server all work.",
            LOST,
            |p| {
                let stored = p.stored(&p.host())?;
                all((0..8).map(|_| || p.erase(&stored.server)?.worked_in_silence()))?;
                p.get(&stored.server)?.not_found()
            },
        ),
        stricter(
            "mixed",
            "`store` and `erase` of other servers don't affect a server.",
            LOST,
            |p| {
                let kept = p.stored(&p.host())?;
                let erased: Vec<_> = (0..4).map(|_| p.stored(&p.host())).collect::<Result<_, _>>()?;
                let stored: Vec<_> = (0..4).map(|_| p.credential(p.host())).collect();
                all(erased.iter().zip(&stored).map(|(erased, stored)| {
                    || {
                        p.erase(&erased.server)?.exits(0)?;
                        p.store(stored)
                    }
                }))?;
                p.get(&kept.server)?.answers(&kept)?;
                stored
                    .iter()
                    .try_for_each(|credential| p.get(&credential.server)?.answers(credential))?;
                erased
                    .iter()
                    .try_for_each(|credential| p.get(&credential.server)?.not_found())
            },
        ),
        stricter(
            "replace",
            "While a credential is replaced, `get` answers with the old or the new one.",
            NEITHER,
            |p| {
                let host = p.host();
                let versions: Vec<_> = (0..8).map(|_| p.credential(&host)).collect();
                p.store(&versions[0])?;
                during(
                    || versions.iter().try_for_each(|version| p.store(version)),
                    || one_of(p, &host, &versions),
                )
            },
        ),
        stricter(
            "list-replace",
            "While other servers are stored, `list` shows a stored server.",
            NEITHER,
            |p| {
                let kept = p.stored(&p.host())?;
                let others: Vec<_> = (0..8).map(|_| p.credential(p.host())).collect();
                during(
                    || others.iter().try_for_each(|other| p.store(other)),
                    || {
                        let listed = p.list()?;
                        ensure(
                            listed.iter().any(|(server, _)| server.contains(&kept.server)),
                            || format!("`list` names {listed:?}"),
                        )
                    },
                )
            },
        ),
    ]
}

/// Does everything at once, and returns the first failure.
fn all<T: FnOnce() -> Verdict + Send>(tasks: impl Iterator<Item = T>) -> Verdict {
    thread::scope(|scope| {
        let running: Vec<_> = tasks.map(|task| scope.spawn(task)).collect();
        running.into_iter().map(joined).fold(Ok(()), Result::and)
    })
}

/// Checks repeatedly while the work goes on.
fn during(work: impl FnOnce() -> Verdict + Send, look: impl Fn() -> Verdict) -> Verdict {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let working = scope.spawn(|| {
            let verdict = work();
            done.store(true, Ordering::Release);
            verdict
        });
        let mut seen = Ok(());
        while seen.is_ok() && !done.load(Ordering::Acquire) {
            seen = look();
        }
        joined(working).and(seen)
    })
}

fn joined(thread: thread::ScopedJoinHandle<'_, Verdict>) -> Verdict {
    thread
        .join()
        .unwrap_or_else(|_| Err(Stop::Failed("the runner failed".into())))
}

fn one_of(p: &Probe<'_>, server: &str, credentials: &[Credential]) -> Verdict {
    let run = p.get(server)?;
    run.exits(0)?;
    ensure(
        credentials
            .iter()
            .any(|credential| run.answers(credential).is_ok()),
        || format!("{}: none of the stored credentials", run.call),
    )
}
