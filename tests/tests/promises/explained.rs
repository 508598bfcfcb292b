//! Promise 30 for `explain`: its deciding step is what the real docker and skopeo do, with a registry that
//! records who logged in.

use std::fs;
use std::path::{Path, PathBuf};

use docker_credential_tests::helper::{self, AGE};
use docker_credential_tests::login::Login;
use docker_credential_tests::program::find;
use docker_credential_tests::registries::witness::Witness;
use docker_credential_tests::require;
use docker_credential_tests::sandbox::Sandbox;
use serde_json::{Value, json};

/// alice's login is in our helper, bob's in another program's helper, and carol's in plain text.
struct State {
    name: &'static str,
    /// `HOST` is replaced with the registry.
    config: &'static str,
    /// podman's `auth.json`.
    podman: &'static str,
    registries_conf: &'static str,
    /// Programs besides docker's, each a helper that has bob's login, or `pass`.
    programs: &'static [&'static str],
}

const PLAIN: State = State {
    name: "",
    config: "{}",
    podman: "",
    registries_conf: "",
    programs: &[],
};

const STATES: &[State] = &[
    State {
        name: "the helper for all",
        config: r#"{"credsStore":"age"}"#,
        ..PLAIN
    },
    State {
        name: "plain text",
        config: r#"{"auths":{"HOST":{"auth":"AUTH"}}}"#,
        ..PLAIN
    },
    State {
        name: "plain text by a URL",
        config: r#"{"auths":{"https://HOST":{"auth":"AUTH"}}}"#,
        ..PLAIN
    },
    State {
        name: "plain text by an API's URL",
        config: r#"{"auths":{"https://HOST/v1/":{"auth":"AUTH"}}}"#,
        ..PLAIN
    },
    State {
        name: "plain text for another port",
        config: r#"{"auths":{"127.0.0.1:1":{"auth":"AUTH"}}}"#,
        ..PLAIN
    },
    State {
        name: "plain text beside the helper",
        config: r#"{"credsStore":"age","auths":{"HOST":{"auth":"AUTH"}}}"#,
        ..PLAIN
    },
    State {
        name: "the helper for this one",
        config: r#"{"credHelpers":{"HOST":"age"}}"#,
        ..PLAIN
    },
    State {
        name: "the helper by a URL",
        config: r#"{"credHelpers":{"https://HOST":"age"}}"#,
        ..PLAIN
    },
    State {
        name: "another helper for this one",
        config: r#"{"credsStore":"age","credHelpers":{"HOST":"former"}}"#,
        programs: &["docker-credential-former"],
        ..PLAIN
    },
    State {
        name: "no helper for this one",
        config: r#"{"credsStore":"age","credHelpers":{"HOST":""},"auths":{"HOST":{"auth":"AUTH"}}}"#,
        ..PLAIN
    },
    State {
        name: "a helper that is gone",
        config: r#"{"credsStore":"gone","auths":{"HOST":{"auth":"AUTH"}}}"#,
        ..PLAIN
    },
    State {
        name: "an empty credsStore",
        config: r#"{"credsStore":"","auths":{"HOST":{"auth":"AUTH"}}}"#,
        ..PLAIN
    },
    State {
        name: "upper-case fields",
        config: r#"{"CREDSSTORE":"age"}"#,
        ..PLAIN
    },
    State {
        name: "no file that can be parsed",
        config: r#"{"credsStore":"age",}"#,
        ..PLAIN
    },
    State {
        name: "null in place of the object",
        config: "null",
        ..PLAIN
    },
    State {
        name: "a list in place of auths",
        config: r#"{"credsStore":"age","auths":[]}"#,
        ..PLAIN
    },
    State {
        name: "a number among credHelpers",
        config: r#"{"credHelpers":{"a.example":5,"HOST":"age"}}"#,
        ..PLAIN
    },
    State {
        name: "a number in place of credsStore, and a helper for this one",
        config: r#"{"credsStore":5,"credHelpers":{"HOST":"age"}}"#,
        ..PLAIN
    },
    State {
        name: "a number among plain text",
        config: r#"{"auths":{"HOST":{"auth":"AUTH"},"a.example":5}}"#,
        ..PLAIN
    },
    State {
        name: "neither pass nor a helper",
        ..PLAIN
    },
    State {
        name: "pass alone",
        programs: &["pass"],
        ..PLAIN
    },
    State {
        name: "pass and its helper",
        programs: &["pass", "docker-credential-pass"],
        ..PLAIN
    },
    State {
        name: "the helper of pass alone",
        programs: &["docker-credential-pass"],
        ..PLAIN
    },
    State {
        name: "the Secret Service's helper",
        programs: &["docker-credential-secretservice"],
        ..PLAIN
    },
    State {
        name: "pass and the Secret Service's helper",
        programs: &["pass", "docker-credential-secretservice"],
        ..PLAIN
    },
    State {
        name: "all of them",
        programs: &[
            "pass",
            "docker-credential-pass",
            "docker-credential-secretservice",
        ],
        ..PLAIN
    },
    State {
        name: "a default turned off by an entry",
        config: r#"{"auths":{"x.example":{}}}"#,
        programs: &["docker-credential-secretservice"],
        ..PLAIN
    },
    State {
        name: "podman's plain text",
        podman: r#"{"auths":{"HOST":{"auth":"AUTH"}}}"#,
        ..PLAIN
    },
    State {
        name: "podman's namespace",
        podman: r#"{"auths":{"HOST/team":{"auth":"AUTH"}}}"#,
        ..PLAIN
    },
    State {
        name: "podman's other namespace",
        podman: r#"{"auths":{"HOST/other":{"auth":"AUTH"}}}"#,
        ..PLAIN
    },
    State {
        name: "podman's helper for this one",
        podman: r#"{"credHelpers":{"HOST":"age"}}"#,
        ..PLAIN
    },
    State {
        name: "podman's helper for all",
        registries_conf: "credential-helpers = [\"age\"]\n",
        ..PLAIN
    },
    State {
        name: "podman's helpers for all, and plain text",
        registries_conf: "credential-helpers = [\"containers-auth.json\", \"age\"]\n",
        podman: r#"{"auths":{"HOST":{"auth":"AUTH"}}}"#,
        ..PLAIN
    },
];

