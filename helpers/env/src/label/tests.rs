use docker_credential_helper::matching;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::*;
use crate::testing::{environment, store, url};

fn encoded(server: &str) -> Option<String> {
    encode(url(server).key())
}

fn decoded(label: &str) -> Option<String> {
    decode(label).map(|server| server.key().to_string())
}

#[test]
fn a_host_is_named_by_its_label_and_the_label_by_the_host() {
    for (label, server) in [
        ("GHCR_IO", "ghcr.io"),
        ("LOCALHOST", "localhost"),
        ("LOCALHOST_PORT_5000", "localhost:5000"),
        ("REGISTRY_PORT_5000", "registry:5000"),
        ("PORT_PORT_5000", "port:5000"),
        ("127_0_0_1_PORT_5000", "127.0.0.1:5000"),
        ("127_0_0_1", "127.0.0.1"),
        ("XN____BCHER__KVA_DE", "xn--bcher-kva.de"),
        ("MY__REG_EXAMPLE_COM_PORT_5000", "my-reg.example.com:5000"),
        ("X_PORT__5000", "x.port-5000"),
        ("REG_EXAMPLE_PORT_80", "reg.example:80"),
        ("DOCKER_IO_PORT_5000", "docker.io:5000"),
        ("DOCKER_IO", "index.docker.io"),
    ] {
        assert_eq!(encoded(server).as_deref(), Some(label));
        assert_eq!(decoded(label).as_deref(), Some(server));
    }
}

#[test]
fn every_spelling_of_a_server_has_the_same_label() {
    for spelling in [
        "GHCR.IO",
        "https://ghcr.io",
        "ghcr.io:443",
        "https://ghcr.io/v2/",
        "ghcr.io/",
    ] {
        assert_eq!(encoded(spelling).as_deref(), Some("GHCR_IO"), "{spelling}");
    }
    for hub in [
        "docker.io",
        "https://index.docker.io/v1/",
        "registry-1.docker.io:443",
        "registry.hub.docker.com",
    ] {
        assert_eq!(encoded(hub).as_deref(), Some("DOCKER_IO"), "{hub}");
    }
}

#[test]
fn what_no_host_encodes_to_names_nothing() {
    for label in [
        "PROD",
        "A___B",
        "A_____B",
        "GHCR_IO_PORT_443",
        "X_PORT_05000",
        "X_PORT_0",
        "X_PORT_65536",
        "X_PORT_",
        "_PORT_5000",
        "X__PORT_5000",
        "PORT_5000",
        "_GHCR_IO",
        "GHCR_IO_",
        "__",
        "_",
        "1_2_3",
        "256_1_1_1",
        "01_2_3_4",
        "5000_PORT_5000",
        "INDEX_DOCKER_IO",
        "REGISTRY__1_DOCKER_IO",
        "REGISTRY_HUB_DOCKER_COM",
    ] {
        assert_eq!(decoded(label), None, "{label}");
    }
}

#[test]
fn what_no_label_can_say_has_none() {
    for server in [
        "a_b",
        "a_b.example",
        "x.port.5000",
        "a.b.",
        "[::1]",
        "[::1]:5000",
        "registry",
        "http://ghcr.io",
        "ghcr.io/org",
        "-a.example",
        "a-.example",
        "1.2.3",
        "https://index.docker.io/v1/access-token",
        "nerdctl-experimental://ghcr.io",
    ] {
        assert_eq!(encoded(server), None, "{server}");
    }
}

/// A host and port, independent of the project's key for them.
#[derive(Clone, Debug)]
struct Address {
    host: String,
    port: Option<u16>,
}

impl Address {
    fn text(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }

    /// Whether a certificate for one is valid for the other, at the same port.
    fn is_same(&self, other: &Self) -> bool {
        let canonical = |address: &Self| {
            let host = address.host.to_ascii_lowercase();
            let port = address.port.filter(|port| *port != 443);
            let hub = [
                "docker.io",
                "index.docker.io",
                "registry-1.docker.io",
                "registry.hub.docker.com",
            ];
            if port.is_none() && hub.contains(&host.as_str()) {
                ("docker.io".to_owned(), None)
            } else {
                (host, port)
            }
        };
        canonical(self) == canonical(other)
    }
}

/// Hosts with similar names in capitals and underscores.
fn host() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "a",
        "b",
        "a-b",
        "a--b",
        "port",
        "a-port",
        "port-5000",
        "5000",
        "443",
        "1",
        "127",
        "0",
        "io",
        "x",
        "xn--a",
        "server",
        "token",
        "password",
        "file",
        "username",
        "A",
        "a_b",
        "docker",
        "index",
        "localhost",
        "ghcr",
    ]);
    let known = prop::sample::select(vec![
        "docker.io",
        "index.docker.io",
        "registry-1.docker.io",
        "ghcr.io",
        "GHCR.IO",
        "localhost",
        "127.0.0.1",
        "ghcr.io.",
        "ghcr-io",
        "gh.cr.io",
    ])
    .prop_map(str::to_owned);
    let built = prop::collection::vec(part, 1..5).prop_map(|parts| parts.join("."));
    prop_oneof![5 => built, 1 => known, 1 => "[a-c]([a-c_.-]{0,6}[a-c])?"]
        .prop_filter("within the grammar", |host| !url(host).key().is_opaque())
}

fn address() -> impl Strategy<Value = Address> {
    let port = prop::sample::select(vec![
        None,
        None,
        Some(443),
        Some(5000),
        Some(80),
        Some(50),
        Some(65535),
    ]);
    (host(), port).prop_map(|(host, port)| Address { host, port })
}

