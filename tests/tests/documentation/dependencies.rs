//! The dependencies in ARCHITECTURE.md.

use std::fs;
use std::path::PathBuf;

use docker_credential_tests::pages::page::repository;

/// Every manifest of the repository.
fn manifests() -> Vec<PathBuf> {
    let root = repository();
    let helpers = root.join("helpers").read_dir().expect("there are helpers");
    let helpers = helpers.map(|helper| helper.expect("a directory entry").path());
    ["", "bench", "common", "fuzz", "tests", "tests/conformance"]
        .into_iter()
        .map(|directory| root.join(directory))
        .chain(helpers)
        .map(|directory| directory.join("Cargo.toml"))
        .collect()
}

/// The third-party crates in a manifest.
fn dependencies(manifest: &str) -> Vec<&str> {
    let mut is_list = false;
    let mut names = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_list = line.ends_with("dependencies]");
        } else if let (true, Some((name, _))) = (is_list, line.split_once(['.', ' '])) {
            names.push(name);
        }
    }
    names.retain(|name| *name != "#" && !name.starts_with("docker-credential-"));
    names
}

#[test]
fn every_dependency_has_its_line() {
    let architecture = fs::read_to_string(repository().join("ARCHITECTURE.md")).expect("a page");
    let (_, lines) = architecture
        .split_once("\n## Dependencies")
        .expect("a section about them");
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let words: Vec<&str> = lines.split(|c| !is_name(c)).collect();
    let mut count = 0;
    for path in manifests() {
        let manifest = fs::read_to_string(&path).expect("a manifest");
        for name in dependencies(&manifest) {
            assert!(words.contains(&name), "{}: {name}", path.display());
            count += 1;
        }
    }
    assert!(count > 40, "only {count} dependencies are found");
}
