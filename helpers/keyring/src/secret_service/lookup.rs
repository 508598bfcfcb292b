//! Finds the item that answers for a server, with as few requests as possible.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use docker_credential_helper::{Environment, ServerUrl, matching};
use futures_util::future::{join, join4};
use zbus::OwnedObjectPath;

use super::agreement::KeyPair;
use super::bus::Trusted;
use super::collections::Lock;
use super::failure::Failure;
use super::item::{self, Item, Query};
use super::service::{Described, Scope, Service};
use super::session::Opened;
use super::wire::Found;

/// Up to this many of docker's items are examined one by one. In a larger keyring, a few more searches are
/// cheaper.
const FEW: usize = 8;

/// The result for a server.
pub(super) enum Sight {
    Nothing,
    /// There may be something after these are unlocked.
    Locked(Vec<OwnedObjectPath>),
    Item(Item, Trusted, Box<Opened>),
}

/// The item that answers for a server, in the current state.
pub(super) async fn look(
    environment: &Environment,
    service: &Service,
    scope: &Scope,
    server: &ServerUrl,
) -> Result<Sight, Failure> {
    let spellings = Spellings::of(server);
    let First {
        trusted,
        mut described,
        marked,
        is_complete,
        locks,
        session,
    } = first_questions(service, scope, &spellings).await?;
    let items = std::mem::take(&mut described.items);
    let mut item = newest(environment, service, server, items).await?;
    if item.is_none() && !is_complete {
        let found = search(service, scope, &spellings.remaining_queries()).await?;
        let rest = service.describe(found).await?;
        item = newest(environment, service, server, rest.items.clone()).await?;
        described.extend(rest);
    }
    Ok(match (item, session) {
        // One of them may be the answer.
        (None, _) if !described.ghosts.is_empty() => return Err(Failure::NoSuchObject),
        (None, _) => {
            let locks = match locks {
                Some(locks) => locks,
                None => service.locks(scope).await?,
            };
            match service.hiding(scope, locks, &marked, &described.hidden).await? {
                hiding if hiding.is_empty() => Sight::Nothing,
                hiding => Sight::Locked(hiding),
            }
        }
        (Some(item), _) if item.is_locked => Sight::Locked(vec![item.path]),
        (Some(item), Some(session)) => Sight::Item(item, trusted, Box::new(session)),
        (Some(item), None) => {
            let session = Opened::open(&service.bus, trusted, KeyPair::generate()?).await?;
            Sight::Item(item, trusted, Box::new(session))
        }
    })
}

/// The spellings of a server in a keyring with more than a few items, in search order.
///
/// Each search takes the service a tenth of a millisecond, or longer with more items. So we search for the
/// spellings of docker before 1.10 only if there are none of today's. Both can only exist if this helper
/// hasn't stored anything since, because that removes all others; then the old spelling is also the older
/// item, unless a person created it.
struct Spellings {
    exact: String,
    recent: Vec<String>,
    remaining: Vec<String>,
    key: String,
}

impl Spellings {
    /// The number of common spellings that today's clients store.
    const RECENT: usize = 3;

    fn of(server: &ServerUrl) -> Self {
        let mut recent = server.key().common_spellings();
        let mut remaining = recent.split_off(Self::RECENT.min(recent.len()));
        for spellings in [&mut recent, &mut remaining] {
            spellings.retain(|spelling| spelling != server.as_str());
        }
        Self {
            exact: server.as_str().to_owned(),
            recent,
            remaining,
            key: server.key().to_string(),
        }
    }

    fn recent_queries(&self) -> Vec<Query<'_>> {
        self.recent.iter().map(|spelling| item::query(spelling)).collect()
    }

    /// Also items that this helper stored in a spelling that only the key attribute finds.
    fn remaining_queries(&self) -> Vec<Query<'_>> {
        let mut queries = vec![item::key_query(&self.key)];
        queries.extend(self.remaining.iter().map(|spelling| item::query(spelling)));
        queries
    }
}

/// The result of the first requests.
struct First {
    trusted: Trusted,
    /// All of docker's items, if there are few; otherwise those in the requested and today's spellings, and
    /// in any other if the first search found nothing.
    described: Described,
    /// Whether no other item can answer.
    is_complete: bool,
    /// All items with docker's mark.
    marked: Found,
    /// Not requested if something was found; empty if a search shows enough.
    locks: Option<Vec<Lock>>,
    /// The session to read a secret with, if it was worth opening.
    session: Option<Opened>,
}

