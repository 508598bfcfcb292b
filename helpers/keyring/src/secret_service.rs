//! The Secret Service, which GNOME Keyring, `KWallet` and `KeePassXC` offer on the session bus.
//!
//! The items are docker's own: what `docker-credential-secretservice` wrote is read, replaced, listed and erased, and
//! it finds what is written here. zbus is used as it is instead of a client of the Secret Service on top of it: the
//! clients wait for each answer before they ask on, find items by other identities than the server, and compute their
//! session keys ten times as slowly.

use std::cell::Cell;

use docker_credential_helper::{
    Credential, CredentialStore, Environment, Error, Listed, Secret, ServerUrl, matching,
};
use futures_util::future::{join, join3};
use zbus::{ObjectPath, OwnedObjectPath};

mod bus;
mod failure;
mod item;
mod prompt;
mod service;
mod session;
mod wire;

use bus::Bus;
use failure::{Failure, NotUnlocked};
use item::{Item, Query};
use service::{Scope, Service};
use session::{KeyPair, Opened};
use wire::Found;

/// Names another collection than the default: its label, its alias, or the last part of its path.
const COLLECTION: &str = "DOCKER_CREDENTIAL_KEYRING_COLLECTION";
/// `1`: never show a prompt.
const NONINTERACTIVE: &str = "DOCKER_CREDENTIAL_NONINTERACTIVE";

/// How often a verb has something unlocked: somebody may lock it again at once.
const UNLOCKS: usize = 3;

/// How often a verb begins anew because another program changed what it was reading. Two programs that do nothing but
/// log in again and again spoil one round in three, on two cores; so many in a row would be something else.
///
/// The first answer of a gnome-keyring that is busy may be such a change, too: it may see the first call of a new
/// connection before it knows of the connection, and then says that it has no such method, or no default collection.
/// Of some thousand searches that come in beside others, one; by the next call it does know.
const CHANGES: usize = 50;

/// How often a verb begins anew because the service ended in the middle of it.
const RESTARTS: usize = 1;

/// docker's items in the Secret Service.
pub(crate) struct SecretService {
    environment: Environment,
    addresses: Vec<String>,
    collection: Option<String>,
    may_prompt: bool,
}

impl SecretService {
    /// Reads the settings. The bus is reached by each verb.
    pub(crate) fn open(environment: &Environment) -> Result<Self, Error> {
        let may_prompt = match environment.setting(NONINTERACTIVE)?.as_deref() {
            None | Some("0") => true,
            Some("1") => false,
            Some(_) => {
                return Err(Error::setting(
                    NONINTERACTIVE,
                    "is neither 1 nor 0; set it to 1, or unset it",
                ));
            }
        };
        Ok(Self {
            addresses: bus::addresses(environment)?,
            collection: environment.setting(COLLECTION)?,
            may_prompt,
            environment: environment.clone(),
        })
    }

    fn run<T>(&self, verb: &impl AsyncFn(&Service, &Scope) -> Result<Round<T>, Failure>) -> Result<T, Error> {
        Ok(zbus::block_on(self.retry(verb))?)
    }

    /// Carries out a verb, and begins it anew while that can help: something was unlocked, another program changed what
    /// it was reading, or the service ended (one that is started on demand is then started again). Each verb may be
    /// begun again without harm.
    ///
    /// What was found and is gone a moment later says nothing of what is there now. A login makes its item first and
    /// then deletes the old one, so between two of our questions the one may have become the other.
    async fn retry<T>(
        &self,
        verb: &impl AsyncFn(&Service, &Scope) -> Result<Round<T>, Failure>,
    ) -> Result<T, Failure> {
        let (mut unlocks, mut changes, mut restarts) = (UNLOCKS, CHANGES, RESTARTS);
        let mut service = self.connect().await?;
        let outcome = loop {
            let failure = match self.round(&service, verb).await {
                Ok(Round::Done(outcome)) => break Ok(outcome),
                Ok(Round::Again) => Failure::NoSuchObject,
                Ok(Round::Locked(_)) if unlocks == 0 => break Err(Failure::Locked(NotUnlocked::StillLocked)),
                Ok(Round::Locked(objects)) => {
                    unlocks -= 1;
                    match service.unlock(&objects).await {
                        Ok(()) => continue,
                        Err(failure) => failure,
                    }
                }
                Err(failure) => failure,
            };
            match failure {
                Failure::NoSuchObject if changes > 0 => {
                    changes -= 1;
                    self.environment
                        .log(|| "the keyring changed meanwhile; looking again".to_owned());
                }
                Failure::Gone if restarts > 0 => {
                    restarts -= 1;
                    self.environment
                        .log(|| "the keyring went away; trying once more".to_owned());
                    service.bus.close().await;
                    service = self.connect().await?;
                }
                failure => break Err(failure),
            }
        };
        service.bus.close().await;
        outcome
    }

