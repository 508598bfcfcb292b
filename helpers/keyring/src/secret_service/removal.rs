//! Deletes items.

use zbus::{ObjectPath, OwnedObjectPath};

use super::failure::Failure;
use super::item::Item;
use super::service::Service;

pub(super) async fn delete(service: &Service, items: Vec<Item>) -> Result<(), Failure> {
    let answers = service
        .bus
        .pipeline(paths(&items), async |path| service.delete(&path).await)
        .await?;
    answers.into_iter().collect()
}

/// Deletes the items that a login in `collection` has replaced.
///
/// `KeePassXC` can ask its user before a program uses an item, and before one deletes it. The new login is
/// already in the keyring and is the newest, so it succeeds even if the user refuses; the next login asks
/// again.
///
/// Old items in another, locked collection stay; we don't ask for its password. If a `get` finds both, the
/// new item answers. It only finds the old one if that is in a common spelling (`ghcr.io`) and the new one in
/// a rare one (`GHCR.IO`), because it searches for rare spellings only if there are no common ones.
pub(super) async fn delete_replaced(
    service: &Service,
    collection: &ObjectPath<'_>,
    items: Vec<Item>,
) -> Result<(), Failure> {
    let inside = format!("{}/", collection.as_str());
    let (mut locked, unlocked): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| item.is_locked);
    locked.retain(|item| item.path.as_str().starts_with(&inside));
    let deleted = async {
        delete(service, unlocked).await?;
        if !locked.is_empty() {
            service.unlock(&paths(&locked)).await?;
        }
        delete(service, locked).await
    };
    match deleted.await {
        Err(Failure::Locked(_) | Failure::NoSuchObject) => Ok(()),
        deleted => deleted,
    }
}

fn paths(items: &[Item]) -> Vec<OwnedObjectPath> {
    items.iter().map(|item| item.path.clone()).collect()
}
