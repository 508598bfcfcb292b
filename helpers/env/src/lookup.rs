//! Decides which source answers for a server.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use docker_credential_helper::{Credential, Environment, Error, ServerUrl};

use crate::claim::{Claim, Claims};
use crate::source::Source;
use crate::variable_error::VariableError;

/// The sources in order, each read at most once.
#[derive(Debug)]
pub(crate) struct Lookup {
    environment: Environment,
    sources: Vec<(Source, OnceCell<Claims>)>,
}

/// The answer of one source for one server.
#[derive(Debug)]
pub(crate) enum Answer {
    Nothing,
    Login {
        credential: Credential,
        variables: Vec<String>,
    },
    /// It would answer but can't. Another source may.
    Broken(VariableError),
    /// It has two answers. Another source's would be a third, so don't ask any.
    Contradiction(VariableError),
}

impl Lookup {
    /// Fails with [`Error::Setting`], the only possible error before a request.
    pub(crate) fn new(environment: &Environment) -> Result<Self, Error> {
        let environment = environment.snapshot();
        let sources = Source::in_order(&environment)?;
        Ok(Self {
            sources: sources
                .into_iter()
                .map(|source| (source, OnceCell::new()))
                .collect(),
            environment,
        })
    }

    /// The first source's answer.
    ///
    /// A source that doesn't know its own servers prevents "not found" only for the last query for a server:
    /// after `ghcr.io/org/app` comes `ghcr.io`, which another source may answer.
    pub(crate) fn find(&self, server: &ServerUrl) -> Result<Option<Credential>, Error> {
        let mut first_error = None;
        for (source, answer) in self.answers(server) {
            let name = source.name();
            match answer {
                Answer::Nothing => self.environment.log(|| format!("{name}: nothing for {server}")),
                Answer::Login {
                    credential,
                    variables,
                } => {
                    self.environment
                        .log(|| format!("{name}: {} for {server}", variables.join(", ")));
                    return Ok(Some(credential));
                }
                Answer::Contradiction(error) => return Err(error.into()),
                Answer::Broken(error) => {
                    self.environment.log(|| format!("{name}: {error}"));
                    first_error.get_or_insert(error);
                }
            }
        }
        if server.enclosing().is_empty() {
            first_error = first_error.or_else(|| self.unattributed().next().map(|(_, error)| error.clone()));
        }
        first_error.map_or(Ok(None), |error| Err(error.into()))
    }

    /// The answer of each source, in order. Reads each source when it is needed.
    pub(crate) fn answers<'a>(
        &'a self,
        server: &'a ServerUrl,
    ) -> impl Iterator<Item = (Source, Answer)> + 'a {
        self.sources()
            .map(|(source, claims)| (source, self.answer(claims.about(server.key()))))
    }

    /// The servers of all sources, each once, in the first source's spelling.
    pub(crate) fn servers(&self) -> Vec<ServerUrl> {
        let mut servers = BTreeMap::new();
        for (_, claims) in self.sources() {
            for claim in &claims.all {
                servers.entry(claim.server.key()).or_insert(&claim.server);
            }
        }
        servers.into_values().cloned().collect()
    }

    /// The reasons why sources don't know their servers.
    pub(crate) fn unattributed(&self) -> impl Iterator<Item = (Source, &VariableError)> {
        self.sources()
            .filter_map(|(source, claims)| Some((source, claims.unattributed.as_ref()?)))
    }

    /// Variables that are set but don't answer for any server.
    pub(crate) fn unused(&self) -> impl Iterator<Item = (Source, &VariableError)> {
        self.sources()
            .flat_map(|(source, claims)| claims.unused.iter().map(move |error| (source, error)))
    }

    fn sources(&self) -> impl Iterator<Item = (Source, &Claims)> {
        self.sources.iter().map(|(source, claims)| {
            let read = || source.claims(&self.environment).sorted();
            (*source, claims.get_or_init(read))
        })
    }

    fn answer(&self, claims: &[Claim]) -> Answer {
        let mut found: Option<(Credential, &Claim)> = None;
        let mut broken = None;
        for claim in claims {
            match (claim.credential(&self.environment), &found) {
                (Err(error), _) => {
                    broken.get_or_insert(error);
                }
                (Ok(credential), None) => found = Some((credential, claim)),
                (Ok(credential), Some((first, _))) if credential.is_same_login(first) => {}
                (Ok(_), Some((_, first))) => return Answer::Contradiction(contradiction(first, claim)),
            }
        }
        match (broken, found) {
            (Some(error), _) => Answer::Broken(error),
            (None, Some((credential, claim))) => Answer::Login {
                credential,
                variables: claim.variables.clone(),
            },
            (None, None) => Answer::Nothing,
        }
    }
}

fn contradiction(first: &Claim, second: &Claim) -> VariableError {
    let server = &first.server;
    if first.variables == second.variables {
        return VariableError::new(
            &first.variables,
            format!("has two logins for {server}; remove one"),
        );
    }
    VariableError::new(
        first.variables.iter().chain(&second.variables),
        format!("hold two logins for {server}; unset those of one"),
    )
}

#[cfg(test)]
mod tests;
