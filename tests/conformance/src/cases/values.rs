//! User names and secrets come back byte for byte, or `store` refuses them.

use crate::Class::{Client, Reference, Stricter};
use crate::judge::ensure;
use crate::probe::Credential;
use crate::{Case, Class, Probe, Verdict, client, reference, stricter};

const VERBATIM: &str = "docker-credential-helpers: values are passed through";
const NO_CHANGE: &str = "with a changed secret, logins fail without a visible reason";

/// The allowed results for a value.
#[derive(Clone, Copy)]
enum Held {
    /// It must come back.
    Always,
    /// A backend may be unable to hold it; then `store` must refuse it and store nothing.
    OrRefused,
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = usernames().into_iter().chain(secrets()).collect();
    cases.extend([
        client(
            "replace-secret",
            "Storing again replaces the secret.",
            "docker CLI: login again",
            |p| {
                replaced(p, |first| Credential {
                    secret: format!("{}-new", first.secret),
                    ..first
                })
            },
        ),
        client(
            "replace-user",
            "Storing as another user replaces the credential: the last login wins.",
            "docker CLI: login as another user",
            |p| {
                replaced(p, |first| Credential {
                    username: "another".into(),
                    secret: format!("{}-new", first.secret),
                    ..first
                })
            },
        ),
        reference(
            "replace-shorter",
            "A shorter secret completely replaces a longer one.",
            VERBATIM,
            |p| {
                replaced(p, |first| Credential {
                    secret: "s".into(),
                    ..first
                })
            },
        ),
        reference(
            "replace-same",
            "Storing the same again changes nothing.",
            VERBATIM,
            |p| replaced(p, |first| first),
        ),
        client(
            "two-servers",
            "Two servers have separate credentials.",
            "docker CLI: a login per registry",
            |p| {
                let (one, two) = (p.stored(&p.host())?, p.stored(&p.host())?);
                p.get(&one.server)?.answers(&one)?;
                p.get(&two.server)?.answers(&two)
            },
        ),
        reference(
            "get-twice",
            "`get` changes nothing: a second one answers the same bytes.",
            VERBATIM,
            |p| {
                let given = p.given()?;
                let (first, second) = (p.get(&given.server)?, p.get(&given.server)?);
                first.answers(&given)?;
                ensure(first.stdout == second.stdout, || {
                    "the second answer differs from the first".into()
                })
            },
        ),
        stricter(
            "escape-pair",
            "A pair of surrogate escapes is one character.",
            "RFC 8259, section 7",
            |p| written(p, r"\ud83d\ude00\u00e9\/\u0041\t", "😀é/A\t"),
        ),
        stricter(
            "normal-forms",
            "A composed and a decomposed letter stay two different secrets.",
            NO_CHANGE,
            |p| {
                let composed = Credential {
                    secret: "\u{e9}".into(),
                    ..p.credential(p.host())
                };
                let decomposed = Credential {
                    secret: "e\u{301}".into(),
                    ..p.credential(p.host())
                };
                p.store(&composed)?;
                p.store(&decomposed)?;
                p.get(&composed.server)?.answers(&composed)?;
                p.get(&decomposed.server)?.answers(&decomposed)
            },
        ),
    ]);
    cases
}

