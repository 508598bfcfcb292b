//! The Secret Service's methods from its specification, with the types that we need.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, SystemTime};

use futures_util::future::join;
use zbus::{ObjectPath, OwnedObjectPath, OwnedVariant, Variant};

use super::bus::Bus;
use super::failure::{Failure, NotUnlocked};
use super::item::{Item, Sighting};
use super::prompt;
use super::wire::{
    COLLECTION_INTERFACE, Found, ITEM_INTERFACE, NO_OBJECT, ROOT, SERVICE_INTERFACE, WireSecret,
};

/// The scope of a search.
#[derive(Clone, Debug)]
pub(super) enum Scope {
    /// In every collection.
    Everywhere,
    /// In the one that the user named.
    Collection(OwnedObjectPath),
}

/// docker's items, and those that hide whether they are.
#[derive(Default)]
pub(super) struct Described {
    pub(super) items: Vec<Item>,
    /// Locked.
    pub(super) hidden: Vec<OwnedObjectPath>,
    /// Found again after they were gone.
    pub(super) ghosts: Vec<OwnedObjectPath>,
}

impl Described {
    /// Adds the result of another request.
    pub(super) fn extend(&mut self, other: Self) {
        self.items.extend(other.items);
        self.hidden.extend(other.hidden);
        self.ghosts.extend(other.ghosts);
    }
}

/// The service behind the bus.
pub(super) struct Service {
    pub(super) bus: Bus,
    pub(super) may_prompt: bool,
    /// The items that were found and then gone.
    gone: RefCell<HashSet<OwnedObjectPath>>,
}

impl Service {
    pub(super) fn new(bus: Bus, may_prompt: bool) -> Self {
        Self {
            bus,
            may_prompt,
            gone: RefCell::default(),
        }
    }

    /// Items with these attributes.
    pub(super) async fn search(
        &self,
        scope: &Scope,
        attributes: &HashMap<&str, &str>,
    ) -> Result<Found, Failure> {
        match scope {
            Scope::Everywhere => {
                let arguments = (attributes,);
                let (unlocked, locked): (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) = self
                    .bus
                    .call_held_by_a_prompt(
                        &ROOT,
                        SERVICE_INTERFACE,
                        "SearchItems",
                        &arguments,
                        self.collections(),
                    )
                    .await?;
                let unlocked = unlocked.into_iter().map(|path| (path, false));
                Ok(unlocked
                    .chain(locked.into_iter().map(|path| (path, true)))
                    .collect())
            }
            Scope::Collection(collection) => {
                let arguments = (attributes,);
                let search = self
                    .bus
                    .call(collection, COLLECTION_INTERFACE, "SearchItems", &arguments);
                let (found, is_locked) = join(search, self.is_locked(collection)).await;
                let (found, is_locked): (Vec<OwnedObjectPath>, bool) = (found?, is_locked?);
                Ok(found.into_iter().map(|path| (path, is_locked)).collect())
            }
        }
    }

    /// docker's items among those with docker's mark, and locked ones that hide their attributes.
    ///
    /// A missing item isn't skipped but [`Failure::NoSuchObject`]: a login replaces items, and the new one
    /// may not have existed at the time of the search. If the next search still finds the missing item,
    /// nothing has replaced it: with a full disk, gnome-keyring can keep finding a deleted item.
    pub(super) async fn describe(
        &self,
        found: impl IntoIterator<Item = (OwnedObjectPath, bool)>,
    ) -> Result<Described, Failure> {
        let answers = self
            .bus
            .pipeline(found, async |(path, is_locked)| {
                let attributes: Result<HashMap<String, String>, Failure> =
                    self.property(&path, ITEM_INTERFACE, "Attributes").await;
                Ok(match attributes {
                    Err(Failure::Locked(_)) => (path, Sighting::Hidden),
                    Err(Failure::NoSuchObject) => (path, Sighting::Gone),
                    attributes => (path.clone(), Sighting::of(path, is_locked, attributes?)),
                })
            })
            .await?;
        let mut described = Described::default();
        let mut is_changed = false;
        for answer in answers {
            match answer? {
                (_, Sighting::Docker(item)) => described.items.push(item),
                (path, Sighting::Hidden) => described.hidden.push(path),
                (_, Sighting::Foreign) => {}
                (path, Sighting::Gone) if self.gone.borrow_mut().insert(path.clone()) => is_changed = true,
                (path, Sighting::Gone) => described.ghosts.push(path),
            }
        }
        if is_changed {
            return Err(Failure::NoSuchObject);
        }
        Ok(described)
    }

    /// Why an item's secret may have come back empty: it is locked, gone, or empty. `KWallet` returns an
    /// empty secret for an item that is being deleted, or whose wallet was just locked.
    pub(super) async fn explain_empty(&self, item: &Item) -> Failure {
        let locked = self.property(&item.path, ITEM_INTERFACE, "Locked");
        let (locked, described) = join(locked, self.describe([(item.path.clone(), false)])).await;
        match (locked, described) {
            (Ok(true) | Err(Failure::Locked(_)), _) => Failure::Locked(NotUnlocked::StillLocked),
            (Err(failure), _) | (_, Err(failure)) => failure,
            (Ok(false), Ok(described)) if described.items.is_empty() => Failure::NoSuchObject,
            (Ok(false), Ok(_)) => Failure::Empty(item.server.to_string()),
        }
    }

