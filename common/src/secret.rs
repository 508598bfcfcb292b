use std::fmt;

use zeroize::Zeroizing;

/// A password, an identity token, or any other secret of a registry: any Unicode text, kept byte for byte.
///
/// It can't be printed by accident: there is no `Display`, and `Debug` doesn't even show the length. Its
/// memory is wiped on drop; copies in other code are wiped only if the program installs
/// [`ZeroOnFree`](crate::ZeroOnFree) as its allocator.
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
    /// Keeps the text unchanged. An empty text is also a secret: some registries accept a user name alone.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself. Search for this name to find every place where a secret leaves.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
