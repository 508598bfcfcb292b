use proptest::prelude::*;

use super::*;

fn url(text: &str) -> ServerUrl {
    ServerUrl::parse(text).unwrap()
}

fn key(text: &str) -> String {
    let key = url(text).key().clone();
    if key.is_opaque() {
        format!("opaque {key}")
    } else {
        key.to_string()
    }
}

#[test]
fn spellings_of_one_registry_are_equal() {
    for text in [
        "ghcr.io",
        "GHCR.io",
        "ghcr.io/",
        "ghcr.io:443",
        "https://ghcr.io",
        "HTTPS://ghcr.io:443/",
        "ghcr.io/v1",
        "ghcr.io/v1/",
        "ghcr.io/v2",
        "https://ghcr.io/v2/",
    ] {
        assert_eq!(key(text), "ghcr.io", "{text}");
    }
    for text in ["http://ghcr.io", "http://ghcr.io:80", "HTTP://GHCR.IO/v2/"] {
        assert_eq!(key(text), "http://ghcr.io", "{text}");
    }
}

#[test]
fn near_misses_are_other_servers() {
    let misses = [
        "ghcr.io",
        "http://ghcr.io",
        "ghcr.io:80",
        "http://ghcr.io:443",
        "ghcr.io:8443",
        "ghcr.io.",
        "xghcr.io",
        "ghcr.iox",
        "a.ghcr.io",
        "io",
        "ghcr.io.evil.example",
        "ghcr.io/v3",
        "ghcr.io/V2",
        "ghcr.io/v1/v2",
        "ghcr.io/org",
        "ghcr.io/Org",
        "ghcr.io/org/app",
        "ghcr-io",
        "ghcr_io",
        "ghcr.io@evil.example",
        "https://ghcr.io@evil.example",
        "ghcr.io?x",
        "ghcr.io#x",
        "ghcr.io\\x",
        "ghcr.io//",
        "ghcr.io/.",
        "ghcr.io/..",
        "ghcr.io/a//b",
        "%67hcr.io",
        "ｇhcr.io",
        "ghcr.io:0443",
        "ghcr.io:+443",
        "ghcr.io:",
        "ghcr.io:0",
        "ghcr.io:65536",
        "ghcr.io:443:443",
        "ftp://ghcr.io",
        "//ghcr.io",
        "https:ghcr.io",
        "https:/ghcr.io",
        "https:///ghcr.io",
        "https://https://ghcr.io",
        "127.0.0.1",
        "0x7f.1",
        "2130706433",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "::1",
        "docker.io",
        "http://docker.io",
        "docker.io:5000",
        "xn--ghcr-io",
    ];
    for (index, one) in misses.iter().enumerate() {
        for other in &misses[index + 1..] {
            assert_ne!(url(one).key(), url(other).key(), "{one} and {other}");
        }
    }
}

#[test]
fn the_hub_is_one_key_under_all_its_names() {
    for host in [
        "docker.io",
        "index.docker.io",
        "registry-1.docker.io",
        "registry.hub.docker.com",
        "Docker.IO",
    ] {
        for scheme in ["", "https://", "HTTPS://"] {
            for port in ["", ":443"] {
                for root in ["", "/", "/v1", "/v1/", "/v2", "/v2/"] {
                    let text = format!("{scheme}{host}{port}{root}");
                    assert_eq!(url(&text).key(), ServerUrl::hub().key(), "{text}");
                    assert!(url(&text).key().is_hub());
                }
            }
        }
    }
}

#[test]
fn what_only_resembles_the_hub_is_not() {
    for text in [
        "http://docker.io",
        "docker.io:5000",
        "docker.io:80",
        "docker.io.",
        "hub.docker.com",
        "docker.com",
        "registry.docker.io",
        "docker.io/library",
        "https://index.docker.io/v1/x",
        "https://index.docker.io/v3/",
        "index.docker.io/v1/access-token",
        "docker.io/v1/refresh-token",
    ] {
        assert!(!url(text).key().is_hub(), "{text}");
    }
}

#[test]
fn a_web_login_token_is_a_key_of_its_own_in_any_spelling() {
    for token in ["access-token", "refresh-token"] {
        for text in [
            format!("https://index.docker.io/v1/{token}"),
            format!("docker.io/v1/{token}/"),
            format!("registry-1.docker.io:443/v1/{token}"),
        ] {
            assert_eq!(key(&text), format!("index.docker.io/v1/{token}"));
            assert!(url(&text).enclosing().is_empty());
        }
    }
    assert_eq!(key("docker.io/v2/access-token"), "docker.io/v2/access-token");
    assert_eq!(
        key("docker.io:5000/v1/access-token"),
        "docker.io:5000/v1/access-token"
    );
}

