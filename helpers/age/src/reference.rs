//! The helper's part of its manual.

use docker_credential_helper::commands::{FileUsed, Reference, Variable};

use crate::settings;

pub(crate) const REFERENCE: Reference = Reference {
    description: &[
        "docker-credential-age keeps each registry login in a file encrypted with age. It doesn't need a \
        daemon or gpg, and works over ssh, in CI, and in a git repository that a team shares.",
        "The first login creates an identity, the key that opens the files. Without a passphrase, anyone \
        with a copy of your home can read every login. docker-credential-age identity passphrase protects it.",
    ],
    variables: &[
        Variable::checked(
            settings::DIRECTORY,
            "The store. Default: ~/.local/share/docker-credential-age. Set it for a single command or \
             directory: in a profile, it would send every later login to that store.",
            |environment| environment.path_setting(settings::DIRECTORY).map(drop),
        ),
        Variable::checked(
            settings::IDENTITY,
            "The text of an identity, for CI.",
            |environment| environment.setting(settings::IDENTITY).map(drop),
        ),
        Variable::checked(
            settings::IDENTITY_FILE,
            "A file with identities, or an SSH key such as ~/.ssh/id_ed25519. Default: \
             ~/.config/docker-credential-age/identity.txt.",
            |environment| environment.path_setting(settings::IDENTITY_FILE).map(drop),
        ),
        Variable::checked(
            settings::RECIPIENTS,
            "Recipients, separated by commas or spaces; an SSH key with its comment ends at a comma or \
             a line break. They replace the store's .age-recipients and its approval.",
            |environment| environment.setting(settings::RECIPIENTS).map(drop),
        ),
        Variable::checked(
            settings::PASSPHRASE_FILE,
            "The file that holds the identity's passphrase, readable by you only.",
            |environment| environment.path_setting(settings::PASSPHRASE_FILE).map(drop),
        ),
        Variable::checked(
            settings::UNLOCK_SECONDS,
            "How long an unlocked identity stays in the kernel's keyring after a prompt. Default: 60; 0 \
             doesn't keep it.",
            |environment| settings::unlock_time(environment).map(drop),
        ),
        Variable::checked(
            settings::WRITE_ONLY,
            "1: store logins even if none of your identities is a recipient.",
            |environment| settings::is_write_only(environment).map(drop),
        ),
        Variable::new(
            "PASSAGE_IDENTITIES_FILE, SOPS_AGE_KEY, SOPS_AGE_KEY_FILE",
            "The identities of passage and sops. They only decrypt; the helper never encrypts to them.",
        ),
        Variable::new(
            "PINENTRY_PROGRAM",
            "The program that asks for a passphrase if there is no terminal.",
        ),
    ],
    files: &[
        FileUsed {
            path: "~/.local/share/docker-credential-age/*.age",
            meaning: "The store: one file for each registry, in age's own format. age -d reads it.",
        },
        FileUsed {
            path: "~/.config/docker-credential-age/identity.txt",
            meaning: "Your identity. Keep a backup: docker-credential-age identity backup FILE.",
        },
        FileUsed {
            path: ".age-recipients",
            meaning: "In a shared store: the public keys (age1… or ssh-…) that entries are encrypted to, one a line.",
        },
        FileUsed {
            path: "~/.config/docker-credential-age/approved/",
            meaning: "The lists of recipients that you approved, one file for each store.",
        },
    ],
    examples: &[
        (
            "Make docker keep its logins in the age store, and import those in plain text:",
            "docker-credential-age configure --import",
        ),
        (
            "Protect the identity with a passphrase, and unlock it for the working day:",
            "docker-credential-age identity passphrase\ndocker-credential-age unlock --for 8h",
        ),
        (
            "Share a store with a colleague:",
            "docker-credential-age recipients add --name alice age1…",
        ),
    ],
    see_also: &[
        "docker-credential-keyring(1)",
        "docker-credential-env(1)",
        "age(1)",
        "age-keygen(1)",
    ],
};
