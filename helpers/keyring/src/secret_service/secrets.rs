//! Sends secrets to the service, and receives them.

use docker_credential_helper::{Credential, Secret};
use futures_util::future::join;
use zbus::{ObjectPath, OwnedObjectPath};

use super::agreement::KeyPair;
use super::bus::Trusted;
use super::failure::Failure;
use super::item::{self, Item};
use super::service::Service;
use super::session::{Opened, Session};

/// Creates and returns an item for a login, and checks it if some services would alter the secret.
pub(super) async fn create(
    service: &Service,
    trusted: Trusted,
    collection: &ObjectPath<'_>,
    credential: &Credential,
) -> Result<OwnedObjectPath, Failure> {
    let server = credential.server();
    let secret = credential.secret().expose();
    let session = agree(service, trusted).await?;
    let created = service
        .create(
            collection,
            &item::label(server),
            &item::attributes(credential, &server.key().to_string()),
            &session.seal(secret)?,
        )
        .await?;
    if is_altered_by_some(secret) {
        let kept = service.secret(&created, &session.path()).await;
        let kept = kept.and_then(|sealed| session.unseal(sealed));
        if kept
            .as_ref()
            .is_ok_and(|kept| kept.as_slice() == secret.as_bytes())
        {
            return Ok(created);
        }
        service.delete(&created).await?;
        return Err(kept.err().unwrap_or(Failure::Altered));
    }
    Ok(created)
}

/// `KWallet` cuts a secret at a NUL (5.103) and drops a byte order mark at the start, as `KeePassXC` does. So
/// we read such a secret back before the login counts as stored, but not any other, because `KeePassXC` asks
/// its user for each reading.
fn is_altered_by_some(secret: &str) -> bool {
    secret.contains('\0') || secret.starts_with('\u{feff}')
}

/// A session with a key that every service derives correctly.
async fn agree(service: &Service, trusted: Trusted) -> Result<Session, Failure> {
    // One in 256 is unusable.
    const AGREEMENTS: usize = 8;
    for _ in 0..AGREEMENTS {
        let opened = Opened::open(&service.bus, trusted, KeyPair::generate()?).await?;
        if let Some(session) = opened.agree()? {
            return Ok(session);
        }
    }
    Err(Failure::Malformed("unusable keys"))
}

/// The secret of an item, with a session that was opened for it.
pub(super) async fn read(
    service: &Service,
    item: &Item,
    trusted: Trusted,
    session: Opened,
) -> Result<Secret, Failure> {
    let path = session.path().to_owned();
    // Computes the key while the service looks up the secret.
    let (sealed, session) = join(service.secret_of(item, &path), async { session.agree() }).await;
    let bytes = if let Some(session) = session? {
        session.unseal(sealed?)?
    } else {
        let session = agree(service, trusted).await?;
        session.unseal(service.secret_of(item, &session.path()).await?)?
    };
    if bytes.is_empty() && !item.is_empty {
        return Err(service.explain_empty(item).await);
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Secret::new(text.to_owned())),
        Err(_) => Err(Failure::NotText(item.server.to_string())),
    }
}