fn usernames() -> Vec<Case> {
    #[rustfmt::skip] // a table
    let rows: [(Class, &str, &str, &str, &str); 19] = [
        (Client, "user-token", "The user name `<token>` marks an identity token, and comes back \
        unchanged.", "docker CLI: identity tokens", "<token>"),
        (Client, "user-zeros", "A user name of zeros and hyphens comes back unchanged.", "Azure: a registry's token user", "00000000-0000-0000-0000-000000000000"),
        (Client, "user-dollar", "A user name with a dollar sign comes back unchanged.", "NVIDIA: `$oauthtoken`", "$oauthtoken"),
        (Client, "user-robot", "A user name with a dollar sign and a plus comes back unchanged.", "Harbor: robot accounts", "robot$project+name"),
        (Client, "user-underscore", "A user name that begins with an underscore comes back unchanged.", "Google: `_json_key`", "_json_key"),
        (Client, "user-email", "A user name that is an e-mail address comes back unchanged.", "docker CLI: a login by e-mail", "some.one+tag@example.invalid"),
        (Client, "user-slash", "A user name with a slash comes back unchanged.", "Oracle: `tenancy/user`", "tenancy/user"),
        (Reference, "user-backslash", "A user name with a backslash comes back unchanged.", VERBATIM, r"DOMAIN\user"),
        (Reference, "user-colon", "A user name with a colon comes back unchanged.", VERBATIM, "user:name"),
        (Reference, "user-space", "A user name with a space inside comes back unchanged.", VERBATIM, "user name"),
        (Stricter, "user-spaces", "A user name with spaces at both ends comes back unchanged.", NO_CHANGE, "  user  "),
        (Reference, "user-quotes", "A user name with quotation marks comes back unchanged.", VERBATIM, r#"us"er'`"#),
        (Reference, "user-html", "A user name with `<`, `>` and `&` comes back unchanged.", VERBATIM, "<a>&b"),
        (Reference, "user-unicode", "A user name in another script comes back unchanged.", VERBATIM, "用户-пользователь"),
        (Reference, "user-emoji", "A user name beyond the basic plane comes back unchanged.", VERBATIM, "user-\u{1f511}"),
        (Reference, "user-dots", "A user name with two dots comes back unchanged.", VERBATIM, "a..b"),
        (Reference, "user-percent", "A user name with percent signs comes back unchanged.", VERBATIM, "%s%41%n"),
        (Reference, "user-dash", "A user name that begins with a hyphen comes back unchanged.", VERBATIM, "-user"),
        (Reference, "user-one", "A user name of one letter comes back unchanged.", VERBATIM, "u"),
    ];
    let mut cases: Vec<Case> = rows
        .into_iter()
        .map(|(class, id, says, source, username)| {
            Case::new(class, id, says, source, move |p| {
                comes_back(
                    p,
                    Held::Always,
                    &Credential {
                        username: username.into(),
                        ..p.credential(p.host())
                    },
                )
            })
        })
        .collect();
    cases.push(stricter(
        "user-long",
        "A user name of 10,000 letters comes back, or is refused.",
        NO_CHANGE,
        |p| {
            comes_back(
                p,
                Held::OrRefused,
                &Credential {
                    username: "u".repeat(10_000),
                    ..p.credential(p.host())
                },
            )
        },
    ));
    cases
}

fn secrets() -> Vec<Case> {
    #[rustfmt::skip] // a table
    let always: [(Class, &str, &str, &str, &str); 22] = [
        (Reference, "secret-one", "A secret of one letter comes back unchanged.", VERBATIM, "s"),
        (Stricter, "secret-space", "A secret that is one space comes back unchanged.", NO_CHANGE, " "),
        (Stricter, "secret-blanks", "A secret with blanks at both ends comes back unchanged.", NO_CHANGE, "\t secret \t"),
        (Stricter, "secret-lf", "A secret that ends in a newline comes back unchanged.", NO_CHANGE, "secret\n"),
        (Stricter, "secret-crlf", "A secret that ends in CR and LF comes back unchanged.", NO_CHANGE, "secret\r\n"),
        (Stricter, "secret-lf-first", "A secret that begins with a newline comes back unchanged.", NO_CHANGE, "\nsecret"),
        (Client, "secret-lines", "A secret of several lines comes back unchanged.", "Google: `_json_key` and a key file", "{\n  \"type\": \"service_account\",\n  \"key\": \"-----BEGIN-----\\nMII\\n\"\n}"),
        (Reference, "secret-quotes", "A secret with quotation marks and backslashes comes back unchanged.", VERBATIM, r#""'\"\\n`"#),
        (Reference, "secret-html", "A secret with `<`, `>` and `&` comes back unchanged.", VERBATIM, "<a>&b&amp;"),
        (Reference, "secret-unicode", "A secret in other scripts and beyond the basic plane comes back unchanged.", VERBATIM, "пароль-密码-\u{1f511}"),
        (Stricter, "secret-separators", "A secret with U+2028 and U+2029 comes back unchanged.", NO_CHANGE, "a\u{2028}b\u{2029}c"),
        (Stricter, "secret-bom", "A secret that begins with U+FEFF comes back unchanged.", NO_CHANGE, "\u{feff}secret"),
        (Stricter, "secret-controls", "A secret with control characters comes back unchanged.", NO_CHANGE, "a\u{1}\u{8}\u{1b}[31m\u{7f}b"),
        (Reference, "secret-shell", "A secret that a shell would expand comes back unchanged.", VERBATIM, "$(id)`id`$HOME;*?~"),
        (Reference, "secret-format", "A secret that looks like a format comes back unchanged.", VERBATIM, "%s%n%d{}{0}"),
        (Reference, "secret-dash", "A secret that looks like an option comes back unchanged.", VERBATIM, "--help"),
        (Reference, "secret-base64", "A secret that looks like base64 comes back unchanged.", VERBATIM, "dXNlcjpwYXNz=="),
        (Reference, "secret-json", "A secret that is an answer in JSON comes back unchanged.", VERBATIM, r#"{"ServerURL":"x","Username":"y","Secret":"z"}"#),
        (Stricter, "secret-age", "A secret that looks like an encrypted file comes back unchanged.", NO_CHANGE, "age-encryption.org/v1\n-> X25519 abc\n---\n"),
        (Stricter, "secret-not-found", "A secret that is the text for \"not found\" comes back unchanged.", NO_CHANGE, "credentials not found in native keychain"),
        (Reference, "secret-words", "A secret that is a word of JSON comes back unchanged.", VERBATIM, "null"),
        (Stricter, "secret-empty", "An empty secret comes back empty.", "docker-credential-helpers: only server and user are required", ""),
    ];
    #[rustfmt::skip] // a table
    let sizes: [(Class, Held, &str, &str, &str, usize); 4] = [
        (Client, Held::Always, "secret-4k", "A secret of 4 KiB comes back unchanged.", "docker CLI: the tokens of a web login", 4 << 10),
        (Reference, Held::OrRefused, "secret-20k", "A secret of 20 KiB comes back, or is refused.", VERBATIM, 20 << 10),
        (Stricter, Held::OrRefused, "secret-64k", "A secret of 64 KiB comes back, or is refused.", NO_CHANGE, 64 << 10),
        (Stricter, Held::OrRefused, "secret-512k", "A secret of 512 KiB comes back, or is refused.", NO_CHANGE, 512 << 10),
    ];
    let mut cases = Vec::new();
    for (class, id, says, source, secret) in always {
        cases.push(Case::new(class, id, says, source, move |p| {
            comes_back(
                p,
                Held::Always,
                &Credential {
                    secret: secret.into(),
                    ..p.credential(p.host())
                },
            )
        }));
    }
    for (class, held, id, says, source, size) in sizes {
        cases.push(Case::new(class, id, says, source, move |p| {
            let mut credential = p.credential(p.host());
            while credential.secret.len() < size {
                credential.secret.push_str("-0123456789abcdef");
            }
            credential.secret.truncate(size);
            comes_back(p, held, &credential)
        }));
    }
    cases.push(stricter(
        "secret-nul",
        "A secret with a NUL comes back complete, or is refused.",
        NO_CHANGE,
        |p| {
            comes_back(
                p,
                Held::OrRefused,
                &Credential {
                    secret: "before\0after".into(),
                    ..p.credential(p.host())
                },
            )
        },
    ));
    cases
}

fn comes_back(p: &Probe<'_>, held: Held, credential: &Credential) -> Verdict {
    let run = p.try_store(credential)?;
    if matches!(held, Held::OrRefused) && run.exits(0).is_err() {
        run.refused(&credential.secret)?;
        return p.get(&credential.server)?.not_found();
    }
    run.exits(0)?;
    p.get(&credential.server)?.answers(credential)
}

fn replaced(p: &Probe<'_>, second: impl Fn(Credential) -> Credential) -> Verdict {
    let first = p.stored(&p.host())?;
    let second = second(first);
    p.store(&second)?;
    p.get(&second.server)?.answers(&second)
}

/// Stores a secret with JSON escapes, and expects the unescaped characters.
fn written(p: &Probe<'_>, json: &str, secret: &str) -> Verdict {
    let credential = Credential {
        secret: secret.into(),
        ..p.credential(p.host())
    };
    let text = format!(
        r#"{{"ServerURL":"{}","Username":"{}","Secret":"{json}"}}"#,
        credential.server, credential.username
    );
    p.store_bytes(&credential.server, text)?.exits(0)?;
    p.get(&credential.server)?.answers(&credential)
}
