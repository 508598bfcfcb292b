//! The keyrings of a service: lists them, their locks, and items that a locked one may hide.

use std::collections::HashMap;

use zbus::{ObjectPath, OwnedObjectPath, Variant};

use super::failure::{Failure, NotUnlocked, Words};
use super::program::{GNOME_KEYRING, KEEPASSXC, KWALLET};
use super::service::{Scope, Service};
use super::wire::{COLLECTION_INTERFACE, Found, NO_OBJECT, ROOT, SERVICE_INTERFACE};

/// A collection, and whether it is locked.
pub(super) type Lock = (OwnedObjectPath, bool);

impl Service {
    pub(super) async fn collections(&self) -> Result<Vec<OwnedObjectPath>, Failure> {
        self.property(&ROOT, SERVICE_INTERFACE, "Collections").await
    }

    pub(super) async fn is_locked(&self, collection: &ObjectPath<'_>) -> Result<bool, Failure> {
        self.property(collection, COLLECTION_INTERFACE, "Locked").await
    }

    pub(super) async fn label(&self, collection: &ObjectPath<'_>) -> Result<String, Failure> {
        self.property(collection, COLLECTION_INTERFACE, "Label").await
    }

    /// The objects to unlock before we know that there is nothing more: locked collections in which a search
    /// by docker's mark `found` something, or which don't show items at all, unless they are empty; and
    /// `hidden` items.
    ///
    /// A search also finds the items of a locked collection (by their hashes, if it was never unlocked). So a
    /// collection with items, none of which were found, doesn't hold docker's items: a second keyring that is
    /// always locked doesn't make every answer uncertain.
    pub(super) async fn hiding(
        &self,
        scope: &Scope,
        mut locks: Vec<Lock>,
        found: &Found,
        hidden: &[OwnedObjectPath],
    ) -> Result<Vec<OwnedObjectPath>, Failure> {
        // See `finds_locked_items`.
        if locks.is_empty() && found.iter().any(|(_, is_locked)| *is_locked) {
            locks = self.locks(scope).await?;
        }
        let locked: Vec<OwnedObjectPath> = locks
            .into_iter()
            .filter_map(|(collection, is_locked)| is_locked.then_some(collection))
            .collect();
        let is_inside = |item: &OwnedObjectPath, collection: &OwnedObjectPath| {
            item.as_str()
                .strip_prefix(collection.as_str())
                .is_some_and(|rest| rest.starts_with('/'))
        };
        let in_none = |item: &&OwnedObjectPath| !locked.iter().any(|collection| is_inside(item, collection));
        let mut hiding: Vec<OwnedObjectPath> = hidden.iter().filter(in_none).cloned().collect();
        let (certain, uncertain): (Vec<_>, Vec<_>) = locked
            .into_iter()
            .partition(|collection| found.iter().any(|(item, _)| is_inside(item, collection)));
        hiding.extend(certain);
        let answers = self
            .bus
            .pipeline(uncertain, async |collection| {
                let items: Vec<OwnedObjectPath> =
                    self.property(&collection, COLLECTION_INTERFACE, "Items").await?;
                Ok(items.is_empty().then_some(collection))
            })
            .await?;
        let mut blank = Vec::new();
        for answer in answers {
            match answer {
                Ok(collection) => blank.extend(collection),
                Err(Failure::NoSuchObject) => {}
                Err(failure) => return Err(failure),
            }
        }
        if !blank.is_empty() && !self.shows_locked_items().await {
            hiding.extend(blank);
        }
        Ok(hiding)
    }

    /// The locks for [`hiding`](Self::hiding); none if a search shows enough.
    pub(super) async fn locks_unless_shown(&self, scope: &Scope) -> Result<Vec<Lock>, Failure> {
        if self.finds_locked_items().await {
            return Ok(Vec::new());
        }
        self.locks(scope).await
    }

    /// Whether a search is known to find the items of locked collections, and to report them as locked. Then we
    /// request the locks only if it does, and a miss takes half as many requests.
    pub(super) async fn finds_locked_items(&self) -> bool {
        self.bus.is_gnome_keyring().await
    }

    /// Whether the service is known to show the items of locked collections, so that one without items is
    /// empty. `KeePassXC` doesn't show them.
    async fn shows_locked_items(&self) -> bool {
        matches!(self.bus.program().await, GNOME_KEYRING | KWALLET)
    }

    /// Unlocks the collections if all of them are locked. `KeePassXC` doesn't have any before its user opens a
    /// database.
    pub(super) async fn unlock_if_all_is_locked(&self, scope: &Scope) -> Result<(), Failure> {
        let locks = self.locks(scope).await?;
        if locks.is_empty() && self.bus.program().await == KEEPASSXC {
            return Err(Failure::Locked(NotUnlocked::Noninteractive));
        }
        if locks.is_empty() || locks.iter().any(|(_, is_locked)| !is_locked) {
            return Ok(());
        }
        let collections: Vec<_> = locks.into_iter().map(|(collection, _)| collection).collect();
        self.unlock(&collections).await
    }

    /// Each collection, and whether it is locked. Skips deleted ones.
    pub(super) async fn locks(&self, scope: &Scope) -> Result<Vec<Lock>, Failure> {
        self.locks_of(self.in_scope(scope).await?).await
    }

    /// The collections to search.
    pub(super) async fn in_scope(&self, scope: &Scope) -> Result<Vec<OwnedObjectPath>, Failure> {
        match scope {
            Scope::Everywhere => self.collections().await,
            Scope::Collection(collection) => Ok(vec![collection.clone()]),
        }
    }

    pub(super) async fn locks_of(&self, collections: Vec<OwnedObjectPath>) -> Result<Vec<Lock>, Failure> {
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

    /// The collection for new items, if there is one.
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

    /// Creates the default collection. The service asks its user for a password.
    pub(super) async fn create_default(&self) -> Result<OwnedObjectPath, Failure> {
        if !self.may_prompt {
            return Err(Failure::NoCollection(Words::default()));
        }
        let properties = HashMap::from([(
            "org.freedesktop.Secret.Collection.Label",
            Variant::from("Default"),
        )]);
        let created: Result<(OwnedObjectPath, OwnedObjectPath), Failure> = self
            .bus
            .call(
                &ROOT,
                SERVICE_INTERFACE,
                "CreateCollection",
                &(properties, "default"),
            )
            .await;
        let (collection, prompt) = created.map_err(|failure| match failure {
            Failure::Answered(_, words) | Failure::NotSupported(words) => Failure::NoCollection(words),
            other => other,
        })?;
        let created = match self.complete_prompt(&prompt).await {
            Ok(None) => Some(collection),
            Ok(Some(result)) => OwnedObjectPath::try_from(result).ok(),
            Err(Failure::Locked(_)) => None,
            Err(failure) => return Err(failure),
        };
        created
            .filter(|path| path.as_str() != NO_OBJECT)
            .ok_or(Failure::NoCollection(Words::default()))
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
