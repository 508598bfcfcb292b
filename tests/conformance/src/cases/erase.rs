//! `erase` removes the credential, and only it.

use crate::judge::NO_SERVER;
use crate::{Case, Probe, Verdict, client, reference, stricter};

const LOGOUT: &str = "docker CLI: logout";
const EXACT: &str = "docker-credential-helpers: looks up the stored spelling";
const OTHERS: &str = "a logout that logs out of more than requested";
const ONE_KEY: &str = "a logout in another spelling would leave the secret behind";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        client("gone", "An erased credential is not found.", LOGOUT, |p| {
            let stored = p.stored(&p.host())?;
            p.erase(&stored.server)?.exits(0)?;
            p.get(&stored.server)?.not_found()
        }),
        client(
            "absent",
            "Erasing a missing credential works and prints nothing.",
            "docker CLI: logout erases four spellings; containers/image before 5.31 overflows its stack",
            |p| p.erase(&p.host())?.worked_in_silence(),
        ),
        client(
            "twice",
            "Erasing twice works twice.",
            "docker CLI: logout erases one spelling twice",
            |p| {
                let stored = p.stored(&p.host())?;
                p.erase(&stored.server)?.worked_in_silence()?;
                p.erase(&stored.server)?.worked_in_silence()
            },
        ),
        client(
            "newline",
            "A newline after the server is ignored.",
            "testcontainers-node, .NET: write lines",
            |p| {
                let stored = p.stored(&p.host())?;
                p.verb("erase", format!("{}\r\n", stored.server))?.exits(0)?;
                p.get(&stored.server)?.not_found()
            },
        ),
        client(
            "store-again",
            "After an erase, the server can be stored again.",
            "docker CLI: logout, then login",
            |p| {
                let stored = p.stored(&p.host())?;
                p.erase(&stored.server)?.exits(0)?;
                let again = p.stored(&stored.server)?;
                p.get(&again.server)?.answers(&again)
            },
        ),
        reference(
            "empty",
            "`erase` of an empty input is `no credentials server URL`, exit 1.",
            "docker-credential-helpers: credentials.Erase",
            |p| p.verb("erase", "")?.prints(1, &format!("{NO_SERVER}\n")),
        ),
        reference(
            "blank",
            "`erase` of white space is `no credentials server URL`, exit 1.",
            "docker-credential-helpers: credentials.Erase",
            |p| p.verb("erase", " \r\n\t")?.prints(1, &format!("{NO_SERVER}\n")),
        ),
        stricter(
            "read-only",
            "A read-only helper erases nothing and prints nothing.",
            "docker CLI: logout at the end of a CI job",
            |p| {
                p.only_read_only()?;
                let given = p.given()?;
                p.erase(&given.server)?.worked_in_silence()?;
                p.get(&given.server)?.answers(&given)
            },
        ),
    ];
    cases.extend(others_stay());
    cases.extend(spellings());
    cases
}

/// Erasing one server keeps the other; `{h}` is the host.
fn others_stay() -> impl Iterator<Item = Case> {
    #[rustfmt::skip] // a table
    let rows = [
        ("keeps-port", "Erasing a host keeps the same host on another port.", "{h}:5000", "{h}"),
        ("keeps-host", "Erasing a host's port keeps the host.", "{h}", "{h}:5000"),
        ("keeps-subdomain", "Erasing a host keeps its subdomains.", "a.{h}", "{h}"),
        ("keeps-parent", "Erasing a subdomain keeps the host.", "{h}", "a.{h}"),
        ("keeps-longer", "Erasing a host keeps hosts that begin with its name.", "{h}.example.invalid", "{h}"),
        ("keeps-path", "Erasing a host keeps its paths.", "{h}/org", "{h}"),
        ("keeps-http", "Erasing https keeps http.", "http://{h}", "https://{h}"),
        ("keeps-https", "Erasing http keeps https.", "https://{h}", "http://{h}"),
        ("keeps-bare", "Erasing http keeps the host without a scheme.", "{h}", "http://{h}"),
        ("keeps-wildcard", "An asterisk erases nothing.", "{h}", "*"),
        ("keeps-wildcard-host", "An asterisk after a host erases nothing.", "{h}", "{h}*"),
        ("keeps-slash", "A slash alone erases nothing.", "{h}", "/"),
        ("keeps-scheme", "A scheme alone erases nothing.", "{h}", "https://"),
        ("keeps-invalid", "Erasing a domain keeps the hosts in it.", "{h}", "invalid"),
        ("keeps-user", "User information makes another server.", "{h}", "https://user@{h}"),
    ];
    rows.into_iter()
        .map(|(id, says, kept, erased)| reference(id, says, EXACT, move |p| stays(p, kept, erased)))
}

fn stays(p: &Probe<'_>, kept: &str, erased: &str) -> Verdict {
    let host = p.host();
    let kept = p.stored(&kept.replace("{h}", &host))?;
    p.erase(&erased.replace("{h}", &host))?.exits_somehow()?;
    p.get(&kept.server)?.answers(&kept)
}

/// Erasing another spelling of a stored server erases it.
fn spellings() -> impl Iterator<Item = Case> {
    #[rustfmt::skip] // a table
    let rows = [
        ("as-url", "Erasing the https URL erases the bare host.", "{h}", "https://{h}"),
        ("as-host", "Erasing the bare host erases the https URL.", "https://{h}/v1/", "{h}"),
        ("as-port", "Erasing with the default port erases the host.", "{h}", "{h}:443"),
        ("as-slash", "Erasing with a final slash erases the host.", "{h}", "https://{h}/"),
        ("as-case", "Erasing in upper case erases the host.", "{h}", "{H}"),
    ];
    let erased = rows.into_iter().map(|(id, says, stored, erased)| {
        stricter(id, says, ONE_KEY, move |p| {
            let host = p.host();
            let stored = p.stored(&stored.replace("{h}", &host))?;
            p.erase(&erased.replace("{h}", &host).replace("{H}", &host.to_uppercase()))?
                .worked_in_silence()?;
            p.get(&stored.server)?.not_found()
        })
    });
    let enclosing = stricter(
        "exact-path",
        "Erasing a path never erases the host that answers for it.",
        OTHERS,
        |p| stays(p, "{h}", "{h}/org/repo"),
    );
    erased.chain([enclosing])
}
