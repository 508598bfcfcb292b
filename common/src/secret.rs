use std::fmt;

use zeroize::Zeroizing;

/// A password, an identity token, or whatever else a registry accepts: any Unicode text, kept byte for byte.
///
/// It cannot be printed by accident: there is no `Display`, and `Debug` tells nothing, not even the length. Its
/// memory is wiped when it is dropped; copies that other code made of the same bytes are wiped only where the
/// program installs [`ZeroOnFree`](crate::ZeroOnFree) as its allocator.
///
/// ```
/// let secret = docker_credential_helper::Secret::new("hunter2".to_owned());
/// assert_eq!(format!("{secret:?}"), "Secret(…)");
/// assert_eq!(secret.expose(), "hunter2");
/// ```
///
/// ```compile_fail
/// let secret = docker_credential_helper::Secret::new("hunter2".to_owned());
/// println!("{secret}");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over as it is. An empty one is a secret, too: some registries take a user name alone.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself. The name is there to be searched for: each call is a place where a secret leaves.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
