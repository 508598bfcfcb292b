//! The matching rule: which credential answers for which server.
//!
//! In the tables, `{h}` is a host that no other case uses, and `{H}` the same in upper case.

use crate::Class::{Client, Reference, Stricter};
use crate::judge::ensure;
use crate::{Case, Class, Probe, Stop, Verdict, client, stricter};

const EXACT: &str = "docker-credential-helpers: looks up the stored spelling";
const ONE_KEY: &str = "docker login and docker pull use different spellings of one server";
const RELEASE: &str = "a secret sent to another server is lost (git: CVE-2020-5260)";
const ENCLOSING: &str = "crane, ko, cosign: ask for `host/org/repo` first";
const GRAMMAR: &str = "an invalid server would be stored but never looked up";
const DOCKER_HUB: &str = "docker login index.docker.io stores one spelling, docker pull looks up another";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    cases.extend(exact());
    cases.extend(equal());
    cases.extend(different());
    cases.extend(enclosing());
    cases.extend(refused());
    cases.extend(hub());
    cases.extend([
        stricter(
            "one-credential",
            "A credential stored under another spelling of a server replaces the first.",
            ONE_KEY,
            |p| {
                let host = p.host();
                p.stored(&host)?;
                let second = p.stored(&format!("https://{host}/v2/"))?;
                p.get(&host)?.answers(&second)?;
                p.get(&second.server)?.answers(&second)
            },
        ),
        client(
            "foreign-scheme",
            "A server with another scheme is looked up unchanged.",
            "nerdctl: `nerdctl-experimental://…`",
            |p| {
                let host = p.host();
                let stored = p.stored(&format!(
                    "nerdctl-experimental://{host}:443/host/mirror.{host}:5000"
                ))?;
                p.get(&stored.server)?.answers(&stored)?;
                p.get(&host)?.not_found()
            },
        ),
    ]);
    cases
}

fn place(pattern: &str, host: &str) -> String {
    pattern.replace("{h}", host).replace("{H}", &host.to_uppercase())
}

/// A stored spelling answers for itself.
fn exact() -> impl Iterator<Item = Case> {
    #[rustfmt::skip] // a table
    let rows = [
        (Client, "exact-host", "A host answers for itself.", "docker CLI: `host`", "{h}"),
        (Client, "exact-port", "A host with a port answers for itself.", "docker CLI: `host:port`", "{h}:5000"),
        (Client, "exact-url", "A URL with a path answers for itself.", "docker CLI: Docker Hub's URL has a \
        path", "https://{h}/v1/"),
        (Client, "exact-443", "A host with the port 443 answers for itself.", "nerdctl: stores `host:443`", "{h}:443"),
        (Reference, "exact-http", "A URL with http answers for itself.", EXACT, "http://{h}"),
        (Reference, "exact-path", "A host with a path answers for itself.", EXACT, "{h}/org/repo"),
        (Reference, "exact-upper", "A host in upper case answers for itself.", EXACT, "{H}"),
        (Reference, "exact-dash", "A host with hyphens and underscores answers for itself.", EXACT, "a--b_c.{h}"),
        (Reference, "exact-final-dot", "A host with a final dot answers for itself.", EXACT, "{h}."),
        (Reference, "exact-path-case", "A path in mixed case answers for itself.", EXACT, "https://{h}/Org/repo~x,y+z=1"),
    ];
    rows.into_iter().map(|(class, id, says, source, server)| {
        Case::new(class, id, says, source, move |p| {
            let stored = p.stored(&place(server, &p.host()))?;
            p.get(&stored.server)?.answers(&stored)
        })
    })
}

/// Two spellings of one server answer for each other, in both directions.
fn equal() -> impl Iterator<Item = Case> {
    #[rustfmt::skip] // a table
    let rows = [
        ("equal-https", "A bare host and its https URL are one server.", "{h}", "https://{h}"),
        ("equal-slash", "A final slash does not matter.", "{h}", "https://{h}/"),
        ("equal-bare-slash", "A final slash after a bare host does not matter.", "{h}", "{h}/"),
        ("equal-port", "The port 443 is https's own.", "{h}", "{h}:443"),
        ("equal-url-port", "The port 443 in a URL is https's own.", "https://{h}", "https://{h}:443/"),
        ("equal-case", "The case of a host does not matter.", "{h}", "{H}"),
        ("equal-scheme-case", "The case of a scheme does not matter.", "https://{h}", "HTTPS://{h}"),
        ("equal-v1", "The API root `/v1/` is the server itself.", "{h}", "https://{h}/v1/"),
        ("equal-v2", "The API root `/v2/` is the server itself.", "{h}", "https://{h}/v2/"),
        ("equal-v1-v2", "The API roots are equal to each other.", "https://{h}/v1", "https://{h}/v2/"),
        ("equal-bare-root", "An API root may follow a bare host.", "{h}", "{h}/v2"),
        ("equal-other-port", "With another port, no scheme also means https.", "{h}:5000", "https://{h}:5000/v2/"),
        ("equal-http-port", "The port 80 is http's own.", "http://{h}", "http://{h}:80/"),
        ("equal-http-root", "An API root is the server itself, also with http.", "http://{h}", "http://{h}/v2/"),
        ("equal-path-slash", "A final slash after a path does not matter.", "{h}/org", "https://{h}/org/"),
        ("equal-path-host-case", "A path is the same after a host in upper case.", "{h}/Org", "{H}/Org"),
    ];
    rows.into_iter().map(|(id, says, one, other)| {
        stricter(id, says, ONE_KEY, move |p| {
            for (stored, asked) in [(one, other), (other, one)] {
                let host = p.host();
                let stored = p.stored(&place(stored, &host))?;
                p.get(&place(asked, &host))?.answers(&stored)?;
            }
            Ok(())
        })
    })
}

