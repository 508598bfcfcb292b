//! Runs each verb, from the request to the reply.

use zeroize::Zeroizing;

use super::{reply, request};
use crate::environment::WHEN_UNAVAILABLE;
use crate::helper::Helper;
use crate::{CredentialStore, Environment, Error, matching, streams};

/// The result of a verb.
pub(crate) struct Answer {
    /// The whole reply.
    pub(crate) reply: Zeroizing<Vec<u8>>,
    pub(crate) is_success: bool,
    /// For the person at the terminal, because docker doesn't show the reply of a failed `get` or `list`:
    /// otherwise, a locked store would look like an anonymous pull. "Not found" occurs in every public pull,
    /// and is never shown.
    pub(crate) remark: Option<String>,
}

/// Runs a verb.
pub(crate) fn answer<S: CredentialStore>(
    helper: &Helper,
    verb: Verb,
    open: impl FnOnce(&Environment) -> Result<S, Error>,
) -> Answer {
    let mut environment = Environment::of_process(&helper.program());
    match verb.carry_out(&mut environment, open) {
        Ok((reply, left_out)) => Answer {
            reply,
            is_success: true,
            remark: (left_out > 0).then(|| remark_on(helper, left_out)),
        },
        Err(error) => {
            environment.log(|| format!("failed: {error}"));
            // docker logout discards stdout.
            if verb == Verb::Erase {
                environment.notice(&error.to_string());
            }
            let is_shown = matches!(verb, Verb::Get | Verb::List) && !matches!(error, Error::NotFound);
            let reply = Zeroizing::new(reply::error(&error));
            Answer {
                is_success: false,
                remark: is_shown.then(|| String::from_utf8_lossy(&reply).into_owned()),
                reply,
            }
        }
    }
}

fn remark_on(helper: &Helper, left_out: usize) -> String {
    let entries = if left_out == 1 { "entry" } else { "entries" };
    format!(
        "cannot read {left_out} {entries}, which the list leaves out; run: {} doctor",
        helper.program()
    )
}

/// A client's request to a store.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Store,
    Erase,
    List,
}

impl Verb {
    fn carry_out<S: CredentialStore>(
        self,
        environment: &mut Environment,
        open: impl FnOnce(&Environment) -> Result<S, Error>,
    ) -> Result<(Zeroizing<Vec<u8>>, usize), Error> {
        // Every path reads the request first, because a client that is still writing when the helper ends
        // gets a broken pipe.
        let input = match self {
            Self::Get | Self::Erase => streams::read_input(environment.program(), "the server URL")?,
            Self::Store => streams::read_input(
                environment.program(),
                r#"{"ServerURL":"…","Username":"…","Secret":"…"}"#,
            )?,
            Self::List => Zeroizing::default(),
        };
        environment.open_log(self.name())?;
        let mut left_out = 0;
        let reply = match self {
            Self::Get => {
                let query = request::server(&input)?;
                environment.log(|| format!("asked for {query}"));
                let answer = open(environment).and_then(|store| matching::find(&store, &query));
                let credential = match answer {
                    Err(error) if is_to_be_ignored(environment, &error)? => return Err(Error::NotFound),
                    answer => answer?,
                };
                environment.log(|| format!("answered with the login for {}", credential.server()));
                reply::credential(&query, &credential)
            }
            Self::List => {
                let items = open(environment).and_then(|store| {
                    let items = store.list()?;
                    left_out = store.left_out();
                    Ok(items)
                });
                let items = match items {
                    Err(error) if is_to_be_ignored(environment, &error)? => Vec::new(),
                    items => items?,
                };
                environment.log(|| format!("{} items, {left_out} left out", items.len()));
                reply::listing(&matching::listing(items))
            }
            Self::Store => {
                let credential = request::credential(&input)?;
                open(environment)?.store(&credential)?;
                environment.log(|| format!("stored {}", credential.server()));
                Ok(Zeroizing::default())
            }
            Self::Erase => {
                let server = request::server(&input)?;
                open(environment)?.erase(&server)?;
                environment.log(|| format!("erased {server}"));
                Ok(Zeroizing::default())
            }
        };
        Ok((reply?, left_out))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Store => "store",
            Self::Erase => "erase",
            Self::List => "list",
        }
    }
}

/// Since version 29, docker fails on every helper error except "not found", even for public images. With this
/// setting, users can pull anonymously while the store is locked.
fn is_to_be_ignored(environment: &Environment, error: &Error) -> Result<bool, Error> {
    if !matches!(error, Error::Locked(_) | Error::Unavailable(_)) {
        return Ok(false);
    }
    let is_passed = environment.answers_not_found_when_unavailable()?;
    if is_passed {
        environment.log(|| format!("answered \"not found\", because of {WHEN_UNAVAILABLE}: {error}"));
    }
    Ok(is_passed)
}
