//! Programs that read a registry with docker's credentials without logging in: syft, oras-py, notation, the
//! CLI of dev containers, and Ansible's modules for docker.

#![cfg(target_os = "linux")]

use std::path::Path;

use docker_credential_tests::clients::engine::Engine;
use docker_credential_tests::clients::{fetched, reads_with_the_login_only};
use docker_credential_tests::helper::{Helper, target_directory};
use docker_credential_tests::program::find;
use docker_credential_tests::registries::basic::Registry;
use docker_credential_tests::{for_each_helper, for_env_too, matrix_is_true, require};

macro_rules! for_all_helpers {
    ($($test:ident),+ $(,)?) => {
        for_each_helper!($($test),+);
        for_env_too!($($test),+);
    };
}

for_all_helpers!(
    syft_scans_a_private_image,
    oras_py_reads_a_private_manifest,
    notation_lists_the_signatures_of_a_private_image,
    devcontainers_list_the_versions_of_a_private_feature,
    ansible_pulls_a_private_image,
);
matrix_is_true!();

fn syft_scans_a_private_image(helper: Helper) {
    let syft = require!(fetched("clients-python/bin/syft"));
    let seen = require!(reads_with_the_login_only(
        helper,
        |_| (),
        Registry::push_image,
        |sandbox, image| {
            sandbox
                .run(&syft)
                .args(["--quiet", "--output", "json"])
                .arg(format!("registry:{image}"))
                // It would check for a newer version.
                .env("SYFT_CHECK_FOR_APP_UPDATE", "false")
                .outcome()
        }
    ));
    assert!(seen.text().contains("\"artifacts\""), "{seen:?}");
}

fn oras_py_reads_a_private_manifest(helper: Helper) {
    let python = require!(fetched("clients-python/bin/python"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/oras_py.py");
    let seen = require!(reads_with_the_login_only(
        helper,
        |_| (),
        Registry::push_image,
        |sandbox, image| { sandbox.run(&python).arg(&script).arg(image).outcome() }
    ));
    assert!(seen.text().contains("\"schemaVersion\": 2"), "{seen:?}");
}

fn notation_lists_the_signatures_of_a_private_image(helper: Helper) {
    require!(find("notation"));
    let seen = require!(reads_with_the_login_only(
        helper,
        |_| (),
        Registry::push_image,
        |sandbox, image| { sandbox.run("notation").args(["list", image]).outcome() }
    ));
    assert!(seen.text().contains("no associated signature"), "{seen:?}");
}

fn devcontainers_list_the_versions_of_a_private_feature(helper: Helper) {
    let node = require!(find("node"));
    let cli = require!(fetched(
        "clients-node/node_modules/@devcontainers/cli/devcontainer.js"
    ));
    let seen = require!(reads_with_the_login_only(
        helper,
        |_| (),
        Registry::push_feature,
        |sandbox, feature| {
            sandbox
                .run(&node)
                .arg(&cli)
                .args([
                    "features",
                    "info",
                    "tags",
                    feature,
                    "--output-format",
                    "json",
                    "--log-level",
                    "trace",
                ])
                .outcome()
        }
    ));
    assert!(seen.text().contains("publishedTags"), "{seen:?}");
}

fn ansible_pulls_a_private_image(helper: Helper) {
    let ansible = require!(fetched("clients-python/bin/ansible"));
    let engine = require!(Engine::start());
    require!(reads_with_the_login_only(
        helper,
        |_| (),
        Registry::push_image,
        |sandbox, image| {
            sandbox
                .run(&ansible)
                .args(["localhost", "-m", "community.docker.docker_image_pull", "-a"])
                .arg(format!("name={image}"))
                .env(
                    "ANSIBLE_COLLECTIONS_PATH",
                    target_directory().join("clients-python/ansible"),
                )
                .env("DOCKER_HOST", engine.host())
                .outcome()
        }
    ));
}