/// Two servers never answer for each other, in both directions if both can be stored.
fn different() -> impl Iterator<Item = Case> {
    #[rustfmt::skip] // a table
    let rows: [(Class, &str, &str, &str, &str); 41] = [
        (Reference, "not-subdomain", "A subdomain is another server.", "{h}", "a.{h}"),
        (Reference, "not-parent", "A parent domain is another server.", "a.{h}", "{h}"),
        (Reference, "not-sibling", "A sibling is another server.", "a.{h}", "b.{h}"),
        (Reference, "not-prefix", "A longer first label is another server.", "{h}", "x{h}"),
        (Reference, "not-hyphen", "A host joined by a hyphen is another server.", "{h}", "x-{h}"),
        (Reference, "not-suffix", "A host that only begins with the name is another server.", "{h}", "{h}.example.invalid"),
        (Reference, "not-longer", "A longer top-level domain is another server.", "{h}", "{h}x.invalid"),
        (Reference, "not-port", "Another port is another server.", "{h}:5000", "{h}:5001"),
        (Reference, "not-port-none", "A host with a port is not the host without one.", "{h}", "{h}:5000"),
        (Reference, "not-none-port", "A host without a port is not the host with one.", "{h}:5000", "{h}"),
        (Reference, "not-port-prefix", "A port that only begins with the digits is another port.", "{h}:500", "{h}:5000"),
        (Reference, "not-http", "No scheme does not mean http.", "{h}", "http://{h}"),
        (Reference, "not-https", "A credential for http does not answer for https.", "http://{h}", "https://{h}"),
        (Reference, "not-http-bare", "A credential for http does not answer for the bare host.", "http://{h}", "{h}"),
        (Stricter, "not-80", "The port 80 without a scheme is https on port 80.", "http://{h}", "{h}:80"),
        (Stricter, "not-http-443", "http on port 443 is not https.", "https://{h}", "http://{h}:443"),
        (Reference, "not-final-dot", "A name with a final dot is another name.", "{h}", "{h}."),
        (Reference, "not-path", "A credential for a path does not answer for the host.", "{h}/org", "{h}"),
        (Reference, "not-other-path", "A credential for one path does not answer for another.", "{h}/org", "{h}/other"),
        (Reference, "not-path-prefix", "A path that only begins with the name is another.", "{h}/org", "{h}/organisation"),
        (Reference, "not-path-case", "The case of a path matters.", "{h}/org", "{h}/ORG"),
        (Reference, "not-deeper-url", "A URL with another path is another server.", "https://{h}", "https://{h}/org"),
        (Reference, "not-root-prefix", "A path that only begins like an API root is a path.", "{h}", "https://{h}/v22"),
        (Reference, "not-v3", "`/v3/` is not an API root.", "{h}", "https://{h}/v3/"),
        (Reference, "not-user", "User information before the host makes another server.", "{h}", "https://user@{h}"),
        (Reference, "not-user-pass", "A user and a password before the host make another server.", "{h}", "https://user:pass@{h}"),
        (Reference, "not-as-user", "A host in place of the user is not the host.", "{h}", "https://{h}@evil.invalid"),
        (Reference, "not-as-password", "A host in place of the password is not the host.", "{h}", "https://x:{h}@evil.invalid"),
        (Reference, "not-as-path", "A host in place of the path is not the host.", "{h}", "evil.invalid/{h}"),
        (Reference, "not-as-query", "A host in place of the query is not the host.", "{h}", "https://evil.invalid/?{h}"),
        (Reference, "not-as-fragment", "A host in place of the fragment is not the host.", "{h}", "https://evil.invalid#{h}"),
        (Reference, "not-query", "A query makes another server.", "{h}", "{h}?x"),
        (Reference, "not-fragment", "A fragment makes another server.", "{h}", "{h}#x"),
        (Reference, "not-backslash", "A backslash is not a slash.", "{h}", "{h}\\org"),
        (Reference, "not-three-slashes", "A URL with three slashes is another server.", "{h}", "https:///{h}"),
        (Reference, "not-no-slash", "A URL without slashes is another server.", "{h}", "https:{h}"),
        (Reference, "not-relative", "Two slashes without a scheme make another server.", "{h}", "//{h}"),
        (Reference, "not-ftp", "Another scheme is another server.", "{h}", "ftp://{h}"),
        (Reference, "not-port-zeros", "A port with a leading zero is not the port.", "{h}:5000", "{h}:05000"),
        (Reference, "not-port-plus", "A port with a sign is not the port.", "{h}:443", "{h}:+443"),
        (Reference, "not-dot-segment", "`..` in a path is not resolved.", "{h}", "https://{h}/org/.."),
    ];
    #[rustfmt::skip] // a table
    let unlike = [
        ("not-percent", "A percent-encoded letter is not the letter.", ("c", "%63")),
        ("not-full-width", "A full-width letter is not the letter.", ("c", "\u{ff43}")),
        ("not-homoglyph", "A letter of another script is not the letter.", ("c", "\u{441}")),
        ("not-zero-width", "A zero-width space is not ignored.", ("c", "c\u{200b}")),
        ("not-soft-hyphen", "A soft hyphen is not ignored.", ("c", "c\u{ad}")),
        ("not-ideographic-dot", "An ideographic full stop is not a dot.", (".", "\u{3002}")),
        ("not-kelvin", "A letter that folds to ASCII is not ASCII.", ("i", "\u{130}")),
        ("not-wildcard", "An asterisk is not a pattern.", ("c", "*")),
        ("not-any", "A question mark is not a pattern.", ("c", "?")),
    ];
    let rows = rows.into_iter().map(|(class, id, says, one, other)| {
        let source = if class == Reference { EXACT } else { RELEASE };
        Case::new(class, id, says, source, move |p| {
            let host = p.host();
            let stored = p.stored(&place(one, &host))?;
            p.get(&place(other, &host))?.finds_nothing(&stored.secret)?;
            p.get(&stored.server)?.answers(&stored)
        })
    });
    let unlike = unlike.into_iter().map(|(id, says, (letter, other))| {
        Case::new(Reference, id, says, EXACT, move |p| {
            let stored = p.given()?;
            let asked = stored.server.replacen(letter, other, 1);
            if asked == stored.server {
                return Err(Stop::NotApplicable(format!("{asked} has no {letter}")));
            }
            p.get(&asked)?.finds_nothing(&stored.secret)
        })
    });
    rows.chain(unlike)
}