#[test]
fn ports_are_bounded() {
    assert_eq!(key("a:1"), "a:1");
    assert_eq!(key("a:65535"), "a:65535");
    for text in [
        "a:0", "a:65536", "a:99999", "a:100000", "a:-1", "a:1x", "a: 1", "a:０",
    ] {
        assert!(url(text).key().is_opaque(), "{text}");
    }
}

#[test]
fn hosts_outside_the_grammar_are_opaque() {
    for text in [
        ".",
        "..",
        ".a",
        "a..b",
        "a..",
        ":5000",
        "/path",
        "https://",
        "a b",
        "a,b",
        "[]",
        "[::1",
        "[::g]",
        "[::1]x",
        "bücher.de",
    ] {
        assert!(url(text).key().is_opaque(), "{text}");
    }
    for text in [
        "a",
        "a.",
        "a_b",
        "-a",
        "A-B.c",
        "127.0.0.1:5000",
        "[::1]",
        "[::FFFF:1.2.3.4]:5000",
    ] {
        assert!(!url(text).key().is_opaque(), "{text}");
    }
    assert_eq!(key("[::FFFF]:5000/X"), "[::ffff]:5000/X");
}

#[test]
fn paths_keep_their_case_and_their_segments() {
    assert_eq!(key("quay.io/Org/App/"), "quay.io/Org/App");
    for text in [
        "q/a b", "q/a%20b", "q/a\\b", "q/a?b", "q/a#b", "q/./a", "q/../a", "q//a", "q/a//", "q/ü",
    ] {
        assert!(url(text).key().is_opaque(), "{text}");
    }
    assert_eq!(key("q/a@b:c!~"), "q/a@b:c!~");
}

#[test]
fn a_server_is_one_line_without_white_space_around() {
    assert!(matches!(ServerUrl::parse(""), Err(Error::NoServerUrl)));
    for text in [
        " a",
        "a ",
        "a\n",
        "a\nb",
        "a\rb",
        "a\0b",
        "a\u{7f}",
        "a\u{85}b",
        "a\u{2028}b",
        "a\u{2029}",
        "\t",
        "\u{a0}a",
    ] {
        assert!(
            matches!(ServerUrl::parse(text), Err(Error::Request(_))),
            "{text:?}"
        );
    }
}

#[test]
fn the_hub_is_stored_under_its_url_and_others_as_spelled() {
    let stored = |text: &str| url(text).for_storing().unwrap().as_str().to_owned();
    assert_eq!(stored("docker.io"), "https://index.docker.io/v1/");
    assert_eq!(stored("GHCR.io"), "GHCR.io");
    assert_eq!(
        stored("https://index.docker.io/v1/access-token"),
        "https://index.docker.io/v1/access-token"
    );
    assert_eq!(
        stored("nerdctl-experimental://a:443?x=y"),
        "nerdctl-experimental://a:443?x=y"
    );
}

#[test]
fn a_string_that_could_never_be_found_again_is_refused_without_quoting_user_info() {
    for text in [
        "https://user:pw@ghcr.io",
        "user:pw@ghcr.io",
        "ftp://user:pw@ghcr.io",
        "ghcr.io?user:pw@x",
        "x://",
        "1x://a",
        "x y://a",
        "x://a b",
        "https://a b",
        "http://ü",
    ] {
        let error = url(text).for_storing().unwrap_err();
        assert!(matches!(error, Error::Refused(_)), "{text}");
        assert!(!error.to_string().contains("pw"), "{error}");
    }
}

#[test]
fn a_very_long_server_is_shown_shortened() {
    let shown = url(&"a".repeat(70_000)).to_string();
    assert_eq!(shown, format!("{}…", "a".repeat(200)));
    assert_eq!(url(&"a".repeat(200)).to_string(), "a".repeat(200));
}