/// Sends all requests of a miss in a small keyring, and of a hit in any, at once.
///
/// Most requests are misses, so we don't open a session before something is found. But if the first search
/// finds something, we open the session at once, while the service is still busy with the others, because its
/// key agreement takes longer than all searches together. gnome-keyring 50 also needs a harmless first call
/// on a new connection, and the search is one.
async fn first_questions(service: &Service, scope: &Scope, spellings: &Spellings) -> Result<First, Failure> {
    let prepared = Cell::new(None);
    // The result of the first search; the other answers come later.
    let first_found = RefCell::new(Found::new());
    let exact = async {
        let query = item::query(&spellings.exact);
        // The search first, because the service takes longer than the bus.
        let (found, trusted) = join(service.search(scope, &query), service.bus.check_owner()).await;
        let (trusted, found) = (trusted?, found?);
        first_found.replace(found.clone());
        let is_readable = found.iter().any(|(_, is_locked)| !is_locked);
        let session = async {
            if is_readable {
                let keys = prepared.take().map_or_else(KeyPair::generate, Ok)?;
                Opened::open(&service.bus, trusted, keys).await.map(Some)
            } else {
                Ok(None)
            }
        };
        let (described, session) = join(service.describe(found), session).await;
        Ok((trusted, described?, session?))
    };
    let locks = async {
        if service.finds_locked_items().await {
            return Ok(Some(Vec::new()));
        }
        let collections = service.in_scope(scope).await?;
        if !first_found.borrow().is_empty() {
            return Ok(None);
        }
        service.locks_of(collections).await.map(Some)
    };
    let others = async {
        let marked = service.search(scope, &item::mark_query()).await?;
        let is_found = !first_found.borrow().is_empty();
        let mut queries = spellings.recent_queries();
        let mut found = if marked.len() <= FEW {
            marked.clone()
        } else {
            if !is_found {
                queries.extend(spellings.remaining_queries());
            }
            search(service, scope, &queries).await?
        };
        found.retain(|other| !first_found.borrow().contains(other));
        let is_complete = marked.len() <= FEW || !is_found;
        Ok((service.describe(found).await?, marked, is_complete))
    };
    // Last, because the service is busy with searches by then.
    let prepare = async { KeyPair::generate().map(|keys| prepared.set(Some(keys))) };
    let (exact, locks, others, prepare) = join4(exact, locks, others, prepare).await;
    prepare?;
    let (trusted, mut described, session) = exact?;
    let (others, marked, is_complete) = others?;
    described.extend(others);
    Ok(First {
        trusted,
        described,
        marked,
        is_complete,
        locks: locks?,
        session,
    })
}

/// The items that any of the queries finds.
async fn search(service: &Service, scope: &Scope, queries: &[Query<'_>]) -> Result<Found, Failure> {
    let answers = service
        .bus
        .pipeline(queries, async |query| service.search(scope, query).await)
        .await?;
    let found = answers.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(found.into_iter().flatten().collect())
}

async fn newest(
    environment: &Environment,
    service: &Service,
    server: &ServerUrl,
    items: Vec<Item>,
) -> Result<Option<Item>, Failure> {
    let items = date_duplicates(service, items).await?;
    log(environment, &items);
    Ok(matching::newest(server, items, |item| {
        (&item.server, item.modified)
    }))
}

/// All of docker's items, and others with docker's mark.
pub(super) async fn all(service: &Service, scope: &Scope) -> Result<(Described, Found), Failure> {
    let found = service.search(scope, &item::mark_query()).await?;
    Ok((service.describe(found.clone()).await?, found))
}

/// Queries the age of items that share their key with another; it doesn't matter for the others.
pub(super) async fn date_duplicates(service: &Service, items: Vec<Item>) -> Result<Vec<Item>, Failure> {
    let mut counts = HashMap::new();
    for item in &items {
        *counts.entry(item.server.key().clone()).or_insert(0) += 1;
    }
    let (duplicates, mut dated): (Vec<_>, Vec<_>) =
        items.into_iter().partition(|item| counts[item.server.key()] > 1);
    dated.extend(service.date(duplicates).await?);
    Ok(dated)
}

pub(super) fn log(environment: &Environment, items: &[Item]) {
    for item in items {
        environment.log(|| {
            let lock = if item.is_locked { " (locked)" } else { "" };
            format!("found {} for {}{lock}", item.path.as_str(), item.server)
        });
    }
}