/// An id, a sentence, the servers to store in order, the request, and the index of the one that answers.
type Enclosed = (
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static str,
    Option<usize>,
);

/// The credential that answers for a server with a path.
fn enclosing() -> impl Iterator<Item = Case> {
    #[rustfmt::skip] // a table
    let rows: [Enclosed; 10] = [
        ("within-host", "A host answers for its repositories.", &["{h}"], "{h}/org/repo", Some(0)),
        ("within-port", "A host with a port answers for its repositories.", &["{h}:5000"], "{h}:5000/org/repo", Some(0)),
        ("within-url", "A host stored as a URL answers for its repositories.", &["https://{h}/v2/"], "{h}/org/repo", Some(0)),
        ("within-path", "A path answers for the paths below it.", &["{h}/org"], "{h}/org/repo/x", Some(0)),
        ("within-longest", "The longest path answers.", &["{h}", "{h}/org", "{h}/org/repo"], "{h}/org/repo/x", Some(2)),
        ("within-segments", "A path encloses by whole segments.", &["{h}", "{h}/org"], "{h}/organisation/repo", Some(0)),
        ("within-root-word", "After a bare host, `v2` is a segment like any other.", &["{h}"], "{h}/v2/repo", Some(0)),
        ("within-not-url", "A request with a scheme needs an equal server.", &["{h}"], "https://{h}/org/repo", None),
        ("within-not-http", "A credential for http does not answer for paths without a scheme.", &["http://{h}"], "{h}/org/repo", None),
        ("within-not-port", "A host does not answer for paths on another port.", &["{h}"], "{h}:5000/org/repo", None),
    ];
    rows.into_iter().map(|(id, says, stored, asked, answer)| {
        stricter(id, says, ENCLOSING, move |p| {
            let host = p.host();
            let mut credentials = Vec::new();
            for server in stored {
                credentials.push(p.stored(&place(server, &host))?);
            }
            let run = p.get(&place(asked, &host))?;
            match answer {
                Some(number) => run.answers(&credentials[number]),
                None => run.not_found(),
            }
        })
    })
}

