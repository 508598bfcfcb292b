//! Docker's own client with a real engine: pushing, pulling and building with a private image.

#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;

use docker_credential_tests::engine::Engine;
use docker_credential_tests::helper::Helper;
use docker_credential_tests::image::EMPTY_ARCHIVE;
use docker_credential_tests::login::Login;
use docker_credential_tests::place::Place;
use docker_credential_tests::program::{Outcome, find};
use docker_credential_tests::registry::{REPOSITORY, Registry};
use docker_credential_tests::{for_each_helper, require};
use serde_json::json;

for_each_helper!(
    a_private_image_is_pushed_and_pulled,
    every_secret_passes_through_the_engine,
    a_classic_build_lists_once_and_gets_each_server_once,
);

/// What `docker build` shows the helper of: 20 servers, one of them real.
const SERVERS: usize = 20;

struct Workshop {
    place: Place,
    registry: Registry,
    engine: Engine,
}

impl Workshop {
    fn image(&self) -> String {
        format!("{}/{REPOSITORY}:1", self.registry.host())
    }

    fn docker(&self, args: &[&str]) -> Outcome {
        self.place
            .run("docker")
            .args(args)
            .env("DOCKER_HOST", self.engine.host())
            .outcome()
    }

    fn login(&self, login: &Login) {
        self.place
            .run("docker")
            .args([
                "login",
                "-u",
                &login.username,
                "--password-stdin",
                &self.registry.host(),
            ])
            .env("DOCKER_HOST", self.engine.host())
            .stdin(login.secret.as_str())
            .outcome()
            .assert_success("docker login");
    }

    /// Makes an image without a network and pushes it, so that it exists nowhere but in the registry.
    fn push_and_forget(&self) {
        let archive = self.place.path("empty.tar");
        fs::write(&archive, EMPTY_ARCHIVE).expect("an archive");
        let archive = archive.to_str().expect("a path of the test is text");
        self.docker(&["import", archive, &self.image()])
            .assert_success("docker import");
        self.docker(&["push", &self.image()])
            .assert_success("docker push");
        self.docker(&["rmi", &self.image()]).assert_success("docker rmi");
    }
}

macro_rules! workshop {
    ($helper:expr, $people:expr) => {{
        require!(find("docker"));
        let people: &[Login] = $people;
        let registry = require!(Registry::private(people));
        let engine = require!(Engine::start());
        let mut place = Place::with_creds_store($helper);
        place.keep_secret(people);
        Workshop {
            place,
            registry,
            engine,
        }
    }};
}

fn a_private_image_is_pushed_and_pulled(helper: Helper) {
    let alice = Login::new("alice", "a \"quoted\" <secret> & more");
    let workshop = workshop!(helper, std::slice::from_ref(&alice));

    workshop.login(&alice);
    workshop.push_and_forget();
    workshop
        .docker(&["pull", &workshop.image()])
        .assert_success("docker pull");
    workshop
        .docker(&["rmi", &workshop.image()])
        .assert_success("docker rmi of the pulled image");
    workshop
        .docker(&["logout", &workshop.registry.host()])
        .assert_success("docker logout");

    workshop.place.assert_not_found(&workshop.registry.host());
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
        workshop.place.assert_answers(&workshop.registry.host(), person);
        workshop
            .docker(&["pull", &workshop.image()])
            .assert_success("docker pull");
        workshop
            .docker(&["logout", &workshop.registry.host()])
            .assert_success("docker logout");
    }
}

fn a_classic_build_lists_once_and_gets_each_server_once(helper: Helper) {
    let alice = Login::new("alice", "builder's secret");
    let mut workshop = workshop!(helper, std::slice::from_ref(&alice));
    for n in 1..SERVERS {
        workshop.place.store(&format!("registry{n}.invalid"), &alice);
    }
    workshop.login(&alice);
    workshop.push_and_forget();
    let log = count_verbs(&mut workshop.place);
    let context = workshop.place.path("context");
    fs::create_dir(&context).expect("a build context");
    fs::write(
        context.join("Dockerfile"),
        format!("FROM {}\nLABEL built=yes\n", workshop.image()),
    )
    .expect("a Dockerfile");

    workshop
        .place
        .run("docker")
        .args(["build", "-t", "built"])
        .arg(&context)
        .env("DOCKER_HOST", workshop.engine.host())
        .env("DOCKER_BUILDKIT", "0")
        .outcome()
        .assert_success("a classic docker build from a private image");

    let (lists, gets) = (verbs(&log, "list"), verbs(&log, "get"));
    assert_eq!(
        (lists, gets),
        (1, SERVERS),
        "processes of a classic build: lists, gets"
    );
    assert_eq!(
        fs::read_to_string(&log).expect("a log").lines().count(),
        1 + SERVERS,
        "and no other"
    );
}

/// Puts the counting helper before the real one, and returns its log.
fn count_verbs(place: &mut Place) -> std::path::PathBuf {
    let log = place.path("verbs");
    let counting = Path::new(env!("CARGO_MANIFEST_DIR")).join("helpers/docker-credential-counting");
    place.add_program("docker-credential-counting", &counting);
    place.set("COUNTING_LOG", &log);
    place.set("COUNTING_HELPER", place.helper().program());
    let mut config = place.config();
    config["credsStore"] = json!("counting");
    place.write_config(&config);
    log
}

fn verbs(log: &Path, verb: &str) -> usize {
    fs::read_to_string(log)
        .expect("the helper was called")
        .lines()
        .filter(|line| *line == verb)
        .count()
}
