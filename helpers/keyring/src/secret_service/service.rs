//! The Secret Service's methods, as its specification has them, with the types they are used with here.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use zbus::{ObjectPath, OwnedObjectPath, OwnedVariant, Variant};

use super::bus::Bus;
use super::failure::{Failure, NotUnlocked};
use super::item::Item;
use super::prompt;
use super::wire::{
    COLLECTION_INTERFACE, Found, ITEM_INTERFACE, NO_OBJECT, ROOT, SERVICE_INTERFACE, WireSecret,
};

/// Where items are looked for.
#[derive(Clone, Debug)]
pub(super) enum Scope {
    /// In every collection.
    Everywhere,
    /// In the one that its user has named.
    Collection(OwnedObjectPath),
}

/// The service behind the bus.
pub(super) struct Service {
    pub(super) bus: Bus,
    pub(super) may_prompt: bool,
}

impl Service {
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
                let (found, is_locked) = futures_util::future::join(search, self.is_locked(collection)).await;
                let (found, is_locked): (Vec<OwnedObjectPath>, bool) = (found?, is_locked?);
                Ok(found.into_iter().map(|path| (path, is_locked)).collect())
            }
        }
    }

    /// docker's items among those found. What hides its attributes because its collection is locked is left out: the
    /// lock is noticed otherwise.
    ///
    /// What is gone is not left out but [`Failure::NoSuchObject`]: a login replaces items, and whatever took the place
    /// of this one was not there yet when the search was made.
    pub(super) async fn describe(&self, found: Found) -> Result<Vec<Item>, Failure> {
        let answers = self
            .bus
            .pipeline(found, async |(path, is_locked)| {
                let attributes: Result<HashMap<String, String>, Failure> =
                    self.property(&path, ITEM_INTERFACE, "Attributes").await;
                Ok(Item::of(path, is_locked, attributes?))
            })
            .await?;
        let mut items = Vec::new();
        for answer in answers {
            match answer {
                Ok(item) => items.extend(item),
                Err(Failure::Locked(_)) => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(items)
    }

    /// Adds the time of the last change to each item, where the service tells it.
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
                    // An item of unknown age is still a login.
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

    /// A new item, beside any that has the same attributes. Replacing one in place would let two logins at once
    /// delete each other's: each finds the other's item, overwrites its own, and removes what it found.
    pub(super) async fn create(
        &self,
        collection: &ObjectPath<'_>,
        label: &str,
        attributes: &HashMap<&str, &str>,
        secret: &WireSecret,
    ) -> Result<(), Failure> {
        let properties = HashMap::from([
            ("org.freedesktop.Secret.Item.Label", Variant::from(label)),
            (
                "org.freedesktop.Secret.Item.Attributes",
                Variant::from(attributes.clone()),
            ),
        ]);
        let replace = false;
        let (_, prompt): (OwnedObjectPath, OwnedObjectPath) = self
            .bus
            .call(
                collection,
                COLLECTION_INTERFACE,
                "CreateItem",
                &(properties, secret, replace),
            )
            .await?;
        self.complete_prompt(&prompt).await?;
        Ok(())
    }

    /// Deletes an item, if it is still there.
    pub(super) async fn delete(&self, item: &ObjectPath<'_>) -> Result<(), Failure> {
        let deleted: Result<OwnedObjectPath, Failure> =
            self.bus.call(item, ITEM_INTERFACE, "Delete", &()).await;
        match deleted {
            Ok(prompt) => self.complete_prompt(&prompt).await.map(drop),
            Err(Failure::NoSuchObject) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    pub(super) async fn collections(&self) -> Result<Vec<OwnedObjectPath>, Failure> {
        self.property(&ROOT, SERVICE_INTERFACE, "Collections").await
    }

    pub(super) async fn is_locked(&self, collection: &ObjectPath<'_>) -> Result<bool, Failure> {
        self.property(collection, COLLECTION_INTERFACE, "Locked").await
    }

    pub(super) async fn label(&self, collection: &ObjectPath<'_>) -> Result<String, Failure> {
        self.property(collection, COLLECTION_INTERFACE, "Label").await
    }

    /// The collections in which something could be hidden.
    pub(super) async fn locked_collections(&self, scope: &Scope) -> Result<Vec<OwnedObjectPath>, Failure> {
        let locks = self.locks(scope).await?;
        let locked = locks.into_iter().filter(|(_, is_locked)| *is_locked);
        Ok(locked.map(|(collection, _)| collection).collect())
    }

    /// Whether there are collections, and nothing but locked ones.
    pub(super) async fn is_all_locked(&self, scope: &Scope) -> Result<bool, Failure> {
        let locks = self.locks(scope).await?;
        Ok(!locks.is_empty() && locks.iter().all(|(_, is_locked)| *is_locked))
    }

    /// Each collection, and whether it is locked. One that is gone holds nothing.
    async fn locks(&self, scope: &Scope) -> Result<Vec<(OwnedObjectPath, bool)>, Failure> {
        let collections = match scope {
            Scope::Everywhere => self.collections().await?,
            Scope::Collection(collection) => vec![collection.clone()],
        };
        let answers = self
            .bus
            .pipeline(collections, async |collection| {
                let is_locked = self.is_locked(&collection).await?;
                Ok((collection, is_locked))
            })
            .await?;
        answers
            .into_iter()
            .filter(|answer| !matches!(answer, Err(Failure::NoSuchObject)))
            .collect()
    }

    /// The collection in which new items go, if there is one.
    pub(super) async fn default_collection(&self) -> Result<Option<OwnedObjectPath>, Failure> {
        self.alias("default").await
    }

    async fn alias(&self, name: &str) -> Result<Option<OwnedObjectPath>, Failure> {
        let path: OwnedObjectPath = self
            .bus
            .call(&ROOT, SERVICE_INTERFACE, "ReadAlias", &(name,))
            .await?;
        Ok(Some(path).filter(|path| path.as_str() != NO_OBJECT))
    }

    /// Makes the default collection. The service asks its user for a password to it.
    pub(super) async fn create_default(&self) -> Result<OwnedObjectPath, Failure> {
        if !self.may_prompt {
            return Err(Failure::NoCollection);
        }
        let properties = HashMap::from([(
            "org.freedesktop.Secret.Collection.Label",
            Variant::from("Default"),
        )]);
        let (collection, prompt): (OwnedObjectPath, OwnedObjectPath) = self
            .bus
            .call(
                &ROOT,
                SERVICE_INTERFACE,
                "CreateCollection",
                &(properties, "default"),
            )
            .await?;
        let created = match self.complete_prompt(&prompt).await {
            Ok(None) => Some(collection),
            Ok(Some(result)) => OwnedObjectPath::try_from(result).ok(),
            Err(Failure::Locked(_)) => None,
            Err(failure) => return Err(failure),
        };
        created
            .filter(|path| path.as_str() != NO_OBJECT)
            .ok_or(Failure::NoCollection)
    }

    /// Unlocks collections or items, by a prompt if need be.
    pub(super) async fn unlock(&self, objects: &[OwnedObjectPath]) -> Result<(), Failure> {
        if !self.may_prompt {
            return Err(Failure::Locked(NotUnlocked::Noninteractive));
        }
        let (_, prompt): (Vec<OwnedObjectPath>, OwnedObjectPath) = self
            .bus
            .call(&ROOT, SERVICE_INTERFACE, "Unlock", &(objects,))
            .await?;
        self.complete_prompt(&prompt).await?;
        Ok(())
    }

    /// Shows the prompt that a method left behind, if it did, and gives its result.
    async fn complete_prompt(&self, prompt: &ObjectPath<'_>) -> Result<Option<OwnedVariant>, Failure> {
        match prompt.as_str() {
            NO_OBJECT => Ok(None),
            _ if self.may_prompt => prompt::show(&self.bus, prompt).await.map(Some),
            _ => Err(Failure::Locked(NotUnlocked::MayNotAsk)),
        }
    }

    async fn property<T: TryFrom<OwnedVariant>>(
        &self,
        path: &ObjectPath<'_>,
        interface: &str,
        name: &str,
    ) -> Result<T, Failure> {
        let value = self.bus.property(path, interface, name).await?;
        T::try_from(value).map_err(|_| Failure::Malformed("a property of the wrong type"))
    }

    /// The collection of this name: its label, its alias, or the last part of its path.
    pub(super) async fn named(&self, name: &str) -> Result<OwnedObjectPath, Failure> {
        let collections = self.collections().await?;
        let ends_in_name = |path: &&OwnedObjectPath| path.as_str().rsplit('/').next() == Some(name);
        if let Some(path) = collections.iter().find(ends_in_name) {
            return Ok(path.clone());
        }
        if let Some(path) = self.alias(name).await? {
            return Ok(path);
        }
        for path in collections {
            match self.label(&path).await {
                Ok(label) if label == name => return Ok(path),
                Err(failure) if failure.is_of_service() => return Err(failure),
                _ => {}
            }
        }
        Err(Failure::UnknownCollection)
    }
}
