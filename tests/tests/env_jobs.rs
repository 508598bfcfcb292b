//! docker-credential-env in jobs like GitLab's and GitHub's: their variables, real clients, a private
//! registry, without `docker login`.

#![cfg(target_os = "linux")]

use std::fs;
use std::path::PathBuf;
use std::thread;

use docker_credential_tests::helper::ENV;
use docker_credential_tests::login::Login;
use docker_credential_tests::program::{Outcome, find};
use docker_credential_tests::registries::basic::{REPOSITORY, Registry};
use docker_credential_tests::registries::tls::TlsProxy;
use docker_credential_tests::require;
use docker_credential_tests::requirement::Missing;
use docker_credential_tests::sandbox::Sandbox;
use serde_json::json;
use tempfile::TempDir;

/// A job's commands for an image that only its login can read. `$IMAGE` is the image.
const DOCKER: &str = r#"docker manifest inspect "$IMAGE""#;
const SKOPEO: &str = r#"skopeo inspect "docker://$IMAGE""#;
const CRANE: &str = r#"crane manifest "$IMAGE""#;

/// A sandbox in which docker and crane use the helper for every server, and skopeo for this one.
fn place(host: &str, login: &Login) -> Result<Sandbox, Missing> {
    let mut place = Sandbox::with_creds_store(ENV);
    place.keep_secret(std::slice::from_ref(login));
    for client in ["docker", "skopeo", "crane"] {
        place.add_program(client, &find(client)?);
    }
    let file = place.path("auth.json");
    let helpers = json!({ "credHelpers": { host: ENV.name } });
    fs::write(&file, helpers.to_string()).expect("an auth file");
    place.set("REGISTRY_AUTH_FILE", file);
    Ok(place)
}

/// Runs a job's script as a runner does: `sh`, with the job's variables.
fn job(place: &Sandbox, variables: &[(&str, &str)], script: &str) -> Outcome {
    let script = format!("set -eu\n{script}\n");
    let run = place.run("sh").args(["-c", &script]);
    variables
        .iter()
        .fold(run, |run, (name, value)| run.env(name, value))
        .outcome()
}

/// Checks that every client reads the image with the job's variables, that none does without those in
/// `secret`, and that nothing is left behind.
#[track_caller]
fn assert_reads(place: &Sandbox, login: &Login, variables: &[(&str, &str)], secret: &str) {
    for client in [DOCKER, SKOPEO, CRANE] {
        let without: Vec<_> = variables
            .iter()
            .copied()
            .filter(|(name, _)| *name != secret)
            .collect();
        job(place, &without, client).assert_failure("a job without the secret");
        job(place, variables, client).assert_success("a job with the secret");
    }
    assert_eq!(
        place.traces_of(login),
        Vec::<PathBuf>::new(),
        "files that show the secret"
    );
    assert_eq!(
        place.config(),
        json!({ "credsStore": "env" }),
        "docker's configuration is unchanged"
    );
}

#[test]
fn a_gitlab_job_reads_its_private_image() {
    let token = Login::new("gitlab-ci-token", "glcbt-64_a \"quoted\" <secret>");
    let registry = require!(Registry::private(std::slice::from_ref(&token)));
    let (host, image) = (registry.host(), registry.push_image(&token));
    let place = require!(place(&host, &token));
    let repository = format!("{host}/{REPOSITORY}");
    assert_reads(
        &place,
        &token,
        &[
            ("CI", "true"),
            ("GITLAB_CI", "true"),
            ("CI_JOB_TOKEN", &token.secret),
            ("CI_PROJECT_PATH", REPOSITORY),
            ("CI_REGISTRY", &host),
            ("CI_REGISTRY_IMAGE", &repository),
            ("CI_REGISTRY_USER", &token.username),
            ("CI_REGISTRY_PASSWORD", &token.secret),
            ("CI_SERVER_HOST", "gitlab.example.com"),
            ("CI_SERVER_URL", "https://gitlab.example.com"),
            ("IMAGE", &image),
        ],
        "CI_REGISTRY_PASSWORD",
    );
}

#[test]
fn a_gitlab_job_reads_an_image_with_docker_auth_config() {
    let login = Login::new("deploy", "a \"quoted\" <secret> & more");
    let registry = require!(Registry::private(std::slice::from_ref(&login)));
    let (host, image) = (registry.host(), registry.push_image(&login));
    let place = require!(place(&host, &login));
    let config = json!({ "auths": { host: { "auth": login.basic() } }, "credsStore": "" }).to_string();
    let variables = [
        ("GITLAB_CI", "true"),
        ("DOCKER_AUTH_CONFIG", &config),
        ("IMAGE", &image),
    ];
    assert_reads(&place, &login, &variables, "DOCKER_AUTH_CONFIG");
}