#[test]
fn what_explain_says_decides_is_what_docker_and_skopeo_do() {
    let skopeo = require!(find("skopeo"));
    require!(find("docker"));
    let registry = require!(Witness::start());
    let mut failures = Vec::new();
    for state in STATES {
        let sandbox = prepare(state, &registry.host());
        let image = format!("{}/team/app", registry.host());
        let explained = explain(&sandbox, &image);
        inspect(&sandbox, &image);
        let seen = registry.take_users();
        if seen != expected(&explained["docker"]) {
            failures.push(format!(
                "{}: docker: {seen:?}, not {}",
                state.name, explained["docker"]
            ));
        }
        sandbox
            .run(&skopeo)
            .args(["inspect", &format!("docker://{image}")])
            .outcome();
        let seen = registry.take_users();
        if seen != expected(&explained["podman"]) {
            failures.push(format!(
                "{}: skopeo: {seen:?}, not {}",
                state.name, explained["podman"]
            ));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn control_a_wrong_explanation_is_noticed() {
    require!(find("docker"));
    let registry = require!(Witness::start());
    let sandbox = prepare(&STATES[0], &registry.host());
    let image = format!("{}/team/app", registry.host());
    inspect(&sandbox, &image);
    let wrong = json!({ "helper": null, "user": "carol" });
    assert_ne!(registry.take_users(), expected(&wrong));
}

/// Makes docker look for a login. Docker 20.10 needs an engine for that.
fn inspect(sandbox: &Sandbox, image: &str) {
    sandbox
        .run("docker")
        .args(["manifest", "inspect", image])
        .outcome();
}

/// `PATH` has the helpers under test and the state's programs, but no default store of docker's.
fn prepare(state: &State, host: &str) -> Sandbox {
    let mut sandbox = Sandbox::new(AGE);
    let carol = Login::new("carol", "plain");
    let filled = |text: &str| text.replace("HOST", host).replace("AUTH", &carol.basic());
    sandbox.store(host, &Login::new("alice", "kept"));
    fs::write(sandbox.config_path(), filled(state.config)).expect("config.json");
    let write = |path: PathBuf, text: &str| {
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, filled(text)).expect("a file");
    };
    if !state.podman.is_empty() {
        write(sandbox.path("config/containers/auth.json"), state.podman);
    }
    if !state.registries_conf.is_empty() {
        write(
            sandbox.path("home/.config/containers/registries.conf"),
            state.registries_conf,
        );
    }
    let reply = json!({ "ServerURL": host, "Username": "bob", "Secret": "former" });
    write(sandbox.path("home/former").join(host), &format!("{reply}\n"));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/helpers/docker-credential-former");
    for program in state.programs {
        sandbox.add_program(program, script.as_ref());
    }
    for tool in ["sh", "cat", "sed", "tr"] {
        sandbox.add_program(tool, &Path::new("/bin").join(tool));
    }
    let path = std::env::join_paths([sandbox.path("bin"), helper::directory().to_owned()]);
    sandbox.set("PATH", path.expect("a PATH"));
    sandbox
}

fn explain(sandbox: &Sandbox, image: &str) -> Value {
    let outcome = sandbox.command(&["explain", "--json", image]);
    serde_json::from_slice(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:?}"))
}

/// The user who logs in, if the explanation is right.
fn expected(section: &Value) -> Vec<String> {
    let user = match (section["helper"].as_str(), section["user"].as_str()) {
        (Some("age"), _) => Some("alice"),
        (Some("gone" | "") | None, user) => user,
        (Some(_), _) => Some("bob"),
    };
    user.map(str::to_owned).into_iter().collect()
}