/// A second address: any, or the first with one change.
fn pair() -> impl Strategy<Value = (Address, Address)> {
    let change = prop::sample::select(vec![
        (".", "-"),
        ("-", "."),
        (".", ""),
        ("-", "--"),
        (".", ".port."),
        ("a", "A"),
        ("-", "_"),
        (".", "_"),
        ("a", "a."),
    ]);
    let near = (address(), change).prop_map(|(one, (from, to))| {
        let host = one.host.replacen(from, to, 1);
        let host = if url(&host).key().is_opaque() {
            one.host.clone()
        } else {
            host
        };
        let other = Address { host, ..one };
        (one, other)
    });
    let other_port = (
        address(),
        prop::sample::select(vec![None, Some(443), Some(5000), Some(5001)]),
    )
        .prop_map(|(one, port)| (one.clone(), Address { port, ..one }));
    let parent = address().prop_map(|one| {
        let host = one
            .host
            .split_once('.')
            .map_or("parent.example", |(_, parent)| parent)
            .to_owned();
        (one.clone(), Address { host, ..one })
    });
    let port_in_name = (address(), 1..=65535_u16).prop_map(|(one, port)| {
        let host = format!("{}.port.{port}", one.host.trim_end_matches('.'));
        let with_port = Address {
            port: Some(port),
            ..one
        };
        (with_port, Address { host, port: None })
    });
    let is_known = |(_, other): &(Address, Address)| !url(&other.text()).key().is_opaque();
    prop_oneof![2 => (address(), address()), 2 => near, 1 => other_port, 1 => parent, 1 => port_in_name]
        .prop_filter("within the grammar", is_known)
}

/// The variables that log in to `server`, for each way to name one.
fn every_way(server: &Address) -> Vec<Vec<(String, String)>> {
    let text = server.text();
    let set = |variables: &[(&str, &str)]| {
        variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<Vec<_>>()
    };
    let mut ways = vec![
        set(&[
            ("DOCKER_CREDENTIAL_PROD_SERVER", &text),
            ("DOCKER_CREDENTIAL_PROD_USERNAME", "u"),
            ("DOCKER_CREDENTIAL_PROD_PASSWORD", "s"),
        ]),
        set(&[(
            "DOCKER_AUTH_CONFIG",
            &format!(r#"{{"auths":{{"{text}":{{"auth":"dTpz"}}}}}}"#),
        )]),
        set(&[
            ("GITLAB_CI", "true"),
            ("CI_REGISTRY", &text),
            ("CI_REGISTRY_USER", "u"),
            ("CI_REGISTRY_PASSWORD", "s"),
        ]),
    ];
    if let Some(label) = encode(url(&text).key()) {
        ways.push(set(&[
            (&format!("DOCKER_CREDENTIAL_{label}_USERNAME"), "u"),
            (&format!("DOCKER_CREDENTIAL_{label}_PASSWORD"), "s"),
        ]));
    }
    ways
}

/// 4,000 pairs, each with every way to name a server; a million with `DOCKER_CREDENTIAL_TEST_FULL=1`:
///
/// ```sh
/// DOCKER_CREDENTIAL_TEST_FULL=1 cargo test --release -p docker-credential-env another
/// ```
fn cases() -> u32 {
    let full = docker_credential_helper::Environment::of_process("").variable("DOCKER_CREDENTIAL_TEST_FULL");
    if full.is_some_and(|full| full == "1") {
        1_000_000
    } else {
        4_000
    }
}

/// The control: the pairs are similar enough to catch an encoding that confuses servers.
#[test]
fn a_careless_encoding_would_be_noticed() {
    let careless: [fn(&Address) -> String; 4] = [
        |address| address.text().to_ascii_uppercase().replace(['.', '-', ':'], "_"),
        |address| address.host.to_ascii_uppercase(),
        |address| address.text().to_ascii_uppercase().replace(':', ".PORT."),
        |address| address.text().to_ascii_uppercase().replace(['.', '_'], "_"),
    ];
    for encode in careless {
        let mut runner = TestRunner::new(ProptestConfig {
            cases: 4_000,
            failure_persistence: None,
            ..ProptestConfig::default()
        });
        let outcome = runner.run(&pair(), |(one, other)| {
            prop_assert!(encode(&one) != encode(&other) || one.is_same(&other));
            Ok(())
        });
        assert!(
            outcome.is_err(),
            "{}",
            encode(&Address {
                host: "a-b.c".into(),
                port: Some(5000)
            })
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_servers_variables_never_answer_for_another((one, other) in pair()) {
        for variables in every_way(&one) {
            let stated: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let store = store(&environment(&stated));
            prop_assert!(matching::find(&store, &url(&one.text())).is_ok(), "{:?}", variables);
            let is_answered = matching::find(&store, &url(&other.text())).is_ok();
            prop_assert_eq!(is_answered, one.is_same(&other), "{:?} {}", variables, other.text());
        }
    }

    #[test]
    fn different_servers_have_different_labels((one, other) in pair()) {
        if let (Some(label), Some(other_label)) = (encoded(&one.text()), encoded(&other.text())) {
            prop_assert_eq!(label == other_label, one.is_same(&other));
            let decoded = decode(&label).unwrap();
            prop_assert!(decoded.key() == url(&one.text()).key());
        }
    }

    #[test]
    fn a_label_names_one_server_or_none(label in "[A-C015_]{1,10}(_PORT_[0-9]{1,6})?") {
        if let Some(server) = decode(&label) {
            prop_assert_eq!(encode(server.key()), Some(label));
        }
    }
}
