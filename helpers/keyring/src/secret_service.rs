//! The Secret Service, which GNOME Keyring, `KWallet` and `KeePassXC` offer on the session bus.
//!
//! The items are docker's own: this helper and `docker-credential-secretservice` read, replace, list and
//! erase each other's. It uses plain zbus, because existing clients of the Secret Service wait for each
//! answer before the next request, don't find items by server, and compute their session keys ten times as
//! slowly.

use std::cell::Cell;
use std::os::unix::net::SocketAddr;

use docker_credential_helper::{Credential, CredentialStore, Environment, Error, Listed, ServerUrl};
use futures_util::future::join3;
use zbus::OwnedObjectPath;

mod address;
mod agreement;
mod bus;
mod collections;
mod failure;
mod item;
mod lookup;
mod peer;
mod program;
mod prompt;
mod removal;
mod secrets;
mod service;
mod session;
mod socket;
mod wire;

use bus::Bus;
use failure::{Failure, NotUnlocked};
use lookup::Sight;
use service::{Described, Scope, Service};

/// Names a collection other than the default: its label, its alias, or the last part of its path.
const COLLECTION: &str = "DOCKER_CREDENTIAL_KEYRING_COLLECTION";
/// `1`: never show a prompt.
const NONINTERACTIVE: &str = "DOCKER_CREDENTIAL_NONINTERACTIVE";

/// How often a verb unlocks something, because it may be locked again at once.
const UNLOCKS: usize = 3;

/// How often a verb starts again because another program changed items that it was reading. Two programs that
/// only log in disturb one round in three, on two cores; this many in a row would have another cause.
///
/// The first answer of a busy gnome-keyring may also look like such a change: it may see the first call of a
/// new connection before the connection itself, and then reports an unknown method, or no default collection.
/// This happens in one of a few thousand searches, and only to the first call.
const CHANGES: usize = 50;

/// How often a verb starts again because the service ended during it.
const RESTARTS: usize = 1;

/// docker's items in the Secret Service.
pub(crate) struct SecretService {
    environment: Environment,
    addresses: Vec<SocketAddr>,
    collection: Option<String>,
    may_prompt: bool,
}

impl SecretService {
    /// Reads the settings. Each verb connects to the bus.
    pub(crate) fn open(environment: &Environment) -> Result<Self, Error> {
        Ok(Self {
            addresses: address::of_session(environment).map_err(|failure| failure.into_error(false))?,
            collection: environment.setting(COLLECTION)?,
            may_prompt: !environment.switch(NONINTERACTIVE)?,
            environment: environment.clone(),
        })
    }

    fn run<T>(&self, verb: &impl AsyncFn(&Service, &Scope) -> Result<Round<T>, Failure>) -> Result<T, Error> {
        zbus::block_on(async {
            let mut service = self
                .connect()
                .await
                .map_err(|failure| failure.into_error(false))?;
            let outcome = match self.retry(&mut service, verb).await {
                Ok(outcome) => Ok(outcome),
                Err(failure) => {
                    service.bus.be_brief();
                    let is_gnome = failure.has_command() && service.bus.is_gnome_keyring().await;
                    Err(failure.into_error(is_gnome))
                }
            };
            service.bus.close().await;
            outcome
        })
    }

    /// The program that keeps the logins, and whether the keyring for new ones is locked. Doesn't unlock it.
    pub(crate) fn state(&self) -> Result<String, Error> {
        let state = async {
            let service = self.connect().await?;
            let state = self.state_of(&service).await;
            service.bus.close().await;
            state
        };
        zbus::block_on(state).map_err(|failure: Failure| failure.into_error(false))
    }

    async fn state_of(&self, service: &Service) -> Result<String, Failure> {
        service.bus.check_owner().await?;
        let lock = match target(service, &self.scope(service).await?).await? {
            None => "without a default keyring",
            Some(collection) if service.is_locked(&collection).await? => "locked",
            Some(_) => "unlocked",
        };
        Ok(format!("{}, {lock}", service.bus.program().await))
    }

    /// Runs a verb, and starts it again while that can help: something was unlocked, another program changed
    /// items that it was reading, or the service ended (a service that is started on demand then restarts).
    /// Each verb can safely start again.
    ///
    /// If an item was found but is gone a moment later, the current state is unknown. A login creates its
    /// item first and then deletes the old one, so the new item may have appeared between two of our
    /// requests.
    async fn retry<T>(
        &self,
        service: &mut Service,
        verb: &impl AsyncFn(&Service, &Scope) -> Result<Round<T>, Failure>,
    ) -> Result<T, Failure> {
        let (mut unlocks, mut changes, mut restarts) = (UNLOCKS, CHANGES, RESTARTS);
        loop {
            let failure = match self.round(service, verb).await {
                Ok(Round::Done(outcome)) => return Ok(outcome),
                Ok(Round::Again) => Failure::NoSuchObject,
                Ok(Round::Locked(_)) if unlocks == 0 => {
                    return Err(Failure::Locked(NotUnlocked::StillLocked));
                }
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
                        .log(|| "the keyring changed; looking again".to_owned());
                }
                Failure::Gone if restarts > 0 => {
                    restarts -= 1;
                    self.environment
                        .log(|| "the keyring went away; trying once more".to_owned());
                    *service = self.connect().await?;
                }
                failure => return Err(failure),
            }
        }
    }

    async fn connect(&self) -> Result<Service, Failure> {
        Ok(Service::new(
            Bus::connect(&self.addresses).await?,
            self.may_prompt,
        ))
    }

    async fn round<T>(
        &self,
        service: &Service,
        verb: &impl AsyncFn(&Service, &Scope) -> Result<Round<T>, Failure>,
    ) -> Result<Round<T>, Failure> {
        let scope = self.scope(service).await?;
        // KeePassXC shows a prompt on a search if everything is locked, or no database is open.
        if !self.may_prompt {
            service.unlock_if_all_is_locked(&scope).await?;
        }
        verb(service, &scope).await
    }

    async fn scope(&self, service: &Service) -> Result<Scope, Failure> {
        Ok(match &self.collection {
            None => Scope::Everywhere,
            Some(name) => Scope::Collection(service.named(name).await?),
        })
    }
}

