//! Docker's own client and its plugins with a real engine: pushing, pulling and building with a private image.

#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;

use docker_credential_tests::clients::engine::Engine;
use docker_credential_tests::helper::Helper;
use docker_credential_tests::login::Login;
use docker_credential_tests::program::{Outcome, find, find_plugin};
use docker_credential_tests::registries::basic::{REPOSITORY, Registry};
use docker_credential_tests::registries::image::EMPTY_ARCHIVE;
use docker_credential_tests::sandbox::Sandbox;
use docker_credential_tests::{for_each_helper, for_env_too, matrix_is_true, require};
use serde_json::json;

for_each_helper!(
    a_private_image_is_pushed_and_pulled,
    after_the_logout_nothing_is_pulled,
    every_secret_passes_through_the_engine,
    a_classic_build_lists_once_and_gets_each_server_once,
    buildx_builds_from_a_private_image,
    compose_pulls_with_one_get_for_each_image,
);
for_env_too!(
    a_private_image_is_pushed_and_pulled,
    a_classic_build_lists_once_and_gets_each_server_once,
    buildx_builds_from_a_private_image,
    compose_pulls_with_one_get_for_each_image,
);
matrix_is_true!();

/// The servers of a `docker build`: 20, one of them real.
const SERVERS: usize = 20;

/// The services of `docker compose`.
const SERVICES: [&str; 4] = ["database", "cache", "worker", "web"];

struct Workshop {
    sandbox: Sandbox,
    registry: Registry,
    /// The registry's host and port.
    host: String,
    engine: Engine,
}

impl Workshop {
    fn image(&self) -> String {
        format!("{}/{REPOSITORY}:1", self.host)
    }

    fn docker(&self, args: &[&str]) -> Outcome {
        self.sandbox
            .run("docker")
            .args(args)
            .env("DOCKER_HOST", self.engine.host())
            .outcome()
    }

    /// The control of everything here: the same engine and the same plugins, and no helper.
    fn docker_without_a_login(&self, args: &[&str]) -> Outcome {
        let mut config = self.sandbox.config();
        config["credsStore"].take();
        // Any entry at all keeps docker from choosing a helper that it finds on the machine.
        config["auths"] = json!({ "other.invalid": { "auth": "eDp5" } });
        let directory = self.sandbox.path("nobody");
        fs::create_dir_all(&directory).expect("a directory");
        fs::write(directory.join("config.json"), config.to_string()).expect("a configuration");
        let directory = directory.to_str().expect("a path of the test is text");
        self.docker(&[&["--config", directory], args].concat())
    }

    fn login(&self, login: &Login) {
        self.sandbox
            .run("docker")
            .args(["login", "-u", &login.username, "--password-stdin", &self.host])
            .env("DOCKER_HOST", self.engine.host())
            .stdin(login.secret.as_str())
            .outcome()
            .assert_success("docker login");
    }

    /// Builds an image without a network and pushes it, so that it only exists in the registry.
    fn push_and_forget(&self) {
        self.push_and_forget_as(&self.image());
    }

    fn push_and_forget_as(&self, image: &str) {
        let archive = self.sandbox.path("empty.tar");
        fs::write(&archive, EMPTY_ARCHIVE).expect("an archive");
        let archive = archive.to_str().expect("a path of the test is text");
        self.docker(&["import", archive, image])
            .assert_success("docker import");
        self.docker_without_a_login(&["push", image])
            .assert_failure("docker push without a login");
        self.docker(&["push", image]).assert_success("docker push");
        self.docker(&["rmi", image]).assert_success("docker rmi");
    }

    /// Installs this plugin for docker's client.
    fn add_plugin(&self, plugin: &Path) {
        let mut config = self.sandbox.config();
        config["cliPluginsExtraDirs"] = json!([plugin.parent()]);
        self.sandbox.write_config(&config);
    }

    /// A directory to build another image from the private one.
    fn build_context(&self) -> String {
        let context = self.sandbox.path("context");
        fs::create_dir(&context).expect("a build context");
        let dockerfile = format!("FROM {}\nLABEL built=yes\n", self.image());
        fs::write(context.join("Dockerfile"), dockerfile).expect("a Dockerfile");
        context.to_str().expect("a path of the test is text").to_owned()
    }
}

macro_rules! workshop {
    ($helper:expr, $people:expr) => {{
        require!(find("docker"));
        let people: &[Login] = $people;
        let registry = require!(Registry::private(people));
        let engine = require!(Engine::start());
        let mut sandbox = Sandbox::with_creds_store($helper);
        sandbox.keep_secret(people);
        Workshop {
            sandbox,
            host: registry.host(),
            registry,
            engine,
        }
    }};
}

fn a_private_image_is_pushed_and_pulled(helper: Helper) {
    let alice = Login::new("alice", "a \"quoted\" <secret> & more");
    let mut workshop = workshop!(helper, std::slice::from_ref(&alice));

    if helper.read_only {
        workshop.sandbox.provide(&workshop.host, &alice);
    } else {
        workshop.login(&alice);
    }
    workshop.push_and_forget();
    workshop
        .docker_without_a_login(&["pull", &workshop.image()])
        .assert_failure("docker pull without a login");

    workshop
        .docker(&["pull", &workshop.image()])
        .assert_success("docker pull");
}

