//! The clients: each group sends exactly one client's requests, and judges the answers as that client does.

mod readers;
mod table;
mod workflows;

use crate::probe::Credential;
use crate::run::Run;
use crate::{Case, Class, Group, Probe, Stop, Verdict};

/// A client's interpretation of an answer.
#[derive(Debug)]
pub(super) enum Seen {
    /// A credential: the user name and the secret.
    Found(String, String),
    /// There is no credential; the client continues without one.
    NotFound,
    /// The client gives up, for this reason.
    Failed(String),
}

/// A client's behaviour towards a helper.
struct Client {
    name: &'static str,
    about: &'static str,
    /// Sends one request and reads the answer.
    get: fn(&Probe<'_>, &str) -> Result<Seen, Stop>,
    /// The servers that it looks up for an image on this host, in order, until one is found.
    questions: fn(&str) -> Vec<String>,
    /// The servers that it looks up for an image on Docker Hub, and whether they include docker's own
    /// spelling.
    hub: (&'static [&'static str], Class),
    /// How it recognises results.
    source: &'static str,
    /// Its other actions.
    more: fn() -> Vec<Case>,
}

pub(super) fn groups() -> Vec<Group> {
    table::CLIENTS
        .iter()
        .map(|client| Group::new(client.name, client.about, client.cases()))
        .collect()
}

impl Client {
    fn cases(&'static self) -> Vec<Case> {
        let case = |class, id: &str, says, check: fn(&Self, &Probe<'_>) -> Verdict| {
            Case::new(class, id, says, self.source, move |p| check(self, p))
        };
        let mut cases = vec![
            case(
                Class::Client,
                "found",
                "It finds the credential of a registry.",
                |client, p| client.finds(p, &p.given()?),
            ),
            case(
                Class::Client,
                "missing",
                "It recognises that there is none for a registry.",
                |client, p| client.misses(p, &p.host()),
            ),
            case(
                Class::Client,
                "port",
                "It finds the credential of a registry on another port.",
                |client, p| {
                    let host = p.host();
                    p.stored(&host)?;
                    client.finds(p, &p.stored(&format!("{host}:5000"))?)
                },
            ),
            case(
                Class::Client,
                "token",
                "It finds an identity token, and recognises it.",
                |client, p| {
                    let token = Credential {
                        username: "<token>".into(),
                        ..p.credential(p.host())
                    };
                    p.store(&token)?;
                    client.finds(p, &token)
                },
            ),
            case(
                Class::Client,
                "any-secret",
                "It gets a secret with several lines and scripts unchanged.",
                |client, p| {
                    let secret = "\"a\\\n\u{43f}\u{1f511}<&>".to_owned();
                    let credential = Credential {
                        secret,
                        ..p.credential(p.host())
                    };
                    p.store(&credential)?;
                    client.finds(p, &credential)
                },
            ),
            case(
                self.hub.1,
                "hub",
                "It finds Docker Hub's credential after `docker login`.",
                |client, p| {
                    p.hub()?;
                    let stored = p.stored("https://index.docker.io/v1/")?;
                    client
                        .sees(p, client.hub.0.iter().map(|question| (*question).to_owned()))?
                        .is(&stored)
                },
            ),
        ];
        cases.extend((self.more)());
        cases
    }

    /// Looks up the servers in order, as the client does, until one is found or it gives up.
    fn sees(&self, p: &Probe<'_>, questions: impl IntoIterator<Item = String>) -> Result<Seen, Stop> {
        for question in questions {
            match (self.get)(p, &question)? {
                Seen::NotFound => {}
                seen => return Ok(seen),
            }
        }
        Ok(Seen::NotFound)
    }

    fn finds(&self, p: &Probe<'_>, credential: &Credential) -> Verdict {
        self.sees(p, (self.questions)(&credential.server))?.is(credential)
    }

    fn misses(&self, p: &Probe<'_>, host: &str) -> Verdict {
        match self.sees(p, (self.questions)(host))? {
            Seen::NotFound => Ok(()),
            seen => Err(seen.instead_of("that nothing is stored")),
        }
    }
}

impl Seen {
    fn is(&self, credential: &Credential) -> Verdict {
        match self {
            Self::Found(username, secret)
                if *username == credential.username && *secret == credential.secret =>
            {
                Ok(())
            }
            _ => Err(self.instead_of(&format!("the credential of {}", credential.server))),
        }
    }

    fn instead_of(&self, expected: &str) -> Stop {
        let seen = match self {
            Self::Found(username, _) => format!("a credential of the user {username:?}"),
            Self::NotFound => "that nothing is stored".into(),
            Self::Failed(problem) => problem.clone(),
        };
        Stop::Failed(format!("expected {expected}; the client saw: {seen}"))
    }
}

fn gives_up(run: &Run, expected: &str) -> Seen {
    let Stop::Failed(problem) = run.failed(expected) else {
        return Seen::Failed(expected.into());
    };
    Seen::Failed(problem)
}