/// Servers that `store` refuses, and `get` doesn't find.
fn refused() -> impl Iterator<Item = Case> {
    #[rustfmt::skip] // a table
    let rows = [
        ("refuse-user", "User information is refused: it would put a password into `list`.", "https://user:hunter2@{h}"),
        ("refuse-query", "A query is refused.", "https://{h}/?x=1"),
        ("refuse-fragment", "A fragment is refused.", "https://{h}/#x"),
        ("refuse-backslash", "A backslash is refused.", "{h}\\org"),
        ("refuse-percent", "A percent-encoded letter is refused.", "https://{h}/%41"),
        ("refuse-empty-label", "An empty label is refused.", "a..{h}"),
        ("refuse-first-dot", "A leading dot is refused.", ".{h}"),
        ("refuse-no-host", "A URL without a host is refused.", "https:///{h}"),
        ("refuse-port-0", "The port 0 is refused.", "{h}:0"),
        ("refuse-port-big", "A port above 65535 is refused.", "{h}:65536"),
        ("refuse-port-none", "A colon without a port is refused.", "{h}:"),
        ("refuse-port-sign", "A port with a sign is refused.", "{h}:+443"),
        ("refuse-port-zeros", "A port with a leading zero is refused.", "{h}:0443"),
        ("refuse-empty-segment", "An empty path segment is refused.", "{h}//org"),
        ("refuse-dot", "The path segment `.` is refused.", "{h}/./org"),
        ("refuse-dots", "The path segment `..` is refused.", "{h}/../org"),
        ("refuse-space", "A space inside is refused.", "{h} x"),
        ("refuse-unicode", "A host beyond ASCII is refused.", "b\u{fc}cher.{h}"),
    ];
    rows.into_iter().map(|(id, says, server)| {
        stricter(id, says, GRAMMAR, move |p| {
            let server = place(server, &p.host());
            let credential = p.credential(&server);
            let run = p.try_store(&credential)?;
            run.refused(&credential.secret)?;
            run.refused("hunter2")?;
            p.get(&server)?.not_found()
        })
    })
}

/// Docker Hub, in a throw-away store.
fn hub() -> Vec<Case> {
    #[rustfmt::skip] // a table
    let rows = [
        ("hub-index", "`index.docker.io` is Docker Hub.", "index.docker.io"),
        ("hub-docker-io", "`docker.io` is Docker Hub.", "docker.io"),
        ("hub-registry-1", "`registry-1.docker.io` is Docker Hub.", "registry-1.docker.io"),
        ("hub-registry-hub", "`registry.hub.docker.com` is Docker Hub.", "registry.hub.docker.com"),
        ("hub-443", "So is `registry-1.docker.io:443`.", "registry-1.docker.io:443"),
        ("hub-v2", "So is `https://registry-1.docker.io/v2/`.", "https://registry-1.docker.io/v2/"),
    ];
    let mut cases: Vec<Case> = rows
        .into_iter()
        .map(|(id, says, spelling)| {
            stricter(id, says, DOCKER_HUB, move |p| {
                p.hub()?;
                let url = "https://index.docker.io/v1/";
                for (stored, asked) in [(spelling, url), (url, spelling)] {
                    let stored = p.stored(stored)?;
                    p.get(asked)?.answers(&stored)?;
                    p.erase(&stored.server)?;
                }
                Ok(())
            })
        })
        .collect();
    cases.extend([
        stricter("hub-listed", "Docker Hub is listed as `https://index.docker.io/v1/`.", DOCKER_HUB, |p| {
            p.hub()?;
            let stored = p.stored("docker.io")?;
            let listed = p.list()?;
            let expected = ("https://index.docker.io/v1/".to_owned(), stored.username);
            ensure(listed.contains(&expected), || format!("`list` names {listed:?}"))
        }),
        stricter("hub-not-http", "Docker Hub is not `http://docker.io`, and not `docker.io:5000`.", RELEASE, |p| {
            p.hub()?;
            p.stored("docker.io")?;
            p.get("http://docker.io")?.not_found()?;
            p.get("docker.io:5000")?.not_found()
        }),
        client(
            "hub-tokens",
            "The tokens of docker's web login and Docker Hub's credential are three, and none answers for another.",
            "docker CLI: web login stores three servers",
            hub_tokens,
        ),
    ]);
    cases
}

fn hub_tokens(p: &Probe<'_>) -> Verdict {
    p.hub()?;
    let url = "https://index.docker.io/v1/";
    let access = p.stored(&format!("{url}access-token"))?;
    p.get(url)?.not_found()?;
    let refresh = p.stored(&format!("{url}refresh-token"))?;
    let hub = p.stored(url)?;
    for credential in [access, refresh, hub] {
        p.get(&credential.server)?.answers(&credential)?;
    }
    Ok(())
}