fn after_the_logout_nothing_is_pulled(helper: Helper) {
    let alice = Login::new("alice", "a \"quoted\" <secret> & more");
    let workshop = workshop!(helper, std::slice::from_ref(&alice));
    workshop.login(&alice);
    workshop.push_and_forget();

    workshop
        .docker(&["logout", &workshop.host])
        .assert_success("docker logout");

    workshop.sandbox.assert_not_found(&workshop.host);
    workshop
        .docker(&["pull", &workshop.image()])
        .assert_failure("docker pull after the logout");
}

fn every_secret_passes_through_the_engine(helper: Helper) {
    let people = Login::every();
    let workshop = workshop!(helper, &people);
    workshop.login(&people[0]);
    workshop.push_and_forget();

    for person in &people {
        workshop.login(person);
        workshop.sandbox.assert_answers(&workshop.host, person);
        workshop
            .docker(&["pull", &workshop.image()])
            .assert_success("docker pull");
        workshop
            .docker(&["logout", &workshop.host])
            .assert_success("docker logout");
    }
}

fn a_classic_build_lists_once_and_gets_each_server_once(helper: Helper) {
    let alice = Login::new("alice", "builder's secret");
    let mut workshop = workshop!(helper, std::slice::from_ref(&alice));
    for n in 1..SERVERS {
        workshop.sandbox.provide(&format!("registry{n}.invalid"), &alice);
    }
    workshop.sandbox.provide(&workshop.host, &alice);
    workshop.push_and_forget();
    let log = count_verbs(&mut workshop.sandbox);
    workshop.sandbox.set("DOCKER_BUILDKIT", "0");
    let context = workshop.build_context();
    let build = ["build", "-t", "built", &context];
    workshop
        .docker_without_a_login(&build)
        .assert_failure("a classic docker build without a login");

    workshop
        .docker(&build)
        .assert_success("a classic docker build from a private image");

    let mut expected = vec!["get"; SERVERS];
    expected.push("list");
    assert_eq!(verbs(&log), expected, "processes of a classic build");
}

/// With plain HTTP, because the `BuildKit` of an engine of 2020 only uses that for a registry on loopback.
fn buildx_builds_from_a_private_image(helper: Helper) {
    let plugin = require!(find_plugin("docker-buildx"));
    let alice = Login::new("alice", "builder's secret");
    let mut workshop = workshop!(helper, std::slice::from_ref(&alice));
    workshop.host = workshop.registry.plain_host();
    workshop.sandbox.provide(&workshop.host, &alice);
    workshop.push_and_forget();
    workshop.add_plugin(&plugin);
    let log = count_verbs(&mut workshop.sandbox);
    let context = workshop.build_context();
    let build = ["buildx", "build", "-t", "built", &context];
    workshop
        .docker_without_a_login(&build)
        .assert_failure("docker buildx build without a login");

    workshop
        .docker(&build)
        .assert_success("docker buildx build from a private image");

    assert_eq!(verbs(&log), ["get"], "processes of a build with BuildKit");
}

fn compose_pulls_with_one_get_for_each_image(helper: Helper) {
    let plugin = require!(find_plugin("docker-compose"));
    let alice = Login::new("alice", "a \"quoted\" <secret> & more");
    let mut workshop = workshop!(helper, std::slice::from_ref(&alice));
    workshop.sandbox.provide(&workshop.host, &alice);
    let mut services = json!({});
    for service in SERVICES {
        let image = format!("{}/team/{service}:1", workshop.host);
        workshop.push_and_forget_as(&image);
        services[service] = json!({ "image": image });
    }
    let file = workshop.sandbox.path("compose.json");
    fs::write(&file, json!({ "services": services }).to_string()).expect("a compose file");
    let file = file.to_str().expect("a path of the test is text");
    workshop.add_plugin(&plugin);
    let log = count_verbs(&mut workshop.sandbox);
    let pull = ["compose", "--file", file, "pull"];
    workshop
        .docker_without_a_login(&pull)
        .assert_failure("docker compose pull without a login");

    workshop.docker(&pull).assert_success("docker compose pull");

    assert_eq!(
        verbs(&log),
        ["get"; SERVICES.len()],
        "processes of docker compose pull"
    );
}

/// Wraps the helper with the counting one, and returns its log.
fn count_verbs(sandbox: &mut Sandbox) -> std::path::PathBuf {
    let log = sandbox.path("verbs");
    let counting = Path::new(env!("CARGO_MANIFEST_DIR")).join("helpers/docker-credential-counting");
    sandbox.add_program("docker-credential-counting", &counting);
    sandbox.set("COUNTING_LOG", &log);
    sandbox.set("COUNTING_HELPER", sandbox.helper().program());
    let mut config = sandbox.config();
    config["credsStore"] = json!("counting");
    sandbox.write_config(&config);
    log
}

/// The helper's calls, sorted.
fn verbs(log: &Path) -> Vec<String> {
    let log = fs::read_to_string(log).expect("the helper was called");
    let mut verbs: Vec<_> = log.lines().map(str::to_owned).collect();
    verbs.sort_unstable();
    verbs
}