    /// Adds the time of the last change to each item, if the service has it.
    pub(super) async fn date(&self, items: Vec<Item>) -> Result<Vec<Item>, Failure> {
        let answers = self
            .bus
            .pipeline(items, async |mut item: Item| {
                let modified: Result<u64, Failure> =
                    self.property(&item.path, ITEM_INTERFACE, "Modified").await;
                match modified {
                    Ok(seconds) => {
                        item.modified = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
                    }
                    Err(failure) if failure == Failure::NoSuchObject || failure.is_of_service() => {
                        return Err(failure);
                    }
                    // An item without a time is still a login.
                    Err(_) => {}
                }
                Ok(item)
            })
            .await?;
        answers.into_iter().collect()
    }

    pub(super) async fn secret(
        &self,
        item: &ObjectPath<'_>,
        session: &ObjectPath<'_>,
    ) -> Result<WireSecret, Failure> {
        let (secret,) = self
            .bus
            .call(item, ITEM_INTERFACE, "GetSecret", &(session,))
            .await?;
        Ok(secret)
    }

    /// The secret of an item, which after that was still the login that we found.
    ///
    /// `KWallet` finds a secret by the item's label. If the item was just deleted, that may be the label of a
    /// newer login of another user.
    pub(super) async fn secret_of(
        &self,
        item: &Item,
        session: &ObjectPath<'_>,
    ) -> Result<WireSecret, Failure> {
        let described = self.describe([(item.path.clone(), false)]);
        let (secret, described) = join(self.secret(&item.path, session), described).await;
        let secret = secret?;
        let is_same = |found: &Item| (&found.server, &found.username) == (&item.server, &item.username);
        if described?.items.iter().any(is_same) {
            Ok(secret)
        } else {
            Err(Failure::NoSuchObject)
        }
    }

    /// Creates a new item, even if another has the same attributes. If we replaced it in place, two logins at
    /// once could delete each other's: each finds the other's item, overwrites its own, and removes the one
    /// it found.
    pub(super) async fn create(
        &self,
        collection: &ObjectPath<'_>,
        label: &str,
        attributes: &HashMap<&str, &str>,
        secret: &WireSecret,
    ) -> Result<OwnedObjectPath, Failure> {
        let properties = HashMap::from([
            ("org.freedesktop.Secret.Item.Label", Variant::from(label)),
            (
                "org.freedesktop.Secret.Item.Attributes",
                Variant::from(attributes.clone()),
            ),
        ]);
        let replace = false;
        let (item, prompt): (OwnedObjectPath, OwnedObjectPath) = self
            .bus
            .call(
                collection,
                COLLECTION_INTERFACE,
                "CreateItem",
                &(properties, secret, replace),
            )
            .await?;
        let created = match self.confirm(&prompt).await? {
            None => Some(item),
            Some(created) => OwnedObjectPath::try_from(created).ok(),
        };
        // The old item must not be deleted unless there is a new one.
        created
            .filter(|item| item.as_str() != NO_OBJECT)
            .ok_or(Failure::Malformed("no new item"))
    }

    /// Deletes an item, if it still exists.
    pub(super) async fn delete(&self, item: &ObjectPath<'_>) -> Result<(), Failure> {
        let deleted: Result<OwnedObjectPath, Failure> =
            self.bus.call(item, ITEM_INTERFACE, "Delete", &()).await;
        match deleted {
            Ok(prompt) => self.confirm(&prompt).await.map(drop),
            Err(Failure::NoSuchObject) => Ok(()),
            // Not every service's error shows that another program was faster.
            Err(failure @ (Failure::Answered(..) | Failure::NotSupported(_))) => {
                match self.describe([(item.to_owned().into(), false)]).await {
                    Err(Failure::NoSuchObject) => Ok(()),
                    Ok(described) if !described.ghosts.is_empty() => Ok(()),
                    _ => Err(failure),
                }
            }
            Err(failure) => Err(failure),
        }
    }

    /// Unlocks collections or items, with a prompt if necessary. A wallet that its user has opened reports
    /// that it is locked until a program asks for it, and then doesn't need a prompt.
    pub(super) async fn unlock(&self, objects: &[OwnedObjectPath]) -> Result<(), Failure> {
        let (_, prompt): (Vec<OwnedObjectPath>, OwnedObjectPath) = self
            .bus
            .call(&ROOT, SERVICE_INTERFACE, "Unlock", &(objects,))
            .await?;
        match self.complete_prompt(&prompt).await {
            Err(Failure::Locked(NotUnlocked::MayNotAsk)) => Err(Failure::Locked(NotUnlocked::Noninteractive)),
            completed => completed.map(drop),
        }
    }

    /// As [`complete_prompt`](Self::complete_prompt), for a change that the service asks its user about.
    async fn confirm(&self, prompt: &ObjectPath<'_>) -> Result<Option<OwnedVariant>, Failure> {
        match self.complete_prompt(prompt).await {
            Err(Failure::Locked(NotUnlocked::Dismissed)) => Err(Failure::Locked(NotUnlocked::Refused)),
            completed => completed,
        }
    }

    /// Shows the prompt that a method returned, if any, and returns its result.
    pub(super) async fn complete_prompt(
        &self,
        prompt: &ObjectPath<'_>,
    ) -> Result<Option<OwnedVariant>, Failure> {
        match prompt.as_str() {
            NO_OBJECT => Ok(None),
            _ if self.may_prompt => prompt::show(&self.bus, prompt).await.map(Some),
            _ => Err(Failure::Locked(NotUnlocked::MayNotAsk)),
        }
    }

    pub(super) async fn property<T: TryFrom<OwnedVariant>>(
        &self,
        path: &ObjectPath<'_>,
        interface: &str,
        name: &str,
    ) -> Result<T, Failure> {
        let value = self.bus.property(path, interface, name).await?;
        T::try_from(value).map_err(|_| Failure::Malformed("a property of the wrong type"))
    }
}