/// The local registry stands in for ghcr.io. Nothing leaves the machine.
#[test]
fn a_github_job_reads_its_private_package() {
    let token = Login::new("octocat", "ghs_a \"quoted\" <secret>");
    let registry = require!(Registry::private(std::slice::from_ref(&token)));
    registry.push_image(&token);
    let github = require!(TlsProxy::new("ghcr.io", &registry));
    let place = require!(place("ghcr.io", &token));
    let (proxy, certificate) = (github.proxy(), github.certificate());
    let image = format!("ghcr.io/{REPOSITORY}:1");
    assert_reads(
        &place,
        &token,
        &[
            ("CI", "true"),
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_ACTOR", &token.username),
            ("GITHUB_REPOSITORY", REPOSITORY),
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_TOKEN", &token.secret),
            ("HTTPS_PROXY", &proxy),
            ("SSL_CERT_FILE", &certificate),
            ("IMAGE", &image),
        ],
        "GITHUB_TOKEN",
    );
}

#[test]
fn a_job_with_a_mounted_secret_reads_its_private_image() {
    let login = Login::new("robot$ci", "a \"quoted\" <secret> & more");
    let registry = require!(Registry::private(std::slice::from_ref(&login)));
    let (host, image) = (registry.host(), registry.push_image(&login));
    let place = require!(place(&host, &login));
    // Outside of the sandbox, which is searched for the secret.
    let mounted = TempDir::new().expect("a directory");
    fs::write(mounted.path().join("registry"), format!("{}\n", login.secret)).expect("a mounted secret");
    let directory = mounted.path().to_str().expect("a path in UTF-8");
    let variables = [
        ("DOCKER_CREDENTIAL_PROD_SERVER", host.as_str()),
        ("DOCKER_CREDENTIAL_PROD_USERNAME", &login.username),
        ("DOCKER_CREDENTIAL_PROD_PASSWORD_FILE", "registry"),
        ("CREDENTIALS_DIRECTORY", directory),
        ("IMAGE", &image),
    ];
    assert_reads(&place, &login, &variables, "CREDENTIALS_DIRECTORY");
}

#[test]
fn a_job_that_logs_in_anyway_is_told_what_to_set_or_left_alone() {
    let login = Login::new("ci", "a \"quoted\" <secret> & more");
    let registry = require!(Registry::private(std::slice::from_ref(&login)));
    let host = registry.host();
    let place = require!(place(&host, &login));
    let docker_login = r#"printf %s "$SECRET" | docker login --username ci --password-stdin "$HOST""#;
    let variables = [("HOST", host.as_str()), ("SECRET", &login.secret)];

    let refused = job(&place, &variables, docker_login);
    refused.assert_failure("docker login");
    let label = host.replace('.', "_").replace(':', "_PORT_");
    let names = format!(
        "set DOCKER_CREDENTIAL_{label}_USERNAME and DOCKER_CREDENTIAL_{label}_PASSWORD instead of docker login"
    );
    assert!(refused.text().contains(&names), "{names}\n{refused:?}");

    let ignoring = [&variables[..], &[("DOCKER_CREDENTIAL_ENV_STORE", "ignore")]].concat();
    job(&place, &ignoring, docker_login).assert_success("docker login where logins are ignored");
    place.assert_not_found(&host);

    let (user, password) = (
        format!("DOCKER_CREDENTIAL_{label}_USERNAME"),
        format!("DOCKER_CREDENTIAL_{label}_PASSWORD"),
    );
    let answered = [&variables[..], &[(&user, "ci"), (&password, &login.secret)]].concat();
    job(&place, &answered, docker_login).assert_success("docker login with what is answered anyway");
    job(&place, &answered, r#"docker logout "$HOST""#).assert_success("docker logout");
    assert_eq!(
        place.traces_of(&login),
        Vec::<PathBuf>::new(),
        "files that show the secret"
    );
}

/// compose sends one request for each image, all at once.
#[test]
fn twenty_at_once_are_all_answered() {
    let login = Login::new("ci", "a \"quoted\" <secret> & more");
    let mut place = Sandbox::new(ENV);
    place.keep_secret(std::slice::from_ref(&login));
    place.set("DOCKER_CREDENTIAL_GHCR_IO_USERNAME", &login.username);
    place.set("DOCKER_CREDENTIAL_GHCR_IO_PASSWORD", &login.secret);
    let place = &place;
    thread::scope(|scope| {
        let gets: Vec<_> = (0..20)
            .map(|_| scope.spawn(|| place.assert_answers("ghcr.io", &login)))
            .collect();
        for get in gets {
            get.join().expect("each is answered");
        }
    });
}