    async fn connect(&self) -> Result<Service, Failure> {
        Ok(Service {
            bus: Bus::connect(&self.addresses).await?,
            may_prompt: self.may_prompt,
        })
    }

    async fn round<T>(
        &self,
        service: &Service,
        verb: &impl AsyncFn(&Service, &Scope) -> Result<Round<T>, Failure>,
    ) -> Result<Round<T>, Failure> {
        let scope = self.scope(service).await?;
        // KeePassXC answers a search by a prompt if all it has is locked.
        if !self.may_prompt && service.is_all_locked(&scope).await? {
            return Err(Failure::Locked(NotUnlocked::Noninteractive));
        }
        verb(service, &scope).await
    }

    async fn scope(&self, service: &Service) -> Result<Scope, Failure> {
        Ok(match &self.collection {
            None => Scope::Everywhere,
            Some(name) => Scope::Collection(service.named(name).await?),
        })
    }

    /// What answers for a server as things are.
    async fn look(&self, service: &Service, scope: &Scope, server: &ServerUrl) -> Result<Sight, Failure> {
        let spellings = Spellings::of(server);
        let (items, session) = candidates(service, scope, &spellings).await?;
        let mut item = self.newest(service, server, items).await?;
        let mut locked = Vec::new();
        if item.is_none() {
            let queries = spellings.remaining_queries();
            let (found, collections) = join(
                search(service, scope, &queries),
                service.locked_collections(scope),
            )
            .await;
            let items = service.describe(found?).await?;
            item = self.newest(service, server, items).await?;
            locked = collections?;
        }
        Ok(match (item, session) {
            (None, _) if locked.is_empty() => Sight::Nothing,
            (None, _) => Sight::Locked(locked),
            (Some(item), _) if item.is_locked => Sight::Locked(vec![item.path]),
            (Some(item), Some(session)) => Sight::Item(item, Box::new(session)),
            (Some(item), None) => Sight::Item(item, Box::new(Opening::begin(service).await?)),
        })
    }

    async fn newest(
        &self,
        service: &Service,
        server: &ServerUrl,
        items: Vec<Item>,
    ) -> Result<Option<Item>, Failure> {
        let items = date_duplicates(service, items).await?;
        self.log_found(&items);
        Ok(matching::newest(server, items, |item| {
            (&item.server, item.modified)
        }))
    }

    fn log_found(&self, items: &[Item]) {
        for item in items {
            self.environment.log(|| {
                let lock = if item.is_locked { " (locked)" } else { "" };
                format!("found {} for {}{lock}", item.path.as_str(), item.server)
            });
        }
    }
}

impl CredentialStore for SecretService {
    fn get(&self, server: &ServerUrl) -> Result<Option<Credential>, Error> {
        self.run(&async |service, scope| {
            Ok(match self.look(service, scope, server).await? {
                Sight::Nothing => Round::Done(None),
                Sight::Locked(objects) => Round::Locked(objects),
                Sight::Item(item, session) => match secret(service, &item, *session).await {
                    // Another program locked it just now.
                    Err(Failure::Locked(_)) => Round::Locked(vec![item.path]),
                    secret => Round::Done(Some(Credential::new(item.server, item.username, secret?))),
                },
            })
        })
    }