impl CredentialStore for SecretService {
    fn get(&self, server: &ServerUrl) -> Result<Option<Credential>, Error> {
        self.run(&async |service, scope| {
            Ok(
                match lookup::look(&self.environment, service, scope, server).await? {
                    Sight::Nothing => Round::Done(None),
                    Sight::Locked(objects) => Round::Locked(objects),
                    Sight::Item(item, trusted, session) => {
                        match secrets::read(service, &item, trusted, *session).await {
                            // Another program has just locked it.
                            Err(Failure::Locked(_)) => Round::Locked(vec![item.path]),
                            secret => Round::Done(Some(Credential::new(item.server, item.username, secret?))),
                        }
                    }
                },
            )
        })
    }

    fn store(&self, credential: &Credential) -> Result<(), Error> {
        // Otherwise a login would ask a person for the password of another default: see CHANGES.
        let is_default_missing = Cell::new(false);
        self.run(&async |service, scope| {
            let (trusted, default, all) = join3(
                service.bus.check_owner(),
                target(service, scope),
                lookup::all(service, scope),
            )
            .await;
            let (trusted, (described, _)) = (trusted?, all?);
            let mut before = described.items;
            let collection = match default? {
                Some(collection) => collection,
                None if !is_default_missing.replace(true) => return Ok(Round::Again),
                None => service.create_default().await?,
            };
            if service.is_locked(&collection).await? {
                return Ok(Round::Locked(vec![collection]));
            }
            before.retain(|item| item.server.key() == credential.server().key());
            lookup::log(&self.environment, &before);
            let created = secrets::create(service, trusted, &collection, credential).await;
            if created.as_ref().is_err_and(Failure::is_locked_again) {
                return Ok(Round::Locked(vec![collection]));
            }
            let created = created?;
            // A service may also have changed an old item instead.
            before.retain(|item| item.path != created);
            // Only previous items: a login at the same time keeps its own.
            removal::delete_replaced(service, &collection, before).await?;
            Ok(Round::Done(()))
        })
    }

    fn erase(&self, server: &ServerUrl) -> Result<(), Error> {
        self.run(&async |service, scope| {
            let Everything { described, hiding } = everything(service, scope).await?;
            let mut items = described.items;
            items.retain(|item| item.server.key() == server.key());
            // One of them may be the login to this server.
            if items.is_empty() && !described.ghosts.is_empty() {
                return Ok(Round::Again);
            }
            lookup::log(&self.environment, &items);
            let paths = items.iter().map(|item| item.path.clone()).collect();
            let (locked, unlocked): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| item.is_locked);
            let deleted = removal::delete(service, unlocked).await;
            if deleted.as_ref().is_err_and(Failure::is_locked_again) {
                return Ok(Round::Locked(paths));
            }
            deleted?;
            let mut objects = hiding;
            objects.extend(locked.into_iter().map(|item| item.path));
            Ok(Round::done_or_locked((), objects))
        })
    }

    fn list(&self) -> Result<Vec<Listed>, Error> {
        self.run(&async |service, scope| {
            let Everything { described, hiding } = everything(service, scope).await?;
            if !hiding.is_empty() {
                return Ok(Round::Locked(hiding));
            }
            if described.items.is_empty() && !described.ghosts.is_empty() {
                return Ok(Round::Again);
            }
            let items = lookup::date_duplicates(service, described.items).await?;
            Ok(Round::Done(items.into_iter().map(Listed::from).collect()))
        })
    }
}

/// The result of a verb.
enum Round<T> {
    Done(T),
    /// Its data may be outdated already.
    Again,
    /// These must be unlocked first.
    Locked(Vec<OwnedObjectPath>),
}

impl<T> Round<T> {
    fn done_or_locked(outcome: T, objects: Vec<OwnedObjectPath>) -> Self {
        if objects.is_empty() {
            Self::Done(outcome)
        } else {
            Self::Locked(objects)
        }
    }
}

/// All of docker's items, and the collections and items that may hide more until they are unlocked.
struct Everything {
    described: Described,
    hiding: Vec<OwnedObjectPath>,
}

async fn everything(service: &Service, scope: &Scope) -> Result<Everything, Failure> {
    let (all, trusted, locks) = join3(
        lookup::all(service, scope),
        service.bus.check_owner(),
        service.locks_unless_shown(scope),
    )
    .await;
    trusted?;
    let (described, found) = all?;
    let hiding = service.hiding(scope, locks?, &found, &described.hidden).await?;
    Ok(Everything { described, hiding })
}

/// The collection for new logins, if it exists.
async fn target(service: &Service, scope: &Scope) -> Result<Option<OwnedObjectPath>, Failure> {
    match scope {
        Scope::Collection(collection) => Ok(Some(collection.clone())),
        Scope::Everywhere => service.default_collection().await,
    }
}
