//! docs/reference.md is generated from the helpers' descriptions, and contains all their variables.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use docker_credential_tests::helper::{self, Helper};
use docker_credential_tests::pages::page::repository;
use docker_credential_tests::sandbox::Sandbox;

const HELPERS: [Helper; 3] = [helper::AGE, helper::KEYRING_ALONE, helper::ENV];

fn page() -> String {
    fs::read_to_string(repository().join("docs/reference.md")).expect("the reference page")
}

/// To update the page: `docker-credential-… manual --reference` prints its sections.
#[test]
fn the_reference_page_is_what_the_helpers_describe() {
    let page = page();
    for helper in HELPERS {
        let printed = Sandbox::new(helper).command(&["manual", "--reference"]).text();
        for section in printed.split("## ").skip(1) {
            assert!(
                page.contains(section.trim_end()),
                "docs/reference.md lacks:\n## {section}"
            );
        }
    }
}

#[test]
fn every_variable_of_ours_is_in_the_reference() {
    let page = page();
    let mut named = BTreeSet::new();
    for directory in [
        "common/src",
        "helpers/age/src",
        "helpers/env/src",
        "helpers/keyring/src",
    ] {
        variables_in(&repository().join(directory), &mut named);
    }
    assert!(named.contains("DOCKER_CREDENTIAL_LOG"), "{named:?}");
    for variable in named {
        assert!(
            page.contains(&format!("`{variable}`")),
            "docs/reference.md lacks {variable}"
        );
    }
}

/// The variables in constants, without the labels that tests choose.
fn variables_in(directory: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).expect("a directory of sources").flatten() {
        let path = entry.path();
        if path.file_name().is_some_and(|name| name == "tests.rs") {
            continue;
        }
        if path.is_dir() {
            variables_in(&path, found);
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        let constants = text
            .lines()
            .filter(|line| line.contains("const ") && line.contains(": &str = \"DOCKER_CREDENTIAL_"));
        found.extend(
            constants
                .filter_map(|line| line.split('"').nth(1))
                .filter(|name| !name.ends_with('_') && !name.contains("_TEST_"))
                .map(str::to_owned),
        );
    }
}