    fn store(&self, credential: &Credential) -> Result<(), Error> {
        // Else a login would ask a person for the password to another default: see CHANGES.
        let is_default_missing = Cell::new(false);
        self.run(&async |service, scope| {
            let collection = match scope {
                Scope::Collection(collection) => collection.clone(),
                Scope::Everywhere => match service.default_collection().await? {
                    Some(collection) => collection,
                    None if !is_default_missing.replace(true) => return Ok(Round::Again),
                    None => service.create_default().await?,
                },
            };
            if service.is_locked(&collection).await? {
                return Ok(Round::Locked(vec![collection]));
            }
            let server = credential.server();
            let (before, session) = join(of_key(service, scope, server), Opening::begin(service)).await;
            let before = before?;
            self.log_found(&before);
            let secret = session?.agree()?.seal(credential.secret().expose())?;
            service
                .create(
                    &collection,
                    &item::label(server),
                    &item::attributes(server, &server.key().to_string(), credential.username()),
                    &secret,
                )
                .await?;
            // Only what was there before: a login that happens at the same time keeps its own.
            let (locked, unlocked): (Vec<_>, Vec<_>) = before.into_iter().partition(|item| item.is_locked);
            delete(service, unlocked).await?;
            delete_locked(service, &collection, locked).await?;
            Ok(Round::Done(()))
        })
    }

    fn erase(&self, server: &ServerUrl) -> Result<(), Error> {
        self.run(&async |service, scope| {
            let (items, locked) =
                join(of_key(service, scope, server), service.locked_collections(scope)).await;
            let (items, mut locked) = (items?, locked?);
            self.log_found(&items);
            let (locked_items, unlocked_items): (Vec<_>, Vec<_>) =
                items.into_iter().partition(|item| item.is_locked);
            delete(service, unlocked_items).await?;
            locked.extend(locked_items.into_iter().map(|item| item.path));
            Ok(if locked.is_empty() {
                Round::Done(())
            } else {
                Round::Locked(locked)
            })
        })
    }

    fn list(&self) -> Result<Vec<Listed>, Error> {
        self.run(&async |service, scope| {
            let (items, locked) = join(all(service, scope), service.locked_collections(scope)).await;
            let (items, locked) = (items?, locked?);
            if !locked.is_empty() {
                return Ok(Round::Locked(locked));
            }
            let items = date_duplicates(service, items).await?;
            Ok(Round::Done(items.into_iter().map(Listed::from).collect()))
        })
    }
}

/// What a verb has come to.
enum Round<T> {
    Done(T),
    /// What it saw may be outdated already.
    Again,
    /// These are to be unlocked before it can say more.
    Locked(Vec<OwnedObjectPath>),
}

/// What there is for a server.
enum Sight {
    Nothing,
    /// Something, or perhaps something, once these are unlocked.
    Locked(Vec<OwnedObjectPath>),
    Item(Item, Box<Opening>),
}

/// How a server may be spelled in the keyring, in the order in which it is looked for.
///
/// Each search costs the service a quarter of a millisecond, and more the more it holds. So the spellings of docker
/// before 1.10 are looked for only where there is none of today's. Both can be there only if nothing has been stored by
/// this helper since, for that removes all others; then the old one is indeed the older, unless a person put it there.
struct Spellings {
    exact: String,
    recent: Vec<String>,
    remaining: Vec<String>,
    key: String,
}

impl Spellings {
    /// How many of the common spellings today's clients store.
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

    /// Also what this helper stored in a spelling that only the key attribute finds.
    fn remaining_queries(&self) -> Vec<Query<'_>> {
        let mut queries = vec![item::key_query(&self.key)];
        queries.extend(self.remaining.iter().map(|spelling| item::query(spelling)));
        queries
    }
}

/// docker's items in the spelling that is asked for and in today's, and the session to read one by if that was worth
/// opening.
///
/// A miss is the commonest answer of all, so no session is opened before something is found. But the first search that
/// finds something has it opened at once, while the service is still busy with the others: the agreement takes it
/// longer than all searches together. That a search comes first is also the harmless call that a gnome-keyring of
/// version 50 needs to see on a new connection.
async fn candidates(
    service: &Service,
    scope: &Scope,
    spellings: &Spellings,
) -> Result<(Vec<Item>, Option<Opening>), Failure> {
    let prepared = Cell::new(None);
    let exact = async {
        let found = service.search(scope, &item::query(&spellings.exact)).await?;
        let is_readable = found.iter().any(|(_, is_locked)| !is_locked);
        let session = async {
            if is_readable {
                let keys = prepared.take().map_or_else(KeyPair::generate, Ok)?;
                Opening::begin_with(keys, service).await.map(Some)
            } else {
                Ok(None)
            }
        };
        let (items, session) = join(service.describe(found), session).await;
        Ok((items?, session?))
    };
    let recent = async {
        let found = search(service, scope, &spellings.recent_queries()).await?;
        service.describe(found).await
    };
    // The last of the three, so that the service is searching meanwhile.
    let prepare = async { KeyPair::generate().map(|keys| prepared.set(Some(keys))) };
    let (exact, recent, prepare) = join3(exact, recent, prepare).await;
    prepare?;
    let ((mut items, session), recent) = (exact?, recent?);
    items.extend(recent);
    Ok((items, session))
}