#[test]
fn enclosing_servers_are_whole_segment_prefixes_the_longest_first() {
    let enclosing = |text: &str| {
        url(text)
            .enclosing()
            .iter()
            .map(|server| server.as_str().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(enclosing("ghcr.io/org/app"), ["ghcr.io/org", "ghcr.io"]);
    assert_eq!(enclosing("ghcr.io/org/"), ["ghcr.io"]);
    assert_eq!(enclosing("a:5000/b/c/d"), ["a:5000/b/c", "a:5000/b", "a:5000"]);
    assert_eq!(enclosing("ghcr.io/v2/app"), ["ghcr.io/v2"]);
    assert_eq!(
        enclosing("index.docker.io/library/x"),
        ["index.docker.io/library", "index.docker.io"]
    );
    for none in [
        "ghcr.io",
        "ghcr.io/",
        "ghcr.io/v2/",
        "https://ghcr.io/org/app",
        "http://ghcr.io/org",
        "a//b",
        "x://a/b",
    ] {
        assert!(enclosing(none).is_empty(), "{none}");
    }
}

#[test]
fn a_web_login_token_encloses_nothing() {
    let enclosing = url("index.docker.io/v1/access-token/app").enclosing();
    assert_eq!(
        enclosing.iter().map(ServerUrl::as_str).collect::<Vec<_>>(),
        ["index.docker.io/v1"]
    );
}

#[test]
fn a_path_longer_than_any_repository_has_no_enclosing_server() {
    let path = |length: usize| format!("a/{}", "b".repeat(length - 1));
    assert_eq!(url(&path(255)).enclosing().len(), 1);
    assert!(url(&path(256)).enclosing().is_empty());
}

#[test]
fn common_spellings_have_the_key_and_begin_with_dockers() {
    for (text, first) in [
        ("docker.io", HUB_URL),
        ("ghcr.io/", "ghcr.io"),
        ("a:5000", "a:5000"),
        ("http://a", "http://a"),
        ("quay.io/org", "quay.io/org"),
        ("x://a", "x://a"),
    ] {
        let spellings = url(text).key().common_spellings();
        assert_eq!(spellings[0], first);
        for spelling in &spellings {
            assert_eq!(url(spelling).key(), url(text).key(), "{spelling}");
        }
        let unique: std::collections::BTreeSet<_> = spellings.iter().collect();
        assert_eq!(unique.len(), spellings.len(), "{spellings:?}");
    }
    assert!(
        url("ghcr.io")
            .key()
            .common_spellings()
            .contains(&"ghcr.io:443".to_owned())
    );
    assert!(
        url("http://a")
            .key()
            .common_spellings()
            .contains(&"http://a:80".to_owned())
    );
    assert!(
        !url("a:5000")
            .key()
            .common_spellings()
            .iter()
            .any(|spelling| spelling.contains(":443"))
    );
}

#[test]
fn only_https_registries_tell_their_parts() {
    assert_eq!(
        url("GHCR.io:5000/Org").key().https_parts(),
        Some(("ghcr.io", Some(5000), "/Org"))
    );
    assert_eq!(
        url("docker.io").key().https_parts(),
        Some(("index.docker.io", None, ""))
    );
    assert_eq!(url("http://a").key().https_parts(), None);
    assert_eq!(url("x://a").key().https_parts(), None);
}

/// A second, independent implementation of the rule: it splits from the right, while the parser works from
/// the left, and represents a server as a tuple of strings.
fn oracle(text: &str) -> Option<(String, String, String, String)> {
    let lower = text.to_ascii_lowercase();
    let (scheme, skip) = if lower.starts_with("https://") {
        ("https", 8)
    } else if lower.starts_with("http://") {
        ("http", 7)
    } else {
        ("https", 0)
    };
    let rest = &text[skip..];
    let (authority, path) = match rest.split_once('/') {
        Some((authority, path)) => (authority, format!("/{path}")),
        None => (rest, String::new()),
    };
    let path = if path.ends_with('/') {
        path[..path.len() - 1].to_owned()
    } else {
        path
    };
    if path.contains("//")
        || path.ends_with('/')
        || path
            .bytes()
            .any(|b| b <= b' ' || b > b'~' || b"%\\?#".contains(&b))
    {
        return None;
    }
    if path.split('/').any(|segment| segment == "." || segment == "..") {
        return None;
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !authority.ends_with(']') => {
            let number: u32 = port.parse().ok().filter(|n: &u32| (1..=65535).contains(n))?;
            (host, Some(number).filter(|n| n.to_string() == port)?.to_string())
        }
        _ => (authority, String::new()),
    };
    let bytes_ok = |allowed: &str| {
        host.bytes()
            .all(|b| allowed.contains(b.to_ascii_lowercase() as char))
    };
    let host_ok = if host.starts_with('[') {
        host.len() > 2
            && host.ends_with(']')
            && host.matches(['[', ']']).count() == 2
            && bytes_ok("[]0123456789abcdef:.")
    } else {
        !host.is_empty()
            && host != "."
            && !host.starts_with('.')
            && !host.contains("..")
            && bytes_ok("abcdefghijklmnopqrstuvwxyz0123456789-_.")
    };
    if !host_ok {
        return None;
    }
    let port = match (scheme, port.as_str()) {
        ("https", "443") | ("http", "80") => String::new(),
        _ => port,
    };
    let path = if path == "/v1" || path == "/v2" {
        String::new()
    } else {
        path
    };
    let mut host = host.to_ascii_lowercase();
    let hub_path = ["", "/v1/access-token", "/v1/refresh-token"].contains(&path.as_str());
    let hub_host = [
        "docker.io",
        "index.docker.io",
        "registry-1.docker.io",
        "registry.hub.docker.com",
    ]
    .contains(&host.as_str());
    if scheme == "https" && port.is_empty() && hub_path && hub_host {
        host = "hub".into();
    }
    Some((scheme.into(), host, port, path))
}

fn server_like() -> impl Strategy<Value = String> {
    let scheme = prop::sample::select(vec![
        "", "", "", "https://", "HTTPS://", "http://", "ftp://", "https:", "//",
    ]);
    let host = prop::sample::select(vec![
        "docker.io",
        "index.docker.io",
        "ghcr.io",
        "GHCR.io",
        "ghcr.io.",
        "a",
        "a.b",
        "a..b",
        "",
        ".",
        "[::1]",
        "[::1",
        "a_b",
        "ü",
        "u@a",
    ]);
    let port = prop::sample::select(vec![
        "", "", "", ":443", ":80", ":5000", ":0", ":05", ":65535", ":65536", ":", ":x", ":1:2",
    ]);
    let path = prop::sample::select(vec![
        "",
        "",
        "/",
        "/v1",
        "/v1/",
        "/v2/",
        "/v1/access-token",
        "/v1/refresh-token/",
        "/org",
        "/org/app",
        "/Org",
        "//",
        "/a//b",
        "/./a",
        "/..",
        "/%41",
        "?a",
        "/a?b",
        "/a#b",
        "/a b",
    ]);
    let built = (scheme, host, port, path).prop_map(|(s, h, p, t)| format!("{s}{h}{p}{t}"));
    prop_oneof![4 => built, 1 => "[a-zA-Z0-9:/.@%_\\[\\] -]{1,24}", 1 => "\\PC{1,12}"]
        .prop_filter("a server", |text| ServerUrl::parse(text).is_ok())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn keys_are_equal_exactly_where_the_oracle_says(one in server_like(), other in server_like()) {
        let expected = match (oracle(&one), oracle(&other)) {
            (Some(one), Some(other)) => one == other,
            (None, None) => one == other,
            _ => false,
        };
        prop_assert_eq!(url(&one).key() == url(&other).key(), expected);
        prop_assert_eq!(url(&one).key().is_opaque(), oracle(&one).is_none());
    }

    #[test]
    fn a_keys_text_has_that_key(text in server_like()) {
        let key = url(&text).key().clone();
        let again = url(&key.to_string());
        prop_assert_eq!(again.key(), &key);
    }

    #[test]
    fn an_enclosing_server_has_the_same_host_and_port(text in server_like()) {
        for server in url(&text).enclosing() {
            let (inner, outer) = (oracle(&text).unwrap(), oracle(server.as_str()).unwrap());
            let address = |text: &str| text.split('/').next().unwrap().to_ascii_lowercase();
            prop_assert_eq!(address(&text), address(server.as_str()));
            prop_assert_eq!(inner.2, outer.2);
        }
    }
}

#[test]
fn what_stands_before_the_host_is_not_shown_and_the_rest_of_a_registry_is() {
    for (text, shown) in [
        ("https://user:pw@ghcr.io", "https://…@ghcr.io"),
        ("user:pw@https://ghcr.io", "…@https://ghcr.io"),
        ("user:p://w@ghcr.io", "…@ghcr.io"),
        ("ghcr.io/team@home", "ghcr.io/team@home"),
        ("ghcr.io", "ghcr.io"),
    ] {
        assert_eq!(url(text).to_string(), shown);
        assert_eq!(format!("{:?}", url(text)), format!("ServerUrl({shown})"));
    }
}
