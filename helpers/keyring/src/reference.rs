//! The helper's part of its manual.

use docker_credential_helper::commands::{FileUsed, Reference, Variable};

pub(crate) const REFERENCE: Reference = Reference {
    description: &[
        "docker-credential-keyring keeps registry logins in the operating system's own store: the Secret Service of a \
         Linux or BSD desktop, the Linux kernel's keyring, the macOS Keychain, or the Windows Credential Manager.",
        "With the Secret Service, it shares its items with docker's own docker-credential-secretservice, so \
        you can switch from one to the other and back.",
    ],
    variables: &[
        Variable::new(
            "DOCKER_CREDENTIAL_KEYRING_BACKEND",
            "secret-service, keyutils, keychain or wincred. Default: the platform's own. The helper \
             never falls back to another one.",
        ),
        Variable::new(
            "DOCKER_CREDENTIAL_KEYRING_COLLECTION",
            "The Secret Service's collection to write to and read from. Default: its default collection \
             for writing, all for reading.",
        ),
        Variable::new(
            "DBUS_SESSION_BUS_ADDRESS",
            "The session bus: a Unix socket that you own. Default: ${XDG_RUNTIME_DIR}/bus.",
        ),
    ],
    files: &[FileUsed {
        path: "${XDG_RUNTIME_DIR}/bus",
        meaning: "The session bus. The helper uses it only if you or root listen on it.",
    }],
    examples: &[
        (
            "Make docker keep its logins in the keyring:",
            "docker-credential-keyring configure",
        ),
        (
            "Find out why docker doesn't find a login:",
            "docker-credential-keyring explain ghcr.io",
        ),
        (
            "Use the kernel's keyring, which keeps logins until a reboot:",
            "DOCKER_CREDENTIAL_KEYRING_BACKEND=keyutils docker login ghcr.io",
        ),
    ],
    see_also: &[
        "docker-credential-age(1)",
        "docker-credential-env(1)",
        "secret-tool(1)",
        "keyrings(7)",
    ],
};