/// Whatever any of the queries finds.
async fn search(service: &Service, scope: &Scope, queries: &[Query<'_>]) -> Result<Found, Failure> {
    let answers = service
        .bus
        .pipeline(queries, async |query| service.search(scope, query).await)
        .await?;
    let found = answers.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(found.into_iter().flatten().collect())
}

/// A session that the service has opened, and what is still to be computed for it.
struct Opening {
    keys: KeyPair,
    opened: Opened,
}

impl Opening {
    async fn begin(service: &Service) -> Result<Self, Failure> {
        Self::begin_with(KeyPair::generate()?, service).await
    }

    async fn begin_with(keys: KeyPair, service: &Service) -> Result<Self, Failure> {
        let opened = Opened::open(&service.bus, &keys).await?;
        Ok(Self { keys, opened })
    }

    fn agree(self) -> Result<session::Session, Failure> {
        self.opened.agree(&self.keys)
    }
}

/// All of docker's items.
async fn all(service: &Service, scope: &Scope) -> Result<Vec<Item>, Failure> {
    let found = service.search(scope, &[item::MARK].into()).await?;
    service.describe(found).await
}

/// All of docker's items for one key, in whichever spelling. It looks at every item, which `get` is spared and where
/// something is removed is worth it.
async fn of_key(service: &Service, scope: &Scope, server: &ServerUrl) -> Result<Vec<Item>, Failure> {
    let mut items = all(service, scope).await?;
    items.retain(|item| item.server.key() == server.key());
    Ok(items)
}

/// Asks for the age of those items that share their key with another; of the others it does not matter.
async fn date_duplicates(service: &Service, items: Vec<Item>) -> Result<Vec<Item>, Failure> {
    let mut counts = std::collections::HashMap::new();
    for item in &items {
        *counts.entry(item.server.key().clone()).or_insert(0) += 1;
    }
    let (duplicates, mut dated): (Vec<_>, Vec<_>) =
        items.into_iter().partition(|item| counts[item.server.key()] > 1);
    dated.extend(service.date(duplicates).await?);
    Ok(dated)
}

async fn secret(service: &Service, item: &Item, session: Opening) -> Result<Secret, Failure> {
    let path = session.opened.path().to_owned();
    // The key is computed while the service looks the secret up.
    let (sealed, session) = join(service.secret(&item.path, &path), async { session.agree() }).await;
    let bytes = session?.unseal(sealed?)?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Secret::new(text.to_owned())),
        Err(_) => Err(Failure::NotText(item.server.to_string())),
    }
}

async fn delete(service: &Service, items: impl IntoIterator<Item = Item>) -> Result<(), Failure> {
    let paths: Vec<OwnedObjectPath> = items.into_iter().map(|item| item.path).collect();
    let answers = service
        .bus
        .pipeline(&paths, async |path| service.delete(path).await)
        .await?;
    answers.into_iter().collect()
}

/// Deletes what is locked in a collection that is not: `KeePassXC` can be set to ask its user before a program uses an
/// item. The login is in the keyring by then and is the newest, so it has not failed if the user says no; the next one
/// asks again.
///
/// In another collection that is locked the old items stay; nobody is asked for the password to that one. The new item
/// answers where a `get` finds both. It finds the old one alone if that is in a common spelling (`ghcr.io`) and the new
/// one in a rare one (`GHCR.IO`), for those are looked for only if there is none of the common ones.
async fn delete_locked(
    service: &Service,
    collection: &ObjectPath<'_>,
    mut items: Vec<Item>,
) -> Result<(), Failure> {
    let inside = format!("{}/", collection.as_str());
    items.retain(|item| item.path.as_str().starts_with(&inside));
    if items.is_empty() {
        return Ok(());
    }
    let paths: Vec<OwnedObjectPath> = items.iter().map(|item| item.path.clone()).collect();
    let deleted = match service.unlock(&paths).await {
        Ok(()) => delete(service, items).await,
        failed => failed,
    };
    match deleted {
        Err(Failure::Locked(_) | Failure::NoSuchObject) => Ok(()),
        deleted => deleted,
    }
}
