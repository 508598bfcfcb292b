//! The jobs of GitLab CI and GitHub Actions that the pages show, with the variables that these systems document, and a
//! real engine that builds from, pulls from and pushes to a private registry.

use std::fs;

use docker_credential_tests::clients::engine::Engine;
use docker_credential_tests::helper::ENV;
use docker_credential_tests::login::Login;
use docker_credential_tests::pages::job;
use docker_credential_tests::pages::page::Page;
use docker_credential_tests::program::find;
use docker_credential_tests::registries::basic::{REPOSITORY, Registry};
use docker_credential_tests::registries::tls::TlsProxy;
use docker_credential_tests::require;
use docker_credential_tests::requirement::Missing;
use docker_credential_tests::sandbox::Sandbox;
use serde_json::Value;

use docker_credential_tests::pages::home::home;

#[test]
pub(crate) fn gitlab_in_the_readme() {
    require!(run_gitlab(&Page::read("README.md").section("In CI", "yaml")[0]));
}

#[test]
pub(crate) fn gitlab_in_the_page() {
    require!(run_gitlab(
        &Page::read("docs/env.md").section("GitLab CI", "yaml")[0]
    ));
}

#[test]
pub(crate) fn github_in_the_readme() {
    require!(run_github(&Page::read("README.md").section("In CI", "yaml")[1]));
}

#[test]
pub(crate) fn github_in_the_page() {
    require!(run_github(
        &Page::read("docs/env.md").section("GitHub Actions", "yaml")[0]
    ));
}

fn run_gitlab(yaml: &str) -> Result<(), Missing> {
    let token = Login::new("gitlab-ci-token", "glcbt-64_a \"quoted\" <secret>");
    let job = job::read(yaml)?;
    let registry = Registry::private(std::slice::from_ref(&token))?;
    let image = registry.push_image(&token);
    let mut place = runner(&token, &image)?;
    let engine = Engine::start()?;
    let host = registry.host();
    let repository = format!("{host}/{REPOSITORY}");
    for (name, value) in [
        ("CI", "true"),
        ("GITLAB_CI", "true"),
        ("CI_COMMIT_SHORT_SHA", "4f2b1a9c"),
        ("CI_JOB_TOKEN", &token.secret),
        ("CI_REGISTRY", &host),
        ("CI_REGISTRY_IMAGE", &repository),
        ("CI_REGISTRY_USER", &token.username),
        ("CI_REGISTRY_PASSWORD", &token.secret),
        ("CI_SERVER_HOST", "gitlab.example.com"),
        // The variables that the page sets in the project's settings.
        ("DOCKER_CREDENTIAL_DOCKER_IO_PASSWORD", "unused"),
    ] {
        let is_of_the_job = !name.contains("DOCKER_IO") || yaml.contains(name);
        if is_of_the_job {
            place.set(name, value);
        }
    }
    place.set("DOCKER_HOST", engine.host());
    run(&mut place, &job, &token);
    Ok(())
}

fn run_github(yaml: &str) -> Result<(), Missing> {
    let token = Login::new("octocat", "ghs_a \"quoted\" <secret>");
    let job = job::read(yaml)?;
    let registry = Registry::private(std::slice::from_ref(&token))?;
    registry.push_image(&token);
    let github = TlsProxy::new("ghcr.io", &registry)?;
    let mut place = runner(&token, &format!("ghcr.io/{REPOSITORY}:1"))?;
    let (proxy, certificate) = (github.proxy(), github.certificate());
    let engine = Engine::start_with(&[("HTTPS_PROXY", &proxy), ("SSL_CERT_FILE", &certificate)])?;
    for (name, value) in [
        ("CI", "true"),
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_ACTOR", &token.username),
        ("GITHUB_REPOSITORY", "Octocat/Tool"),
        ("GITHUB_SERVER_URL", "https://github.com"),
        ("GITHUB_SHA", "ffac537e6cbbf934b08745a378932722df287a53"),
    ] {
        place.set(name, value);
    }
    place.set("DOCKER_HOST", engine.host());
    run(&mut place, &job, &token);
    Ok(())
}

/// A runner with docker and the helper, and a project whose image is built from a private one.
fn runner(token: &Login, base: &str) -> Result<Sandbox, Missing> {
    find("docker")?;
    let mut place = home(ENV);
    place.keep_secret(std::slice::from_ref(token));
    // The builder without a plugin.
    place.set("DOCKER_BUILDKIT", "0");
    let project = place.path("project");
    fs::create_dir(&project).expect("a project");
    fs::write(
        project.join("Dockerfile"),
        format!("FROM {base}\nLABEL built=yes\n"),
    )
    .expect("a Dockerfile");
    Ok(place)
}

/// Runs the job as its system does, each script in a shell that ends at the first failure; and checks that it
/// fails without its secrets.
#[track_caller]
fn run(place: &mut Sandbox, job: &Value, token: &Login) {
    let scripts = job::scripts(job);
    let secret = |name: &str| match name {
        "GITHUB_TOKEN" => token.secret.clone(),
        _ => "unused".to_owned(),
    };
    for (name, value) in job::variables(job, secret) {
        place.set(&name, value);
    }
    for is_logged_in in [true, false] {
        if !is_logged_in {
            place.set("DOCKER_CREDENTIAL_ENV_SOURCES", "own");
        }
        let outcomes: Vec<_> = scripts
            .iter()
            .map(|script| {
                let script = format!("cd project\n{script}\n");
                place
                    .run("bash")
                    .args(["-eo", "pipefail", "-c", &script])
                    .outcome()
            })
            .collect();
        let last = outcomes.last().expect("the job does something");
        if is_logged_in {
            for outcome in &outcomes {
                outcome.assert_success("a step of the job");
            }
        } else {
            last.assert_failure("the job without its secrets");
        }
    }
}
